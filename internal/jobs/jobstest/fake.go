package jobstest

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
)

// Run is a jobs.Run without a queue, for tests of one handler: it keeps progress,
// events and steps in memory. The zero value is not usable; see NewRun.
type Run struct {
	mu       sync.Mutex
	scope    forge.Scope
	args     json.RawMessage
	progress []jobs.Progress
	events   []jobs.Event
	steps    map[string]json.RawMessage
}

var _ jobs.Run = (*Run)(nil)

// NewRun makes a Run with the given arguments.
func NewRun(t testing.TB, scope forge.Scope, args any) *Run {
	t.Helper()
	raw, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	return &Run{scope: scope, args: raw, steps: map[string]json.RawMessage{}}
}

// ID returns a fixed id.
func (r *Run) ID() string { return "job_test" }

// Scope returns the scope given to NewRun.
func (r *Run) Scope() forge.Scope { return r.scope }

// Attempt is always the first.
func (r *Run) Attempt() int { return 1 }

// Args decodes the arguments given to NewRun.
func (r *Run) Args(into any) error { return json.Unmarshal(r.args, into) }

// Progress keeps p.
func (r *Run) Progress(p jobs.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress = append(r.progress, p)
}

// Emit keeps the event.
func (r *Run) Emit(kind string, data any) {
	raw, _ := json.Marshal(data)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, jobs.Event{Seq: int64(len(r.events)) + 1, At: time.Now().UTC(), Type: kind, Data: raw})
}

// Step runs f once per name; a Run that is used for a second call of the handler
// behaves like the next attempt.
func (r *Run) Step(ctx context.Context, name string, into any, f func(context.Context) (any, error)) error {
	r.mu.Lock()
	raw, found := r.steps[name]
	r.mu.Unlock()
	if !found {
		v, err := f(ctx)
		if err != nil {
			return err
		}
		if raw, err = json.Marshal(v); err != nil {
			return err
		}
		r.mu.Lock()
		r.steps[name] = raw
		r.mu.Unlock()
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}

// Shown returns all progress so far.
func (r *Run) Shown() []jobs.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]jobs.Progress(nil), r.progress...)
}

// Events returns all events so far.
func (r *Run) Events() []jobs.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]jobs.Event(nil), r.events...)
}
