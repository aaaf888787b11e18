// Package flowhttp is the HTTP surface of flows: stored documents, their check and
// their runs.
package flowhttp

import (
	"context"
	"encoding/json"
	"net/http"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/ui/flow"
)

// Cleaning knows what the steps that clean a table do to its columns.
type Cleaning interface {
	// Cleaned returns what a column is called after cleaning. It is an error, for the
	// user to read, when the column is not there or does not come through.
	Cleaned(ctx context.Context, table forge.TableName, column string) (string, error)
}

// Service is what the handlers work with.
type Service struct {
	Store    *flow.Store
	Ops      flow.Operators
	Jobs     jobs.Queue
	Cleaning Cleaning
}

type nameInput struct {
	Name string `path:"name" doc:"Flow"`
}

type savedOutput struct{ Body flow.Saved }

// document is a flow as the wire has it; flow.Parse checks it strictly.
type document struct {
	Flow     json.RawMessage `json:"flow" doc:"The flow document, as flow.yaml has it"`
	Layout   flow.Layout     `json:"layout,omitzero"`
	Revision int             `json:"revision,omitempty" doc:"The revision that the change was made on"`
}

// Register adds the operations.
func Register(s *httpapi.Server, svc *Service) {
	op := func(id, method, path, summary string, perm forge.Permission) httpapi.Op {
		return httpapi.Op{ID: id, Method: method, Path: path, Summary: summary, Tag: "flows", Perm: perm}
	}
	httpapi.Handle(s, op("list-flows", "GET", "/api/flows", "List flows", forge.PermRead), svc.list)
	httpapi.Handle(s, op("list-flow-operators", "GET", "/api/flows/operators", "What a node can be", forge.PermRead), svc.operators)
	httpapi.Handle(s, op("suggest-flow", "POST", "/api/flows/suggest", "Draft a flow that predicts a column of a table", forge.PermRead), svc.suggest)
	httpapi.Handle(s, op("get-flow", "GET", "/api/flows/{name}", "Read a flow", forge.PermRead), svc.get)
	httpapi.Handle(s, op("put-flow", "PUT", "/api/flows/{name}", "Store a flow", forge.PermWrite), svc.put)
	httpapi.Handle(s, op("delete-flow", "DELETE", "/api/flows/{name}", "Remove a flow", forge.PermWrite), svc.remove)
	httpapi.Handle(s, op("validate-flow", "POST", "/api/flows/{name}/validate", "Check a flow without storing it", forge.PermRead), svc.validate)
	run := op("run-flow", "POST", "/api/flows/{name}/run", "Run a flow", forge.PermWrite)
	run.Status = http.StatusAccepted
	httpapi.Handle(s, run, svc.run)
}

type listOutput struct {
	Body struct {
		Flows []flow.Saved `json:"flows"`
	}
}

func (v *Service) list(ctx context.Context, _ *struct{}) (*listOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Flows, err = v.Store.List(ctx, scope)
	return out, err
}

type operatorsOutput struct {
	Body struct {
		Operators []flow.Operator `json:"operators"`
	}
}

func (v *Service) operators(context.Context, *struct{}) (*operatorsOutput, error) {
	out := &operatorsOutput{}
	out.Body.Operators = v.Ops.List()
	return out, nil
}

type suggestInput struct {
	Body struct {
		Table  string `json:"table" example:"raw.calls"`
		Target string `json:"target" minLength:"1" doc:"Column to predict"`
		Time   string `json:"time,omitempty" doc:"Column that says when each row happened"`
		Name   string `json:"name,omitempty" doc:"Of flow, training set, model and deployment; the table's when left out"`
		Budget string `json:"budget,omitempty" example:"60s" doc:"Time for the search"`
	}
}

func (v *Service) suggest(ctx context.Context, in *suggestInput) (*savedOutput, error) {
	goal := flow.Goal{Name: in.Body.Name, Budget: in.Body.Budget}
	var err error
	if goal.Table, err = forge.ParseTableName(in.Body.Table); err != nil {
		return nil, err
	}
	if goal.Target, err = v.Cleaning.Cleaned(ctx, goal.Table, in.Body.Target); err != nil {
		return nil, err
	}
	if in.Body.Time != "" {
		if goal.Time, err = v.Cleaning.Cleaned(ctx, goal.Table, in.Body.Time); err != nil {
			return nil, err
		}
	}
	out := &savedOutput{}
	out.Body.Flow, out.Body.Layout, err = flow.Suggest(goal)
	return out, err
}

func (v *Service) get(ctx context.Context, in *nameInput) (*savedOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	saved, err := v.Store.Get(ctx, scope, in.Name)
	return &savedOutput{Body: saved}, err
}

type putInput struct {
	Name string `path:"name" doc:"Flow"`
	Body document
}

func (v *Service) put(ctx context.Context, in *putInput) (*savedOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	d, err := parse(in.Name, in.Body.Flow)
	if err != nil {
		return nil, err
	}
	saved, err := v.Store.Put(ctx, scope, forge.By(ctx), d, in.Body.Layout, in.Body.Revision)
	return &savedOutput{Body: saved}, err
}

func parse(name string, raw []byte) (flow.Document, error) {
	d, err := flow.Parse(raw)
	if err == nil && d.Metadata.Name != name {
		err = forge.Errorf(forge.KindInvalid, nil, "the flow's metadata.name is %q and the path says %q: make them equal", d.Metadata.Name, name)
	}
	return d, err
}

func (v *Service) remove(ctx context.Context, in *nameInput) (*struct{}, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	return nil, v.Store.Delete(ctx, scope, in.Name)
}

type validateOutput struct {
	Body struct {
		Errors []flow.NodeError `json:"errors"`
		Order  []string         `json:"order" doc:"The nodes in the order in which they would run"`
	}
}

func (v *Service) validate(_ context.Context, in *putInput) (*validateOutput, error) {
	d, err := parse(in.Name, in.Body.Flow)
	if err != nil {
		return nil, err
	}
	plan, errs := flow.Compile(d, v.Ops)
	out := &validateOutput{}
	out.Body.Errors, out.Body.Order = append([]flow.NodeError{}, errs...), append([]string{}, plan.Order...)
	return out, nil
}

type runInput struct {
	Name string `path:"name" doc:"Flow"`
	Body struct {
		From string `json:"from,omitempty" doc:"Run this node and all after it even if nothing changed"`
	}
}

type jobOutput struct{ Body jobs.Job }

func (v *Service) run(ctx context.Context, in *runInput) (*jobOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	saved, err := v.Store.Get(ctx, scope, in.Name)
	if err != nil {
		return nil, err
	}
	if _, errs := flow.Compile(saved.Flow, v.Ops); len(errs) > 0 {
		return nil, flow.Invalid(in.Name, errs)
	}
	if _, ok := saved.Flow.Nodes[in.Body.From]; in.Body.From != "" && !ok {
		return nil, forge.Errorf(forge.KindNotFound, nil, "flow %s has no node %q", in.Name, in.Body.From)
	}
	title := saved.Flow.Metadata.Title
	if title == "" {
		title = in.Name
	}
	j, err := v.Jobs.Enqueue(ctx, flow.Kind, "Run flow: "+title, in.Name, flow.Args{Flow: in.Name, Revision: saved.Revision, From: in.Body.From})
	return &jobOutput{Body: j}, err
}
