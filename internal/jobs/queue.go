package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

// maxArgs bounds a job's arguments; data belongs into the lake, not into a job row.
const maxArgs = 1 << 20

var _ Queue = (*Runner)(nil)

// Enqueue implements Queue.
func (r *Runner) Enqueue(ctx context.Context, kind, title, key string, args any) (Job, error) {
	who, ok := forge.PrincipalFrom(ctx)
	scope, err := forge.ScopeFrom(ctx)
	if err != nil || !ok {
		return Job{}, err
	}
	if _, ok := r.kinds[kind]; !ok {
		return Job{}, forge.Errorf(forge.KindInvalid, nil, "job kind %q is not known to this server", kind)
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return Job{}, forge.Errorf(forge.KindInvalid, err, "the arguments of the job %q cannot be written as JSON", title)
	}
	if len(raw) > maxArgs {
		return Job{}, forge.Errorf(forge.KindInvalid, nil, "the arguments of the job %q have %d bytes; at most %d are allowed", title, len(raw), maxArgs)
	}
	if title == "" {
		title = kind
	}
	j := Job{ID: forge.NewID("job"), Kind: kind, Title: title, State: Queued, Args: raw, By: who.Name, Created: sqldb.Time(sqldb.Micros(r.rows.now()))}
	if old, found, err := r.store(ctx, scope, who, j, key); err != nil || found {
		return old, err
	}
	r.bell.ring()
	if err := r.deliver(ctx, waiting{address: address{scope, j.ID}, kind: kind}); err != nil {
		r.cfg.Log.Warn("job not delivered yet, the reconcile loop will", "job", j.ID, "err", err)
	}
	return j, nil
}

// store inserts j, or returns the job that holds its key.
func (r *Runner) store(ctx context.Context, scope forge.Scope, who forge.Principal, j Job, key string) (Job, bool, error) {
	for range 10 { // the holder of the key may end between the two looks
		err := r.rows.insert(ctx, scope, who, j, key, r.firstLook())
		if err == nil {
			return Job{}, false, nil
		}
		if !sqldb.IsUnique(err) {
			return Job{}, false, fmt.Errorf("store job: %w", err)
		}
		old, found, err := r.rows.live(ctx, scope, j.Kind, key)
		if err != nil || found {
			return old, found, err
		}
	}
	return Job{}, false, forge.Errorf(forge.KindConflict, nil, "the job %q is being started and ended by others at this moment; try again", j.Title)
}

// firstLook leaves Enqueue the time to deliver by itself; before Start nobody can.
func (r *Runner) firstLook() time.Time {
	if r.courier() == nil {
		return r.rows.now()
	}
	return r.rows.now().Add(r.cfg.Poll)
}

func (r *Runner) address(ctx context.Context, id string) (address, error) {
	scope, err := forge.ScopeFrom(ctx)
	return address{scope, id}, err
}

// Get implements Queue.
func (r *Runner) Get(ctx context.Context, id string) (Job, error) {
	a, err := r.address(ctx, id)
	if err != nil {
		return Job{}, err
	}
	return r.rows.get(ctx, a)
}

// List implements Queue.
func (r *Runner) List(ctx context.Context, limit int, kinds ...string) ([]Job, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	if limit <= 0 || limit > 1000 {
		limit = 1000
	}
	if len(kinds) == 0 {
		return r.rows.list(ctx, scope, limit, "")
	}
	all := []Job{}
	for _, k := range slices.Compact(slices.Sorted(slices.Values(kinds))) {
		some, err := r.rows.list(ctx, scope, limit, k)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b Job) int { return b.Created.Compare(a.Created) })
	return all[:min(limit, len(all))], nil
}

// Events implements Queue.
func (r *Runner) Events(ctx context.Context, id string, after int64) ([]Event, error) {
	a, err := r.address(ctx, id)
	if err != nil {
		return nil, err
	}
	events, err := r.rows.events(ctx, a, after, 1000)
	if err == nil && len(events) == 0 {
		_, err = r.rows.get(ctx, a) // no events, or no such job?
	}
	return events, err
}

// Cancel implements Queue. A queued job ends at once; a running one when its handler
// has seen that its context ended. Cancelling a cancelled job is no error.
func (r *Runner) Cancel(ctx context.Context, id string) error {
	a, err := r.address(ctx, id)
	if err != nil {
		return err
	}
	for range 10 { // the job may move between the looks
		if ok, err := r.rows.cancelQueued(ctx, a); err != nil || ok {
			r.bell.ring()
			return err
		}
		if ok, err := r.rows.askCancel(ctx, a); err != nil || ok {
			r.endLocal(a, errCancelled)
			return err
		}
		j, err := r.rows.get(ctx, a)
		if err != nil || j.State == Cancelled {
			return err
		}
		if j.State.Done() {
			return forge.Errorf(forge.KindConflict, nil, "job %s has already ended (%s); there is nothing to cancel", id, j.State)
		}
	}
	return forge.Errorf(forge.KindConflict, nil, "job %s changes too quickly to be cancelled; try again", id)
}

func (r *Runner) endLocal(a address, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if run, ok := r.running[a]; ok {
		run.end(cause)
	}
}

// Wait implements Queue.
func (r *Runner) Wait(ctx context.Context, id string) (Job, error) {
	tick := time.NewTicker(min(r.cfg.Poll, time.Second/2))
	defer tick.Stop()
	for {
		changed := r.bell.next()
		j, err := r.Get(ctx, id)
		if err != nil || j.State.Done() {
			return j, err
		}
		select {
		case <-ctx.Done():
			return j, ctx.Err()
		case <-changed:
		case <-tick.C:
		}
	}
}
