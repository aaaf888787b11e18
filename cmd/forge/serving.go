package main

import (
	"context"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/registry"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/admission"
	"aiforge.dev/forge/serving/batch"
	"aiforge.dev/forge/serving/oip"
	"aiforge.dev/forge/serving/oipgrpc"
	"aiforge.dev/forge/serving/predict"
	"aiforge.dev/forge/serving/predlog"
	"aiforge.dev/forge/serving/router"
	"aiforge.dev/forge/serving/servinghttp"
	servingstore "aiforge.dev/forge/serving/store"
)

// servingParts is what answers.
type servingParts struct {
	router *router.Router
	log    *predlog.Log
	sink   *predictionSink
}

func (a *App) openServing(ctx context.Context) error {
	store, err := servingstore.Open(ctx, a.db)
	if err != nil {
		return err
	}
	s := &a.serving
	s.router, err = router.New(ctx, router.Config{Models: models{a}, Loader: loader{&a.training}, Store: store, Lineage: a.identity.lineage, Log: a.log, Now: a.cfg.Now})
	if err != nil {
		return err
	}
	a.onClose(s.router.Close)
	a.loop(s.router.Run)
	// A promote reaches the router at once; what another process moves, within a second.
	unwatch := a.training.store.Watch(func(forge.Scope, string) { s.router.Notify() })
	a.onClose(func() error { unwatch(); return nil })
	s.sink = newPredictionSink(a.ingest.log, a.ingest.sink)
	if s.log, err = predlog.Open(predlog.Config{Sink: s.sink, Dir: a.cfg.path("predictions"), Log: a.log, Fault: a.cfg.Fault.In("predictions")}); err != nil {
		return err
	}
	a.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		return s.log.Close(ctx)
	})
	look := lookups{a.features.registry}
	seen := counted{s.log, a.figures}
	rows := batchLake{a.house, a.views()}
	room := admission.New(admission.Limits{}) // one for all ways of asking
	servinghttp.Register(a.server, s.router, predict.New(predict.Config{Deployments: s.router, Features: look, Observer: seen, Gate: room}),
		batch.Starter{Models: models{a}, Deployments: s.router, Rows: rows, Queue: a.jobs})
	protocol := oip.Config{Deployments: s.router, Observer: seen, Version: version, Gate: room}
	oip.Register(a.server, oip.New(protocol))
	oipgrpc.Register(a.server, oipgrpc.New(protocol))
	a.jobs.Register(batch.Kind, batch.Handler(batch.Config{
		Predictors: s.router, Lake: rows, Observer: seen, Lineage: a.identity.lineage, Now: a.cfg.Now, Fault: a.cfg.Fault.In("batch"),
	}))
	return nil
}

// models resolves references by the registry.
type models struct{ a *App }

func (m models) Resolve(ctx context.Context, scope forge.Scope, ref string) (serving.Package, error) {
	v, err := m.a.training.store.Resolve(ctx, scope, ref)
	if err != nil {
		return serving.Package{}, err
	}
	if v.Status != "ready" {
		return serving.Package{}, forge.Errorf(forge.KindConflict, nil, "model %s/%d is %s, not ready: %s", v.Model, v.Number, v.Status, v.Reason)
	}
	return serving.Package{Model: v.Model, Version: v.Number, Digest: v.Digest, Dir: v.Dir}, nil
}

// loader loads packages with ONNX Runtime, where it is installed.
type loader struct{ t *trainingParts }

func (l loader) Load(dir string) (serving.Predictor, error) {
	if l.t.runtime == nil {
		return nil, l.t.why
	}
	return l.t.runtime.Load(dir)
}

// lookups answers a model's inputs from the feature store.
type lookups struct{ registry *registry.Service }

func (l lookups) Lookup(ctx context.Context, scope forge.Scope, inputs []serving.Input, keys map[string]string) ([]serving.Value, time.Time, error) {
	wants := make([]registry.Want, len(inputs))
	for i, in := range inputs {
		if in.View == "" {
			return nil, time.Time{}, forge.Errorf(forge.KindInvalid, nil, "input %q of this model comes from no feature view: send rows instead of entities", in.Name)
		}
		wants[i] = registry.Want{View: in.View, Version: in.Version, Feature: in.Feature}
	}
	v, err := l.registry.Lookup(ctx, scope, wants, keys)
	if err != nil {
		return nil, time.Time{}, err
	}
	out := make([]serving.Value, len(v.Values))
	for i, x := range v.Values {
		if out[i], err = serving.ValueOf(inputs[i], x); err != nil {
			return nil, time.Time{}, err
		}
	}
	return out, l.about(ctx, scope, wants, v), nil
}

// about is the time that an entity's row is about: the newest event of its own views.
// Views without keys, such as a market, say nothing of the entity.
func (l lookups) about(ctx context.Context, scope forge.Scope, wants []registry.Want, v features.Vector) time.Time {
	var t time.Time
	for i, e := range v.Event {
		if e.After(t) && l.registry.Keyed(ctx, scope, wants[i]) {
			t = e
		}
	}
	return t
}
