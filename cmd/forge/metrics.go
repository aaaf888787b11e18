package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/telemetry"
	"aiforge.dev/forge/serving"
)

// openMetrics shows the server's figures to Prometheus.
func (a *App) openMetrics(context.Context) error {
	f := a.figures
	f.Gauge("forge_prediction_log_batches_on_disk", "Batches of predictions that the log's sink has not taken yet.", func() float64 { return float64(a.serving.log.Waiting()) })
	f.Gauge("forge_prediction_log_memory_bytes", "Predictions in memory on their way to the log.", func() float64 { return float64(a.serving.log.Held()) })
	f.Gauge("forge_metadata_connections", "Open connections of the metadata store.", func() float64 { return float64(a.db.Stats().OpenConnections) })
	f.Gauge("forge_data_log_bytes", "Files of the embedded broker.", func() float64 { return folderBytes(a.cfg.path("log")) })
	f.Gauge("forge_data_metadata_bytes", "Files of the embedded metadata store.", func() float64 { return fileBytes(a.cfg.path("meta.db")) + fileBytes(a.cfg.path("meta.db-wal")) })
	f.Gauge("forge_data_online_bytes", "Files of the embedded online store.", func() float64 { return folderBytes(a.cfg.path("online")) })
	f.Gauge("forge_data_scratch_bytes", "Spill, spool and prediction batches that wait.", func() float64 { return folderBytes(a.cfg.path("tmp")) + folderBytes(a.cfg.path("predictions")) })
	f.Add(a.jobFigures)
	f.Add(a.tableFigures)
	f.Add(a.deploymentFigures)
	telemetry.Register(a.server, f)
	return nil
}

func (a *App) jobFigures(ctx context.Context, _ forge.Scope, add func(telemetry.Figure)) error {
	counts, err := a.jobs.Counts(ctx)
	for _, c := range counts {
		add(telemetry.Figure{Name: "forge_jobs", Help: "Jobs by kind and state.", Labels: []string{"kind", c.Kind, "state", string(c.State)}, Value: float64(c.Jobs)})
	}
	return err
}

func (a *App) deploymentFigures(_ context.Context, scope forge.Scope, add func(telemetry.Figure)) error {
	for _, d := range a.serving.router.List(scope) {
		figure := func(name, help string, total bool, value float64, labels ...string) {
			add(telemetry.Figure{Name: "forge_deployment_" + name, Help: help, Total: total, Labels: append([]string{"deployment", d.Name}, labels...), Value: value})
		}
		ready := 0.0
		if d.State == "ready" {
			ready = 1
		}
		figure("ready", "1 while the deployment answers.", false, ready)
		figure("version", "The model version that answers.", false, float64(d.Version))
		figure("calls_total", "Calls since the server started.", true, float64(d.Requests))
		figure("calls_failed_total", "Calls that failed since the server started.", true, float64(d.Failed))
		figure("latency_seconds", "How long calls took since the server started.", false, d.P50/1000, "quantile", "0.5")
		figure("latency_seconds", "How long calls took since the server started.", false, d.P99/1000, "quantile", "0.99")
	}
	return nil
}

// counted counts predictions on their way to the log.
type counted struct {
	serving.Observer
	figures *telemetry.Telemetry
}

func (c counted) Observe(scope forge.Scope, o serving.Observation) {
	c.figures.Predicted(scope, o.Deployment, o.Version, o.Source)
	c.Observer.Observe(scope, o)
}

// tableFigures shows how long the tables' histories are and of how many files they are.
func (a *App) tableFigures(ctx context.Context, scope forge.Scope, add func(telemetry.Figure)) error {
	tables, err := a.house.Tables.List(ctx, scope)
	if err != nil {
		return err
	}
	waiting, err := a.tables.Waiting(ctx, scope)
	if err != nil {
		return err
	}
	add(telemetry.Figure{Name: "forge_lake_files_to_remove", Help: "Files that no snapshot needs any more and that wait for their time.", Value: float64(waiting)})
	for _, t := range tables {
		figure := func(name, help string, value float64) {
			add(telemetry.Figure{Name: "forge_table_" + name, Help: help, Labels: []string{"table", t.Name.String()}, Value: value})
		}
		figure("rows", "Rows of the table.", float64(t.Rows))
		figure("files", "Data files of the table's newest snapshot.", float64(t.Files))
		figure("bytes", "Bytes of these files.", float64(t.Bytes))
		figure("snapshots", "Snapshots that the table keeps.", float64(t.Snapshots))
		figure("snapshots_tagged", "Snapshots of these that a tag keeps, such as a training set's.", float64(t.Tagged))
		size, err := a.tables.MetadataBytes(ctx, scope, t.Name)
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return err
		}
		figure("metadata_bytes", "Size of the metadata file that each commit writes anew.", float64(size))
	}
	return nil
}

// folderBytes adds up the files below a folder, as far as they can be seen.
func folderBytes(dir string) (sum float64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				sum += float64(info.Size())
			}
		}
		return nil // what is gone meanwhile has no size
	})
	return sum
}

func fileBytes(path string) float64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return float64(info.Size())
}
