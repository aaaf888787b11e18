package jobstest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
)

// block is a handler that tells when it started and ends with its context.
func block(started chan<- string) jobs.Handler {
	return func(ctx context.Context, run jobs.Run) (any, error) {
		started <- run.ID()
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

func testCancel(t *testing.T, open Store) {
	ctx := ctxFor(t)
	started := make(chan string, 8)
	q := Start(t, open(), Config(), func(r *jobs.Runner) { r.Register("block", block(started), jobs.Concurrency(1)) })
	first, second := enqueue(t, ctx, q, "block", nil), enqueue(t, ctx, q, "block", nil)
	running := <-started
	waiting := first.ID
	if running == first.ID {
		waiting = second.ID
	}
	if err := q.Cancel(As(ctx, "main", "other"), running); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("cancelled from another project: %v", err)
	}
	for _, id := range []string{waiting, running} {
		if err := q.Cancel(ctx, id); err != nil {
			t.Fatal(err)
		}
		j := wait(t, ctx, q, id, jobs.Cancelled)
		if j.Finished == nil {
			t.Error("a cancelled job has no end")
		}
	}
	if err := q.Cancel(ctx, running); err != nil {
		t.Errorf("cancel twice: %v", err)
	}
	if err := q.Cancel(ctx, "job_none"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("cancel nothing: %v", err)
	}
	if len(started) != 0 {
		t.Error("a job that was cancelled while it waited was started")
	}
}

func testCancelElsewhere(t *testing.T, open Store) {
	ctx := ctxFor(t)
	started := make(chan string, 1)
	q := Start(t, open(), Config(), func(r *jobs.Runner) { r.Register("block", block(started)) })
	j := enqueue(t, ctx, q, "block", nil)
	<-started
	other, err := jobs.New(open(), Config()) // another process's view of the same store
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Cancel(ctx, j.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, ctx, other, j.ID, jobs.Cancelled)
}

func testStory(t *testing.T, open Store) {
	ctx := ctxFor(t)
	q := Start(t, open(), Config(), func(r *jobs.Runner) {
		r.Register("talk", func(ctx context.Context, run jobs.Run) (any, error) {
			for i := range 1000 {
				run.Progress(jobs.Progress{Step: "read", Done: int64(i), Total: 1000, Unit: "rows"})
				run.Emit("metric", map[string]int{"i": i})
			}
			run.Emit("metric", map[string]float64{"loss": math.NaN()})
			run.Progress(jobs.Progress{Step: "read", Done: 1000, Total: 1000, Unit: "rows"})
			return nil, nil
		})
	})
	j := wait(t, ctx, q, enqueue(t, ctx, q, "talk", nil).ID, jobs.Succeeded)
	if want := (jobs.Progress{Step: "read", Done: 1000, Total: 1000, Unit: "rows"}); j.Progress != want {
		t.Errorf("last progress %+v", j.Progress)
	}
	var after int64
	var metrics, progress int
	var last jobs.Event
	for {
		events, err := q.Events(ctx, j.ID, after)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			if e.Seq != after+1 || e.At.IsZero() {
				t.Fatalf("event %d after %d at %s", e.Seq, after, e.At)
			}
			after = e.Seq
			switch e.Type {
			case "metric":
				var d struct{ I *int }
				if err := json.Unmarshal(e.Data, &d); err != nil || d.I != nil && *d.I != metrics {
					t.Fatalf("metric %d is %s (%v)", metrics, e.Data, err)
				}
				metrics++
			case "progress":
				progress++
			}
			last = e
		}
	}
	if metrics != 1001 || progress < 1 || progress > 60 {
		t.Errorf("%d metrics, %d of 1001 progress reports", metrics, progress)
	}
	var p jobs.Progress
	if err := json.Unmarshal(last.Data, &p); err != nil || last.Type != "progress" || p.Done != 1000 {
		t.Errorf("last event %s %s", last.Type, last.Data)
	}
}

func testSteps(t *testing.T, open Store) {
	ctx := ctxFor(t)
	var first, second atomic.Int64
	q := Start(t, open(), Config(), func(r *jobs.Runner) {
		r.Register("steps", func(ctx context.Context, run jobs.Run) (any, error) {
			var n, m int
			if err := run.Step(ctx, "one", &n, func(context.Context) (any, error) { return 40 + first.Add(1), nil }); err != nil {
				return nil, err
			}
			err := run.Step(ctx, "two", &m, func(context.Context) (any, error) {
				if second.Add(1) == 1 {
					return nil, forge.Errorf(forge.KindUnavailable, nil, "not yet")
				}
				return 1, nil
			})
			return n + m, err
		})
	})
	j := wait(t, ctx, q, enqueue(t, ctx, q, "steps", nil).ID, jobs.Succeeded)
	if first.Load() != 1 || second.Load() != 2 || string(j.Result) != "42" {
		t.Errorf("step one ran %d times, two %d times, result %s", first.Load(), second.Load(), j.Result)
	}
}

func testSeparation(t *testing.T, open Store) {
	ctx := ctxFor(t)
	q := Start(t, open(), Config(), func(r *jobs.Runner) { r.Register("noop", noop) })
	j := enqueue(t, ctx, q, "noop", nil)
	wait(t, ctx, q, j.ID, jobs.Succeeded)
	for _, at := range [][2]string{{"main", "other"}, {"rival", "demo"}} {
		other := As(ctx, at[0], at[1])
		if _, err := q.Get(other, j.ID); !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("%v sees the job: %v", at, err)
		}
		if _, err := q.Events(other, j.ID, 0); !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("%v sees the events: %v", at, err)
		}
		if _, err := q.Wait(other, j.ID); !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("%v waits for the job: %v", at, err)
		}
		if all, err := q.List(other, 10); err != nil || len(all) != 0 {
			t.Errorf("%v lists %v %v", at, all, err)
		}
	}
	if _, err := q.List(context.Background(), 10); !errors.Is(err, forge.ErrDenied) {
		t.Errorf("nobody lists: %v", err)
	}
}

func testConcurrency(t *testing.T, open Store) {
	ctx := ctxFor(t)
	var now, most, runs atomic.Int64
	q := Start(t, open(), Config(), func(r *jobs.Runner) {
		r.Register("count", func(context.Context, jobs.Run) (any, error) {
			n := now.Add(1)
			defer now.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			runs.Add(1)
			return nil, nil
		}, jobs.Concurrency(3))
	})
	var ids []string
	for range 30 {
		ids = append(ids, enqueue(t, ctx, q, "count", nil).ID)
	}
	for _, id := range ids {
		wait(t, ctx, q, id, jobs.Succeeded)
	}
	if most.Load() > 3 || runs.Load() != 30 {
		t.Errorf("%d at a time (3 allowed), %d runs of 30 jobs", most.Load(), runs.Load())
	}
}

func testNested(t *testing.T, open Store) {
	ctx := ctxFor(t)
	var q *jobs.Runner
	q = Start(t, open(), Config(), func(r *jobs.Runner) {
		r.Register("child", noop, jobs.Concurrency(1))
		r.Register("parent", func(ctx context.Context, run jobs.Run) (any, error) {
			j, err := q.Enqueue(ctx, "child", "a child", run.ID(), nil)
			if err != nil {
				return nil, err
			}
			j, err = q.Wait(ctx, j.ID)
			return string(j.State) + " by " + j.By, err
		}, jobs.Concurrency(1))
	})
	j := wait(t, ctx, q, enqueue(t, ctx, q, "parent", nil).ID, jobs.Succeeded)
	if string(j.Result) != `"succeeded by Ann"` {
		t.Errorf("result %s", j.Result)
	}
}

// eventually polls ok until it holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}
