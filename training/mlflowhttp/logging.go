package mlflowhttp

import (
	"context"
	"encoding/json"
	"net/http"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/training/mlflowstore"
)

// datasetInput is a dataset that a run read.
type datasetInput struct {
	Tags    []mlflowstore.KV `json:"tags"`
	Dataset dataset          `json:"dataset"`
}

type dataset struct {
	Name       string `json:"name"`
	Digest     string `json:"digest"`
	SourceType string `json:"source_type,omitempty"`
	Source     string `json:"source,omitempty"`
	Schema     string `json:"schema,omitempty"`
	Profile    string `json:"profile,omitempty"`
}

// modelUse is a logged model that a run read or made.
type modelUse struct {
	ID   string `json:"model_id"`
	Step whole  `json:"step,omitempty"`
}

func showInputs(all []mlflowstore.Input) (datasets []datasetInput, read, made []modelUse) {
	datasets, read, made = []datasetInput{}, []modelUse{}, []modelUse{}
	for _, in := range all {
		switch in.Kind {
		case mlflowstore.InputDataset:
			var d datasetInput
			if json.Unmarshal(in.Body, &d) == nil {
				datasets = append(datasets, d)
			}
		case mlflowstore.InputModel:
			read = append(read, modelUse{ID: in.Name})
		case mlflowstore.OutputModel:
			made = append(made, modelUse{ID: in.Name, Step: whole(in.Step)})
		}
	}
	return datasets, read, made
}

type batchIn struct {
	Run     string           `json:"run_id"`
	Metrics []metric         `json:"metrics"`
	Params  []mlflowstore.KV `json:"params"`
	Tags    []mlflowstore.KV `json:"tags"`
}

type metricIn struct {
	metric
	Run  string `json:"run_id"`
	UUID string `json:"run_uuid"`
}

// registerLogging adds what clients call while they train: often, and so not audited
// one by one.
func (a *api) registerLogging(s *httpapi.Server) {
	handle(s, call{id: "log-metric", method: http.MethodPost, path: "runs/log-metric", summary: "log a point of a metric", perm: forge.PermWrite, quiet: true}, func(ctx context.Context, scope forge.Scope, in metricIn) (any, error) {
		if in.Run == "" {
			in.Run = in.UUID
		}
		return none{}, a.Store.LogBatch(ctx, scope, in.Run, []mlflowstore.Metric{in.point()}, nil, nil)
	})
	handle(s, call{id: "log-batch", method: http.MethodPost, path: "runs/log-batch", summary: "log metrics, params and tags", perm: forge.PermWrite, quiet: true}, func(ctx context.Context, scope forge.Scope, in batchIn) (any, error) {
		var points []mlflowstore.Metric
		for _, m := range in.Metrics {
			points = append(points, m.point())
		}
		return none{}, a.Store.LogBatch(ctx, scope, in.Run, points, in.Params, in.Tags)
	})
	handle(s, call{id: "log-model", method: http.MethodPost, path: "runs/log-model", summary: "note a model of a run", perm: forge.PermWrite}, a.logModel)
	handle(s, call{id: "log-inputs", method: http.MethodPost, path: "runs/log-inputs", summary: "note what a run reads", perm: forge.PermWrite, most: 8 << 20}, a.logInputs)
	handle(s, call{id: "log-outputs", method: http.MethodPost, path: "runs/outputs", summary: "note models that a run made", perm: forge.PermWrite}, a.logOutputs)
	handle(s, call{id: "metric-history", method: http.MethodGet, path: "metrics/get-history", summary: "all points of a metric", perm: forge.PermRead}, a.history)
	handle(s, call{id: "metric-history-interval", method: http.MethodGet, path: "metrics/get-history-bulk-interval", summary: "points of a metric of several runs, thinned out", perm: forge.PermRead}, a.historyOfMany)
}

type logModelIn struct {
	Run   string `json:"run_id"`
	Model string `json:"model_json"`
}

// modelHistoryTag is where MLflow before version 3 keeps the models of a run.
const modelHistoryTag = "mlflow.log-model.history"

func (a *api) logModel(ctx context.Context, scope forge.Scope, in logModelIn) (any, error) {
	var model map[string]any
	if err := json.Unmarshal([]byte(in.Model), &model); err != nil || model["artifact_path"] == nil && model["model_id"] == nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "model_json is not a description of a model")
	}
	r, err := a.Store.Run(ctx, scope, in.Run)
	if err != nil {
		return nil, err
	}
	var all []any
	if was, ok := find(r.Tags, modelHistoryTag).(string); ok {
		if err := json.Unmarshal([]byte(was), &all); err != nil {
			return nil, invalid("tag %s of run %s is no list of models", modelHistoryTag, in.Run)
		}
	}
	all = append(all, model)
	b, err := json.Marshal(all)
	for err == nil && len(b) > 8000 && len(all) > 1 { // a tag holds no more: the oldest go
		all = all[1:]
		b, err = json.Marshal(all)
	}
	if err != nil {
		return nil, err
	}
	return none{}, a.Store.LogBatch(ctx, scope, in.Run, nil, nil, []mlflowstore.KV{{Key: modelHistoryTag, Value: string(b)}})
}

type inputsIn struct {
	Run      string         `json:"run_id"`
	Datasets []datasetInput `json:"datasets"`
	Models   []modelUse     `json:"models"`
}

func (a *api) logInputs(ctx context.Context, scope forge.Scope, in inputsIn) (any, error) {
	var all []mlflowstore.Input
	for _, d := range in.Datasets {
		body, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		use, _ := find(d.Tags, "mlflow.data.context").(string)
		all = append(all, mlflowstore.Input{Kind: mlflowstore.InputDataset, Name: d.Dataset.Name, Digest: d.Dataset.Digest, Context: use, Body: body})
	}
	for _, m := range in.Models {
		all = append(all, mlflowstore.Input{Kind: mlflowstore.InputModel, Name: m.ID})
	}
	return none{}, a.Store.LogInputs(ctx, scope, in.Run, all)
}

func (a *api) logOutputs(ctx context.Context, scope forge.Scope, in inputsIn) (any, error) {
	var all []mlflowstore.Input
	for _, m := range in.Models {
		all = append(all, mlflowstore.Input{Kind: mlflowstore.OutputModel, Name: m.ID, Step: int64(m.Step)})
	}
	return none{}, a.Store.LogInputs(ctx, scope, in.Run, all)
}

type historyIn struct {
	Run   string `json:"run_id"`
	UUID  string `json:"run_uuid"`
	Key   string `json:"metric_key"`
	Max   whole  `json:"max_results"`
	Token string `json:"page_token"`
}

func (a *api) history(ctx context.Context, scope forge.Scope, in historyIn) (any, error) {
	if in.Run == "" {
		in.Run = in.UUID
	}
	limit, err := most(in.Max, 25000, 50000)
	if err != nil {
		return nil, err
	}
	print := []any{in.Run, in.Key}
	from, err := offset(in.Token, print)
	if err != nil {
		return nil, err
	}
	if err := a.mirrorOne(ctx, scope, in.Run); err != nil {
		return nil, err
	}
	points, more, err := a.Store.History(ctx, scope, in.Run, in.Key, from, limit)
	if err != nil {
		return nil, err
	}
	next := ""
	if more {
		next = token(from+len(points), print)
	}
	out := showMetrics(points)
	for i := range out {
		out[i].Run = ""
	}
	return paged("metrics", out, next), nil
}

type historiesIn struct {
	Runs  texts  `json:"run_ids"`
	Key   string `json:"metric_key"`
	First *whole `json:"start_step"`
	Last  *whole `json:"end_step"`
	Max   whole  `json:"max_results"`
}

// historyOfMany gives at most max_results points of each run, evenly thinned out, the
// first and the last always among them.
func (a *api) historyOfMany(ctx context.Context, scope forge.Scope, in historiesIn) (any, error) {
	if len(in.Runs) == 0 || len(in.Runs) > 100 {
		return nil, invalid("run_ids: want 1 to 100 runs, not %d", len(in.Runs))
	}
	limit, err := most(in.Max, 2500, 2500)
	if err != nil {
		return nil, err
	}
	out := []metric{}
	for _, id := range in.Runs {
		points, _, err := a.Store.History(ctx, scope, id, in.Key, 0, 50000)
		if err != nil {
			return nil, err
		}
		var within []mlflowstore.Metric
		for _, p := range points {
			if (in.First == nil || p.Step >= int64(*in.First)) && (in.Last == nil || p.Step <= int64(*in.Last)) {
				within = append(within, p)
			}
		}
		out = append(out, showMetrics(thinned(within, limit))...)
	}
	return map[string]any{"metrics": out}, nil
}

func thinned(all []mlflowstore.Metric, limit int) []mlflowstore.Metric {
	if len(all) <= limit {
		return all
	}
	if limit == 1 {
		return all[len(all)-1:]
	}
	var out []mlflowstore.Metric
	for i := range limit {
		out = append(out, all[i*(len(all)-1)/(limit-1)])
	}
	return out
}
