package main

import (
	"context"
	"encoding/json"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/depend"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/serving/onnx"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/mlflowhttp"
	"aiforge.dev/forge/training/mlflowstore"
	"aiforge.dev/forge/training/python"
	"aiforge.dev/forge/training/runlocal"
	trainingstore "aiforge.dev/forge/training/store"
	"aiforge.dev/forge/training/trainer"
	"aiforge.dev/forge/training/traininghttp"
)

// trainingParts is training and the model registry. runtime is nil where ONNX Runtime
// is not installed; why says so then.
type trainingParts struct {
	store   *trainingstore.Store
	trainer *trainer.Trainer
	runtime *onnx.Runtime
	why     error
}

func (a *App) openTraining(ctx context.Context) error {
	t := &a.training
	var err error
	if t.store, err = trainingstore.Open(ctx, a.db); err != nil {
		return err
	}
	t.store.Fault = a.cfg.Fault.In("registry")
	if err := t.store.Follow(ctx, a.cfg.path("models")); err != nil {
		return err
	}
	a.openRuntime()
	launcher, err := a.launcher()
	if err != nil {
		return err
	}
	t.trainer = trainer.New(trainer.Config{
		Dir: a.cfg.Data, Runs: t.store, Registry: t.store, Queue: a.jobs, Sets: a.features.registry, Data: trainingData{a.house},
		Launcher: launcher, Verifier: verifier{t}, Lineage: a.identity.lineage, Log: a.log, Now: a.cfg.Now, Fault: a.cfg.Fault.In("trainer"),
	})
	a.jobs.Register(trainer.JobKind, t.trainer.Train)
	traininghttp.Register(a.server, t.trainer, t.store)
	return a.openMLflow(ctx)
}

// openMLflow lets MLflow's clients track runs here and see the registry.
func (a *App) openMLflow(ctx context.Context) error {
	t := &a.training
	store, err := mlflowstore.Open(ctx, a.db, a.cfg.Now)
	if err != nil {
		return err
	}
	mlflowhttp.Register(a.server, mlflowhttp.Config{Dir: a.cfg.Data, Store: store, Registry: t.store, Runs: t.trainer, States: t.store, Verifier: verifier{t}, Log: a.log})
	return nil
}

// openRuntime loads ONNX Runtime. Without it everything but models works, and what
// needs it says what to install.
func (a *App) openRuntime() {
	lib, err := depend.ONNXRuntime(a.cfg.ONNXRuntime)
	if err == nil {
		a.training.runtime, err = onnx.Open(lib)
	}
	if err != nil {
		a.training.why = err
		a.log.Warn("models cannot be checked or served", "err", err)
	}
}

// launcher unpacks the trainer and finds its Python. Where Python is missing a run
// fails with what to install, and nothing else does.
func (a *App) launcher() (training.Launcher, error) {
	dir, err := python.Unpack(a.cfg.path("trainer"))
	if err != nil {
		return nil, err
	}
	py, err := depend.Python(a.cfg.Python)
	if err != nil {
		a.log.Warn("models cannot be trained", "err", err)
		return missing{err}, nil
	}
	return runlocal.New(runlocal.Config{Python: py, Path: dir}), nil
}

// missing is the launcher of a machine without the trainer's Python.
type missing struct{ why error }

func (m missing) Check(context.Context) error { return m.why }

func (m missing) Launch(context.Context, string, func(json.RawMessage)) error { return m.why }

// verifier has ONNX Runtime check a package.
type verifier struct{ t *trainingParts }

func (v verifier) Verify(ctx context.Context, dir string) error {
	if v.t.runtime == nil {
		return v.t.why
	}
	return v.t.runtime.Verify(ctx, dir)
}

// trainingData gives the trainer rows of the lake.
type trainingData struct{ house *lake.House }

func (d trainingData) Rows(ctx context.Context, scope forge.Scope, sql string, at map[forge.TableName]int64) ([][]any, error) {
	res, err := d.house.Query(ctx, scope, lake.Query{SQL: sql}, at)
	if err != nil {
		return nil, err
	}
	rows, err := lake.Collect(ctx, res)
	return rows.Rows, err
}

func (d trainingData) Export(ctx context.Context, scope forge.Scope, sql string, at map[forge.TableName]int64, dir string) (int64, error) {
	files, err := d.house.Export(ctx, scope, lake.Query{SQL: sql}, at, dir)
	var n int64
	for _, f := range files {
		n += f.Rows
	}
	return n, err
}
