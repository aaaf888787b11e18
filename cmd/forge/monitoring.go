package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/monitoring/monitoringhttp"
	monitoringstore "aiforge.dev/forge/monitoring/store"
	"aiforge.dev/forge/monitoring/storeduck"
	"aiforge.dev/forge/monitoring/watch"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/columns"
	"aiforge.dev/forge/serving/router"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/trainer"
	"github.com/apache/arrow-go/v18/arrow"
)

// watchingParts is monitoring.
type watchingParts struct{ watch *watch.Service }

func (a *App) openMonitoring(ctx context.Context) error {
	store, err := monitoringstore.New(ctx, a.db)
	if err != nil {
		return err
	}
	a.watching.watch = &watch.Service{
		Store: store, Predictions: flushed{storeduck.New(rowReader{a.house}, predictionTable), a}, Trained: trained{a},
		Retrainer: retrainer{a}, Jobs: a.jobs, Log: a.log, Now: a.cfg.Now, Deployments: deployed{a},
	}
	a.loop(a.watching.watch.Schedule)
	a.jobs.Register(watch.Kind, a.watching.watch.Check)
	a.jobs.Register(retrainKind, a.retrain)
	monitoringhttp.Register(a.server, a.watching.watch)
	return nil
}

// deployed says what there is to watch.
type deployed struct{ a *App }

func (d deployed) Exists(scope forge.Scope, name string) error {
	_, _, err := d.a.serving.router.Describe(scope, name)
	return err
}

// flushed reads predictions after everything answered so far has reached the table.
type flushed struct {
	monitoring.Store
	a *App
}

func (f flushed) flush(ctx context.Context, scope forge.Scope) error {
	if err := f.a.serving.log.Flush(ctx); err != nil {
		return err
	}
	return f.a.serving.sink.Flush(ctx, scope)
}

func (f flushed) Windows(ctx context.Context, scope forge.Scope, deployment, window string) ([]monitoring.Window, error) {
	if err := f.flush(ctx, scope); err != nil {
		return nil, err
	}
	return f.Store.Windows(ctx, scope, deployment, window)
}

func (f flushed) Latest(ctx context.Context, scope forge.Scope, deployment string, limit int) ([]monitoring.Observation, error) {
	if err := f.flush(ctx, scope); err != nil {
		return nil, err
	}
	return f.Store.Latest(ctx, scope, deployment, limit)
}

// trained tells monitoring about model versions.
type trained struct{ a *App }

func modelRef(model string, version int) string { return fmt.Sprintf("%s/%d", model, version) }

// About implements monitoring.Trained.
func (t trained) About(ctx context.Context, scope forge.Scope, model string, version int) (monitoring.About, error) {
	v, err := t.a.training.store.Resolve(ctx, scope, modelRef(model, version))
	if err != nil {
		return monitoring.About{}, err
	}
	m, err := modelpkg.Read(v.Dir)
	if err != nil {
		return monitoring.About{}, err
	}
	about := monitoring.About{Task: m.Task, Classes: m.Classes, Positive: m.Positive, Numbers: map[string]bool{}, Metrics: v.Metrics}
	for _, in := range m.Inputs {
		about.Numbers[in.Name] = in.Type == serving.Float
	}
	return about, nil
}

// Reference implements monitoring.Trained: the rows that the version's run had, with
// its own answer on those that it was only measured on.
func (t trained) Reference(ctx context.Context, scope forge.Scope, model string, version int, f func([]monitoring.Observation) error) error {
	ref := modelRef(model, version)
	v, err := t.a.training.store.Resolve(ctx, scope, ref)
	if err != nil {
		return err
	}
	run, err := t.a.training.store.Run(ctx, scope, v.Run)
	if err != nil {
		return err
	}
	h, err := t.a.serving.router.Load(ctx, scope, ref)
	if err != nil {
		return err
	}
	defer h.Release()
	return t.a.eachRow(ctx, scope, run, "", func(rec arrow.RecordBatch) error {
		rows, err := observe(ctx, h, rec)
		if err != nil {
			return err
		}
		return f(rows)
	})
}

// eachRow calls f with the rows of a run, as the trainer had them; part is train,
// valid, test or "" for all.
func (a *App) eachRow(ctx context.Context, scope forge.Scope, run training.Run, part string, f func(arrow.RecordBatch) error) error {
	res, err := a.runRows(ctx, scope, run, part)
	if err != nil {
		return err
	}
	defer res.Close() //nolint:errcheck // Next has said what there is to say
	return eachBatch(ctx, res, f)
}

func (a *App) runRows(ctx context.Context, scope forge.Scope, run training.Run, part string) (lake.Result, error) {
	sql, at, err := a.training.trainer.Select(ctx, scope, run)
	if err != nil {
		return nil, err
	}
	if part != "" {
		sql = fmt.Sprintf("SELECT * FROM (%s) WHERE %s = '%s'", sql, trainer.SplitColumn, part)
	}
	return a.house.Query(ctx, scope, lake.Query{SQL: sql}, at)
}

// observe turns rows of a training set into observations, with the model's answer
// where the row is one of its test rows.
func observe(ctx context.Context, h router.Handle, rec arrow.RecordBatch) ([]monitoring.Observation, error) {
	bound, err := columns.Bind(h.Signature.Inputs, rec.Schema())
	if err != nil {
		return nil, err
	}
	n := int(rec.NumRows())
	var in serving.Batch
	var out serving.Output
	if err := bound.Fill(rec, 0, n, &in); err != nil {
		return nil, err
	}
	if err := h.Predictor.Predict(ctx, in, &out); err != nil {
		return nil, err
	}
	split := rec.Schema().FieldIndices(trainer.SplitColumn)[0]
	rows := make([]monitoring.Observation, n)
	for i := range rows {
		rows[i] = monitoring.Observation{At: time.Time{}, Version: h.Package.Version, Features: map[string]any{}, Score: math.NaN()}
		for k, input := range h.Signature.Inputs {
			col := rec.Schema().FieldIndices(input.Name)[0]
			rows[i].Features[h.Signature.Inputs[k].Name] = lake.Value(rec.Column(col), i)
		}
		if lake.Value(rec.Column(split), i) == "test" {
			rows[i].Score = serving.Score(h.Signature.ScoreOf(out, i))
		}
	}
	return rows, nil
}
