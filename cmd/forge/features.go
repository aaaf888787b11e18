package main

import (
	"context"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/featureshttp"
	"aiforge.dev/forge/features/onlinekv"
	"aiforge.dev/forge/features/onlineredis"
	"aiforge.dev/forge/features/registry"
	featurestore "aiforge.dev/forge/features/store"
	"aiforge.dev/forge/lake"
)

// featureParts is the feature store.
type featureParts struct{ registry *registry.Service }

func (a *App) openFeatures(ctx context.Context) error {
	store, err := featurestore.Open(ctx, a.db)
	if err != nil {
		return err
	}
	online, err := a.openOnline(ctx)
	if err != nil {
		return err
	}
	a.onClose(online.Close)
	a.features.registry = registry.New(registry.Config{Store: store, House: a.house, Online: online, Lineage: a.identity.lineage, Log: a.log, Now: a.cfg.Now, Fault: a.cfg.Fault.In("features")})
	a.jobs.Register("features.training-set", a.features.registry.TrainingSetJob)
	a.jobs.Register("features.materialize", a.features.registry.MaterializeJob)
	featureshttp.Register(a.server, a.features.registry, a.jobs)
	return nil
}

// views lets users' SQL read feature views. The lake is opened before the features
// are, so the registry is looked up when a query comes.
func (a *App) views() lake.Views { return featureViews{a} }

type featureViews struct{ app *App }

// ViewSQL implements lake.Views.
func (v featureViews) ViewSQL(ctx context.Context, scope forge.Scope, name string) (string, error) {
	return v.app.features.registry.ViewSQL(ctx, scope, name)
}

func (a *App) openOnline(ctx context.Context) (features.Online, error) {
	if Embedded(a.cfg.Online) {
		var err error
		a.backup.online, err = onlinekv.Open(a.cfg.path("online"), a.log)
		return a.backup.online, err
	}
	return onlineredis.Open(ctx, a.cfg.Online, "forge")
}
