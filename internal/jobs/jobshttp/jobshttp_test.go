package jobshttp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/httpapi/gatetest"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/jobs/jobshttp"
	"aiforge.dev/forge/internal/jobs/jobstest"
)

func serve(t *testing.T, register func(*jobs.Runner)) (*httptest.Server, *jobs.Runner) {
	q := jobstest.Start(t, jobstest.SQLite(t)(), jobstest.Config(), register)
	s := httpapi.New(gatetest.Gate{}, "test", nil)
	jobshttp.Register(s, q)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return srv, q
}

func call(t *testing.T, method, url, token string, into any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if into != nil {
		if err := json.NewDecoder(res.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	return res.StatusCode
}

const editor, viewer, stranger = "editor@main/demo", "viewer@main/demo", "editor@main/other"

func TestFollowAndCancel(t *testing.T) {
	started := make(chan struct{})
	srv, q := serve(t, func(r *jobs.Runner) {
		r.Register("talk", func(ctx context.Context, run jobs.Run) (any, error) {
			run.Emit("log", map[string]string{"text": "one"})
			run.Emit("log", map[string]string{"text": "two\nlines"})
			close(started)
			<-ctx.Done()
			return nil, ctx.Err()
		})
	})
	j, err := q.Enqueue(jobstest.As(t.Context(), "main", "demo"), "talk", "Talk", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	<-started
	at := srv.URL + "/api/jobs/" + j.ID
	if code := call(t, "POST", at+"/cancel", viewer, nil); code != http.StatusForbidden {
		t.Errorf("a viewer cancels: %d", code)
	}
	if code := call(t, "POST", at+"/cancel", stranger, nil); code != http.StatusNotFound {
		t.Errorf("another project cancels: %d", code)
	}
	if code := call(t, "GET", at+"/events", stranger, nil); code != http.StatusNotFound {
		t.Errorf("another project follows: %d", code)
	}
	var now jobs.Job
	if code := call(t, "GET", at, viewer, &now); code != 200 || now.State != jobs.Running {
		t.Fatalf("after refused requests: %d, %s", code, now.State)
	}
	frames := follow(t, at+"/events")
	if got := <-frames; got.event != "log" || got.id != "1" || !strings.Contains(got.data, `"one"`) {
		t.Errorf("first frame %+v", got)
	}
	if got := <-frames; got.id != "2" || !strings.Contains(got.data, `two\nlines`) {
		t.Errorf("second frame %+v", got)
	}
	if code := call(t, "POST", at+"/cancel", editor, &now); code != 200 || now.ID != j.ID {
		t.Errorf("cancel: %d %+v", code, now)
	}
	last := <-frames
	var done jobs.Job
	if err := json.Unmarshal([]byte(last.data), &done); err != nil || last.event != "done" || done.State != jobs.Cancelled {
		t.Errorf("last frame %+v (%v)", last, err)
	}
	if _, more := <-frames; more {
		t.Error("the stream goes on after done")
	}
	again := follow(t, at+"/events?after=1") // a reconnecting client misses nothing
	if got := <-again; got.id != "2" {
		t.Errorf("after=1 gives %+v", got)
	}
	var list struct{ Jobs []jobs.Job }
	if code := call(t, "GET", srv.URL+"/api/jobs?kind=talk", viewer, &list); code != 200 || len(list.Jobs) != 1 {
		t.Errorf("list: %d %+v", code, list)
	}
	var none struct{ Jobs []jobs.Job }
	if code := call(t, "GET", srv.URL+"/api/jobs?kind=other", viewer, &none); code != 200 || none.Jobs == nil || len(none.Jobs) != 0 {
		t.Errorf("an empty list: %d %+v", code, none)
	}
	if code := call(t, "GET", srv.URL+"/api/jobs?limit=0", viewer, nil); code != http.StatusUnprocessableEntity {
		t.Errorf("limit 0: %d", code)
	}
	if code := call(t, "GET", at+"/events?after=x", viewer, nil); code != http.StatusUnprocessableEntity {
		t.Errorf("after=x: %d", code)
	}
}

type frame struct{ id, event, data string }

func follow(t *testing.T, url string) <-chan frame {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+viewer)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if ct := res.Header.Get("Content-Type"); res.StatusCode != 200 || ct != "text/event-stream" {
		t.Fatalf("%s: %d %s", url, res.StatusCode, ct)
	}
	out := make(chan frame, 100)
	go func() {
		defer close(out)
		defer res.Body.Close()
		var f frame
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				f.id = value
			case "event":
				f.event = value
			case "data":
				f.data = value
			case "":
				if value == "" && f.event != "" {
					out <- f
				}
				f = frame{}
			}
		}
	}()
	return out
}
