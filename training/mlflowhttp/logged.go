package mlflowhttp

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/training/mlflowstore"
	"aiforge.dev/forge/training/mlflowstore/filter"
	"github.com/go-chi/chi/v5"
)

type loggedInfo struct {
	ID         string           `json:"model_id"`
	Experiment string           `json:"experiment_id"`
	Name       string           `json:"name"`
	Type       string           `json:"model_type,omitempty"`
	Run        string           `json:"source_run_id,omitempty"`
	Status     string           `json:"status"`
	Location   string           `json:"artifact_uri"`
	Created    int64            `json:"creation_timestamp_ms"`
	Updated    int64            `json:"last_updated_timestamp_ms"`
	Tags       []mlflowstore.KV `json:"tags"`
}

type logged struct {
	Info loggedInfo `json:"info"`
	Data struct {
		Params  []mlflowstore.KV `json:"params"`
		Metrics []metric         `json:"metrics"`
	} `json:"data"`
}

func showLogged(m mlflowstore.Logged) logged {
	out := logged{Info: loggedInfo{ID: m.ID, Experiment: strconv.FormatInt(m.Experiment, 10), Name: m.Name, Type: m.Type, Run: m.Run, Status: m.Status, Location: m.Location, Created: m.Created, Updated: m.Updated, Tags: some(m.Tags)}}
	out.Data.Params, out.Data.Metrics = some(m.Params), showMetrics(m.Metrics)
	return out
}

func theModel(m mlflowstore.Logged, err error) (any, error) {
	return map[string]any{"model": showLogged(m)}, err
}

type loggedIn struct {
	Experiment text             `json:"experiment_id"`
	Name       string           `json:"name"`
	Type       string           `json:"model_type"`
	Run        string           `json:"source_run_id"`
	Status     text             `json:"status"`
	Params     []mlflowstore.KV `json:"params"`
	Tags       []mlflowstore.KV `json:"tags"`
	Deleted    flag             `json:"allow_deleted"`
	Path       string           `json:"artifact_directory_path"`
}

func (a *api) registerLogged(s *httpapi.Server) {
	handle(s, call{id: "create-logged-model", method: http.MethodPost, path: "logged-models", summary: "make a logged model", perm: forge.PermWrite}, a.createLogged)
	handle(s, call{id: "search-logged-models", method: http.MethodPost, path: "logged-models/search", summary: "search logged models", perm: forge.PermRead}, a.searchLogged)
	one := func(id, method, path, summary string, perm forge.Permission, f func(ctx context.Context, scope forge.Scope, model string, in loggedIn) (any, error)) {
		handleRequest(s, call{id: id, method: method, path: "logged-models/{model}" + path, summary: summary, perm: perm}, func(r *http.Request, scope forge.Scope, in loggedIn) (any, error) {
			return f(r.Context(), scope, chi.URLParam(r, "model"), in)
		})
	}
	one("get-logged-model", http.MethodGet, "", "one logged model", forge.PermRead, func(ctx context.Context, scope forge.Scope, model string, in loggedIn) (any, error) {
		return theModel(a.Store.Logged(ctx, scope, model, bool(in.Deleted)))
	})
	one("finalize-logged-model", http.MethodPatch, "", "say that a logged model is complete", forge.PermWrite, func(ctx context.Context, scope forge.Scope, model string, in loggedIn) (any, error) {
		status := string(in.Status)
		if n, err := strconv.Atoi(status); err == nil && n >= 1 && n <= len(mlflowstore.LoggedStatuses) {
			status = mlflowstore.LoggedStatuses[n-1]
		}
		if status == "" {
			return nil, invalid("logged model %s: want its status", model)
		}
		return theModel(a.Store.ChangeLogged(ctx, scope, model, status, nil, nil))
	})
	one("delete-logged-model", http.MethodDelete, "", "delete a logged model", forge.PermWrite, func(ctx context.Context, scope forge.Scope, model string, _ loggedIn) (any, error) {
		return none{}, a.Store.DeleteLogged(ctx, scope, model)
	})
	one("log-logged-model-params", http.MethodPost, "/params", "log params of a logged model", forge.PermWrite, func(ctx context.Context, scope forge.Scope, model string, in loggedIn) (any, error) {
		_, err := a.Store.ChangeLogged(ctx, scope, model, "", in.Params, nil)
		return none{}, err
	})
	one("set-logged-model-tags", http.MethodPatch, "/tags", "tag a logged model", forge.PermWrite, func(ctx context.Context, scope forge.Scope, model string, in loggedIn) (any, error) {
		return theModel(a.Store.ChangeLogged(ctx, scope, model, "", nil, in.Tags))
	})
	handleRequest(s, call{id: "delete-logged-model-tag", method: http.MethodDelete, path: "logged-models/{model}/tags/*", summary: "take a tag of a logged model away", perm: forge.PermWrite}, func(r *http.Request, scope forge.Scope, _ none) (any, error) {
		m, err := a.Store.Logged(r.Context(), scope, chi.URLParam(r, "model"), false)
		if err != nil {
			return nil, err
		}
		return none{}, a.Store.DeleteTag(r.Context(), scope, mlflowstore.KindLogged, m.ID, tail(r))
	})
	one("list-logged-model-artifacts", http.MethodGet, "/artifacts/directories", "files of a logged model", forge.PermRead, func(ctx context.Context, scope forge.Scope, model string, in loggedIn) (any, error) {
		m, err := a.Store.Logged(ctx, scope, model, false)
		if err != nil {
			return nil, err
		}
		return a.listBelow(ctx, scope, m.Location, in.Path)
	})
}

func (a *api) createLogged(ctx context.Context, scope forge.Scope, in loggedIn) (any, error) {
	id := forge.NewID("m")
	m := mlflowstore.Logged{ID: "m-" + id[2:], Name: in.Name, Type: in.Type, Run: in.Run, Params: in.Params, Tags: in.Tags}
	if m.Name == "" {
		m.Name = "model-" + m.ID[2:10]
	}
	return theModel(a.Store.CreateLogged(ctx, scope, string(in.Experiment), m))
}

var loggedDialect = filter.Dialect{
	Kinds:   []string{filter.Metric, filter.Param, filter.Tag},
	Text:    []string{"name", "model_id", "model_type", "status", "source_run_id"},
	Numbers: []string{"creation_timestamp", "last_updated_timestamp"},
	Alias:   map[string]string{"creation_time": "creation_timestamp", "last_updated_time": "last_updated_timestamp"},
}

type datasetOf struct {
	Name   string `json:"dataset_name"`
	Digest string `json:"dataset_digest"`
}

type searchLoggedIn struct {
	Experiments texts       `json:"experiment_ids"`
	Filter      string      `json:"filter"`
	Datasets    []datasetOf `json:"datasets"`
	Max         whole       `json:"max_results"`
	Token       string      `json:"page_token"`
	Order       []struct {
		Field     string `json:"field_name"`
		Ascending *flag  `json:"ascending"`
		datasetOf
	} `json:"order_by"`
}

func (a *api) searchLogged(ctx context.Context, scope forge.Scope, in searchLoggedIn) (any, error) {
	var keys []string
	for _, o := range in.Order {
		way := " ASC"
		if o.Ascending != nil && !bool(*o.Ascending) {
			way = " DESC"
		}
		keys = append(keys, o.Field+way)
	}
	clauses, order, err := parse(loggedDialect, in.Filter, keys)
	if err != nil {
		return nil, err
	}
	limit, err := most(in.Max, 100, 1000)
	if err != nil {
		return nil, err
	}
	print := []any{in.Experiments, in.Filter, in.Datasets, in.Order}
	from, err := offset(in.Token, print)
	if err != nil {
		return nil, err
	}
	numbers, err := numbersOf(in.Experiments)
	if err != nil {
		return nil, err
	}
	all, err := a.Store.LoggedOf(ctx, scope, numbers)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(m mlflowstore.Logged) bool { return !filter.Match(clauses, lookLogged(m, in.Datasets)) })
	for i := len(order) - 1; i >= 0; i-- { // the last key first: each pass keeps the order of equals
		var on []datasetOf
		if in.Order[i].Name != "" {
			on = []datasetOf{in.Order[i].datasetOf}
		}
		filter.Sort(all, order[i:i+1], func(m mlflowstore.Logged) filter.Lookup { return lookLogged(m, on) })
	}
	part, next := page(all, from, limit, print)
	out := []logged{}
	for _, m := range part {
		out = append(out, showLogged(m))
	}
	return paged("models", out, next), nil
}

// lookLogged finds keys of a logged model; metrics only those on one of the datasets,
// if there are any.
func lookLogged(m mlflowstore.Logged, on []datasetOf) filter.Lookup {
	return func(kind, key string) any {
		switch kind {
		case filter.Param:
			return find(m.Params, key)
		case filter.Tag:
			return find(m.Tags, key)
		case filter.Metric:
			for _, p := range m.Metrics {
				if p.Key == key && (len(on) == 0 || slices.ContainsFunc(on, func(d datasetOf) bool {
					return d.Name == p.Dataset && (d.Digest == "" || d.Digest == p.Digest)
				})) {
					return p.Value
				}
			}
			return nil
		}
		switch key {
		case "name":
			return m.Name
		case "model_id":
			return m.ID
		case "model_type":
			return m.Type
		case "status":
			return statusName(m.Status)
		case "source_run_id":
			return m.Run
		case "creation_timestamp":
			return float64(m.Created)
		case "last_updated_timestamp":
			return float64(m.Updated)
		}
		return nil
	}
}

// statusName is a status as filters have it: READY for LOGGED_MODEL_READY.
func statusName(s string) string { return s[len("LOGGED_MODEL_"):] }
