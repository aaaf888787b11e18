package main

import (
	"context"
	"time"

	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/maintain"
	"aiforge.dev/forge/lake/maintainhttp"
)

// openUpkeep keeps the tables in order while they are used.
func (a *App) openUpkeep(ctx context.Context, tables *iceberg.Tables) error {
	keeper, err := maintain.New(ctx, maintain.Config{
		DB: a.db, Store: tables, Engine: a.house.Engine, Lineage: a.identity.lineage, Untraced: untraced, Log: a.log, Now: a.cfg.Now,
		Fault: a.cfg.Fault.In("upkeep"), Every: a.cfg.UpkeepEvery, Grace: a.cfg.UpkeepGrace, OrphanAge: a.cfg.UpkeepOrphans,
	})
	if err != nil {
		return err
	}
	a.loop(keeper.Run)
	a.jobs.Register(maintain.Kind, keeper.Job)
	maintainhttp.Register(a.server, keeper, tables, a.jobs)
	return nil
}

// keepNewest bounds the finished jobs of each project, however young.
const keepNewest = 20_000

// openHousekeeping forgets what has had its time: finished jobs, uploads that nobody went
// on with, sign-ins that ended. The audit log is never shortened.
func (a *App) openHousekeeping(context.Context) error {
	every, keep := time.Hour, a.cfg.KeepJobs
	if keep <= 0 {
		keep = 30 * 24 * time.Hour
	}
	every = min(every, keep)
	a.loop(func(ctx context.Context) error {
		for {
			a.tidy(ctx, keep)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(every):
			}
		}
	})
	return nil
}

func (a *App) tidy(ctx context.Context, keepJobs time.Duration) {
	say := func(what string, err error) {
		if err != nil && ctx.Err() == nil {
			a.log.Warn("housekeeping", "of", what, "err", err)
		}
	}
	now := time.Now
	if a.cfg.Now != nil {
		now = a.cfg.Now
	}
	_, err := a.jobs.Prune(ctx, now().Add(-keepJobs), keepNewest)
	say("jobs", err)
	say("uploads", a.ingest.loads.ForgetOld(ctx))
	say("sign-ins", a.identity.auth.ForgetOld(ctx))
}
