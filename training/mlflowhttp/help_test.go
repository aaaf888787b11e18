package mlflowhttp_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/mlflowhttp"
	"aiforge.dev/forge/training/mlflowstore"
	"aiforge.dev/forge/training/store"
)

// gate takes the token ROLE@TENANT/PROJECT for what it says.
type gate struct{}

func (gate) Authenticate(_ context.Context, token string) (forge.Principal, error) {
	role, place, ok := strings.Cut(token, "@")
	if !ok {
		return forge.Principal{}, httpapi.Unauthenticated("the token is not valid")
	}
	tenant, project, _ := strings.Cut(place, "/")
	return forge.Principal{Name: "Ann", Role: forge.Role(role), Scope: forge.Scope{Tenant: forge.TenantID(tenant), Project: forge.ProjectID(project)}}, nil
}

func (gate) Allows(role forge.Role, perm forge.Permission) bool {
	return role == forge.RoleEditor || role == forge.RoleViewer && perm == forge.PermRead
}
func (gate) Audit(context.Context, httpapi.AuditEvent) {}

const editor, viewer, predict, stranger = "editor@acme/bank", "viewer@acme/bank", "predict@acme/bank", "editor@acme/shop"

var scope = forge.Scope{Tenant: "acme", Project: "bank"}

// trainer plays forge's trainer: it knows the runs of the store.
type trainer struct{ *store.Store }

func (t trainer) Run(ctx context.Context, id string) (training.Run, error) {
	at, err := forge.ScopeFrom(ctx)
	if err != nil {
		return training.Run{}, err
	}
	return t.Store.Run(ctx, at, id)
}

// verifier accepts what holds the graph "graph".
type verifier struct{ calls int }

func (v *verifier) Verify(_ context.Context, dir string) error {
	v.calls++
	b, err := os.ReadFile(filepath.Join(dir, modelpkg.ModelFile))
	if err == nil && string(b) != "graph" {
		err = forge.Errorf(forge.KindInvalid, nil, "row 0: the graph answers otherwise than the trainer")
	}
	return err
}

// site is a server with one model of forge's own: calls/1, made by run_1.
type site struct {
	*testing.T
	url, dir, pack string
	reg            *store.Store
	ml             *mlflowstore.Store
	verifier       *verifier
}

func open(t *testing.T) *site { return openOn(t, jobstest.SQLite(t)()) }

func openOn(t *testing.T, db *sqldb.DB) *site {
	t.Helper()
	ctx := t.Context()
	reg, err := store.Open(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	ml, err := mlflowstore.Open(ctx, db, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, dir: t.TempDir(), reg: reg, ml: ml, verifier: &verifier{}}
	api := httpapi.New(gate{}, "test", nil)
	mlflowhttp.Register(api, mlflowhttp.Config{Dir: s.dir, Store: ml, Registry: reg, Runs: trainer{reg}, States: reg, Verifier: s.verifier, MaxArtifact: 4 << 20})
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	s.trained()
	return s
}

// trained puts run_1 and calls/1 with the alias champion where the trainer would.
func (s *site) trained() {
	s.pack = filepath.Join(s.dir, "models", "acme", "bank", "calls", "d1")
	writePackage(s, s.pack, nil)
	done := time.UnixMilli(1_800_000_060_000).UTC()
	run := training.Run{
		ID: "run_1", Job: "job_1", State: "succeeded", Task: "binary", Metric: "roc_auc", Best: "lightgbm", Version: 1, Created: done.Add(-time.Minute), Finished: &done,
		Spec: training.Spec{Model: "calls", Target: "subscribed", Budget: "60s", Seed: 7}, Rows: training.Split{Train: 800, Valid: 100, Test: 100},
		Set:         features.TrainingSet{ID: "ts_1", Table: forge.TableName{Namespace: "training", Name: "calls"}, Snapshot: 8123456789012345678, Rows: 1000},
		Leaderboard: []training.Trial{{Family: "lightgbm", Params: map[string]any{"leaves": 31}, Score: 0.8}, {Family: "linear", Score: 0.7}, {Family: "odd", Error: "no"}},
		Metrics:     map[string]float64{"roc_auc": 0.79}, Baseline: map[string]float64{"roc_auc": 0.5}, Leakage: []training.Leak{{Column: "duration"}},
	}
	if err := s.reg.PutRun(s.Context(), scope, run); err != nil {
		s.Fatal(err)
	}
	if _, err := s.reg.Register(s.Context(), scope, training.Version{Model: "calls", Status: "ready", Run: "run_1", Digest: "d1", Dir: s.pack, Task: "binary", Metrics: run.Metrics, Set: "ts_1", By: "Ann"}); err != nil {
		s.Fatal(err)
	}
	if err := s.reg.SetAlias(s.Context(), scope, "calls", "champion", 1, 0); err != nil {
		s.Fatal(err)
	}
}

const manifest = `format: 1
kind: tabular
task: binary
family: lightgbm
target: subscribed
classes: ["no", "yes"]
positive: "yes"
inputs:
  - {name: age, type: float}
outputs: {label: label, scores: scores}
training_set: {id: ts_1, table: training.calls, snapshot: "8123456789012345678"}
run: run_1
metrics: {roc_auc: 0.79}
trainer: {lightgbm: 4.7.0}
`

const mlmodel = `flavors:
  onnx: {onnx_version: 1.22.0, data: model.onnx, providers: [CPUExecutionProvider]}
  python_function: {loader_module: mlflow.onnx, data: model.onnx, env: requirements.txt}
model_uuid: 0123456789abcdef0123456789abcdef
run_id: run_1
utc_time_created: '2026-11-25 10:00:00.000000'
`

// writePackage writes a model package; change replaces files in it.
func writePackage(t testing.TB, dir string, change map[string]string) {
	t.Helper()
	all := map[string]string{
		"MLmodel": mlmodel, "forge.yaml": manifest, "model.onnx": "graph", "requirements.txt": "onnx==1.22.0\n", "card.md": "# calls\n", "curves.json": "{}",
		"example.json": `{"inputs": {"age": [41, null]}, "labels": ["no", "yes"], "scores": [[0.9, 0.1], [0.2, 0.8]]}`,
	}
	maps.Copy(all, change)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := modelpkg.Listing(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, modelpkg.ChecksumsFile), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
}

// object is a JSON object.
type object = map[string]any

// send sends a request and returns its status and answer.
func (s *site) send(token, method, path, body string) (int, []byte) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.url+"/mlflow"+path, strings.NewReader(body))
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
	if err != nil {
		s.Fatal(err)
	}
	return res.StatusCode, b
}

const api2, files = "/api/2.0/mlflow/", "/api/2.0/mlflow-artifacts/artifacts"

// do calls an operation that must work.
func (s *site) do(method, path, body string) object {
	s.Helper()
	status, b := s.send(editor, method, api2+path, body)
	var out object
	if err := json.Unmarshal(b, &out); status != http.StatusOK || err != nil {
		s.Fatalf("%s %s %s: %d %s", method, path, body, status, b)
	}
	return out
}

// no calls an operation that must be refused with a status and a code.
func (s *site) no(token, method, path, body string, status int, code string) string {
	s.Helper()
	got, b := s.send(token, method, api2+path, body)
	var out struct {
		Code    string `json:"error_code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(b, &out); err != nil || got != status || out.Code != code || out.Message == "" {
		s.Errorf("%s %s %.200s: %d %s; want %d %s", method, path, body, got, b, status, code)
	}
	return out.Message
}

// at walks into an answer: at(x, "run", "info", "run_id"); numbers index lists.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(object)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// col takes one field of each element of a list.
func col(list any, path ...any) []any {
	out := []any{}
	l, _ := list.([]any)
	for _, x := range l {
		out = append(out, at(x, path...))
	}
	return out
}

// run starts a run and returns its id.
func (s *site) run(experiment, name string) string {
	s.Helper()
	id, _ := at(s.do("POST", "runs/create", `{"experiment_id": "`+experiment+`", "run_name": "`+name+`", "start_time": "1800000000000"}`), "run", "info", "run_id").(string)
	return id
}

// operations are the tests of what the metadata store answers, for both of its kinds.
func operations() map[string]func(*testing.T, *site) {
	return map[string]func(*testing.T, *site){
		"experiments":              testExperiments,
		"experiment pages":         testExperimentPages,
		"runs":                     testRuns,
		"log batch":                testLogBatch,
		"search runs":              testSearchRuns,
		"inputs and model history": testInputsAndModelHistory,
		"forge runs":               testForgeRuns,
		"projects":                 testProjects,
		"forge models":             testForgeModels,
		"registered models":        testRegisteredModels,
		"register package":         testRegisterPackage,
		"register other":           testRegisterOther,
		"aliases":                  testAliases,
		"stages":                   testStages,
		"model versions":           testModelVersions,
		"register at once":         testRegisterAtOnce,
		"artifacts":                testArtifacts,
		"logged models":            testLoggedModels,
	}
}

func TestOperations(t *testing.T) {
	for name, test := range operations() {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}
