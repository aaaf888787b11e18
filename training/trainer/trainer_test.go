package trainer_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/trainer"
)

func TestTrain(t *testing.T) {
	b := newBench(t)
	run, job := b.train(t, training.Spec{Model: "calls", TrainingSet: "calls", Alias: "champion", Budget: "5s"})
	if job.State != jobs.Succeeded || run.State != "succeeded" || run.Version != 1 || run.Job != job.ID || run.Finished == nil {
		t.Fatalf("job %+v, run %+v", job, run)
	}
	if run.Task != "binary" || run.Spec.Target != "subscribed" || run.Metric != "roc_auc" || run.Best != "logistic_regression" || run.Rows.Train != 60 {
		t.Errorf("run %+v", run)
	}
	if got := run.Leaderboard; len(got) != 3 || got[0].Family != "logistic_regression" || got[1].Family != "lightgbm" || got[2].Error != "no fit" {
		t.Errorf("leaderboard %+v; want the best first and the failed last", got)
	}
	if len(run.Leakage) != 1 || run.Leakage[0].Column != "duration" || run.Metrics["roc_auc"] != 0.65 || len(run.Metrics) != 1 || run.Warnings[0] != "weak" {
		t.Errorf("run %+v", run)
	}
	v, err := b.store.Resolve(b.ctx, scope, "calls@champion")
	if err != nil || v.Run != run.ID || v.Status != "ready" || v.By != "Ann" || v.Set != "set_1" {
		t.Fatalf("version %+v, %v", v, err)
	}
	if err := modelpkg.VerifyChecksums(v.Dir); err != nil || !strings.HasSuffix(v.Dir, filepath.Join("models", "acme", "bank", "calls", v.Digest)) {
		t.Errorf("package at %s: %v", v.Dir, err)
	}
	if got := left(t, filepath.Join(b.dir, "runs")); len(got) != 1 || !strings.HasSuffix(got[0], "job.json") {
		t.Errorf("left behind: %v", got)
	}
	if len(b.edges) != 2 || b.edges[0].From.ID != "set_1" || b.edges[1].To.String() != "model:calls/1" {
		t.Errorf("lineage %+v", b.edges)
	}
	events, err := b.queue.Events(b.ctx, job.ID, 0)
	if got := kinds(events); err != nil || got != "leakage trial trial trial warning" {
		t.Errorf("events %q, %v", got, err)
	}
	var result trainer.Result
	if err := json.Unmarshal(job.Result, &result); err != nil || result.Version != 1 || result.Run != run.ID || result.Metrics["roc_auc"] != 0.65 {
		t.Errorf("result %s", job.Result)
	}
}

func TestJobFile(t *testing.T) {
	b := newBench(t)
	var job map[string]any
	b.launch = func(ctx context.Context, dir string, emit func(json.RawMessage)) error {
		raw, err := os.ReadFile(filepath.Join(dir, "job.json"))
		if err == nil {
			err = json.Unmarshal(raw, &job)
		}
		if err != nil {
			return err
		}
		return goodTrainer(ctx, dir, emit)
	}
	b.train(t, training.Spec{Model: "calls", TrainingSet: "calls", Budget: "90s", Seed: 4, Keep: []string{"duration"}, Positive: "yes"})
	if job["format"] != 1.0 || job["budget_s"] != 90.0 || job["seed"] != 4.0 || job["data"] != "data" || job["positive"] != "yes" {
		t.Errorf("job %v", job)
	}
	if set := job["training_set"].(map[string]any); set["snapshot"] != "7" || set["table"] != "training.calls" {
		t.Errorf("training set %v", set)
	}
	age := job["columns"].([]any)[4].(map[string]any)
	if age["view"] != "profile" || age["version"] != 2.0 || age["feature"] != "age" || age["role"] != "feature" {
		t.Errorf("column %v", age)
	}
}

func TestStartRefuses(t *testing.T) {
	good := training.Spec{Model: "calls", TrainingSet: "calls"}
	for name, c := range map[string]struct {
		change func(*training.Spec)
		census []any
		text   string
	}{
		"unknown target":   {func(s *training.Spec) { s.Target = "bought" }, nil, "it has call_id, at, subscribed, agent, age, duration"},
		"key as target":    {func(s *training.Spec) { s.Target = "call_id" }, nil, "is the key"},
		"unknown set":      {func(s *training.Spec) { s.TrainingSet = "nope" }, nil, "does not exist"},
		"no set":           {func(s *training.Spec) { s.TrainingSet = "" }, nil, "training_set is missing"},
		"model name":       {func(s *training.Spec) { s.Model = "../x" }, nil, "model name"},
		"alias name":       {func(s *training.Spec) { s.Alias = "A b" }, nil, "alias name"},
		"task":             {func(s *training.Spec) { s.Task = "ranking" }, nil, `task "ranking"`},
		"metric":           {func(s *training.Spec) { s.Metric = "rmse" }, nil, "there are roc_auc"},
		"budget":           {func(s *training.Spec) { s.Budget = "soon" }, nil, `budget "soon"`},
		"no budget":        {func(s *training.Spec) { s.Budget = "0s" }, nil, `budget "0s"`},
		"unknown drop":     {func(s *training.Spec) { s.Drop = []string{"x"} }, nil, `drop: column "x"`},
		"one class":        {nil, []any{int64(100), int64(100), int64(1), "no", int64(9)}, "only one value (no)"},
		"all NULL":         {nil, []any{int64(100), int64(0), int64(0), nil, int64(9)}, "NULL in all 100 rows"},
		"few rows":         {nil, []any{int64(29), int64(29), int64(2), "no", int64(9)}, "only 29 rows"},
		"three for binary": {func(s *training.Spec) { s.Task = "binary" }, []any{int64(100), int64(100), int64(3), "a", int64(9)}, "needs two"},
		"too many classes": {nil, []any{int64(999), int64(999), int64(500), "a", int64(9)}, "at most 100"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			spec := good
			if c.change != nil {
				c.change(&spec)
			}
			if c.census != nil {
				b.census = c.census
			}
			_, _, err := b.Start(b.ctx, spec)
			if err == nil || !strings.Contains(err.Error(), c.text) || forge.KindOf(err) == forge.KindInternal {
				t.Errorf("%v; want %q", err, c.text)
			}
			runs, _ := b.Runs(b.ctx, 10)
			all, _ := b.queue.List(b.ctx, 10)
			if len(runs)+len(all) != 0 {
				t.Errorf("left behind: runs %v, jobs %v", runs, all)
			}
		})
	}
	b := newBench(t)
	if _, _, err := b.Start(t.Context(), good); !errors.Is(err, forge.ErrDenied) {
		t.Errorf("without a project: %v", err)
	}
}

func TestTaskOfTarget(t *testing.T) {
	for _, c := range []struct {
		typ      string
		distinct int64
		want     string
	}{{"string", 2, "binary"}, {"string", 5, "multiclass"}, {"boolean", 2, "binary"}, {"long", 2, "binary"}, {"int", 7, "multiclass"}, {"long", 50, "regression"}, {"double", 2, "binary"}, {"double", 40, "regression"}, {"decimal(9,2)", 5, "regression"}} {
		b := newBench(t)
		b.set.Columns[2] = features.SetColumn{Name: "subscribed", Role: "label"}
		if err := json.Unmarshal([]byte(`"`+c.typ+`"`), &b.set.Columns[2].Type); err != nil {
			t.Fatal(err)
		}
		b.census[2] = c.distinct
		_, run, err := b.Start(b.ctx, training.Spec{Model: "calls", TrainingSet: "calls", Task: "auto"})
		if err != nil || run.Task != c.want {
			t.Errorf("%s with %d values: %s, %v; want %s", c.typ, c.distinct, run.Task, err, c.want)
		}
	}
}

func TestRefusedByServing(t *testing.T) {
	b := newBench(t)
	b.verify = func(string) error { return forge.Errorf(forge.KindInvalid, nil, "row 3 differs") }
	run, job := b.train(t, training.Spec{Model: "calls", TrainingSet: "calls", Alias: "champion"})
	if job.State != jobs.Failed || run.State != "failed" || !strings.Contains(run.Error, "row 3 differs") {
		t.Errorf("job %s, run %s: %s", job.State, run.State, run.Error)
	}
	m, err := b.store.Get(b.ctx, scope, "calls")
	if err != nil || len(m.Versions) != 1 || m.Versions[0].Status != "refused" || m.Versions[0].Reason != "row 3 differs" || len(m.Aliases) != 0 {
		t.Errorf("model %+v, %v", m, err)
	}
}

func TestTrainerRefusesAndCrashes(t *testing.T) {
	for name, c := range map[string]struct {
		launch func(context.Context, string, func(json.RawMessage)) error
		text   string
	}{
		"refuses": {func(_ context.Context, _ string, emit func(json.RawMessage)) error {
			emit(json.RawMessage(`{"type":"trial","family":"lightgbm","score":0.6}`))
			return forge.Errorf(forge.KindInvalid, nil, "no column is left")
		}, "no column is left"},
		"crashes": {func(context.Context, string, func(json.RawMessage)) error {
			return forge.Errorf(forge.KindInternal, nil, "exit code 3")
		}, "exit code 3"},
		"no package": {func(context.Context, string, func(json.RawMessage)) error { return nil }, "forge.yaml"},
		"other run's package": {func(_ context.Context, dir string, _ func(json.RawMessage)) error {
			return pack(dir, func(m map[string]string) { m["forge.yaml"] = strings.Replace(m["forge.yaml"], "run: ", "run: x", 1) })
		}, "not of this run"},
		"damaged package": {func(_ context.Context, dir string, _ func(json.RawMessage)) error {
			if err := pack(dir, nil); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "package", "model.onnx"), []byte("half"), 0o600)
		}, "checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.launch = c.launch
			run, job := b.train(t, training.Spec{Model: "calls", TrainingSet: "calls"})
			if job.State != jobs.Failed || run.State != "failed" || !strings.Contains(run.Error, c.text) || b.launches != 1 {
				t.Errorf("job %s, run %s: %q after %d launches; want %q", job.State, run.State, run.Error, b.launches, c.text)
			}
			if name == "refuses" && len(run.Leaderboard) != 1 {
				t.Errorf("the trials so far are lost: %+v", run.Leaderboard)
			}
			if all, _ := b.store.List(b.ctx, scope); len(all) != 0 {
				t.Errorf("registered: %+v", all)
			}
			if got := left(t, filepath.Join(b.dir, "models")); len(got) != 0 {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	b := newBench(t)
	started := make(chan struct{})
	b.launch = func(ctx context.Context, dir string, emit func(json.RawMessage)) error {
		close(started)
		<-ctx.Done()
		return context.Cause(ctx)
	}
	job, run, err := b.Start(b.ctx, training.Spec{Model: "calls", TrainingSet: "calls"})
	if err != nil {
		t.Fatal(err)
	}
	wait(t, started, "the launch")
	if now, _ := b.Run(b.ctx, run.ID); now.State != "running" {
		t.Errorf("state %s while it runs", now.State)
	}
	if err := b.queue.Cancel(b.ctx, job.ID); err != nil {
		t.Fatal(err)
	}
	if job, err = b.queue.Wait(b.ctx, job.ID); err != nil || job.State != jobs.Cancelled {
		t.Fatalf("job %+v, %v", job, err)
	}
	if run, err = b.Run(b.ctx, run.ID); err != nil || run.State != "cancelled" || run.Finished == nil {
		t.Errorf("run %+v, %v", run, err)
	}
	if got := left(t, b.dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	if all, _ := b.store.List(b.ctx, scope); len(all) != 0 {
		t.Errorf("registered: %+v", all)
	}
}

// A second attempt goes on where the first stopped: the model is not trained again.
func TestSecondAttempt(t *testing.T) {
	b := newBench(t)
	_, run, err := b.Start(b.ctx, training.Spec{Model: "other", TrainingSet: "calls"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.queue.Wait(b.ctx, run.Job); err != nil {
		t.Fatal(err)
	}
	b.launches = 0
	b.verify = func(string) error { return forge.Errorf(forge.KindUnavailable, nil, "library is not there") }
	again := run
	again.ID, again.State, again.Spec.Model = "run_again", "queued", "calls"
	if err := b.store.PutRun(b.ctx, scope, again); err != nil {
		t.Fatal(err)
	}
	attempt := jobstest.NewRun(t, scope, map[string]string{"run": again.ID})
	if _, err := b.Train(b.ctx, attempt); !errors.Is(err, forge.ErrUnavailable) {
		t.Fatalf("first attempt: %v", err)
	}
	if m, err := b.store.Get(b.ctx, scope, "calls"); err != nil || m.Versions[0].Status != "pending" {
		t.Errorf("after the first attempt: %+v, %v", m, err)
	}
	b.verify = func(string) error { return nil }
	for range 2 { // a third attempt changes nothing either
		if _, err := b.Train(b.ctx, attempt); err != nil {
			t.Fatalf("next attempt: %v", err)
		}
	}
	m, err := b.store.Get(b.ctx, scope, "calls")
	if err != nil || len(m.Versions) != 1 || m.Versions[0].Status != "ready" || b.launches != 1 {
		t.Errorf("model %+v, %v, %d launches", m, err, b.launches)
	}
}
