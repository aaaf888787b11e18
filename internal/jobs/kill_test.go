package jobs_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/internal/sqldb"
)

// childStore makes the test binary play a server: the variable names its store.
const childStore = "FORGE_TEST_JOBS_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childStore); path != "" {
		child(path)
	}
	os.Exit(m.Run())
}

// child runs one job until it is killed, and tells when the job has got half way.
func child(path string) {
	db, err := openStore(path)
	if err != nil {
		panic(err)
	}
	r, err := jobs.New(db, jobs.Config{})
	if err != nil {
		panic(err)
	}
	r.Register("long", func(ctx context.Context, run jobs.Run) (any, error) {
		if err := run.Step(ctx, "half", nil, func(context.Context) (any, error) { return "kept", nil }); err != nil {
			return nil, err
		}
		_, _ = os.Stdout.WriteString("half\n")
		<-ctx.Done()
		return nil, ctx.Err()
	})
	ctx := context.Background()
	if _, err := r.Enqueue(jobstest.As(ctx, "main", "demo"), "long", "Long", "", nil); err != nil {
		panic(err)
	}
	if err := r.Start(ctx); err != nil {
		panic(err)
	}
	select {}
}

func openStore(path string) (*sqldb.DB, error) {
	return sqldb.Open(context.Background(), path, bytes.Repeat([]byte{7}, 64))
}

// TestKilled kills a server in the middle of a job, with the default lease of 15 s;
// the next one on the same data folder goes on within seconds, with the finished step.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childStore+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it says that it was killed

	db, err := openStore(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	began := time.Now()
	next := jobstest.Start(t, db, jobs.Config{Sole: true}, func(r *jobs.Runner) {
		r.Register("long", func(ctx context.Context, run jobs.Run) (any, error) {
			var s string
			err := run.Step(ctx, "half", &s, func(context.Context) (any, error) { return "done again", nil })
			return s, err
		})
	})
	ctx := jobstest.As(t.Context(), "main", "demo")
	list, err := next.List(ctx, 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	j, err := next.Wait(ctx, list[0].ID)
	if err != nil || j.State != jobs.Succeeded || string(j.Result) != `"kept"` || j.Attempt != 2 {
		t.Fatalf("%+v %v", j, err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("resumed after %s", took)
	}
}
