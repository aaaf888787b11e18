package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/ui/flow"
)

// Flow stores and runs the studio's flows.
type Flow struct {
	List  FlowList  `cmd:"" default:"1" help:"List flows."`
	Apply FlowApply `cmd:"" help:"Store flow.yaml."`
	Run   FlowRun   `cmd:"" help:"Run a flow; steps whose inputs have not changed are skipped."`
}

type flowList struct {
	Flows []flow.Saved `json:"flows"`
}

func flowNames(o flowList) []string {
	return each(o.Flows, func(f flow.Saved) string { return f.Flow.Metadata.Name })
}

type FlowList struct{}

// Answer implements Answerer.
func (*FlowList) Answer() any { return flowList{} }

func (c *FlowList) Run(e *Env) error {
	var out flowList
	if err := e.call("GET", "/api/flows", nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	if len(out.Flows) == 0 {
		e.printf("no flows yet: draw one in the studio, or forge flow apply flow.yaml\n")
		return nil
	}
	var rows [][]string
	for _, f := range out.Flows {
		rows = append(rows, []string{f.Flow.Metadata.Name, f.Flow.Metadata.Title, fmt.Sprint(len(f.Flow.Nodes)), fmt.Sprint(f.Revision), f.At.Local().Format("2006-01-02 15:04")})
	}
	e.Table([]string{"FLOW", "TITLE", "STEPS", "REVISION", "CHANGED"}, rows)
	return nil
}

type FlowApply struct {
	File   string `arg:"" names:"file" help:"flow.yaml, or - for standard input."`
	Layout string `names:"file" help:"flow.layout.json with the positions of the nodes." placeholder:"FILE"`
}

// Answer implements Answerer.
func (*FlowApply) Answer() any { return flow.Saved{} }

func (c *FlowApply) Run(e *Env) error {
	b, err := e.readFileOrStdin(c.File)
	if err != nil {
		return err
	}
	doc, err := flow.Parse(b)
	if err != nil {
		return err
	}
	body := map[string]any{"flow": doc}
	if c.Layout != "" {
		l, err := os.ReadFile(c.Layout)
		if err != nil || !json.Valid(l) {
			return forge.Errorf(forge.KindInvalid, err, "%s cannot be read as JSON", c.Layout)
		}
		body["layout"] = json.RawMessage(l)
	}
	var saved flow.Saved
	if err := e.call("PUT", path("api", "flows", doc.Metadata.Name), body, &saved); err != nil {
		return err
	}
	if done, err := e.printJSON(saved); done {
		return err
	}
	e.printf("flow %s: %d steps, revision %d\n", doc.Metadata.Name, len(doc.Nodes), saved.Revision)
	return nil
}

type FlowRun struct {
	Name string `arg:"" names:"flow" help:"Flow."`
	From string `help:"Run this step and all after it even if nothing changed." placeholder:"NODE"`
	Wait
}

// Answer implements Answerer.
func (*FlowRun) Answer() any { return flow.Result{} }

func (c *FlowRun) Run(e *Env) error {
	var result flow.Result
	_, err := e.start(c.Wait, path("api", "flows", c.Name, "run"), map[string]string{"from": c.From}, &result, func(ev jobs.Event) {
		var n flow.NodeEvent
		if ev.Type == "node" && !e.JSON && json.Unmarshal(ev.Data, &n) == nil && n.State != "running" {
			fmt.Fprintf(e.Err, "  %-12s %-8s %s\n", n.Node, n.State, strings.TrimSpace(n.Message))
		}
	})
	if err != nil {
		return err
	}
	if done, err := e.printJSON(result); done {
		return err
	}
	var rows [][]string
	for _, n := range result.Nodes {
		state := n.State
		if n.Cached {
			state = "unchanged"
		}
		rows = append(rows, []string{n.Node, state, fmt.Sprintf("%.1f s", n.MS/1000), n.Message})
	}
	e.Table([]string{"STEP", "STATE", "TOOK", "WHAT CAME OUT"}, rows)
	return nil
}
