package registry

import (
	"context"
	"fmt"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/lake"
)

// Applied is what a document came to.
type Applied struct {
	Versions []features.Version `json:"versions" doc:"The version of each view of the document that holds now"`
	Changed  []string           `json:"changed" doc:"Views that got a new version"`
}

// Apply makes versions of the views that are new or have changed. A document with an
// error changes nothing, and all its errors are told at once. Views that the document
// does not name stay as they are.
func (s *Service) Apply(ctx context.Context, scope forge.Scope, doc features.Document) (Applied, error) {
	known, err := s.store.Entities(ctx, scope)
	if err != nil {
		return Applied{}, err
	}
	c := &checker{s: s, scope: scope, entities: known}
	versions, err := c.document(ctx, &doc)
	if err != nil {
		return Applied{}, err
	}
	for i := range versions {
		if err := s.prepare(ctx, scope, &versions[i]); err != nil {
			return Applied{}, err
		}
	}
	now, changed, err := s.store.Apply(ctx, scope, doc.Entities, versions)
	if err != nil {
		return Applied{}, err
	}
	s.cache.forget(scope)
	return Applied{now, changed}, s.link(ctx, scope, s.originOf(now))
}

// prepare pins the tables of a version that will be new.
func (s *Service) prepare(ctx context.Context, scope forge.Scope, v *features.Version) error {
	v.Hash, v.Created, v.By = features.HashOf(v.View, v.Entity), s.now().UTC(), forge.By(ctx)
	last, err := s.store.Version(ctx, scope, features.ViewRef{View: v.View.Name})
	if err == nil && last.Hash == v.Hash {
		return nil
	}
	tables, err := s.inputs(ctx, scope, v.View.Source())
	if err != nil {
		return err
	}
	v.Snapshots, err = s.pin(ctx, scope, tables, nil, fmt.Sprintf("view:%s:%.12s", v.View.Name, v.Hash))
	return err
}

// originOf says which snapshots the versions were made on. It is written again with
// each apply, which mends it if a former one stopped before this point.
func (s *Service) originOf(versions []features.Version) []forge.Edge {
	var edges []forge.Edge
	for _, v := range versions {
		for table, id := range v.Snapshots {
			edges = append(edges, forge.Edge{From: snapshotRef(table, id), To: viewRef(v.Ref()), By: "features.apply", At: v.Created})
		}
	}
	return edges
}

func viewRef(r features.ViewRef) forge.Ref { return forge.Ref{Kind: "view", ID: r.String()} }

// taggedBy gives columns the tags that the tables' columns of the same name have, so
// that "pii" and "leakage" are not lost on the way through SQL.
func taggedBy(schema lake.Schema, tables []lake.Table) lake.Schema {
	out := lake.Schema{Columns: make([]lake.Column, len(schema.Columns))}
	for i, c := range schema.Columns {
		out.Columns[i] = lake.Column{Name: c.Name, Type: c.Type, Doc: c.Doc, Tags: c.Tags}
		for _, t := range tables {
			if from, ok := t.Schema.Column(c.Name); ok && len(out.Columns[i].Tags) == 0 {
				out.Columns[i].Tags = from.Tags
			}
		}
	}
	return out
}
