package main

import (
	"context"

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
	f.Add(a.jobFigures)
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
