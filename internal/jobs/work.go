package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"aiforge.dev/forge"
)

// work is called by River with the address of a job that may be waiting.
func (r *Runner) work(ctx context.Context, a address) error {
	if r.base.Err() != nil {
		return nil // stopping: the row stays queued and is delivered again
	}
	c, ok, err := r.rows.claim(ctx, a, r.owner, r.rows.now().Add(r.cfg.Lease))
	if err != nil || !ok {
		return err // an error makes River deliver again; !ok means that another one has it
	}
	s, known := r.kinds[c.Kind]
	if !known {
		_, err := r.rows.giveBack(ctx, c, r.rows.now().Add(r.cfg.Lease), false, "")
		return err
	}
	run := newRun(r, c)
	r.mu.Lock()
	r.running[a] = run
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.running, a)
		r.mu.Unlock()
		run.end(context.Canceled)
		r.bell.ring()
	}()
	r.bell.ring()
	var result any
	if err = r.cfg.Fault.At("claimed"); err == nil {
		result, err = call(run, s.handler)
	}
	run.close()
	if ferr := r.cfg.Fault.At("ends"); ferr != nil {
		result, err = nil, ferr
	}
	r.finish(run, s, result, err)
	return r.cfg.Fault.At("ended")
}

// call runs the handler; a panic in it fails the job and nothing else.
func call(run *run, h Handler) (result any, err error) {
	defer func() {
		if v := recover(); v != nil {
			run.r.cfg.Log.Error("panic in a job", "job", run.ID(), "kind", run.c.Kind, "panic", v, "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return h(run.ctx, run)
}

var errPanic = errors.New("panic in the handler")

// finish decides how the job ends: its result, or why its context ended, or its error.
func (r *Runner) finish(run *run, s spec, result any, err error) {
	c := run.c
	var raw json.RawMessage
	if err == nil {
		raw, err = json.Marshal(result)
		if err == nil {
			r.settle(c, func(ctx context.Context) (bool, error) { return r.rows.end(ctx, c, Succeeded, raw, "", "") })
			return
		}
		err = fmt.Errorf("result of job %s: %w", c.address.ID, err)
	}
	switch cause := context.Cause(run.ctx); {
	case errors.Is(cause, errLost):
		r.cfg.Log.Warn("job's lease was lost; another process goes on with it", "job", c.address.ID, "kind", c.Kind)
	case errors.Is(cause, errCancelled):
		r.settle(c, func(ctx context.Context) (bool, error) {
			return r.rows.end(ctx, c, Cancelled, nil, "", "")
		})
	case errors.Is(cause, errStopping):
		r.settle(c, func(ctx context.Context) (bool, error) { return r.rows.giveBack(ctx, c, r.rows.now(), false, "") })
	default:
		r.fail(c, s, err)
	}
}

func (r *Runner) fail(c claimed, s spec, err error) {
	text, kind := r.explain(c, err)
	mayPass := (kind == forge.KindUnavailable || kind == forge.KindInternal) && !errors.Is(err, errPanic)
	if mayPass && c.failures+1 < s.attempts {
		r.cfg.Log.Warn("job failed, will be tried again", "job", c.address.ID, "kind", c.Kind, "attempt", c.Attempt, "err", err)
		due := r.rows.now().Add(r.cfg.Back(c.failures + 1))
		r.settle(c, func(ctx context.Context) (bool, error) { return r.rows.giveBack(ctx, c, due, true, text) })
		return
	}
	r.settle(c, func(ctx context.Context) (bool, error) { return r.rows.end(ctx, c, Failed, nil, text, kind) })
}

// explain is what the user reads. A fault of ours tells no more than where to look.
func (r *Runner) explain(c claimed, err error) (string, forge.Kind) {
	var e *forge.Error
	if errors.As(err, &e) && e.Kind != forge.KindInternal {
		r.cfg.Log.Info("job failed", "job", c.address.ID, "kind", c.Kind, "err", err, "cause", errors.Unwrap(e))
		return e.Text, e.Kind
	}
	r.cfg.Log.Error("job failed", "job", c.address.ID, "kind", c.Kind, "attempt", c.Attempt, "err", err)
	return "something went wrong on the server; its log has the cause under job " + c.address.ID, forge.KindInternal
}

// settle writes a job's end, again if the store does not answer for a moment. When it
// cannot, the lease lapses and the job is done again.
func (r *Runner) settle(c claimed, write func(context.Context) (bool, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), min(r.cfg.Lease, 15*time.Second))
	defer cancel()
	for {
		ok, err := write(ctx)
		if err == nil {
			if !ok {
				r.cfg.Log.Warn("job's end not written: another process has it now", "job", c.address.ID)
			}
			return
		}
		select {
		case <-ctx.Done():
			r.cfg.Log.Error("job's end could not be written; it will be done again", "job", c.address.ID, "err", err)
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}
