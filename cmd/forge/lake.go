package main

import (
	"context"
	"errors"
	"io"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/icebergrest"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/lakehttp"
	"aiforge.dev/forge/lake/recipehttp"
	"github.com/apache/arrow-go/v18/arrow"
)

// openLake opens the tables and the engine that reads and writes them.
func (a *App) openLake(ctx context.Context) error {
	tables, err := a.openTables()
	if err != nil {
		return err
	}
	exe, err := self()
	if err != nil {
		return err
	}
	engine := duck.NewEngine(duck.Config{
		Command: []string{exe, "worker"}, MaxWorkers: a.cfg.Workers, Memory: a.cfg.Memory, TempDir: a.cfg.path("tmp", "query"), Log: a.log,
	})
	a.onClose(engine.Close)
	a.tables, a.house = tables, &lake.House{Tables: tables, Engine: engine}
	a.backup.tables = tables
	lakehttp.Register(a.server, a.house, a.views())
	if err := a.openUpkeep(ctx, tables); err != nil {
		return err
	}
	return a.openIcebergREST(ctx, tables)
}

// openTables opens the warehouse: a folder, or a bucket with copies in the data folder.
func (a *App) openTables() (*iceberg.Tables, error) {
	cfg := iceberg.Config{Log: a.log, Now: a.cfg.Now, Fault: a.cfg.Fault.In("lake")}
	if Embedded(a.cfg.Warehouse) {
		return iceberg.New(a.db, a.cfg.path("lake"), cfg)
	}
	cfg.S3 = iceberg.S3{
		Endpoint: a.cfg.S3Endpoint, Region: a.cfg.S3Region, AccessKey: a.cfg.S3AccessKey, SecretKey: a.cfg.S3SecretKey,
		Copies: a.cfg.path("copies"), Bytes: a.cfg.S3Copies,
	}
	return iceberg.New(a.db, a.cfg.Warehouse, cfg)
}

// openIcebergREST lets other programs use the tables through Iceberg's own protocol.
func (a *App) openIcebergREST(ctx context.Context, tables *iceberg.Tables) error {
	svc, err := icebergrest.New(ctx, icebergrest.Config{
		DB: a.db, Shared: tables.Shared, Lineage: a.identity.lineage, Log: a.log, Now: a.cfg.Now,
		Catalog: func(s forge.Scope) icebergrest.Catalog { return tables.Catalog(s) },
	})
	if err != nil {
		return err
	}
	icebergrest.Register(a.server, svc)
	return nil
}

// openRecipes opens cleaning and masking. Each project masks with a secret of its own,
// so that tokens of one project say nothing in another.
func (a *App) openRecipes(ctx context.Context) error {
	svc, err := clean.New(ctx, clean.Config{
		House: a.house, DB: a.db, Lineage: a.identity.lineage, Log: a.log, Now: a.cfg.Now, Fault: a.cfg.Fault.In("recipe"),
		Secret: func(s forge.Scope) []byte { return a.keys.Derive("mask "+s.String(), 32) },
	})
	if err != nil {
		return err
	}
	a.recipes = svc
	a.jobs.Register(clean.ApplyKind, svc.ApplyJob)
	recipehttp.Register(a.server, svc, svc.Store(), a.jobs)
	return nil
}

// rowReader gives other folders the rows of trusted SQL one by one.
type rowReader struct{ house *lake.House }

// Query calls f for each row; row is reused.
func (r rowReader) Query(ctx context.Context, scope forge.Scope, sql string, args []any, f func(row []any) error) error {
	res, err := r.house.Query(ctx, scope, lake.Query{SQL: sql, Args: args}, nil)
	if err != nil {
		return err
	}
	defer res.Close() //nolint:errcheck // Next has said what there is to say
	var row []any
	return eachBatch(ctx, res, func(rec arrow.RecordBatch) error {
		for i := range int(rec.NumRows()) {
			row = row[:0]
			for j := range int(rec.NumCols()) {
				row = append(row, lake.Value(rec.Column(j), i))
			}
			if err := f(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachBatch calls f with each batch of a result until its end.
func eachBatch(ctx context.Context, res lake.Result, f func(arrow.RecordBatch) error) error {
	for {
		rec, err := res.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(rec); err != nil {
			return err
		}
	}
}
