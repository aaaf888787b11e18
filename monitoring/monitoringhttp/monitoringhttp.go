// Package monitoringhttp is the HTTP surface of monitoring: policies, drift,
// performance, logged predictions and alerts.
package monitoringhttp

import (
	"context"
	"net/http"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/monitoring/watch"
)

type handlers struct{ watch *watch.Service }

type nameInput struct {
	Deployment string `path:"deployment" doc:"Deployment"`
}

// Register adds the operations.
func Register(s *httpapi.Server, svc *watch.Service) {
	h := &handlers{svc}
	op := func(id, method, path, summary string, perm forge.Permission) httpapi.Op {
		return httpapi.Op{ID: id, Method: method, Path: path, Summary: summary, Tag: "monitoring", Perm: perm}
	}
	httpapi.Handle(s, op("put-monitor", "PUT", "/api/monitors/{deployment}", "Say what to watch of a deployment and what to do about it", forge.PermWrite), h.put)
	httpapi.Handle(s, op("get-monitor", "GET", "/api/monitors/{deployment}", "Read a policy", forge.PermRead), h.get)
	httpapi.Handle(s, op("list-drift", "GET", "/api/monitors/{deployment}/drift", "Reports of the windows compared so far", forge.PermRead), h.drift)
	check := op("check-monitor", "POST", "/api/monitors/{deployment}/check", "Compare now", forge.PermWrite)
	check.Status = http.StatusAccepted
	httpapi.Handle(s, check, h.check)
	httpapi.Handle(s, op("list-performance", "GET", "/api/monitors/{deployment}/performance", "Metrics of the windows whose labels have arrived", forge.PermRead), h.performance)
	httpapi.Handle(s, op("list-predictions", "GET", "/api/monitors/{deployment}/predictions", "Newest logged predictions", forge.PermRead), h.predictions)
	httpapi.Handle(s, op("list-alerts", "GET", "/api/alerts", "Alerts, newest first", forge.PermRead), h.alerts)
	httpapi.Handle(s, op("resolve-alert", "POST", "/api/alerts/{id}/resolve", "Close an alert", forge.PermWrite), h.resolve)
}

type policyInput struct {
	Deployment string `path:"deployment" doc:"Deployment"`
	Body       struct {
		Deployment string              `json:"deployment,omitempty" doc:"As in the path, or left out"`
		Window     string              `json:"window,omitempty" doc:"month, week, day or hour of the prediction's event time"`
		MinRows    int64               `json:"min_rows,omitempty" doc:"Smaller windows are reported but raise no alert"`
		PSI        float64             `json:"psi,omitempty" doc:"Effect size from which a column counts as drifted"`
		Alpha      float64             `json:"alpha,omitempty" doc:"False discovery rate"`
		Labels     forge.TableName     `json:"labels,omitzero" doc:"Table with the true labels"`
		LabelKey   string              `json:"label_key,omitempty" doc:"Its column that holds the entity's key"`
		Label      string              `json:"label,omitempty"`
		LabelTime  string              `json:"label_time,omitempty"`
		Metric     string              `json:"metric,omitempty"`
		MaxDrop    float64             `json:"max_drop,omitempty" doc:"Fall of the metric below the training figure that raises an alert"`
		Retrain    *monitoring.Retrain `json:"retrain,omitempty"`
		Check      string              `json:"check,omitempty" doc:"When the server compares by itself: every 1h, hourly, daily, daily at 06:30 (UTC), weekly; never unless given"`
		NextCheck  *time.Time          `json:"next_check,omitempty" doc:"Passed over, so that what was read can be sent back"`
	}
}

type policyOutput struct{ Body monitoring.Policy }

func (h *handlers) put(ctx context.Context, in *policyInput) (*policyOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	b := in.Body
	if b.Deployment != "" && b.Deployment != in.Deployment {
		return nil, forge.Errorf(forge.KindInvalid, nil, "the policy is for %q and the path says %q: make them equal", b.Deployment, in.Deployment)
	}
	p, err := h.watch.SetPolicy(ctx, scope, monitoring.Policy{
		Deployment: in.Deployment, Window: b.Window, MinRows: b.MinRows, PSI: b.PSI, Alpha: b.Alpha, Labels: b.Labels, LabelKey: b.LabelKey,
		Label: b.Label, LabelTime: b.LabelTime, Metric: b.Metric, MaxDrop: b.MaxDrop, Retrain: b.Retrain, Check: b.Check,
	})
	return &policyOutput{p}, err
}

func (h *handlers) get(ctx context.Context, in *nameInput) (*policyOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	p, err := h.watch.Policy(ctx, scope, in.Deployment)
	return &policyOutput{p}, err
}

type reportsOutput struct {
	Body struct {
		Reports []monitoring.Report `json:"reports"`
	}
}

func (h *handlers) drift(ctx context.Context, in *nameInput) (*reportsOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	out := &reportsOutput{}
	out.Body.Reports, err = h.watch.Store.Reports(ctx, scope, in.Deployment)
	return out, err
}

type jobOutput struct{ Body jobs.Job }

func (h *handlers) check(ctx context.Context, in *nameInput) (*jobOutput, error) {
	j, err := h.watch.Enqueue(ctx, in.Deployment)
	return &jobOutput{j}, err
}

type performanceOutput struct {
	Body struct {
		Windows []monitoring.Performance `json:"windows"`
	}
}

func (h *handlers) performance(ctx context.Context, in *nameInput) (*performanceOutput, error) {
	reports, err := h.drift(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &performanceOutput{}
	out.Body.Windows = []monitoring.Performance{}
	for _, r := range reports.Body.Reports {
		if r.Performance != nil {
			out.Body.Windows = append(out.Body.Windows, *r.Performance)
		}
	}
	return out, nil
}

type predictionsInput struct {
	Deployment string `path:"deployment" doc:"Deployment"`
	Limit      int    `query:"limit" default:"50" minimum:"1" maximum:"1000"`
}

// logged is one prediction as the studio shows it.
type logged struct {
	ID       string         `json:"id"`
	At       time.Time      `json:"at"`
	Entity   string         `json:"entity,omitempty"`
	Version  int            `json:"version"`
	Label    string         `json:"label"`
	Score    float64        `json:"score"`
	Features map[string]any `json:"features"`
}

type predictionsOutput struct {
	Body struct {
		Predictions []logged `json:"predictions"`
	}
}

func (h *handlers) predictions(ctx context.Context, in *predictionsInput) (*predictionsOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := h.watch.Predictions.Latest(ctx, scope, in.Deployment, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &predictionsOutput{}
	out.Body.Predictions = make([]logged, len(rows))
	for i, o := range rows {
		out.Body.Predictions[i] = logged{o.ID, o.At, o.Entity, o.Version, o.Label, o.Score, o.Features}
	}
	return out, nil
}

type alertsInput struct {
	Deployment string `query:"deployment" doc:"Only of this deployment"`
}

type alertsOutput struct {
	Body struct {
		Alerts []monitoring.Alert `json:"alerts"`
	}
}

func (h *handlers) alerts(ctx context.Context, in *alertsInput) (*alertsOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	out := &alertsOutput{}
	out.Body.Alerts, err = h.watch.Store.Alerts(ctx, scope, in.Deployment)
	return out, err
}

type alertInput struct {
	ID string `path:"id"`
}

type alertOutput struct{ Body monitoring.Alert }

func (h *handlers) resolve(ctx context.Context, in *alertInput) (*alertOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	a, err := h.watch.Resolve(ctx, scope, in.ID, forge.By(ctx))
	return &alertOutput{a}, err
}
