package jobstest

import (
	"context"
	"errors"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
)

// testPrune: what has ended long ago goes with its story, what has not ended stays, and
// each project keeps its own newest.
func testPrune(t *testing.T, open Store) {
	ctx, other := ctxFor(t), As(ctxFor(t), "main", "other")
	started := make(chan string, 1)
	q := Start(t, open(), Config(), func(r *jobs.Runner) {
		r.Register("block", block(started))
		r.Register("talk", func(ctx context.Context, run jobs.Run) (any, error) {
			run.Emit("metric", 1)
			return nil, run.Step(ctx, "one", nil, func(context.Context) (any, error) { return 1, nil })
		})
	})
	running := enqueue(t, ctx, q, "block", nil)
	<-started
	var done []jobs.Job
	for range 4 {
		done = append(done, wait(t, ctx, q, enqueue(t, ctx, q, "talk", nil).ID, jobs.Succeeded))
	}
	theirs := wait(t, other, q, enqueue(t, other, q, "talk", nil).ID, jobs.Succeeded)
	if n, err := q.Prune(ctx, time.Now().Add(-time.Hour), 100); n != 0 || err != nil {
		t.Errorf("%d young jobs went, %v", n, err)
	}
	if n, err := q.Prune(ctx, time.Now().Add(-time.Hour), 3); n != 1 || err != nil {
		t.Errorf("%d jobs beyond the newest went, %v; want the oldest of the four that ended", n, err)
	}
	if _, err := q.Get(ctx, done[0].ID); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("the oldest: %v", err)
	}
	if _, err := q.Events(ctx, done[0].ID, 0); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("its events: %v", err)
	}
	if events, err := q.Events(ctx, done[1].ID, 0); err != nil || len(events) == 0 {
		t.Errorf("the events of one that stays: %v, %v", events, err)
	}
	if _, err := q.Get(other, theirs.ID); err != nil {
		t.Errorf("another project's: %v", err)
	}
	if n, err := q.Prune(ctx, time.Now().Add(time.Hour), 100); n != 4 || err != nil {
		t.Errorf("%d old jobs went, %v", n, err)
	}
	if j, err := q.Get(ctx, running.ID); err != nil || j.State != jobs.Running {
		t.Errorf("the running one: %+v, %v", j, err)
	}
}
