package servinghttp_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/serving/batch"
	"aiforge.dev/forge/serving/predict"
	"aiforge.dev/forge/serving/servinghttp"
	"aiforge.dev/forge/serving/servingtest"
)

type queue struct {
	kind, title string
	args        any
}

func (q *queue) Enqueue(_ context.Context, kind, title, _ string, args any) (jobs.Job, error) {
	q.kind, q.title, q.args = kind, title, args
	return jobs.Job{ID: "job_1", Kind: kind, Title: title, State: jobs.Queued}, nil
}

// Find implements batch.Rows: there is nothing but curated.calls and raw.calls.
func (q *queue) Find(_ context.Context, _ forge.Scope, in string) error {
	if in != "curated.calls" && in != "raw.calls" {
		return forge.Errorf(forge.KindNotFound, nil, "table %s does not exist", in)
	}
	return nil
}

func open(t *testing.T) (servingtest.Client, *servingtest.Models, *queue) {
	t.Helper()
	models, q := servingtest.NewModels(t), &queue{}
	models.Alias("champion", 1)
	r := servingtest.NewRouter(t, models, models)
	return servingtest.Serve(t, func(s *httpapi.Server) {
		servinghttp.Register(s, r, predict.New(predict.Config{Deployments: r}), batch.Starter{Models: models, Deployments: r, Rows: q, Queue: q})
	}), models, q
}

func TestDeployments(t *testing.T) {
	c, _, _ := open(t)
	status, text, _ := c.Do("PUT", "/api/deployments/calls", `{"ref": "calls@champion"}`)
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	var d struct {
		Name, Ref, Model, Alias, State string
		Version                        int
		Signature                      struct {
			Model  string
			Inputs []struct{ Name, Type, View string }
		}
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if d.Name != "calls" || d.Alias != "champion" || d.Version != 1 || d.State != "ready" || len(d.Signature.Inputs) != 2 || d.Signature.Model != "calls" {
		t.Errorf("%s", text)
	}
	if status, text, _ := c.As("predict").Do("POST", "/v1/predict/calls", `{"rows": [{"age": 50}]}`); status != 200 || !strings.Contains(text, `"label":"yes"`) {
		t.Errorf("predict: %d %s", status, text)
	}
	status, text, _ = c.As("viewer").Do("GET", "/api/deployments/calls", "")
	if status != 200 || !strings.Contains(text, `"requests":1`) || !strings.Contains(text, `"signature"`) {
		t.Errorf("get: %d %s", status, text)
	}
	if status, text, _ := c.As("viewer").Do("GET", "/api/deployments", ""); status != 200 || !strings.HasPrefix(text, `{"deployments":[{"name":"calls"`) {
		t.Errorf("list: %d %s", status, text)
	}
	if status, text, _ := c.Do("DELETE", "/api/deployments/calls", ""); status != 204 {
		t.Errorf("delete: %d %s", status, text)
	}
	if status, text, _ := c.Do("GET", "/api/deployments", ""); status != 200 || strings.TrimSpace(text) != `{"deployments":[]}` {
		t.Errorf("list: %d %s", status, text)
	}
}

func TestRefused(t *testing.T) {
	c, models, q := open(t)
	models.Break(9, true)
	for _, x := range []struct {
		token, method, path, body string
		status                    int
		want                      string
	}{
		{"viewer", "PUT", "/api/deployments/calls", `{"ref": "calls@champion"}`, 403, "write"},
		{"predict", "GET", "/api/deployments", ``, 403, "read"},
		{"", "GET", "/api/deployments", ``, 401, "token"},
		{"editor", "PUT", "/api/deployments/calls", `{"ref": "calls@nobody"}`, 404, "nobody"},
		{"editor", "PUT", "/api/deployments/calls", `{"ref": "calls/9"}`, 422, "calls/9 cannot be loaded: model.onnx is broken"},
		{"editor", "PUT", "/api/deployments/No", `{"ref": "calls/1"}`, 422, "lower case"},
		{"editor", "PUT", "/api/deployments/calls", `{}`, 422, "ref"},
		{"editor", "GET", "/api/deployments/calls", ``, 404, "does not exist"},
		{"editor", "DELETE", "/api/deployments/calls", ``, 404, "does not exist"},
		{"viewer", "POST", "/api/batch", `{"ref": "calls@champion", "in": "raw.calls", "out": "scored.calls"}`, 403, "write"},
		{"editor", "POST", "/api/batch", `{"ref": "calls@champion", "in": "raw.calls", "out": "scored"}`, 422, "NAMESPACE.NAME"},
		{"editor", "POST", "/api/batch", `{"ref": "calls@champion", "in": "raw.calls", "out": "raw.calls"}`, 422, "another table"},
		{"editor", "POST", "/api/batch", `{"in": "raw.calls"}`, 422, "ref"},
		{"editor", "POST", "/api/batch", `{"ref": "calls@nobody", "in": "raw.calls", "out": "scored.calls"}`, 404, "nobody"},
		{"editor", "POST", "/api/batch", `{"ref": "calls@champion", "in": "raw.none", "out": "scored.calls"}`, 404, "raw.none"},
		{"editor", "POST", "/api/batch", `{"ref": "calls@champion", "in": "raw.calls", "out": "scored.calls", "log": "nowhere"}`, 404, "nowhere"},
	} {
		status, text, header := c.As(x.token).Do(x.method, x.path, x.body)
		if status != x.status || !strings.Contains(text, x.want) || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %s: %d %s, want %d %q", x.method, x.path, x.body, status, text, x.status, x.want)
		}
	}
	if q.kind != "" {
		t.Errorf("a refused request started a job: %+v", q)
	}
}

func TestBatch(t *testing.T) {
	c, _, q := open(t)
	status, text, _ := c.Do("POST", "/api/batch", `{"ref": "models:/calls@champion", "in": "curated.calls", "out": "scored.calls", "keep": null}`)
	if status != 202 || !strings.Contains(text, `"id":"job_1"`) {
		t.Fatalf("%d %s", status, text)
	}
	if a, ok := q.args.(batch.Args); !ok || q.kind != batch.Kind || a.In != "curated.calls" || q.title != "Score curated.calls with models:/calls@champion into scored.calls" {
		t.Errorf("%+v", q)
	}
}
