package mlflowhttp

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/mlflowstore"
)

// outside begins the reason of versions that forge keeps and cannot check.
const outside = "external: "

// modelView is a model of forge's registry with what MLflow's clients said about it.
type modelView struct {
	mlflowstore.Model
	versions []versionView // newest first
	aliases  map[string]int
}

// versionView is one of its versions.
type versionView struct {
	training.Version
	said mlflowstore.Version
}

// outside reports whether forge keeps the version without being able to serve it.
func (v versionView) outside() bool {
	return v.Status == "refused" && strings.HasPrefix(v.Reason, outside)
}

// stage is the old name for what aliases say now.
func (v versionView) stage() string {
	switch {
	case slices.Contains(v.Aliases, "production"):
		return "Production"
	case slices.Contains(v.Aliases, "staging"):
		return "Staging"
	case v.said.Archived:
		return "Archived"
	}
	return "None"
}

func (v versionView) updated() int64 { return max(v.said.Updated, v.Created.UnixMilli()) }

// address is where a version's files are for clients.
func (v versionView) address() string {
	if v.Dir == "" {
		return v.said.Source
	}
	return "mlflow-artifacts:/" + forgeFolder + "/models/" + v.Model + "/" + strconv.Itoa(v.Number)
}

func (v versionView) source() string {
	if v.said.Source != "" {
		return v.said.Source
	}
	return v.address()
}

func (v versionView) run() string {
	if v.Run != "" {
		return v.Run
	}
	return v.said.Run
}

// models returns all models by name.
func (a *api) models(ctx context.Context, scope forge.Scope) ([]modelView, error) {
	list, err := a.Registry.List(ctx, scope)
	if err != nil {
		return nil, err
	}
	said, err := a.Store.Models(ctx, scope)
	if err != nil {
		return nil, err
	}
	for name := range said {
		if !slices.ContainsFunc(list, func(m training.Model) bool { return m.Name == name }) {
			list = append(list, training.Model{Name: name})
		}
	}
	slices.SortFunc(list, func(x, y training.Model) int { return strings.Compare(x.Name, y.Name) })
	return a.joined(ctx, scope, list, said, "")
}

// model returns one; forge knows it, or a client has made it without a version yet.
func (a *api) model(ctx context.Context, scope forge.Scope, name string) (modelView, error) {
	m, err := a.Registry.Get(ctx, scope, name)
	if errors.Is(err, forge.ErrNotFound) {
		m, err = training.Model{Name: name}, nil
	}
	if err != nil {
		return modelView{}, err
	}
	said, err := a.Store.Model(ctx, scope, name)
	if err != nil {
		return modelView{}, err
	}
	all, err := a.joined(ctx, scope, []training.Model{m}, map[string]mlflowstore.Model{name: said}, name)
	if err != nil {
		return modelView{}, err
	}
	if len(all) == 0 {
		return modelView{}, notFound("registered model %q does not exist", name)
	}
	return all[0], nil
}

// joined puts together what the registry knows and what clients said; models and
// versions that clients deleted are left out.
func (a *api) joined(ctx context.Context, scope forge.Scope, list []training.Model, said map[string]mlflowstore.Model, only string) ([]modelView, error) {
	versions, err := a.Store.Versions(ctx, scope, only)
	if err != nil {
		return nil, err
	}
	aliases, err := a.Store.Aliases(ctx, scope, only)
	if err != nil {
		return nil, err
	}
	var owners []string
	for _, m := range list {
		for _, v := range m.Versions {
			owners = append(owners, mlflowstore.VersionOwner(m.Name, v.Number))
		}
	}
	tags, err := a.Store.Tags(ctx, scope, mlflowstore.KindVersion, owners...)
	if err != nil {
		return nil, err
	}
	var out []modelView
	for _, m := range list {
		view := modelView{Model: said[m.Name], aliases: map[string]int{}}
		maps.Copy(view.aliases, aliases[m.Name])
		maps.Copy(view.aliases, m.Aliases) // forge's own come first: traffic follows them
		for _, v := range m.Versions {
			owner := mlflowstore.VersionOwner(m.Name, v.Number)
			w := versionView{Version: v, said: versions[owner]}
			if w.said.Deleted {
				continue
			}
			w.said.Tags, w.Aliases = tags[owner], on(view.aliases, v.Number)
			view.versions = append(view.versions, w)
		}
		if len(view.versions) == 0 && (view.Name == "" || view.Deleted) {
			continue
		}
		view.complete(m)
		out = append(out, view)
	}
	return out, nil
}

// complete fills in what only the registry knows.
func (m *modelView) complete(known training.Model) {
	m.Name = known.Name
	if m.Doc == "" {
		m.Doc = known.Doc
	}
	if created := known.Created; !created.IsZero() && (m.Created == 0 || created.UnixMilli() < m.Created) {
		m.Created = created.UnixMilli()
	}
	m.Updated = max(m.Updated, m.Created)
	for _, v := range m.versions {
		m.Updated = max(m.Updated, v.updated())
	}
}

// on lists the aliases of a version, sorted.
func on(aliases map[string]int, number int) []string {
	out := []string{}
	for a, n := range aliases {
		if n == number {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return out
}

// version returns one version that clients have not deleted.
func (a *api) version(ctx context.Context, scope forge.Scope, model string, number int) (versionView, error) {
	m, err := a.model(ctx, scope, model)
	if err != nil {
		return versionView{}, err
	}
	for _, v := range m.versions {
		if v.Number == number {
			return v, nil
		}
	}
	return versionView{}, notFound("registered model %q has no version %d", model, number)
}

// named reads a version's number, which MLflow gives as a text.
func (a *api) named(ctx context.Context, scope forge.Scope, model, number string) (versionView, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return versionView{}, invalid("version %q of model %q: want a number", number, model)
	}
	return a.version(ctx, scope, model, n)
}

// setAlias moves an alias. On a version that can be served it is forge's own alias, and
// traffic follows it; on another one it is only a name.
func (a *api) setAlias(ctx context.Context, scope forge.Scope, v versionView, alias string) error {
	if err := forge.Ident("alias", alias); err != nil {
		return err
	}
	if !v.outside() {
		if err := a.Registry.SetAlias(ctx, scope, v.Model, alias, v.Number, 0); err != nil {
			return err
		}
		return a.Store.PutAlias(ctx, scope, v.Model, alias, 0)
	}
	m, err := a.Registry.Get(ctx, scope, v.Model)
	if err != nil {
		return err
	}
	if on, ok := m.Aliases[alias]; ok {
		return forge.Errorf(forge.KindConflict, nil, "alias %s@%s is on version %d, and deployments may follow it: version %d cannot be served (%s); take the alias away first, or use another", v.Model, alias, on, v.Number, v.Reason)
	}
	return a.Store.PutAlias(ctx, scope, v.Model, alias, v.Number)
}

// deleteAlias takes an alias away; one that is not there is no failure in MLflow.
func (a *api) deleteAlias(ctx context.Context, scope forge.Scope, model, alias string) error {
	err := a.Registry.DeleteAlias(ctx, scope, model, alias)
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return err
	}
	return a.Store.PutAlias(ctx, scope, model, alias, 0)
}
