package maintainhttp_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/httpapi/gatetest"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
	"aiforge.dev/forge/lake/maintain"
	"aiforge.dev/forge/lake/maintainhttp"
)

type queue struct{ jobs []jobs.Job }

func (q *queue) Enqueue(_ context.Context, kind, title, key string, args any) (jobs.Job, error) {
	b, _ := json.Marshal(args)
	j := jobs.Job{ID: "job_1", Kind: kind, Title: title, State: jobs.Queued, Args: b}
	q.jobs = append(q.jobs, j)
	return j, nil
}

type keeper struct{}

func (keeper) Last(_ context.Context, scope forge.Scope, name forge.TableName) (*maintain.Report, error) {
	if scope != laketest.Scope {
		return nil, nil
	}
	return &maintain.Report{Table: name, Joined: 12, Made: 1}, nil
}

// The policy is shown and changed, and a job is made; other projects and readers change
// nothing.
func TestUpkeep(t *testing.T) {
	tables, q := laketest.Tables(t), &queue{}
	ctx, name := t.Context(), laketest.Name("raw.calls")
	laketest.Must(tables.Create(ctx, laketest.Scope, name, laketest.Pairs, nil))
	laketest.Must(tables.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, tables, laketest.Scope, name, 0, 3)}, Tag: "set:1"}))
	s := httpapi.New(gatetest.Gate{}, "test", nil)
	maintainhttp.Register(s, keeper{}, tables, q)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	const policy = `{"auto": false, "keep_for": "90m", "keep_newest": 7, "target_bytes": 33554432}`
	for _, c := range []struct {
		token, method, body string
		status              int
		want                []string
	}{
		{"viewer@acme/bank", "GET", "", 200, []string{`"auto":true`, `"keep_for":"24h0m0s"`, `"keep_newest":100`, `"files_joined":12`, `"tagged":1`}},
		{"viewer@acme/bank", "PUT", policy, 403, nil},
		{"viewer@acme/bank", "POST", "", 403, nil},
		{"editor@rival/bank", "PUT", policy, 404, nil},
		{"editor@rival/bank", "POST", "", 404, nil},
		{"editor@acme/bank", "PUT", `{"auto": true, "keep_for": "soon", "keep_newest": 7, "target_bytes": 33554432}`, 422, []string{"keep_for"}},
		{"editor@acme/bank", "PUT", `{"auto": true, "keep_for": "1h", "keep_newest": 0, "target_bytes": 33554432}`, 422, []string{"keep_newest"}},
		{"editor@acme/bank", "PUT", policy, 200, []string{`"auto":false`, `"keep_for":"1h30m0s"`, `"keep_newest":7`, `"target_bytes":33554432`}},
		{"editor@acme/bank", "POST", "", 202, []string{"lake.maintain"}},
	} {
		req := laketest.Must(http.NewRequestWithContext(ctx, c.method, srv.URL+"/api/tables/raw.calls/upkeep", strings.NewReader(c.body)))
		req.Header.Set("Authorization", "Bearer "+c.token)
		req.Header.Set("Content-Type", "application/json")
		res := laketest.Must(http.DefaultClient.Do(req))
		text := string(laketest.Must(io.ReadAll(res.Body)))
		_ = res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s by %s: %d %s, want %d", c.method, c.token, res.StatusCode, text, c.status)
		}
		for _, w := range c.want {
			if !strings.Contains(text, w) {
				t.Errorf("%s by %s: %s lacks %s", c.method, c.token, text, w)
			}
		}
	}
	if len(q.jobs) != 1 || string(q.jobs[0].Args) != `{"table":{"namespace":"raw","name":"calls"}}` && string(q.jobs[0].Args) != `{"table":"raw.calls"}` {
		t.Errorf("jobs %+v", q.jobs)
	}
	if u := lake.UpkeepOf(laketest.Must(tables.Load(ctx, laketest.Scope, name)).Properties); !u.Off || u.KeepNewest != 7 {
		t.Errorf("stored %+v", u)
	}
}
