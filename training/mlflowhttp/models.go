package mlflowhttp

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/training/mlflowstore"
	"aiforge.dev/forge/training/mlflowstore/filter"
)

type modelAlias struct {
	Alias   string `json:"alias"`
	Version string `json:"version"`
}

type registeredModel struct {
	Name    string           `json:"name"`
	Created int64            `json:"creation_timestamp"`
	Updated int64            `json:"last_updated_timestamp"`
	Doc     string           `json:"description,omitempty"`
	Latest  []modelVersion   `json:"latest_versions"`
	Tags    []mlflowstore.KV `json:"tags"`
	Aliases []modelAlias     `json:"aliases"`
}

func showModel(m modelView) registeredModel {
	out := registeredModel{Name: m.Name, Created: m.Created, Updated: m.Updated, Doc: m.Doc, Latest: latest(m, nil), Tags: some(m.Tags), Aliases: []modelAlias{}}
	for alias, n := range m.aliases {
		out.Aliases = append(out.Aliases, modelAlias{alias, strconv.Itoa(n)})
	}
	slices.SortFunc(out.Aliases, func(a, b modelAlias) int { return strings.Compare(a.Alias, b.Alias) })
	return out
}

// latest gives the newest version of each stage, or of the named ones.
func latest(m modelView, stages []string) []modelVersion {
	out, have := []modelVersion{}, map[string]bool{}
	for _, v := range m.versions {
		stage := v.stage()
		wanted := len(stages) == 0 || slices.ContainsFunc(stages, func(s string) bool { return strings.EqualFold(s, stage) })
		if wanted && !have[stage] {
			have[stage] = true
			out = append(out, showVersion(v))
		}
	}
	return out
}

// registryIn is what the operations on models and versions take.
type registryIn struct {
	Name    string           `json:"name"`
	NewName string           `json:"new_name"`
	Doc     string           `json:"description"`
	Tags    []mlflowstore.KV `json:"tags"`
	Key     string           `json:"key"`
	Value   text             `json:"value"`
	Alias   string           `json:"alias"`
	Version text             `json:"version"`
	Stages  texts            `json:"stages"`
	Stage   string           `json:"stage"`
	Archive flag             `json:"archive_existing_versions"`
	Source  string           `json:"source"`
	Run     string           `json:"run_id"`
	Link    string           `json:"run_link"`
	Logged  string           `json:"model_id"`
}

func (a *api) registerModels(s *httpapi.Server) {
	post := func(id, method, path, summary string, f func(context.Context, forge.Scope, registryIn) (any, error)) {
		handle(s, call{id: id, method: method, path: "registered-models/" + path, summary: summary, perm: forge.PermWrite}, f)
	}
	get := func(id, method, path, summary string, f func(context.Context, forge.Scope, registryIn) (any, error)) {
		handle(s, call{id: id, method: method, path: "registered-models/" + path, summary: summary, perm: forge.PermRead}, f)
	}
	post("create-registered-model", http.MethodPost, "create", "make a registered model", a.createModel)
	get("get-registered-model", http.MethodGet, "get", "one registered model", func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
		return a.theModel(ctx, scope, in.Name)
	})
	post("rename-registered-model", http.MethodPost, "rename", "rename a registered model", a.renameModel)
	post("update-registered-model", http.MethodPatch, "update", "describe a registered model", func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
		if _, err := a.model(ctx, scope, in.Name); err != nil {
			return nil, err
		}
		if err := a.Store.PutModel(ctx, scope, in.Name, in.Doc, false); err != nil {
			return nil, err
		}
		return a.theModel(ctx, scope, in.Name)
	})
	post("delete-registered-model", http.MethodDelete, "delete", "delete a registered model", a.deleteModel)
	handle(s, call{id: "search-registered-models", method: http.MethodGet, path: "registered-models/search", summary: "search registered models", perm: forge.PermRead}, a.searchModels)
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		get("latest-versions-"+strings.ToLower(method), method, "get-latest-versions", "newest version of each stage", func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
			m, err := a.model(ctx, scope, in.Name)
			return map[string]any{"model_versions": latest(m, in.Stages)}, err
		})
	}
	post("set-registered-model-tag", http.MethodPost, "set-tag", "tag a registered model", func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
		m, err := a.model(ctx, scope, in.Name)
		if err != nil {
			return nil, err
		}
		return none{}, a.Store.SetTags(ctx, scope, mlflowstore.KindModel, m.Name, []mlflowstore.KV{{Key: in.Key, Value: string(in.Value)}})
	})
	post("delete-registered-model-tag", http.MethodDelete, "delete-tag", "take a tag of a registered model away", func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
		m, err := a.model(ctx, scope, in.Name)
		if err != nil {
			return nil, err
		}
		return none{}, a.Store.DeleteTag(ctx, scope, mlflowstore.KindModel, m.Name, in.Key)
	})
	post("set-registered-model-alias", http.MethodPost, "alias", "put an alias on a version", func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
		v, err := a.named(ctx, scope, in.Name, string(in.Version))
		if err != nil {
			return nil, err
		}
		return none{}, a.setAlias(ctx, scope, v, in.Alias)
	})
	post("delete-registered-model-alias", http.MethodDelete, "alias", "take an alias away", func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
		if _, err := a.model(ctx, scope, in.Name); err != nil {
			return nil, err
		}
		return none{}, a.deleteAlias(ctx, scope, in.Name, in.Alias)
	})
	get("get-version-by-alias", http.MethodGet, "alias", "the version that an alias is on", func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
		m, err := a.model(ctx, scope, in.Name)
		if err != nil {
			return nil, err
		}
		n, ok := m.aliases[in.Alias]
		if !ok {
			return nil, invalid("registered model alias %s not found: model %s has no such alias", in.Alias, in.Name)
		}
		return a.theVersion(ctx, scope, in.Name, n)
	})
}

func (a *api) theModel(ctx context.Context, scope forge.Scope, name string) (any, error) {
	m, err := a.model(ctx, scope, name)
	return map[string]any{"registered_model": showModel(m)}, err
}

func (a *api) createModel(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
	if err := forge.Ident("model", in.Name); err != nil {
		return nil, err
	}
	if _, err := a.model(ctx, scope, in.Name); err == nil {
		return nil, exists("registered model " + in.Name + " exists already")
	}
	made, err := a.Store.NewModel(ctx, scope, in.Name, in.Doc, in.Tags)
	if err != nil {
		return nil, err
	}
	if !made {
		return nil, exists("registered model " + in.Name + " exists already")
	}
	return a.theModel(ctx, scope, in.Name)
}

// renameModel: a name that versions, deployments and lineage know stays what it is.
func (a *api) renameModel(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
	m, err := a.model(ctx, scope, in.Name)
	if err != nil {
		return nil, err
	}
	if len(m.versions) > 0 {
		return nil, forge.Errorf(forge.KindConflict, nil, "model %s has versions, which deployments and lineage know by its name: register them anew under another name", in.Name)
	}
	if _, err := a.createModel(ctx, scope, registryIn{Name: in.NewName, Doc: m.Doc, Tags: m.Tags}); err != nil {
		return nil, err
	}
	if err := a.Store.ForgetModel(ctx, scope, in.Name); err != nil {
		return nil, err
	}
	return a.theModel(ctx, scope, in.NewName)
}

func (a *api) deleteModel(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
	m, err := a.model(ctx, scope, in.Name)
	if err != nil {
		return nil, err
	}
	for _, v := range m.versions {
		if err := deletable(v); err != nil {
			return nil, err
		}
	}
	for _, v := range m.versions {
		if err := a.hide(ctx, scope, v); err != nil {
			return nil, err
		}
	}
	return none{}, a.Store.ForgetModel(ctx, scope, in.Name)
}

var modelDialect = filter.Dialect{
	Kinds: []string{filter.Tag}, Text: []string{"name"}, Numbers: []string{"creation_timestamp", "last_updated_timestamp"},
	Alias: map[string]string{"timestamp": "last_updated_timestamp"},
}

func (a *api) searchModels(ctx context.Context, scope forge.Scope, in searchIn) (any, error) {
	q, err := in.search(modelDialect, 100, 1000)
	if err != nil {
		return nil, err
	}
	all, err := a.models(ctx, scope)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(m modelView) bool { return !filter.Match(q.clauses, lookModel(m)) })
	filter.Sort(all, q.order, lookModel)
	part, next := page(all, q.from, q.limit, in.print())
	out := []registeredModel{}
	for _, m := range part {
		out = append(out, showModel(m))
	}
	return paged("registered_models", out, next), nil
}

// promptTag is set on the models that hold prompts; what has no such tag is none.
const promptTag = "mlflow.prompt.is_prompt"

func findTag(all []mlflowstore.KV, key string) any {
	v := find(all, key)
	if v == nil && key == promptTag {
		return "false"
	}
	return v
}

func lookModel(m modelView) filter.Lookup {
	return func(kind, key string) any {
		if kind == filter.Tag {
			return findTag(m.Tags, key)
		}
		switch key {
		case "name":
			return m.Name
		case "creation_timestamp":
			return float64(m.Created)
		}
		return float64(m.Updated)
	}
}
