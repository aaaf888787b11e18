// Package jobs runs long work. A job is a row with a state; the row changes by
// compare-and-swap, a worker holds a lease on it and renews it, and a lapsed lease
// gives the work back. River delivers; the row decides. Work outlives its request
// but keeps its principal.
package jobs

import (
	"context"
	"encoding/json"
	"time"

	"aiforge.dev/forge"
)

// State of a job. Allowed moves: queued→running→{succeeded, failed, cancelled},
// queued→cancelled, running→queued (lease lapsed or to be tried again).
type State string

const (
	Queued    State = "queued"
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Done reports whether nothing more will happen.
func (s State) Done() bool { return s == Succeeded || s == Failed || s == Cancelled }

// Job is one piece of long work of one project.
type Job struct {
	ID        string          `json:"id"`
	Kind      string          `json:"kind" doc:"What is done: ingest.csv, recipe.apply, train, …"`
	Title     string          `json:"title" doc:"For people: Ingest calls.csv into raw.calls"`
	State     State           `json:"state" enum:"queued,running,succeeded,failed,cancelled"`
	Progress  Progress        `json:"progress"`
	Args      json.RawMessage `json:"args,omitempty"`
	Result    json.RawMessage `json:"result,omitempty" doc:"What the job returned, by kind"`
	Error     string          `json:"error,omitempty" doc:"Why it failed, for people"`
	ErrorKind forge.Kind      `json:"error_kind,omitempty"`
	By        string          `json:"by"`
	Attempt   int             `json:"attempt"`
	Created   time.Time       `json:"created"`
	Started   *time.Time      `json:"started,omitempty"`
	Finished  *time.Time      `json:"finished,omitempty"`
}

// Progress says how far a job is. Total 0 means unknown.
type Progress struct {
	Step  string `json:"step,omitempty"`
	Done  int64  `json:"done"`
	Total int64  `json:"total,omitempty"`
	Unit  string `json:"unit,omitempty" doc:"rows, bytes, trials, …"`
}

// Event is one line of a job's story; Seq grows by one from 1.
type Event struct {
	Seq  int64           `json:"seq"`
	At   time.Time       `json:"at"`
	Type string          `json:"type" doc:"progress, log, metric, trial, leakage, warning, …"`
	Data json.RawMessage `json:"data"`
}

// Handler does the work of one kind. It must be safe to run again from the start
// after a crash: steps are named and idempotent. Its result is stored as JSON. The
// context carries the job's principal and ends when the job is cancelled, its lease
// is lost or the server stops.
type Handler func(ctx context.Context, run Run) (result any, err error)

// Run is what a handler sees of its job.
type Run interface {
	ID() string
	Scope() forge.Scope
	Attempt() int
	// Args decodes the job's arguments.
	Args(into any) error
	// Progress replaces the shown progress; cheap enough to call per batch.
	Progress(p Progress)
	// Emit appends an event; data is encoded as JSON.
	Emit(kind string, data any)
	// Step runs f unless a step of this name has finished in an earlier attempt,
	// and returns the stored result of the step.
	Step(ctx context.Context, name string, into any, f func(ctx context.Context) (any, error)) error
}

// Queue takes work. The principal and the scope come from ctx.
type Queue interface {
	// Enqueue stores a job and returns it. key, if not empty, makes it unique: while
	// a job of this kind and key of this project is not done, that one is returned.
	Enqueue(ctx context.Context, kind, title, key string, args any) (Job, error)
	Get(ctx context.Context, id string) (Job, error)
	// List returns the newest first, at most limit, of the given kinds (none: all).
	List(ctx context.Context, limit int, kinds ...string) ([]Job, error)
	// Events returns the events after seq, in order, at most 1,000.
	Events(ctx context.Context, id string, after int64) ([]Event, error)
	Cancel(ctx context.Context, id string) error
	// Wait returns when the job is done.
	Wait(ctx context.Context, id string) (Job, error)
}
