package jobstest

import (
	"context"
	"fmt"
	"testing"

	"aiforge.dev/forge/internal/jobs"
)

func testCounts(t *testing.T, open Store) {
	ctx := ctxFor(t)
	started := make(chan string, 1)
	q := Start(t, open(), Config(), func(r *jobs.Runner) {
		r.Register("good", func(context.Context, jobs.Run) (any, error) { return 1, nil })
		r.Register("block", block(started), jobs.Concurrency(1))
	})
	for range 3 {
		wait(t, ctx, q, enqueue(t, ctx, q, "good", nil).ID, jobs.Succeeded)
	}
	enqueue(t, ctx, q, "block", nil)
	<-started
	enqueue(t, ctx, q, "block", nil)
	wait(t, As(ctx, "main", "other"), q, enqueue(t, As(ctx, "main", "other"), q, "good", nil).ID, jobs.Succeeded)
	got, err := q.Counts(ctx)
	if want := "[{block queued 1} {block running 1} {good succeeded 3}]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v %v, want %s", got, err, want)
	}
	if _, err := q.Counts(context.Background()); err == nil {
		t.Error("counted without a project")
	}
}
