package jobs_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/jobs/jobstest"
)

// A job that waits for its next attempt does not wait an hour longer because the clock
// was set back by one.
func TestTheClockGoesBack(t *testing.T) {
	db, err := openStore(filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var offset atomic.Int64
	r, err := jobs.New(db, jobs.Config{
		Poll: 20 * time.Millisecond, Back: func(int) time.Duration { return 5 * time.Second }, Lease: time.Second,
		Now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Register("twice", func(_ context.Context, run jobs.Run) (any, error) {
		if run.Attempt() == 1 {
			return nil, forge.Errorf(forge.KindUnavailable, nil, "not now")
		}
		return "done", nil
	})
	ctx := jobstest.As(t.Context(), "main", "demo")
	if err := r.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Stop(context.Background()) })
	j, err := r.Enqueue(ctx, "twice", "Twice", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for j.State != jobs.Queued || j.Attempt != 1 { // it waits for its second attempt
		changed := r.Changed()
		if j, err = r.Get(ctx, j.ID); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changed:
		case <-time.After(5 * time.Millisecond):
		}
	}
	offset.Store(-int64(time.Hour))
	wait, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if j, err = r.Wait(wait, j.ID); err != nil || j.State != jobs.Succeeded {
		t.Errorf("%s after attempt %d: %v", j.State, j.Attempt, err)
	}
}
