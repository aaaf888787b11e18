package jobs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"aiforge.dev/forge"
)

// progressEvery is how often progress becomes an event of the job's story; the shown
// progress itself is written with every flush.
const progressEvery = time.Second

// fullBuffer is how many events wait for the next flush before Emit flushes itself.
const fullBuffer = 256

// run is one attempt at a job.
type run struct {
	r   *Runner
	c   claimed
	ctx context.Context
	end context.CancelCauseFunc

	stop    chan struct{}
	stopped chan struct{}

	mu       sync.Mutex
	held     time.Time // when the lease was last known to be ours
	progress Progress
	dirty    bool
	events   []Event

	writing sync.Mutex // one flush at a time, so that events stay in order
	told    Progress   // last progress that became an event, and when
	toldAt  time.Time
}

func newRun(r *Runner, c claimed) *run {
	who := c.who
	who.Kind, who.Scope = "job", c.Scope
	ctx, end := context.WithCancelCause(forge.WithPrincipal(r.base, who))
	x := &run{r: r, c: c, ctx: ctx, end: end, held: r.rows.now(), stop: make(chan struct{}), stopped: make(chan struct{})}
	go x.flushing()
	return x
}

func (x *run) ID() string         { return x.c.address.ID }
func (x *run) Scope() forge.Scope { return x.c.Scope }
func (x *run) Attempt() int       { return x.c.Attempt }

// Args implements Run. Unknown fields are refused: they are a misspelt option.
func (x *run) Args(into any) error {
	dec := json.NewDecoder(bytes.NewReader(x.c.Args))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return forge.Errorf(forge.KindInvalid, err, "arguments of job %s (%s): %v", x.ID(), x.c.Kind, err)
	}
	return nil
}

func (x *run) Progress(p Progress) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.progress, x.dirty = p, true
}

func (x *run) Emit(kind string, data any) {
	raw, err := json.Marshal(data)
	if err != nil { // a NaN metric must not vanish from the story
		raw, _ = json.Marshal(map[string]string{"text": fmt.Sprintf("%+v", data), "warning": "not JSON: " + err.Error()})
	}
	x.mu.Lock()
	x.events = append(x.events, Event{At: x.r.rows.now(), Type: kind, Data: raw})
	full := len(x.events) >= fullBuffer
	x.mu.Unlock()
	if full {
		x.flush(x.ctx, false)
	}
}

func (x *run) Step(ctx context.Context, name string, into any, f func(context.Context) (any, error)) error {
	raw, found, err := x.r.rows.step(ctx, x.c.address, name)
	if err != nil {
		return fmt.Errorf("step %s: %w", name, err)
	}
	if !found {
		result, err := f(ctx)
		if err != nil {
			return err
		}
		if raw, err = json.Marshal(result); err != nil {
			return fmt.Errorf("result of step %s: %w", name, err)
		}
		if err := x.r.cfg.Fault.At("step done"); err != nil {
			return err
		}
		held, err := x.r.rows.saveStep(ctx, x.c, name, raw)
		if err != nil {
			return fmt.Errorf("record step %s: %w", name, err)
		}
		if !held {
			x.end(errLost)
			return errLost
		}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("result of step %s: %w", name, err)
	}
	return nil
}

func (x *run) flushing() {
	defer close(x.stopped)
	tick := time.NewTicker(x.r.cfg.Flush)
	defer tick.Stop()
	for {
		select {
		case <-x.stop:
			return
		case <-tick.C:
			x.flush(x.ctx, false)
		}
	}
}

// close writes what is left, the last progress in any case.
func (x *run) close() {
	close(x.stop)
	<-x.stopped
	ctx, cancel := context.WithTimeout(context.Background(), min(x.r.cfg.Lease, 15*time.Second))
	defer cancel()
	x.flush(ctx, true)
}

// flush writes progress and waiting events in one transaction.
func (x *run) flush(ctx context.Context, last bool) {
	x.writing.Lock()
	defer x.writing.Unlock()
	x.mu.Lock()
	events, dirty, p := x.events, x.dirty, x.progress
	x.events, x.dirty = nil, false
	x.mu.Unlock()
	batch, tell := x.withProgress(events, dirty, last, p)
	if len(batch) == 0 && !dirty {
		return
	}
	var shown *Progress
	if dirty {
		shown = &p
	}
	held, err := x.r.rows.append(ctx, x.c, shown, batch)
	if err != nil { // keep them, in order, for the next flush
		x.mu.Lock()
		x.events, x.dirty = append(events, x.events...), x.dirty || dirty
		x.mu.Unlock()
		return
	}
	if !held {
		x.end(errLost)
		return
	}
	if tell {
		x.told, x.toldAt = p, x.r.rows.now()
	}
	x.r.bell.ring()
}

// withProgress adds the progress to the story now and then: at each new step, each
// second, and at the end.
func (x *run) withProgress(events []Event, dirty, last bool, p Progress) ([]Event, bool) {
	now := x.r.rows.now()
	tell := (dirty || last) && p != x.told && (last || p.Step != x.told.Step || now.Sub(x.toldAt) >= progressEvery)
	if !tell {
		return events, false
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return events, false
	}
	return append(events[:len(events):len(events)], Event{At: now, Type: "progress", Data: raw}), true
}

func (x *run) seen(at time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.held = at
}

func (x *run) lastSeen() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.held
}
