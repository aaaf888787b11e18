package mlflowhttp

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/training/mlflowstore"
	"aiforge.dev/forge/training/mlflowstore/filter"
)

type modelVersion struct {
	Name    string           `json:"name"`
	Version string           `json:"version"`
	Created int64            `json:"creation_timestamp"`
	Updated int64            `json:"last_updated_timestamp"`
	User    string           `json:"user_id"`
	Stage   string           `json:"current_stage"`
	Doc     string           `json:"description,omitempty"`
	Source  string           `json:"source"`
	Run     string           `json:"run_id,omitempty"`
	Link    string           `json:"run_link,omitempty"`
	Status  string           `json:"status"`
	Message string           `json:"status_message,omitempty"`
	Tags    []mlflowstore.KV `json:"tags"`
	Aliases []string         `json:"aliases"`
	Logged  string           `json:"model_id,omitempty"`
	Metrics []metric         `json:"model_metrics"`
}

func showVersion(v versionView) modelVersion {
	out := modelVersion{
		Name: v.Model, Version: strconv.Itoa(v.Number), Created: v.Created.UnixMilli(), Updated: v.updated(), User: v.By, Stage: v.stage(), Doc: v.said.Doc, Source: v.source(),
		Run: v.run(), Link: v.said.Link, Message: v.Reason, Tags: v.tags(), Aliases: v.Aliases, Logged: v.said.Logged, Metrics: []metric{},
	}
	switch {
	case v.Status == "ready", v.outside():
		out.Status = "READY"
	case v.Status == "pending":
		out.Status = "PENDING_REGISTRATION"
	default:
		out.Status = "FAILED_REGISTRATION"
	}
	for _, name := range slices.Sorted(maps.Keys(v.Metrics)) {
		out.Metrics = append(out.Metrics, metric{Key: name, Value: real(v.Metrics[name]), At: whole(v.Created.UnixMilli()), Run: v.run()})
	}
	return out
}

// tags are the client's own and what forge knows.
func (v versionView) tags() []mlflowstore.KV {
	out := slices.Clone(v.said.Tags)
	add := func(key, value string) {
		if value != "" && find(out, key) == nil {
			out = append(out, mlflowstore.KV{Key: key, Value: value})
		}
	}
	add("forge.servable", strconv.FormatBool(v.Status == "ready"))
	add("forge.digest", v.Digest)
	add("forge.task", v.Task)
	add("forge.training_set", v.Set)
	for _, name := range slices.Sorted(maps.Keys(v.Metrics)) {
		add("forge.metric."+name, strconv.FormatFloat(v.Metrics[name], 'g', 6, 64))
	}
	return out
}

func (a *api) registerVersions(s *httpapi.Server) {
	op := func(id, method, path, summary string, perm forge.Permission, f func(context.Context, forge.Scope, registryIn) (any, error)) {
		handle(s, call{id: id, method: method, path: "model-versions/" + path, summary: summary, perm: perm}, f)
	}
	op("create-model-version", http.MethodPost, "create", "register a model version", forge.PermWrite, a.createVersion)
	op("get-model-version", http.MethodGet, "get", "one model version", forge.PermRead, func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
		v, err := a.named(ctx, scope, in.Name, string(in.Version))
		return map[string]any{"model_version": showVersion(v)}, err
	})
	op("get-download-uri", http.MethodGet, "get-download-uri", "where a version's files are", forge.PermRead, func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
		v, err := a.named(ctx, scope, in.Name, string(in.Version))
		return map[string]any{"artifact_uri": v.address()}, err
	})
	op("update-model-version", http.MethodPatch, "update", "describe a model version", forge.PermWrite, func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
		return a.change(ctx, scope, in, func(v *mlflowstore.Version) { v.Doc = in.Doc })
	})
	op("set-model-version-tag", http.MethodPost, "set-tag", "tag a model version", forge.PermWrite, func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
		_, err := a.change(ctx, scope, in, func(v *mlflowstore.Version) { v.Tags = []mlflowstore.KV{{Key: in.Key, Value: string(in.Value)}} })
		return none{}, err
	})
	op("delete-model-version-tag", http.MethodDelete, "delete-tag", "take a tag of a model version away", forge.PermWrite, func(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
		v, err := a.named(ctx, scope, in.Name, string(in.Version))
		if err != nil {
			return nil, err
		}
		return none{}, a.Store.DeleteTag(ctx, scope, mlflowstore.KindVersion, mlflowstore.VersionOwner(v.Model, v.Number), in.Key)
	})
	op("transition-stage", http.MethodPost, "transition-stage", "move a version to a stage: an alias of its name", forge.PermWrite, a.transition)
	op("delete-model-version", http.MethodDelete, "delete", "delete a model version", forge.PermWrite, a.deleteVersion)
	handle(s, call{id: "search-model-versions", method: http.MethodGet, path: "model-versions/search", summary: "search model versions", perm: forge.PermRead}, a.searchVersions)
}

func (a *api) theVersion(ctx context.Context, scope forge.Scope, model string, number int) (any, error) {
	v, err := a.version(ctx, scope, model, number)
	return map[string]any{"model_version": showVersion(v)}, err
}

// change changes what is said about a version.
func (a *api) change(ctx context.Context, scope forge.Scope, in registryIn, f func(*mlflowstore.Version)) (any, error) {
	v, err := a.named(ctx, scope, in.Name, string(in.Version))
	if err != nil {
		return nil, err
	}
	v.said.Model, v.said.Number, v.said.Tags = v.Model, v.Number, nil
	f(&v.said)
	if err := a.Store.PutVersion(ctx, scope, v.said); err != nil {
		return nil, err
	}
	return a.theVersion(ctx, scope, v.Model, v.Number)
}

// transition does what stages did with aliases: Production is the alias production,
// which one version has, so that the one before leaves the stage.
func (a *api) transition(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
	v, err := a.named(ctx, scope, in.Name, string(in.Version))
	if err != nil {
		return nil, err
	}
	stage := strings.ToLower(in.Stage)
	switch stage {
	case "production", "staging":
		if err := a.promote(ctx, scope, v, stage, bool(in.Archive)); err != nil {
			return nil, err
		}
	case "archived", "none":
	default:
		return nil, invalid("stage %q: want None, Staging, Production or Archived", in.Stage)
	}
	for _, old := range []string{"production", "staging"} {
		if old != stage && slices.Contains(v.Aliases, old) {
			if err := a.deleteAlias(ctx, scope, v.Model, old); err != nil {
				return nil, err
			}
		}
	}
	return a.change(ctx, scope, in, func(v *mlflowstore.Version) { v.Archived = stage == "archived" })
}

func (a *api) promote(ctx context.Context, scope forge.Scope, v versionView, stage string, archive bool) error {
	m, err := a.model(ctx, scope, v.Model)
	if err != nil {
		return err
	}
	before := m.aliases[stage]
	if err := a.setAlias(ctx, scope, v, stage); err != nil {
		return err
	}
	if !archive || before == 0 || before == v.Number {
		return nil
	}
	_, err = a.change(ctx, scope, registryIn{Name: v.Model, Version: text(strconv.Itoa(before))}, func(old *mlflowstore.Version) { old.Archived = true })
	return err
}

// deletable: a version that was served stays, as predictions, lineage and the audit log
// name it.
func deletable(v versionView) error {
	if v.Status == "refused" {
		return nil
	}
	return forge.Errorf(forge.KindConflict, nil, "version %d of model %s is %s and stays, since predictions and lineage name it: take its aliases away so that nothing uses it", v.Number, v.Model, v.Status)
}

func (a *api) deleteVersion(ctx context.Context, scope forge.Scope, in registryIn) (any, error) {
	v, err := a.named(ctx, scope, in.Name, string(in.Version))
	if err != nil {
		return nil, err
	}
	if err := deletable(v); err != nil {
		return nil, err
	}
	return none{}, a.hide(ctx, scope, v)
}

func (a *api) hide(ctx context.Context, scope forge.Scope, v versionView) error {
	for _, alias := range v.Aliases {
		if err := a.Store.PutAlias(ctx, scope, v.Model, alias, 0); err != nil {
			return err
		}
	}
	v.said.Model, v.said.Number, v.said.Tags, v.said.Deleted = v.Model, v.Number, nil, true
	return a.Store.PutVersion(ctx, scope, v.said)
}

var versionDialect = filter.Dialect{
	Kinds: []string{filter.Tag}, Text: []string{"name", "run_id", "source_path"}, Numbers: []string{"version_number", "creation_timestamp", "last_updated_timestamp"},
	Alias: map[string]string{"version": "version_number"},
}

func (a *api) searchVersions(ctx context.Context, scope forge.Scope, in searchIn) (any, error) {
	q, err := in.search(versionDialect, 10000, 200000)
	if err != nil {
		return nil, err
	}
	models, err := a.models(ctx, scope)
	if err != nil {
		return nil, err
	}
	var all []versionView
	for _, m := range models {
		for _, v := range m.versions {
			if filter.Match(q.clauses, lookVersion(v)) {
				all = append(all, v)
			}
		}
	}
	filter.Sort(all, append(q.order, filter.Order{Kind: filter.Attribute, Key: "last_updated_timestamp", Desc: true}, filter.Order{Kind: filter.Attribute, Key: "name"}, filter.Order{Kind: filter.Attribute, Key: "version_number", Desc: true}), lookVersion)
	part, next := page(all, q.from, q.limit, in.print())
	out := []modelVersion{}
	for _, v := range part {
		out = append(out, showVersion(v))
	}
	return paged("model_versions", out, next), nil
}

func lookVersion(v versionView) filter.Lookup {
	return func(kind, key string) any {
		if kind == filter.Tag {
			return findTag(v.tags(), key)
		}
		switch key {
		case "name":
			return v.Model
		case "run_id":
			return v.run()
		case "source_path":
			return v.source()
		case "version_number":
			return float64(v.Number)
		case "creation_timestamp":
			return float64(v.Created.UnixMilli())
		}
		return float64(v.updated())
	}
}
