package trainer_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/lake/laketest"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/store"
	"aiforge.dev/forge/training/trainer"
)

func TestMain(m *testing.M) { laketest.Main(m) }

var scope = forge.Scope{Tenant: "acme", Project: "bank"}

// calls is a training set as the feature store describes it.
func calls() features.TrainingSet {
	return features.TrainingSet{
		ID: "set_1", Spec: features.TrainingSetSpec{Name: "calls"}, Table: forge.TableName{Namespace: "training", Name: "calls"}, Snapshot: 7,
		Columns: []features.SetColumn{
			{Name: "call_id", Type: "long", Role: "key"}, {Name: "at", Type: "timestamp", Role: "time"},
			{Name: "subscribed", Type: "string", Role: "label"}, {Name: "agent", Type: "string", Role: "kept"},
			{Name: "age", Type: "long", Role: "feature", From: "profile@2.age"}, {Name: "duration", Type: "long", Role: "feature", From: "profile@2.duration", Tags: []string{"leakage"}},
		},
	}
}

// fakes stand for everything around a Trainer but the store and the queue, which are
// real.
type fakes struct {
	mu       sync.Mutex
	set      features.TrainingSet
	census   []any // rows, present, distinct, example, times
	launches int
	launch   func(ctx context.Context, dir string, emit func(json.RawMessage)) error
	verify   func(dir string) error
	edges    []forge.Edge
}

func (f *fakes) TrainingSet(_ context.Context, _ forge.Scope, name string) (features.TrainingSet, error) {
	if name != f.set.Spec.Name && name != f.set.ID {
		return f.set, forge.Errorf(forge.KindNotFound, nil, "training set %q does not exist", name)
	}
	return f.set, nil
}

func (f *fakes) Rows(context.Context, forge.Scope, string, map[forge.TableName]int64) ([][]any, error) {
	return [][]any{f.census}, nil
}

func (f *fakes) Export(_ context.Context, _ forge.Scope, sql string, at map[forge.TableName]int64, dir string) (int64, error) {
	if at[f.set.Table] != f.set.Snapshot {
		return 0, errors.New("the training set's snapshot is not pinned")
	}
	return 1, os.WriteFile(filepath.Join(dir, "rows.parquet"), []byte(sql), 0o600)
}

func (f *fakes) Launch(ctx context.Context, dir string, emit func(json.RawMessage)) error {
	f.mu.Lock()
	f.launches++
	f.mu.Unlock()
	return f.launch(ctx, dir, emit)
}

func (f *fakes) Check(context.Context) error { return nil }

func (f *fakes) Verify(_ context.Context, dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.verify(dir)
}

func (f *fakes) Link(_ context.Context, _ forge.Scope, edges ...forge.Edge) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.edges = append(f.edges, edges...)
	return nil
}

// bench is a Trainer on fakes, with a started queue.
type bench struct {
	*fakes
	*trainer.Trainer
	dir   string
	store *store.Store
	queue *jobs.Runner
	ctx   context.Context
}

func newBench(t *testing.T) *bench {
	t.Helper()
	f := &fakes{set: calls(), census: []any{int64(100), int64(100), int64(2), "no", int64(9)}, launch: goodTrainer, verify: func(string) error { return nil }}
	b := &bench{fakes: f, dir: t.TempDir(), ctx: jobstest.As(t.Context(), string(scope.Tenant), string(scope.Project))}
	db := jobstest.SQLite(t)()
	var err error
	if b.store, err = store.Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	b.queue = jobstest.Start(t, db, jobstest.Config(), func(r *jobs.Runner) {
		r.Register(trainer.JobKind, func(ctx context.Context, run jobs.Run) (any, error) { return b.Train(ctx, run) })
	})
	b.Trainer = trainer.New(trainer.Config{
		Dir: b.dir, Runs: b.store, Registry: b.store, Queue: b.queue, Sets: f, Data: f, Launcher: f, Verifier: f, Lineage: f, Threads: 1,
	})
	return b
}

// train starts a run and waits for its end.
func (b *bench) train(t *testing.T, spec training.Spec) (training.Run, jobs.Job) {
	t.Helper()
	job, run, err := b.Start(b.ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	if job, err = b.queue.Wait(b.ctx, job.ID); err != nil {
		t.Fatal(err)
	}
	if run, err = b.Run(b.ctx, run.ID); err != nil {
		t.Fatal(err)
	}
	return run, job
}

// goodTrainer plays a trainer that makes a sound package.
func goodTrainer(_ context.Context, dir string, emit func(json.RawMessage)) error {
	for _, e := range []string{
		`{"type":"progress","step":"search","done":1,"unit":"trials"}`,
		`{"type":"leakage","column":"duration","score":0.95,"reason":"tagged"}`,
		`{"type":"trial","family":"lightgbm","params":{"trees":9},"score":0.6,"metrics":{"roc_auc":0.6,"f1":null},"seconds":0.5,"error":""}`,
		`{"type":"trial","family":"broken","params":{},"score":null,"metrics":{},"seconds":0.1,"error":"no fit"}`,
		`{"type":"trial","family":"logistic_regression","params":{"C":1},"score":0.7,"metrics":{"roc_auc":0.7},"seconds":0.1,"error":""}`,
		`{"type":"warning","text":"weak","column":"age"}`,
		`{"type":"result","package":"package","best":"logistic_regression","metric":"roc_auc","metrics":{"roc_auc":0.65,"f1":null},"baseline":{"roc_auc":0.5},"curves":{"roc":[[0,0],[1,1]]},"rows":{"train":60,"valid":20,"test":20}}`,
	} {
		emit(json.RawMessage(e))
	}
	return pack(dir, nil)
}

// pack writes the package of the job in dir; harm may change it before it is summed.
func pack(dir string, harm func(m map[string]string)) error {
	b, err := os.ReadFile(filepath.Join(dir, "job.json"))
	if err != nil {
		return err
	}
	var job struct{ Run, Target, Task string }
	if err := json.Unmarshal(b, &job); err != nil {
		return err
	}
	files := map[string]string{
		"forge.yaml": "format: 1\nkind: tabular\ntask: " + job.Task + "\ntarget: " + job.Target + "\nclasses: [\"no\", \"yes\"]\npositive: \"yes\"\nrun: " + job.Run +
			"\ninputs: [{name: age, type: float}]\noutputs: {label: label, scores: scores}\n",
		"example.json": `{"inputs":{"age":[1]},"labels":["no"],"scores":[[1,0]]}`,
		"model.onnx":   "graph of " + job.Run,
		"card.md":      "# calls\n",
	}
	if harm != nil {
		harm(files)
	}
	p := filepath.Join(dir, "package")
	if err := os.Mkdir(p, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(p, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	list, err := modelpkg.Listing(p)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(p, modelpkg.ChecksumsFile), []byte(list), 0o644)
}

// left lists the files below a folder.
func left(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			out = append(out, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func kinds(events []jobs.Event) string {
	var out []string
	for _, e := range events {
		if e.Type != "progress" {
			out = append(out, e.Type)
		}
	}
	return strings.Join(out, " ")
}

func wait(t *testing.T, ch <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(30 * time.Second):
		t.Fatal(what + " did not happen")
	}
}
