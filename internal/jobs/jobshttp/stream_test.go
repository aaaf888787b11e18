package jobshttp_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/httpapi/gatetest"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/jobs/jobshttp"
	"aiforge.dev/forge/internal/jobs/jobstest"
)

// TestQuietStream: a job that says nothing keeps its stream alive, and a server that
// stops lets it go without a done.
func TestQuietStream(t *testing.T) {
	started := make(chan struct{})
	q := jobstest.Start(t, jobstest.SQLite(t)(), jobstest.Config(), func(r *jobs.Runner) {
		r.Register("quiet", func(ctx context.Context, _ jobs.Run) (any, error) {
			close(started)
			<-ctx.Done()
			return nil, ctx.Err()
		})
	})
	s := httpapi.New(gatetest.Gate{}, "test", nil)
	s.HandleRaw(httpapi.Op{ID: "follow", Method: "GET", Path: "/jobs/{id}", Tag: "jobs", Perm: forge.PermRead}, jobshttp.Stream(q, 10*time.Millisecond))
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	j, err := q.Enqueue(jobstest.As(t.Context(), "main", "demo"), "quiet", "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	<-started
	req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/jobs/"+j.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+viewer)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for range 3 {
		for lines.Scan() && lines.Text() == "" {
		}
		if lines.Text() != ": still here" {
			t.Fatalf("line %q", lines.Text())
		}
	}
	if err := q.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		if line := lines.Text(); line == "event: done" {
			t.Error("the stream says done, but the job goes on later")
		}
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream broke instead of ending: %v", err)
	}
}
