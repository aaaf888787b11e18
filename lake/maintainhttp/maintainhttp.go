// Package maintainhttp serves the upkeep of tables over HTTP: what is kept and for how
// long, what was done last, and doing it now.
package maintainhttp

import (
	"context"
	"net/http"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/maintain"
)

// Keeper is what the handlers ask; *maintain.Keeper is it.
type Keeper interface {
	Last(ctx context.Context, scope forge.Scope, name forge.TableName) (*maintain.Report, error)
}

// Enqueuer takes the job of maintaining a table; a jobs.Queue is one.
type Enqueuer interface {
	Enqueue(ctx context.Context, kind, title, key string, args any) (jobs.Job, error)
}

type handlers struct {
	keeper Keeper
	tables lake.Tables
	queue  Enqueuer
}

// Register adds the operations below /api/tables/{table}/upkeep.
func Register(s *httpapi.Server, keeper Keeper, tables lake.Tables, queue Enqueuer) {
	h := &handlers{keeper, tables, queue}
	op := func(id, method, summary string, perm forge.Permission) httpapi.Op {
		return httpapi.Op{ID: id, Method: method, Path: "/api/tables/{table}/upkeep", Summary: summary, Tag: "lake", Perm: perm}
	}
	httpapi.Handle(s, op("get-upkeep", http.MethodGet, "How a table's files and history are kept in order", forge.PermRead), h.get)
	httpapi.Handle(s, op("put-upkeep", http.MethodPut, "Change how a table's files and history are kept in order", forge.PermWrite), h.put)
	run := op("run-upkeep", http.MethodPost, "Join a table's small files, expire old snapshots and remove orphans now", forge.PermWrite)
	run.Status = http.StatusAccepted
	httpapi.Handle(s, run, h.run)
}

// Policy is lake.Upkeep as it is spelled outside.
type Policy struct {
	Auto        bool   `json:"auto" doc:"Upkeep happens by itself"`
	KeepFor     string `json:"keep_for" doc:"A younger snapshot stays, thinned out when there are very many" example:"24h0m0s"`
	KeepNewest  int    `json:"keep_newest" minimum:"1" maximum:"10000" doc:"So many of the newest snapshots stay, whatever their age"`
	TargetBytes int64  `json:"target_bytes" minimum:"1048576" maximum:"17179869184" doc:"Size of the files that small ones are joined to"`
}

type output struct {
	Body struct {
		Policy    Policy           `json:"policy"`
		Files     int              `json:"files"`
		Bytes     int64            `json:"bytes"`
		Snapshots int              `json:"snapshots"`
		Tagged    int              `json:"tagged" doc:"Snapshots that a tag keeps, such as a training set's"`
		Last      *maintain.Report `json:"last,omitempty" doc:"What the last run that found something to do did"`
	}
}

func (h *handlers) get(ctx context.Context, in *httpapi.TablePath) (*output, error) {
	scope, name, err := in.At(ctx)
	if err != nil {
		return nil, err
	}
	t, err := h.tables.Load(ctx, scope, name)
	if err != nil {
		return nil, err
	}
	out := &output{}
	u := lake.UpkeepOf(t.Properties)
	out.Body.Policy = Policy{Auto: !u.Off, KeepFor: u.KeepFor.String(), KeepNewest: u.KeepNewest, TargetBytes: u.TargetBytes}
	out.Body.Files, out.Body.Bytes, out.Body.Snapshots = t.Files, t.Bytes, t.Snapshots
	out.Body.Tagged = t.Tagged
	out.Body.Last, err = h.keeper.Last(ctx, scope, name)
	return out, err
}

type putInput struct {
	httpapi.TablePath
	Body Policy
}

func (h *handlers) put(ctx context.Context, in *putInput) (*output, error) {
	scope, name, err := in.At(ctx)
	if err != nil {
		return nil, err
	}
	keep, err := time.ParseDuration(in.Body.KeepFor)
	if err != nil || keep < time.Second {
		return nil, forge.Errorf(forge.KindInvalid, err, "keep_for %q: want a time such as 36h or 90m, at least a second", in.Body.KeepFor).
			With(forge.FieldError{Path: "keep_for", Text: "is no time"})
	}
	u := lake.Upkeep{Off: !in.Body.Auto, KeepFor: keep, KeepNewest: in.Body.KeepNewest, TargetBytes: in.Body.TargetBytes}
	if _, err := h.tables.Commit(ctx, scope, name, lake.Change{Properties: u.Properties()}); err != nil {
		return nil, err
	}
	return h.get(ctx, &in.TablePath)
}

type jobOutput struct{ Body jobs.Job }

func (h *handlers) run(ctx context.Context, in *httpapi.TablePath) (*jobOutput, error) {
	scope, name, err := in.At(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := h.tables.Load(ctx, scope, name); err != nil {
		return nil, err
	}
	job, err := h.queue.Enqueue(ctx, maintain.Kind, "Maintain "+name.String(), name.String(), maintain.Args{Table: name})
	return &jobOutput{job}, err
}
