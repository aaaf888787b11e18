package flow

import (
	"fmt"
	"sort"
	"strings"

	"aiforge.dev/forge"
)

// Plan is a checked document: its nodes in an order in which every input is made
// before it is needed.
type Plan struct {
	Document Document
	Order    []string
	ops      map[string]Operator
}

// NodeError says what is wrong with one node.
type NodeError struct {
	Node string `json:"node"`
	Path string `json:"path"`
	Text string `json:"text"`
}

// Operators is the visible map of what a node can be.
type Operators map[string]Operator

// List returns the operators in the order of their groups as the studio shows them.
func (ops Operators) List() []Operator {
	rank := map[string]int{"Data": 0, "Prepare": 1, "Features": 2, "Models": 3, "Serve": 4, "Watch": 5}
	out := make([]Operator, 0, len(ops))
	for _, o := range ops {
		out = append(out, o)
	}
	sort.Slice(out, func(i, j int) bool {
		if rank[out[i].Group] != rank[out[j].Group] {
			return rank[out[i].Group] < rank[out[j].Group]
		}
		return out[i].ID < out[j].ID
	})
	return out
}

// Compile checks a document and orders its nodes. All errors are returned, not only
// the first.
func Compile(d Document, ops Operators) (Plan, []NodeError) {
	p := Plan{Document: d, ops: map[string]Operator{}}
	var errs []NodeError
	for _, id := range d.sortedNodes() {
		op, ok := ops[d.Nodes[id].Op]
		if !ok {
			errs = append(errs, NodeError{id, "op", fmt.Sprintf("there is no operator %q", d.Nodes[id].Op)})
			continue
		}
		p.ops[id] = op
		for _, e := range op.checkConfig(d.Nodes[id].Config) {
			errs = append(errs, NodeError{id, e.Path, e.Text})
		}
	}
	for _, id := range d.sortedNodes() {
		errs = append(errs, p.checkInputs(id, ops)...)
	}
	order, cycle := order(d)
	if len(cycle) > 0 {
		errs = append(errs, NodeError{cycle[0], "in", "these nodes wait for each other: " + strings.Join(cycle, ", ")})
	}
	p.Order = order
	return p, errs
}

func (p Plan) checkInputs(id string, ops Operators) []NodeError {
	op, ok := p.ops[id]
	if !ok {
		return nil
	}
	node := p.Document.Nodes[id]
	var errs []NodeError
	for _, in := range op.In {
		if node.In[in.Name] == "" && !in.Optional {
			errs = append(errs, NodeError{id, "in." + in.Name, fmt.Sprintf("%s is not connected", in.Title)})
		}
	}
	names := make([]string, 0, len(node.In))
	for name := range node.In {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if text := p.wrongEdge(op, name, node.In[name]); text != "" {
			errs = append(errs, NodeError{id, "in." + name, text})
		}
	}
	return errs
}

func (p Plan) wrongEdge(op Operator, name, from string) string {
	in, ok := port(op.In, name)
	if !ok {
		return fmt.Sprintf("%s has no input %q", op.ID, name)
	}
	if from == "" {
		return ""
	}
	source, outName, _ := strings.Cut(from, ".")
	if _, ok := p.Document.Nodes[source]; !ok {
		return fmt.Sprintf("comes from %q, which is not in the flow", from)
	}
	producer, ok := p.ops[source]
	if !ok {
		return "" // its own error says so
	}
	out, ok := port(producer.Out, outName)
	if !ok {
		return fmt.Sprintf("%s has no output %q", producer.ID, outName)
	}
	if out.Type != in.Type {
		return fmt.Sprintf("takes %s and is given %s", in.Type, out.Type)
	}
	return ""
}

// order sorts the nodes so that producers come first (Kahn); what is left over is in
// a cycle.
func order(d Document) (sorted, cycle []string) {
	waits := map[string]int{}
	feeds := map[string][]string{}
	for _, id := range d.sortedNodes() {
		waits[id] += 0
		for _, from := range d.Nodes[id].In {
			source, _, _ := strings.Cut(from, ".")
			if _, ok := d.Nodes[source]; ok {
				waits[id]++
				feeds[source] = append(feeds[source], id)
			}
		}
	}
	var ready []string
	for _, id := range d.sortedNodes() {
		if waits[id] == 0 {
			ready = append(ready, id)
		}
	}
	for len(ready) > 0 {
		id := ready[0]
		ready = ready[1:]
		sorted = append(sorted, id)
		next := feeds[id]
		sort.Strings(next)
		for _, to := range next {
			if waits[to]--; waits[to] == 0 {
				ready = append(ready, to)
			}
		}
	}
	for _, id := range d.sortedNodes() {
		if waits[id] > 0 {
			cycle = append(cycle, id)
		}
	}
	return sorted, cycle
}

// Invalid turns node errors into one error for the user.
func Invalid(name string, errs []NodeError) error {
	e := forge.Errorf(forge.KindInvalid, nil, "flow %s has %d mistakes; the first: %s: %s", name, len(errs), errs[0].Node, errs[0].Text)
	if len(errs) == 1 {
		e.Text = fmt.Sprintf("flow %s: %s: %s", name, errs[0].Node, errs[0].Text)
	}
	for _, n := range errs {
		e = e.With(forge.FieldError{Path: "nodes." + n.Node + "." + n.Path, Text: n.Text})
	}
	return e
}
