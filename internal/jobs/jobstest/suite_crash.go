package jobstest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
)

// testStop: a server that stops puts its work back, and the next one goes on with it.
func testStop(t *testing.T, open Store) {
	ctx := ctxFor(t)
	started := make(chan string, 1)
	first := Start(t, open(), Config(), func(r *jobs.Runner) {
		r.Register("long", func(ctx context.Context, run jobs.Run) (any, error) {
			if err := run.Step(ctx, "half", nil, func(context.Context) (any, error) { return "kept", nil }); err != nil {
				return nil, err
			}
			started <- run.ID()
			<-ctx.Done()
			return nil, forge.Errorf(forge.KindInvalid, ctx.Err(), "some error while the server stops")
		})
	})
	j := enqueue(t, ctx, first, "long", nil)
	<-started
	if err := first.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(ctx); err != nil {
		t.Errorf("stop twice: %v", err)
	}
	if j, err := first.Get(ctx, j.ID); err != nil || j.State != jobs.Queued {
		t.Fatalf("after Stop the job is %s (%v)", j.State, err)
	}
	second := Start(t, open(), Config(), func(r *jobs.Runner) { r.Register("long", finishFrom("half")) })
	j = wait(t, ctx, second, j.ID, jobs.Succeeded)
	if string(j.Result) != `"kept"` || j.Attempt != 2 {
		t.Errorf("attempt %d, result %s", j.Attempt, j.Result)
	}
}

// finishFrom returns the stored result of a step that an earlier attempt finished.
func finishFrom(step string) jobs.Handler {
	return func(ctx context.Context, run jobs.Run) (any, error) {
		var s string
		err := run.Step(ctx, step, &s, func(context.Context) (any, error) { return "done again", nil })
		return s, err
	}
}

// testTakeover: a process dies without a word; another one waits for the lease, or
// starts at once when it knows to be alone. The dead one's late writes change nothing.
func testTakeover(t *testing.T, open Store) {
	ctx := ctxFor(t)
	started, late := make(chan string, 1), make(chan error, 1)
	db, short := open(), Config()
	short.Lease = time.Second
	dead := Start(t, db, short, func(r *jobs.Runner) {
		r.Register("long", func(ctx context.Context, run jobs.Run) (any, error) {
			if err := run.Step(ctx, "half", nil, func(context.Context) (any, error) { return "kept", nil }); err != nil {
				return nil, err
			}
			started <- run.ID()
			<-ctx.Done()
			late <- run.Step(context.Background(), "late", nil, func(context.Context) (any, error) { return nil, nil })
			return "a result that nobody may see", nil
		})
	})
	j := enqueue(t, ctx, dead, "long", nil)
	<-started
	if err := db.Close(); err != nil { // from here on it can write nothing, as if it were killed
		t.Fatal(err)
	}
	for _, sole := range []bool{false, true} {
		cfg := Config()
		cfg.Sole, cfg.Lease = sole, 2*time.Second
		next := Start(t, open(), cfg, func(r *jobs.Runner) { r.Register("long", finishFrom("half")) })
		got := wait(t, ctx, next, j.ID, jobs.Succeeded)
		if string(got.Result) != `"kept"` {
			t.Errorf("result %s", got.Result)
		}
		if err := next.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		if !sole { // once more: a job that a killed process left, with a lease of an hour
			j = abandon(t, ctx, open)
		}
	}
	if err := <-late; err == nil {
		t.Error("a process without its lease recorded a step")
	}
}

// abandon leaves a running job of kind long with an hour of lease behind.
func abandon(t *testing.T, ctx context.Context, open Store) jobs.Job {
	db := open()
	started := make(chan string, 1)
	cfg := Config()
	cfg.Lease = time.Hour
	r := Start(t, db, cfg, func(r *jobs.Runner) {
		r.Register("long", func(ctx context.Context, run jobs.Run) (any, error) {
			err := run.Step(ctx, "half", nil, func(context.Context) (any, error) { return "kept", nil })
			started <- run.ID()
			<-ctx.Done()
			return nil, errors.Join(err, ctx.Err())
		})
	})
	j := enqueue(t, ctx, r, "long", nil)
	<-started
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return j
}

// testPoison: a job that takes its process down each time is given up in the end.
func testPoison(t *testing.T, open Store) {
	ctx := ctxFor(t)
	j := abandon(t, ctx, open)
	cfg := Config()
	cfg.Sole, cfg.MaxLapses = true, 1
	ran := make(chan string, 1)
	next := Start(t, open(), cfg, func(r *jobs.Runner) { r.Register("long", block(ran)) })
	got := wait(t, ctx, next, j.ID, jobs.Failed)
	if got.ErrorKind != forge.KindInternal || got.Error == "" || len(ran) != 0 {
		t.Errorf("%+v, ran %d times more", got, len(ran))
	}
}

// testOffline: what is enqueued before Start waits for it.
func testOffline(t *testing.T, open Store) {
	ctx := ctxFor(t)
	r, err := jobs.New(open(), Config())
	if err != nil {
		t.Fatal(err)
	}
	r.Register("noop", noop)
	j := enqueue(t, ctx, r, "noop", nil)
	if err := r.Start(ctx); err != nil {
		t.Fatal(err)
	}
	wait(t, ctx, r, j.ID, jobs.Succeeded)
	if err := r.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

// testLostDelivery: River's tables may lose everything; the rows bring it back.
func testLostDelivery(t *testing.T, open Store) {
	ctx := ctxFor(t)
	db := open()
	started := make(chan string, 8)
	cfg := Config()
	q := Start(t, db, cfg, func(r *jobs.Runner) { r.Register("block", block(started), jobs.Concurrency(1)) })
	first := enqueue(t, ctx, q, "block", nil)
	running := <-started
	second := enqueue(t, ctx, q, "block", nil)
	if running != first.ID {
		t.Fatalf("%s runs, not %s", running, first.ID)
	}
	if _, err := db.Exec(`DELETE FROM river_job WHERE state = 'available'`); err != nil {
		t.Fatal(err)
	}
	if err := q.Cancel(ctx, first.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the job whose delivery was lost runs", func() bool {
		j, err := q.Get(ctx, second.ID)
		return err == nil && j.State == jobs.Running
	})
}

// testRepeatedDelivery: River hands out again what was done, or is running; nothing
// runs twice.
func testRepeatedDelivery(t *testing.T, open Store) {
	ctx := ctxFor(t)
	db := open()
	var runs atomic.Int64
	started := make(chan string, 8)
	q := Start(t, db, Config(), func(r *jobs.Runner) {
		r.Register("count", func(context.Context, jobs.Run) (any, error) { return runs.Add(1), nil })
		r.Register("block", block(started))
	})
	again := func(from string) {
		t.Helper()
		eventually(t, "River's row is "+from, func() bool {
			var n int
			err := db.QueryRow(`SELECT COUNT(*) FROM river_job WHERE state = $1`, from).Scan(&n)
			return err == nil && n == 1
		})
		if _, err := db.Exec(`UPDATE river_job SET state = 'available', finalized_at = NULL, attempt = 0 WHERE state = $1`, from); err != nil {
			t.Fatal(err)
		}
		eventually(t, "River has handed it out again", func() bool {
			var n int
			err := db.QueryRow(`SELECT COUNT(*) FROM river_job WHERE state = 'completed'`).Scan(&n)
			return err == nil && n == 1
		})
	}
	done := enqueue(t, ctx, q, "count", nil)
	wait(t, ctx, q, done.ID, jobs.Succeeded)
	again("completed")
	if j := wait(t, ctx, q, done.ID, jobs.Succeeded); runs.Load() != 1 || j.Attempt != 1 {
		t.Errorf("a finished job ran %d times, attempt %d", runs.Load(), j.Attempt)
	}
	if _, err := db.Exec(`DELETE FROM river_job`); err != nil {
		t.Fatal(err)
	}
	running := enqueue(t, ctx, q, "block", nil)
	<-started
	again("running")
	if j, err := q.Get(ctx, running.ID); err != nil || j.State != jobs.Running || j.Attempt != 1 || len(started) != 0 {
		t.Errorf("a running job was started again: %+v %v", j, err)
	}
}
