package lineage_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/lineage"
	"aiforge.dev/forge/internal/sqldb"
)

var scope = forge.Scope{Tenant: "main", Project: "demo"}

func TestLineage(t *testing.T) {
	db, err := sqldb.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"), bytes.Repeat([]byte{1}, 64))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	suite(t, db)
}

func ref(kind, id string) forge.Ref { return forge.Ref{Kind: kind, ID: id} }

// suite walks file → snapshot → run → model, with a second run from the same snapshot.
func suite(t *testing.T, db *sqldb.DB) {
	ctx := t.Context()
	s, err := lineage.New(ctx, db, nil)
	if err != nil {
		t.Fatal(err)
	}
	file, snap, run1, run2, model := ref("file", "f"), ref("snapshot", "raw.calls@1"), ref("run", "r1"), ref("run", "r2"), ref("model", "calls/1")
	edges := []forge.Edge{{From: file, To: snap, By: "ingest"}, {From: snap, To: run1, By: "train"}, {From: snap, To: run2, By: "train"}, {From: run1, To: model, By: "train"}}
	for range 2 { // writing an edge twice is harmless
		if err := s.Link(ctx, scope, edges...); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		start        forge.Ref
		dir          lineage.Direction
		depth        int
		nodes, edges int
	}{
		{model, lineage.Up, 20, 4, 3}, {model, lineage.Up, 1, 2, 1}, {file, lineage.Down, 20, 5, 4}, {model, lineage.Down, 20, 1, 0}, {run1, lineage.Both, 20, 4, 3},
	}
	for _, c := range cases {
		g, err := s.Graph(ctx, scope, c.start, c.dir, c.depth)
		if err != nil || len(g.Nodes) != c.nodes || len(g.Edges) != c.edges || g.Nodes[0].Ref != c.start {
			t.Errorf("%s %s %d: %d nodes, %d edges, %v", c.start, c.dir, c.depth, len(g.Nodes), len(g.Edges), err)
		}
	}
	digest := "c9aa04e56fd3f7a1aa00bb11cc22dd33ee44ff5566778899aabbccddeeff0011"
	named := []forge.Edge{
		{From: ref("file", digest), To: ref("topic", "forge.main.demo.table.raw.calls@0-5"), By: "ingest.csv", Name: "old.csv"},
		{From: ref("file", digest), To: ref("topic", "forge.main.demo.table.raw.calls@5-9"), By: "ingest.csv", Name: "calls.csv"},
	}
	if err := s.Link(ctx, scope, named...); err != nil {
		t.Fatal(err)
	}
	g, err := s.Graph(ctx, scope, ref("file", digest), lineage.Down, 1)
	if err != nil || len(g.Nodes) != 3 || g.Nodes[0].Title != "calls.csv (c9aa04e5…)" || g.Nodes[1].Title != "raw.calls, offsets 0-5" {
		t.Errorf("%+v %v", g.Nodes, err)
	}
	if err := s.Link(ctx, forge.Scope{Tenant: "main", Project: "other"}, forge.Edge{From: ref("file", digest), To: snap, By: "ingest.csv"}); err != nil {
		t.Fatal(err)
	}
	if g, err := s.Graph(ctx, forge.Scope{Tenant: "main", Project: "other"}, ref("file", digest), lineage.Down, 1); err != nil || g.Nodes[0].Title != "c9aa04e5…" {
		t.Errorf("another project sees the name: %+v %v", g.Nodes, err)
	}
	if g, err := s.Graph(ctx, forge.Scope{Tenant: "main", Project: "other"}, model, lineage.Up, 20); !errors.Is(err, forge.ErrNotFound) && len(g.Edges) > 0 {
		t.Errorf("another project sees %+v (%v)", g, err)
	}
	if err := s.Link(ctx, scope, forge.Edge{From: file, To: file, By: "x"}); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("an edge to itself: %v", err)
	}
	if err := s.Link(ctx, forge.Scope{}, edges...); !errors.Is(err, forge.ErrDenied) {
		t.Errorf("without a project: %v", err)
	}
}
