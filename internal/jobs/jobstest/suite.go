package jobstest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
)

// TestQueue is the contract of the queue; newStore makes a new, empty store.
func TestQueue(t *testing.T, newStore func(testing.TB) Store) {
	for name, test := range map[string]func(*testing.T, Store){
		"result":            testResult,
		"refused":           testRefused,
		"errors":            testErrors,
		"retry":             testRetry,
		"panic":             testPanic,
		"unique key":        testUniqueKey,
		"cancel":            testCancel,
		"cancel elsewhere":  testCancelElsewhere,
		"story":             testStory,
		"steps":             testSteps,
		"separation":        testSeparation,
		"concurrency":       testConcurrency,
		"stop and go on":    testStop,
		"takeover":          testTakeover,
		"poison":            testPoison,
		"enqueued offline":  testOffline,
		"lost delivery":     testLostDelivery,
		"repeated delivery": testRepeatedDelivery,
		"newest first":      testList,
		"counts":            testCounts,
		"jobs wait for job": testNested,
		"prune":             testPrune,
	} {
		t.Run(name, func(t *testing.T) { test(t, newStore(t)) })
	}
}

func ctxFor(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return As(ctx, "main", "demo")
}

func enqueue(t *testing.T, ctx context.Context, q jobs.Queue, kind string, args any) jobs.Job {
	t.Helper()
	j, err := q.Enqueue(ctx, kind, "a "+kind, "", args)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func wait(t *testing.T, ctx context.Context, q jobs.Queue, id string, want jobs.State) jobs.Job {
	t.Helper()
	j, err := q.Wait(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if j.State != want {
		t.Fatalf("job ended as %s (%s), want %s", j.State, j.Error, want)
	}
	return j
}

func testResult(t *testing.T, open Store) {
	ctx := ctxFor(t)
	q := Start(t, open(), Config(), func(r *jobs.Runner) {
		r.Register("sum", func(ctx context.Context, run jobs.Run) (any, error) {
			var in struct{ A, B int }
			if err := run.Args(&in); err != nil {
				return nil, err
			}
			p, _ := forge.PrincipalFrom(ctx)
			return map[string]any{"sum": in.A + in.B, "as": p.Kind + ":" + p.Name, "in": run.Scope().String(), "attempt": run.Attempt()}, nil
		})
	})
	j := enqueue(t, ctx, q, "sum", map[string]int{"A": 2, "B": 3})
	if j.State != jobs.Queued || j.By != "Ann" || j.Title != "a sum" {
		t.Errorf("enqueued: %+v", j)
	}
	j = wait(t, ctx, q, j.ID, jobs.Succeeded)
	var out map[string]any
	if err := json.Unmarshal(j.Result, &out); err != nil {
		t.Fatal(err)
	}
	if out["sum"] != 5.0 || out["as"] != "job:Ann" || out["in"] != "main/demo" || out["attempt"] != 1.0 {
		t.Errorf("result %v", out)
	}
	if j.Started == nil || j.Finished == nil || j.Attempt != 1 || j.Finished.Before(j.Created) {
		t.Errorf("times: %+v", j)
	}
	bad := enqueue(t, ctx, q, "sum", map[string]int{"C": 1})
	if j := wait(t, ctx, q, bad.ID, jobs.Failed); j.ErrorKind != forge.KindInvalid || !strings.Contains(j.Error, `"C"`) {
		t.Errorf("misspelt argument: %s: %s", j.ErrorKind, j.Error)
	}
}

func testRefused(t *testing.T, open Store) {
	ctx := ctxFor(t)
	q := Start(t, open(), Config(), func(r *jobs.Runner) { r.Register("noop", noop) })
	for name, c := range map[string]struct {
		ctx  context.Context
		kind string
		args any
		want error
	}{
		"nobody":       {context.Background(), "noop", nil, forge.ErrDenied},
		"unknown kind": {ctx, "nope", nil, forge.ErrInvalid},
		"not JSON":     {ctx, "noop", func() {}, forge.ErrInvalid},
		"too large":    {ctx, "noop", strings.Repeat("x", 2<<20), forge.ErrInvalid},
	} {
		if _, err := q.Enqueue(c.ctx, c.kind, name, "", c.args); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := q.Get(ctx, "job_none"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if all, err := q.List(ctx, 10); err != nil || len(all) != 0 {
		t.Errorf("refused jobs were stored: %v %v", all, err)
	}
}

func noop(context.Context, jobs.Run) (any, error) { return nil, nil }

func testErrors(t *testing.T, open Store) {
	ctx := ctxFor(t)
	secret := errors.New("password=hunter2")
	kinds := map[string]error{
		"invalid": forge.Errorf(forge.KindInvalid, secret, "column age is text"), "gone": forge.Errorf(forge.KindNotFound, secret, "table raw.x"),
		"internal": secret,
	}
	var runs atomic.Int64
	q := Start(t, open(), Config(), func(r *jobs.Runner) {
		for k, err := range kinds {
			r.Register(k, func(context.Context, jobs.Run) (any, error) { runs.Add(1); return nil, err }, jobs.MaxAttempts(2))
		}
		r.Register("nojson", func(context.Context, jobs.Run) (any, error) { return func() {}, nil }, jobs.MaxAttempts(1))
	})
	for k, want := range map[string]struct {
		kind forge.Kind
		runs int64
	}{"invalid": {forge.KindInvalid, 1}, "gone": {forge.KindNotFound, 1}, "internal": {forge.KindInternal, 2}} {
		runs.Store(0)
		j := wait(t, ctx, q, enqueue(t, ctx, q, k, nil).ID, jobs.Failed)
		if j.ErrorKind != want.kind || runs.Load() != want.runs || strings.Contains(j.Error, "hunter2") || j.Error == "" {
			t.Errorf("%s: kind %s, %d runs, text %q", k, j.ErrorKind, runs.Load(), j.Error)
		}
	}
	wait(t, ctx, q, enqueue(t, ctx, q, "nojson", nil).ID, jobs.Failed)
}

func testRetry(t *testing.T, open Store) {
	ctx := ctxFor(t)
	q := Start(t, open(), Config(), func(r *jobs.Runner) {
		r.Register("flaky", func(_ context.Context, run jobs.Run) (any, error) {
			if run.Attempt() < 3 {
				return nil, forge.Errorf(forge.KindUnavailable, nil, "broker is away")
			}
			return "done", nil
		})
	})
	j := wait(t, ctx, q, enqueue(t, ctx, q, "flaky", nil).ID, jobs.Succeeded)
	if j.Attempt != 3 || j.Error != "" {
		t.Errorf("attempt %d, error %q", j.Attempt, j.Error)
	}
}

func testPanic(t *testing.T, open Store) {
	ctx := ctxFor(t)
	q := Start(t, open(), Config(), func(r *jobs.Runner) {
		r.Register("boom", func(context.Context, jobs.Run) (any, error) { panic("secret detail") })
		r.Register("noop", noop)
	})
	j := wait(t, ctx, q, enqueue(t, ctx, q, "boom", nil).ID, jobs.Failed)
	if j.ErrorKind != forge.KindInternal || strings.Contains(j.Error, "secret") || j.Attempt != 1 {
		t.Errorf("after a panic: %+v", j)
	}
	wait(t, ctx, q, enqueue(t, ctx, q, "noop", nil).ID, jobs.Succeeded)
}

func testUniqueKey(t *testing.T, open Store) {
	ctx := ctxFor(t)
	release := make(chan struct{})
	q := Start(t, open(), Config(), func(r *jobs.Runner) {
		r.Register("slow", func(ctx context.Context, _ jobs.Run) (any, error) {
			select {
			case <-release:
			case <-ctx.Done():
			}
			return nil, ctx.Err()
		})
	})
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			j, err := q.Enqueue(ctx, "slow", "once", "raw.calls", nil)
			if err != nil {
				t.Error(err)
			}
			ids[i] = j.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("one key, several jobs: %v", ids)
		}
	}
	other, err := q.Enqueue(As(ctx, "main", "other"), "slow", "once", "raw.calls", nil)
	if err != nil || other.ID == ids[0] {
		t.Errorf("another project got this project's job: %v %v", other, err)
	}
	close(release)
	wait(t, ctx, q, ids[0], jobs.Succeeded)
	again, err := q.Enqueue(ctx, "slow", "once", "raw.calls", nil)
	if err != nil || again.ID == ids[0] {
		t.Errorf("after its end the key still gives the old job: %v %v", again, err)
	}
}

func testList(t *testing.T, open Store) {
	ctx := ctxFor(t)
	q := Start(t, open(), Config(), func(r *jobs.Runner) { r.Register("a", noop); r.Register("b", noop); r.Register("c", noop) })
	var ids []string
	for _, k := range []string{"a", "b", "c", "a"} {
		ids = append(ids, enqueue(t, ctx, q, k, nil).ID)
	}
	for _, c := range []struct {
		limit int
		kinds []string
		want  []int
	}{{10, nil, []int{3, 2, 1, 0}}, {2, nil, []int{3, 2}}, {10, []string{"a", "b"}, []int{3, 1, 0}}, {1, []string{"b", "a"}, []int{3}}} {
		got, err := q.List(ctx, c.limit, c.kinds...)
		if err != nil || len(got) != len(c.want) {
			t.Fatalf("%+v: %d jobs, %v", c, len(got), err)
		}
		for i, at := range c.want {
			if got[i].ID != ids[at] {
				t.Errorf("%+v: place %d has %s", c, i, got[i].ID)
			}
		}
	}
}
