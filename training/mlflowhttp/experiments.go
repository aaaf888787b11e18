package mlflowhttp

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/training/mlflowstore"
	"aiforge.dev/forge/training/mlflowstore/filter"
)

type experiment struct {
	ID       string           `json:"experiment_id"`
	Name     string           `json:"name"`
	Location string           `json:"artifact_location"`
	Stage    string           `json:"lifecycle_stage"`
	Created  int64            `json:"creation_time"`
	Updated  int64            `json:"last_update_time"`
	Tags     []mlflowstore.KV `json:"tags"`
}

func showExperiment(e mlflowstore.Experiment) experiment {
	return experiment{ID: e.ID(), Name: e.Name, Location: e.Location, Stage: e.Stage, Created: e.Created, Updated: e.Updated, Tags: e.Tags}
}

type experimentIn struct {
	ID       text             `json:"experiment_id"`
	Name     string           `json:"name"`
	ByName   string           `json:"experiment_name"`
	NewName  string           `json:"new_name"`
	Location string           `json:"artifact_location"`
	Tags     []mlflowstore.KV `json:"tags"`
	Key      string           `json:"key"`
	Value    text             `json:"value"`
}

func (a *api) registerExperiments(s *httpapi.Server) {
	handle(s, call{id: "create-experiment", method: http.MethodPost, path: "experiments/create", summary: "make an experiment", perm: forge.PermWrite}, a.createExperiment)
	handle(s, call{id: "get-experiment", method: http.MethodGet, path: "experiments/get", summary: "one experiment", perm: forge.PermRead}, func(ctx context.Context, scope forge.Scope, in experimentIn) (any, error) {
		e, err := a.Store.Experiment(ctx, scope, string(in.ID))
		return map[string]any{"experiment": showExperiment(e)}, err
	})
	handle(s, call{id: "get-experiment-by-name", method: http.MethodGet, path: "experiments/get-by-name", summary: "one experiment by its name", perm: forge.PermRead}, func(ctx context.Context, scope forge.Scope, in experimentIn) (any, error) {
		e, err := a.Store.ExperimentByName(ctx, scope, in.ByName)
		return map[string]any{"experiment": showExperiment(e)}, err
	})
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		id := "search-experiments"
		if method == http.MethodGet {
			id = "list-experiments"
		}
		handle(s, call{id: id, method: method, path: "experiments/search", summary: "search experiments", perm: forge.PermRead}, a.searchExperiments)
	}
	handle(s, call{id: "update-experiment", method: http.MethodPost, path: "experiments/update", summary: "rename an experiment", perm: forge.PermWrite}, func(ctx context.Context, scope forge.Scope, in experimentIn) (any, error) {
		return none{}, taken(a.Store.RenameExperiment(ctx, scope, string(in.ID), in.NewName))
	})
	for stage, path := range map[string]string{mlflowstore.Deleted: "delete", mlflowstore.Active: "restore"} {
		handle(s, call{id: path + "-experiment", method: http.MethodPost, path: "experiments/" + path, summary: path + " an experiment", perm: forge.PermWrite}, func(ctx context.Context, scope forge.Scope, in experimentIn) (any, error) {
			return none{}, a.Store.StageExperiment(ctx, scope, string(in.ID), stage)
		})
	}
	handle(s, call{id: "set-experiment-tag", method: http.MethodPost, path: "experiments/set-experiment-tag", summary: "tag an experiment", perm: forge.PermWrite}, func(ctx context.Context, scope forge.Scope, in experimentIn) (any, error) {
		e, err := a.Store.Experiment(ctx, scope, string(in.ID))
		if err != nil {
			return nil, err
		}
		return none{}, a.Store.SetTags(ctx, scope, mlflowstore.KindExperiment, e.ID(), []mlflowstore.KV{{Key: in.Key, Value: string(in.Value)}})
	})
	handle(s, call{id: "delete-experiment-tag", method: http.MethodPost, path: "experiments/delete-experiment-tag", summary: "take a tag of an experiment away", perm: forge.PermWrite}, func(ctx context.Context, scope forge.Scope, in experimentIn) (any, error) {
		e, err := a.Store.Experiment(ctx, scope, string(in.ID))
		if err != nil {
			return nil, err
		}
		return none{}, a.Store.DeleteTag(ctx, scope, mlflowstore.KindExperiment, e.ID(), in.Key)
	})
	handle(s, call{id: "search-datasets", method: http.MethodPost, path: "experiments/search-datasets", summary: "datasets that runs read", perm: forge.PermRead}, a.searchDatasets)
}

// taken turns a name that exists into the code by which clients know it.
func taken(err error) error {
	if errors.Is(err, forge.ErrConflict) {
		return exists(err.Error())
	}
	return err
}

func (a *api) createExperiment(ctx context.Context, scope forge.Scope, in experimentIn) (any, error) {
	n, err := a.Store.CreateExperiment(ctx, scope, in.Name, in.Location, in.Tags)
	return map[string]any{"experiment_id": strconv.FormatInt(n, 10)}, taken(err)
}

var experimentDialect = filter.Dialect{Kinds: []string{filter.Tag}, Text: []string{"name", "experiment_id"}, Numbers: []string{"creation_time", "last_update_time"}}

func (a *api) searchExperiments(ctx context.Context, scope forge.Scope, in searchIn) (any, error) {
	q, err := in.search(experimentDialect, 1000, 50000)
	if err != nil {
		return nil, err
	}
	all, err := a.Store.Experiments(ctx, scope)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(e mlflowstore.Experiment) bool {
		return !seen(string(in.View), e.Stage) || !filter.Match(q.clauses, lookExperiment(e))
	})
	filter.Sort(all, append(q.order, filter.Order{Kind: filter.Attribute, Key: "creation_time", Desc: true}, filter.Order{Kind: filter.Attribute, Key: "number", Desc: true}), lookExperiment)
	part, next := page(all, q.from, q.limit, in.print())
	out := []experiment{}
	for _, e := range part {
		out = append(out, showExperiment(e))
	}
	return paged("experiments", out, next), nil
}

// paged is an answer with a token, if there is more.
func paged(name string, out any, next string) map[string]any {
	m := map[string]any{name: out}
	if next != "" {
		m["next_page_token"] = next
	}
	return m
}

func seen(view, stage string) bool {
	switch view {
	case "ALL", "3":
		return true
	case "DELETED_ONLY", "2":
		return stage == mlflowstore.Deleted
	}
	return stage == mlflowstore.Active
}

func lookExperiment(e mlflowstore.Experiment) filter.Lookup {
	return func(kind, key string) any {
		if kind == filter.Tag {
			return find(e.Tags, key)
		}
		switch key {
		case "name":
			return e.Name
		case "experiment_id":
			return e.ID()
		case "number":
			return float64(e.Number)
		case "creation_time":
			return float64(e.Created)
		case "last_update_time":
			return float64(e.Updated)
		}
		return nil
	}
}

// find is a tag's or param's value, nil where it is missing.
func find(all []mlflowstore.KV, key string) any {
	for _, kv := range all {
		if kv.Key == key {
			return kv.Value
		}
	}
	return nil
}

type experimentsIn struct {
	IDs texts `json:"experiment_ids"`
}

func (a *api) searchDatasets(ctx context.Context, scope forge.Scope, in experimentsIn) (any, error) {
	numbers, err := numbersOf(in.IDs)
	if err != nil {
		return nil, err
	}
	uses, err := a.Store.Datasets(ctx, scope, numbers)
	out := []map[string]string{}
	for _, d := range uses {
		out = append(out, map[string]string{"experiment_id": strconv.FormatInt(d.Experiment, 10), "name": d.Name, "digest": d.Digest, "context": d.Context})
	}
	return map[string]any{"dataset_summaries": out}, err
}

// numbersOf reads ids of experiments; one that cannot exist is left out, as it has no
// runs.
func numbersOf(ids []string) ([]int64, error) {
	if len(ids) > 1000 {
		return nil, invalid("%d experiments: at most 1000 are searched at once", len(ids))
	}
	out := []int64{}
	for _, id := range ids {
		if n, err := mlflowstore.ParseExperiment(id); err == nil {
			out = append(out, n)
		}
	}
	return out, nil
}
