package traininghttp_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/httpapi/gatetest"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/store"
	"aiforge.dev/forge/training/traininghttp"
)

const editor, viewer, predict, stranger = "editor@acme/bank", "viewer@acme/bank", "predict@acme/bank", "editor@acme/shop"

var scope = forge.Scope{Tenant: "acme", Project: "bank"}

// service plays the trainer.
type service struct{ started []training.Spec }

func (s *service) Start(_ context.Context, spec training.Spec) (jobs.Job, training.Run, error) {
	if spec.Target == "bought" {
		return jobs.Job{}, training.Run{}, forge.Errorf(forge.KindInvalid, nil, `target "bought" is not a column; it has age`)
	}
	s.started = append(s.started, spec)
	return jobs.Job{ID: "job_1", Kind: "train", State: jobs.Queued, Args: json.RawMessage(`{"run":"run_1"}`)}, training.Run{ID: "run_1"}, nil
}

func (s *service) Run(ctx context.Context, id string) (training.Run, error) {
	if at, err := forge.ScopeFrom(ctx); err != nil || at != scope || id != "run_1" {
		return training.Run{}, forge.Errorf(forge.KindNotFound, nil, "run %q does not exist", id)
	}
	return training.Run{ID: "run_1", State: "succeeded", Metrics: map[string]float64{"roc_auc": 0.6}}, nil
}

func (s *service) Runs(ctx context.Context, limit int) ([]training.Run, error) {
	return []training.Run{{ID: "run_1"}}[:min(limit, 1)], nil
}

type site struct {
	*testing.T
	url string
	svc *service
	reg *store.Store
}

func open(t *testing.T) *site {
	reg, err := store.Open(t.Context(), jobstest.SQLite(t)())
	if err != nil {
		t.Fatal(err)
	}
	svc := &service{}
	s := httpapi.New(gatetest.Gate{}, "test", nil)
	traininghttp.Register(s, svc, reg)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return &site{t, srv.URL, svc, reg}
}

// call sends a request and decodes the answer, if into is not nil.
func (s *site) call(token, method, path, body string, want int, into any) []byte {
	s.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		s.Fatalf("%s %s: %d %s %v; want %d", method, path, res.StatusCode, b, err, want)
	}
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			s.Fatalf("%s: %v", b, err)
		}
	}
	return b
}

// version registers a ready version with a package on disk.
func (s *site) version(run string) training.Version {
	s.Helper()
	dir := filepath.Join(s.TempDir(), "package")
	if err := os.Mkdir(dir, 0o755); err != nil {
		s.Fatal(err)
	}
	for name, text := range map[string]string{
		"forge.yaml": "format: 1\nkind: tabular\ntask: regression\ntarget: y\ninputs: [{name: age, type: float}]\noutputs: {value: value}\n",
		"card.md":    "# calls\n", "model.onnx": "graph",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			s.Fatal(err)
		}
	}
	digest, err := modelpkg.Digest(dir)
	if err != nil {
		s.Fatal(err)
	}
	v, err := s.reg.Register(s.Context(), scope, training.Version{Model: "calls", Run: run, Status: "ready", Digest: digest, Dir: dir, Task: "regression"})
	if err != nil {
		s.Fatal(err)
	}
	return v
}

func TestRuns(t *testing.T) {
	s := open(t)
	var job jobs.Job
	s.call(editor, "POST", "/api/runs", `{"model":"calls","training_set":"calls","budget":"5s"}`, 202, &job)
	if job.ID != "job_1" || string(job.Args) != `{"run":"run_1"}` || s.svc.started[0].Budget != "5s" {
		t.Errorf("job %+v, started %+v", job, s.svc.started)
	}
	var problem httpapi.Problem
	s.call(editor, "POST", "/api/runs", `{"model":"calls","training_set":"calls","target":"bought"}`, 422, &problem)
	if problem.Kind != forge.KindInvalid || !strings.Contains(problem.Detail, "it has age") {
		t.Errorf("problem %+v", problem)
	}
	s.call(editor, "POST", "/api/runs", `{"model":"calls"`, 400, nil)
	s.call(editor, "POST", "/api/runs", `{"training_set":"calls"}`, 422, nil)
	s.call(viewer, "POST", "/api/runs", `{"model":"calls","training_set":"calls"}`, 403, nil)
	if len(s.svc.started) != 1 {
		t.Errorf("a refused request started a run: %+v", s.svc.started)
	}
	var list struct{ Runs []training.Run }
	if s.call(viewer, "GET", "/api/runs?limit=5", "", 200, &list); len(list.Runs) != 1 {
		t.Errorf("runs %+v", list)
	}
	var run training.Run
	if s.call(viewer, "GET", "/api/runs/run_1", "", 200, &run); run.Metrics["roc_auc"] != 0.6 {
		t.Errorf("run %+v", run)
	}
	s.call(stranger, "GET", "/api/runs/run_1", "", 404, nil)
	s.call(predict, "GET", "/api/runs", "", 403, nil)
	s.call("", "GET", "/api/runs", "", 401, nil)
}

func TestModels(t *testing.T) {
	s := open(t)
	s.version("r1")
	s.version("r2")
	var list struct{ Models []training.Model }
	if s.call(viewer, "GET", "/api/models", "", 200, &list); len(list.Models) != 1 || len(list.Models[0].Versions) != 2 {
		t.Errorf("models %+v", list)
	}
	var v struct {
		training.Version
		Signature modelpkg.Manifest
		Card      string
	}
	s.call(viewer, "GET", "/api/models/calls/versions/1", "", 200, &v)
	if v.Number != 1 || v.Signature.Inputs[0].Name != "age" || v.Card != "# calls\n" {
		t.Errorf("version %+v", v)
	}
	if b := s.call(viewer, "GET", "/api/models/calls/versions/1", "", 200, nil); bytes.Contains(b, []byte(v.Dir)) && v.Dir != "" {
		t.Errorf("the answer tells where the server keeps files: %s", b)
	}
	s.call(viewer, "GET", "/api/models/calls/versions/9", "", 404, nil)
	s.call(viewer, "GET", "/api/models/nothing", "", 404, nil)
	s.call(stranger, "GET", "/api/models/calls", "", 404, nil)
}

func TestAliases(t *testing.T) {
	s := open(t)
	s.version("r1")
	s.version("r2")
	var m training.Model
	s.call(editor, "PUT", "/api/models/calls/aliases/champion", `{"version":1}`, 200, &m)
	if m.Aliases["champion"] != 1 {
		t.Errorf("model %+v", m)
	}
	s.call(editor, "PUT", "/api/models/calls/aliases/champion", `{"version":2,"from":2}`, 409, nil)
	s.call(viewer, "PUT", "/api/models/calls/aliases/champion", `{"version":2}`, 403, nil)
	s.call(editor, "PUT", "/api/models/calls/aliases/champion", `{"version":0}`, 422, nil)
	s.call(editor, "PUT", "/api/models/calls/aliases/champion", `{"version":7}`, 404, nil)
	if v, err := s.reg.Resolve(t.Context(), scope, "calls@champion"); err != nil || v.Number != 1 {
		t.Errorf("after refused moves it is on %d, %v", v.Number, err)
	}
	s.call(editor, "PUT", "/api/models/calls/aliases/champion", `{"version":2,"from":1}`, 200, nil)
	s.call(editor, "DELETE", "/api/models/calls/aliases/champion", "", 204, nil)
	s.call(editor, "DELETE", "/api/models/calls/aliases/champion", "", 404, nil)
}

func TestPackage(t *testing.T) {
	s := open(t)
	s.version("r1")
	b := s.call(viewer, "GET", "/api/models/calls/versions/1/package", "", 200, nil)
	zip, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(text)
	}
	if len(files) != 3 || files["calls-1/model.onnx"] != "graph" {
		t.Errorf("files %v", files)
	}
	if again := s.call(viewer, "GET", "/api/models/calls/versions/1/package", "", 200, nil); !bytes.Equal(again, b) {
		t.Error("the same package gave other bytes")
	}
	s.call(viewer, "GET", "/api/models/calls/versions/x/package", "", 422, nil)
	s.call(viewer, "GET", "/api/models/calls/versions/2/package", "", 404, nil)
	s.call(stranger, "GET", "/api/models/calls/versions/1/package", "", 404, nil)
	s.call(predict, "GET", "/api/models/calls/versions/1/package", "", 403, nil)
}
