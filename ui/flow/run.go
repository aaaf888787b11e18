package flow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
)

// NodeEvent is the live state of one node while a flow runs.
type NodeEvent struct {
	Node    string  `json:"node"`
	State   string  `json:"state" enum:"waiting,running,done,failed,skipped"`
	Rows    int64   `json:"rows,omitempty"`
	MS      float64 `json:"ms,omitempty"`
	Message string  `json:"message,omitempty"`
	Cached  bool    `json:"cached,omitempty"`
	Out     Outputs `json:"out,omitempty"`
}

// Result of a flow.run job.
type Result struct {
	Flow     string      `json:"flow"`
	Revision int         `json:"revision"`
	Nodes    []NodeEvent `json:"nodes"`
}

// Kind of a run's job.
const Kind = "flow.run"

// Args of a flow.run job.
type Args struct {
	Flow     string `json:"flow"`
	Revision int    `json:"revision"`
	From     string `json:"from,omitempty"` // run this node and what follows even if nothing changed
}

// Runner carries flows out.
type Runner struct {
	Store *Store
	Ops   Operators
}

// Run is the handler of the job kind flow.run.
func (r *Runner) Run(ctx context.Context, run jobs.Run) (any, error) {
	var args Args
	if err := run.Args(&args); err != nil {
		return nil, err
	}
	saved, err := r.Store.Revision(ctx, run.Scope(), args.Flow, args.Revision)
	if err != nil {
		return nil, err
	}
	plan, errs := Compile(saved.Flow, r.Ops)
	if len(errs) > 0 {
		return nil, Invalid(args.Flow, errs)
	}
	forced := plan.after(args.From)
	result := Result{Flow: args.Flow, Revision: args.Revision}
	made := map[string]Outputs{}
	for i, id := range plan.Order {
		run.Progress(jobs.Progress{Step: plan.title(id), Done: int64(i), Total: int64(len(plan.Order)), Unit: "steps"})
		ev, err := r.step(ctx, run, plan, id, made, forced[id])
		run.Emit("node", ev)
		result.Nodes = append(result.Nodes, ev)
		if err != nil {
			for _, later := range plan.Order[i+1:] {
				run.Emit("node", NodeEvent{Node: later, State: "skipped"})
			}
			return result, fmt.Errorf("%s: %w", plan.title(id), err)
		}
		made[id] = ev.Out
	}
	run.Progress(jobs.Progress{Step: "done", Done: int64(len(plan.Order)), Total: int64(len(plan.Order)), Unit: "steps"})
	return result, nil
}

func (r *Runner) step(ctx context.Context, run jobs.Run, plan Plan, id string, made map[string]Outputs, force bool) (NodeEvent, error) {
	node, op := plan.Document.Nodes[id], plan.ops[id]
	in := inputs(node, made)
	hash := stepHash(op, node, in)
	if op.Cached && !force {
		out, ok, err := r.Store.cached(ctx, run.Scope(), plan.Document.Metadata.Name, id, hash)
		if err != nil {
			return NodeEvent{Node: id, State: "failed", Message: err.Error()}, err
		}
		if ok {
			return NodeEvent{Node: id, State: "done", Cached: true, Out: out, Message: "nothing changed"}, nil
		}
	}
	run.Emit("node", NodeEvent{Node: id, State: "running"})
	began := time.Now()
	ev := NodeEvent{Node: id, State: "done"}
	out, err := op.Run(ctx, Step{Node: id, Config: node.Config, In: in, Report: func(rows int64, message string) {
		ev.Rows, ev.Message = rows, message
		run.Emit("node", NodeEvent{Node: id, State: "running", Rows: rows, Message: message})
	}})
	ev.MS = float64(time.Since(began).Microseconds()) / 1000
	if err != nil {
		ev.State, ev.Message = "failed", userText(err)
		return ev, err
	}
	ev.Out = out
	if op.Cached {
		err = r.Store.remember(ctx, run.Scope(), plan.Document.Metadata.Name, id, hash, out)
	}
	return ev, err
}

// userText is what the studio may show of an error.
func userText(err error) string {
	if forge.KindOf(err) == forge.KindInternal {
		return "something went wrong on the server; its log has the cause"
	}
	return err.Error()
}

func inputs(node Node, made map[string]Outputs) map[string]Value {
	in := map[string]Value{}
	for name, from := range node.In {
		source, outName, _ := strings.Cut(from, ".")
		if v, ok := made[source][outName]; ok {
			in[name] = v
		}
	}
	return in
}

func stepHash(op Operator, node Node, in map[string]Value) string {
	h := sha256.New()
	h.Write([]byte(op.ID))
	h.Write(canonical(node.Config))
	h.Write(canonical(in))
	return hex.EncodeToString(h.Sum(nil))
}

func (p Plan) title(id string) string {
	if t := p.Document.Nodes[id].Title; t != "" {
		return t
	}
	return p.ops[id].Title
}

// after returns the node and all that come after it; none for "".
func (p Plan) after(from string) map[string]bool {
	out := map[string]bool{from: from != ""}
	for _, id := range p.Order {
		for _, source := range p.Document.Nodes[id].In {
			producer, _, _ := strings.Cut(source, ".")
			if out[producer] {
				out[id] = true
			}
		}
	}
	return out
}
