package main

import (
	"context"

	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/maintain"
	"aiforge.dev/forge/lake/maintainhttp"
)

// openUpkeep keeps the tables in order while they are used.
func (a *App) openUpkeep(ctx context.Context, tables *iceberg.Tables) error {
	keeper, err := maintain.New(ctx, maintain.Config{
		DB: a.db, Store: tables, Engine: a.house.Engine, Lineage: a.identity.lineage, Log: a.log, Now: a.cfg.Now,
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
