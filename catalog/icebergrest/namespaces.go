package icebergrest

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"aiforge.dev/forge"
)

// namespaces lists the namespaces of a project in order: those of its tables, and those
// that somebody made.
func (s *Service) namespaces(ctx context.Context, scope forge.Scope, cat Catalog) ([]string, error) {
	names, err := s.stored(ctx, scope)
	if err != nil {
		return nil, err
	}
	tables, err := cat.Names(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		names = append(names, t.Namespace)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// has fails unless the namespace exists.
func (s *Service) has(ctx context.Context, scope forge.Scope, cat Catalog, ns levels) error {
	if !ns.valid() {
		return noNamespace(ns.String())
	}
	_, there, err := properties(ctx, s.cfg.DB, scope, ns[0])
	if err != nil || there {
		return err
	}
	n, err := tablesIn(ctx, cat, ns[0])
	if err == nil && n == 0 {
		err = noNamespace(ns.String())
	}
	return err
}

func tablesIn(ctx context.Context, cat Catalog, ns string) (int, error) {
	names, err := cat.Names(ctx)
	n := 0
	for _, t := range names {
		if t.Namespace == ns {
			n++
		}
	}
	return n, err
}

func (s *Service) listNamespaces(w http.ResponseWriter, r *http.Request) error {
	scope, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	names, err := s.namespaces(r.Context(), scope, cat)
	if err != nil {
		return err
	}
	if parent := r.URL.Query().Get("parent"); parent != "" {
		if !slices.Contains(names, parent) {
			return noNamespace(parent)
		}
		names = nil // none has a level below it
	}
	part, next, err := page(r, names, func(n string) string { return n })
	if err != nil {
		return err
	}
	out := make([]levels, len(part))
	for i, n := range part {
		out[i] = levels{n}
	}
	return answer(w, http.StatusOK, map[string]any{"namespaces": out, "next-page-token": next})
}

// namespace is a namespace in requests and answers.
type namespace struct {
	Namespace  levels            `json:"namespace"`
	Properties map[string]string `json:"properties"`
}

func (s *Service) createNamespace(w http.ResponseWriter, r *http.Request) error {
	scope, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	var in namespace
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := in.Namespace.check(); err != nil {
		return err
	}
	n, err := tablesIn(r.Context(), cat, in.Namespace[0])
	if err != nil {
		return err
	}
	if n > 0 {
		return namespaceThere(in.Namespace[0], nil)
	}
	if in.Properties == nil {
		in.Properties = map[string]string{}
	}
	if err := s.insert(r.Context(), scope, in.Namespace[0], in.Properties); err != nil {
		return err
	}
	return answer(w, http.StatusOK, in)
}

func (s *Service) loadNamespace(w http.ResponseWriter, r *http.Request) error {
	scope, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	ns := namespaceOf(r)
	if err := s.has(r.Context(), scope, cat, ns); err != nil {
		return err
	}
	props, _, err := properties(r.Context(), s.cfg.DB, scope, ns[0])
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, namespace{ns, props})
}

func (s *Service) namespaceExists(w http.ResponseWriter, r *http.Request) error {
	scope, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	if err := s.has(r.Context(), scope, cat, namespaceOf(r)); err != nil {
		return err
	}
	return done(w)
}

func (s *Service) dropNamespace(w http.ResponseWriter, r *http.Request) error {
	scope, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	ns := namespaceOf(r)
	if err := s.has(r.Context(), scope, cat, ns); err != nil {
		return err
	}
	n, err := tablesIn(r.Context(), cat, ns[0])
	if err != nil {
		return err
	}
	if n > 0 {
		return namespaceNotEmpty(ns[0], n)
	}
	if err := s.remove(r.Context(), scope, ns[0]); err != nil {
		return err
	}
	return done(w)
}

func (s *Service) updateNamespace(w http.ResponseWriter, r *http.Request) error {
	scope, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	ns := namespaceOf(r)
	if err := s.has(r.Context(), scope, cat, ns); err != nil {
		return err
	}
	var in struct {
		Removals []string          `json:"removals"`
		Updates  map[string]string `json:"updates"`
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	slices.Sort(in.Removals)
	in.Removals = slices.Compact(in.Removals)
	for _, key := range in.Removals {
		if _, both := in.Updates[key]; both {
			return &fault{http.StatusUnprocessableEntity, "UnprocessableEntityException", forge.Errorf(forge.KindInvalid, nil, "Invalid namespace update, cannot both set and remove key: %s", key)}
		}
	}
	var removed, missing []string
	err = s.change(r.Context(), scope, ns[0], func(props map[string]string) {
		removed, missing = []string{}, []string{}
		for _, key := range in.Removals {
			if _, there := props[key]; there {
				removed = append(removed, key)
				delete(props, key)
			} else {
				missing = append(missing, key)
			}
		}
		maps.Copy(props, in.Updates)
	})
	if err != nil {
		return err
	}
	updated := slices.Sorted(maps.Keys(in.Updates))
	if updated == nil {
		updated = []string{}
	}
	return answer(w, http.StatusOK, map[string][]string{"updated": updated, "removed": removed, "missing": missing})
}
