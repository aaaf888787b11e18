package mlflowhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/mlflowstore"
)

// forge's own runs are shown in the experiment "forge". What has ended never changes, so
// that each run is written there a few times in its life, and searches stay one query.

// mirrorAll brings forge's runs up to date if they are among what is searched.
func (a *api) mirrorAll(ctx context.Context, scope forge.Scope, experiments []int64) error {
	if !slices.Contains(experiments, mlflowstore.ForgeExperiment) {
		return nil
	}
	states, err := a.States.States(ctx, scope)
	if err != nil {
		return err
	}
	shown, err := a.Store.Mirrored(ctx, scope)
	if err != nil {
		return err
	}
	for id, state := range states {
		if shown[id] == state && ended(state) {
			continue
		}
		if err := a.mirror(ctx, scope, id); err != nil {
			return err
		}
	}
	return nil
}

// mirrorOne does so for one run, if it is forge's.
func (a *api) mirrorOne(ctx context.Context, scope forge.Scope, id string) error {
	if !strings.HasPrefix(id, "run_") {
		return nil // not an id that forge gives
	}
	if r, err := a.Store.Run(ctx, scope, id); err == nil && ended(r.Forge) {
		return nil
	}
	if err := a.mirror(ctx, scope, id); !errors.Is(err, forge.ErrNotFound) {
		return err
	}
	return nil
}

func ended(state string) bool {
	return state == "succeeded" || state == "failed" || state == "cancelled"
}

func (a *api) mirror(ctx context.Context, scope forge.Scope, id string) error {
	r, err := a.Runs.Run(ctx, id)
	if err != nil {
		return err
	}
	return a.Store.Mirror(ctx, scope, asRun(r))
}

var runStatus = map[string]string{"queued": "SCHEDULED", "running": "RUNNING", "succeeded": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}

// asRun is a training run as MLflow shows it: what it learned from are params, what it
// reached are metrics, and each trial is one step of validation_METRIC.
func asRun(r training.Run) mlflowstore.Run {
	out := mlflowstore.Run{ID: r.ID, Name: r.Spec.Model, User: "forge", Status: runStatus[r.State], Forge: r.State, Location: "mlflow-artifacts:/" + forgeFolder + "/runs/" + r.ID, Started: r.Created.UnixMilli()}
	at := out.Started
	if r.Finished != nil {
		out.Ended = r.Finished.UnixMilli()
		at = out.Ended
	}
	add := func(key string, value float64, step int64) {
		out.Metrics = append(out.Metrics, mlflowstore.Metric{Key: key, Value: value, At: at, Step: step})
	}
	for name, v := range r.Metrics {
		add(name, v, 0)
	}
	for name, v := range r.Baseline {
		add("baseline_"+name, v, 0)
	}
	for i, t := range r.Leaderboard {
		if t.Error == "" && r.Metric != "" {
			out.Metrics = append(out.Metrics, mlflowstore.Metric{Key: "validation_" + r.Metric, Value: t.Score, At: out.Started, Step: int64(i)})
		}
	}
	for name, n := range map[string]int64{"rows_train": r.Rows.Train, "rows_valid": r.Rows.Valid, "rows_test": r.Rows.Test} {
		if n > 0 {
			add(name, float64(n), 0)
		}
	}
	out.Params, out.Tags = paramsOf(r), tagsOf(r)
	if r.Set.ID != "" {
		out.Inputs = []mlflowstore.Input{setOf(r)}
	}
	return out
}

func paramsOf(r training.Run) []mlflowstore.KV {
	var out []mlflowstore.KV
	add := func(key, value string) {
		if value != "" {
			out = append(out, mlflowstore.KV{Key: key, Value: cut(value, 6000)})
		}
	}
	add("model", r.Spec.Model)
	add("training_set", r.Set.ID)
	add("target", r.Spec.Target)
	add("task", r.Task)
	add("metric", r.Metric)
	add("budget", r.Spec.Budget)
	add("seed", strconv.Itoa(r.Spec.Seed))
	add("best", r.Best)
	for _, t := range r.Leaderboard {
		if t.Family != r.Best {
			continue
		}
		for name, v := range t.Params {
			if len(name) < 200 {
				add("best."+name, fmt.Sprint(v))
			}
		}
		break
	}
	return out
}

func tagsOf(r training.Run) []mlflowstore.KV {
	var out []mlflowstore.KV
	add := func(key, value string) {
		if value != "" {
			out = append(out, mlflowstore.KV{Key: key, Value: cut(value, 8000)})
		}
	}
	add(mlflowstore.NameTag, r.Spec.Model)
	add("mlflow.source.name", "forge")
	add("mlflow.source.type", "JOB")
	add("forge.job", r.Job)
	add("forge.error", r.Error)
	if r.Version > 0 {
		add("forge.version", r.Spec.Model+"/"+strconv.Itoa(r.Version))
	}
	var left []string
	for _, l := range r.Leakage {
		left = append(left, l.Column)
	}
	add("forge.left_out", strings.Join(left, ", "))
	return out
}

// setOf is the training set as a dataset.
func setOf(r training.Run) mlflowstore.Input {
	source, _ := json.Marshal(map[string]string{"table": r.Set.Table.String(), "snapshot": strconv.FormatInt(r.Set.Snapshot, 10)})
	profile, _ := json.Marshal(map[string]int64{"num_rows": r.Set.Rows})
	name := r.Set.Table.String()
	digest := strconv.FormatInt(r.Set.Snapshot, 10)
	body, _ := json.Marshal(datasetInput{
		Tags:    []mlflowstore.KV{{Key: "mlflow.data.context", Value: "training"}},
		Dataset: dataset{Name: name, Digest: digest, SourceType: "iceberg", Source: string(source), Profile: string(profile)},
	})
	return mlflowstore.Input{Kind: mlflowstore.InputDataset, Name: name, Digest: digest, Context: "training", Body: body}
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
