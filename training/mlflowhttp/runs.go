package mlflowhttp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strconv"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/training/mlflowstore"
)

// metric is one point as clients give and read it.
type metric struct {
	Key     string `json:"key"`
	Value   real   `json:"value"`
	At      whole  `json:"timestamp"`
	Step    whole  `json:"step"`
	Model   string `json:"model_id,omitempty"`
	Dataset string `json:"dataset_name,omitempty"`
	Digest  string `json:"dataset_digest,omitempty"`
	Run     string `json:"run_id,omitempty"`
}

func (m metric) point() mlflowstore.Metric {
	return mlflowstore.Metric{Key: m.Key, Value: float64(m.Value), At: int64(m.At), Step: int64(m.Step), Model: m.Model, Dataset: m.Dataset, Digest: m.Digest}
}

func showMetrics(all []mlflowstore.Metric) []metric {
	out := []metric{}
	for _, m := range all {
		out = append(out, metric{Key: m.Key, Value: real(m.Value), At: whole(m.At), Step: whole(m.Step), Model: m.Model, Dataset: m.Dataset, Digest: m.Digest, Run: m.Run})
	}
	return out
}

type runInfo struct {
	ID         string `json:"run_id"`
	UUID       string `json:"run_uuid"`
	Name       string `json:"run_name"`
	Experiment string `json:"experiment_id"`
	User       string `json:"user_id"`
	Status     string `json:"status"`
	Started    int64  `json:"start_time"`
	Ended      int64  `json:"end_time,omitempty"`
	Location   string `json:"artifact_uri"`
	Stage      string `json:"lifecycle_stage"`
}

type run struct {
	Info runInfo `json:"info"`
	Data struct {
		Metrics []metric         `json:"metrics"`
		Params  []mlflowstore.KV `json:"params"`
		Tags    []mlflowstore.KV `json:"tags"`
	} `json:"data"`
	Inputs struct {
		Datasets []datasetInput `json:"dataset_inputs"`
		Models   []modelUse     `json:"model_inputs"`
	} `json:"inputs"`
	Outputs struct {
		Models []modelUse `json:"model_outputs"`
	} `json:"outputs"`
}

func showRun(r mlflowstore.Run) run {
	var out run
	out.Info = runInfo{ID: r.ID, UUID: r.ID, Name: r.Name, Experiment: strconv.FormatInt(r.Experiment, 10), User: r.User, Status: r.Status, Started: r.Started, Ended: r.Ended, Location: r.Location, Stage: r.Stage}
	out.Data.Metrics, out.Data.Params, out.Data.Tags = showMetrics(r.Metrics), some(r.Params), some(r.Tags)
	out.Inputs.Datasets, out.Inputs.Models, out.Outputs.Models = showInputs(r.Inputs)
	return out
}

// some is a list that is [] in JSON where there is nothing.
func some[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// runIn is what the operations on runs take.
type runIn struct {
	ID         string           `json:"run_id"`
	UUID       string           `json:"run_uuid"` // the old name
	Experiment text             `json:"experiment_id"`
	Name       string           `json:"run_name"`
	User       text             `json:"user_id"`
	Status     text             `json:"status"`
	Started    whole            `json:"start_time"`
	Ended      whole            `json:"end_time"`
	Tags       []mlflowstore.KV `json:"tags"`
	Key        string           `json:"key"`
	Value      text             `json:"value"`
}

func (in runIn) id() string {
	if in.ID != "" {
		return in.ID
	}
	return in.UUID
}

func (a *api) registerRuns(s *httpapi.Server) {
	handle(s, call{id: "create-run", method: http.MethodPost, path: "runs/create", summary: "start a run", perm: forge.PermWrite}, a.createRun)
	handle(s, call{id: "get-run", method: http.MethodGet, path: "runs/get", summary: "one run", perm: forge.PermRead}, func(ctx context.Context, scope forge.Scope, in runIn) (any, error) {
		if err := a.mirrorOne(ctx, scope, in.id()); err != nil {
			return nil, err
		}
		r, err := a.Store.Run(ctx, scope, in.id())
		return map[string]any{"run": showRun(r)}, err
	})
	handle(s, call{id: "update-run", method: http.MethodPost, path: "runs/update", summary: "change a run's status, end or name", perm: forge.PermWrite}, a.updateRun)
	for stage, path := range map[string]string{mlflowstore.Deleted: "delete", mlflowstore.Active: "restore"} {
		handle(s, call{id: path + "-run", method: http.MethodPost, path: "runs/" + path, summary: path + " a run", perm: forge.PermWrite}, func(ctx context.Context, scope forge.Scope, in runIn) (any, error) {
			return none{}, a.Store.StageRun(ctx, scope, in.id(), stage)
		})
	}
	handle(s, call{id: "log-parameter", method: http.MethodPost, path: "runs/log-parameter", summary: "log a param", perm: forge.PermWrite, quiet: true}, func(ctx context.Context, scope forge.Scope, in runIn) (any, error) {
		return none{}, a.Store.LogBatch(ctx, scope, in.id(), nil, []mlflowstore.KV{{Key: in.Key, Value: string(in.Value)}}, nil)
	})
	handle(s, call{id: "set-tag", method: http.MethodPost, path: "runs/set-tag", summary: "tag a run", perm: forge.PermWrite, quiet: true}, func(ctx context.Context, scope forge.Scope, in runIn) (any, error) {
		return none{}, a.Store.LogBatch(ctx, scope, in.id(), nil, nil, []mlflowstore.KV{{Key: in.Key, Value: string(in.Value)}})
	})
	handle(s, call{id: "delete-tag", method: http.MethodPost, path: "runs/delete-tag", summary: "take a tag of a run away", perm: forge.PermWrite}, func(ctx context.Context, scope forge.Scope, in runIn) (any, error) {
		return none{}, a.Store.DeleteRunTag(ctx, scope, in.id(), in.Key)
	})
	handle(s, call{id: "search-runs", method: http.MethodPost, path: "runs/search", summary: "search runs", perm: forge.PermRead}, a.searchRuns)
	a.registerLogging(s)
}

func (a *api) createRun(ctx context.Context, scope forge.Scope, in runIn) (any, error) {
	var b [16]byte
	_, _ = rand.Read(b[:])
	r := mlflowstore.Run{ID: hex.EncodeToString(b[:]), Name: in.Name, User: string(in.User), Status: "RUNNING", Started: int64(in.Started), Tags: in.Tags}
	if tag, ok := find(in.Tags, mlflowstore.NameTag).(string); ok && r.Name == "" {
		r.Name = tag
	}
	if r.Name == "" {
		r.Name = "run-" + r.ID[:8]
	}
	id := string(in.Experiment)
	if id == "" {
		id = "0"
	}
	r, err := a.Store.CreateRun(ctx, scope, id, r)
	return map[string]any{"run": showRun(r)}, err
}

// statuses are the numbers that some clients send.
var statuses = map[string]string{"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}

func (a *api) updateRun(ctx context.Context, scope forge.Scope, in runIn) (any, error) {
	status := string(in.Status)
	if name, ok := statuses[status]; ok {
		status = name
	}
	r, err := a.Store.UpdateRun(ctx, scope, in.id(), status, int64(in.Ended), in.Name)
	return map[string]any{"run_info": showRun(r).Info}, err
}

type searchRunsIn struct {
	Experiments texts  `json:"experiment_ids"`
	Filter      string `json:"filter"`
	View        text   `json:"run_view_type"`
	Max         whole  `json:"max_results"`
	Order       texts  `json:"order_by"`
	Token       string `json:"page_token"`
}

// views are the numbers that some clients send.
var views = map[string]string{"1": "ACTIVE_ONLY", "2": "DELETED_ONLY", "3": "ALL"}

func (a *api) searchRuns(ctx context.Context, scope forge.Scope, in searchRunsIn) (any, error) {
	q := mlflowstore.RunSearch{View: string(in.View)}
	if name, ok := views[q.View]; ok {
		q.View = name
	}
	var err error
	if q.Filter, q.Order, err = parse(mlflowstore.RunDialect, in.Filter, in.Order); err != nil {
		return nil, err
	}
	if q.Limit, err = most(in.Max, 1000, 50000); err != nil {
		return nil, err
	}
	print := []any{in.Experiments, in.Filter, in.View, in.Order}
	if q.Offset, err = offset(in.Token, print); err != nil {
		return nil, err
	}
	if q.Experiments, err = numbersOf(in.Experiments); err != nil {
		return nil, err
	}
	if err := a.mirrorAll(ctx, scope, q.Experiments); err != nil {
		return nil, err
	}
	runs, more, err := a.Store.SearchRuns(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	out := []run{}
	for _, r := range runs {
		out = append(out, showRun(r))
	}
	next := ""
	if more {
		next = token(q.Offset+len(out), print)
	}
	return paged("runs", out, next), nil
}
