package lineage

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

// Direction says which way to walk: up to what a thing was made from, down to what was
// made from it, or both.
type Direction string

const (
	Up   Direction = "up"
	Down Direction = "down"
	Both Direction = "both"
)

// Node is a thing in a graph. At is when it was first made from something; zero for
// what came from outside.
type Node struct {
	Ref   forge.Ref  `json:"ref"`
	Title string     `json:"title"`
	At    *time.Time `json:"at,omitempty"`
}

// Graph is a part of a project's lineage: nodes nearest to the start first.
type Graph struct {
	Nodes []Node       `json:"nodes"`
	Edges []forge.Edge `json:"edges"`
	More  bool         `json:"more,omitempty" doc:"The walk stopped at its limit of things; ask from one of them"`
}

// The walk is bounded, so that no question can take the store down.
const (
	maxDepth = 100
	maxNodes = 5000
)

// Graph walks from ref. depth is how many steps, at most 100; 0 means 100.
func (s *Store) Graph(ctx context.Context, scope forge.Scope, ref forge.Ref, dir Direction, depth int) (Graph, error) {
	if scope.IsZero() {
		return Graph{}, forge.Errorf(forge.KindDenied, nil, "sign in first: no project in this request")
	}
	if dir != Up && dir != Down && dir != Both {
		return Graph{}, forge.Errorf(forge.KindInvalid, nil, "direction %q: want up, down or both", dir)
	}
	if depth <= 0 || depth > maxDepth {
		depth = maxDepth
	}
	w := walk{s: s, scope: scope, seen: map[forge.Edge]bool{}, at: map[forge.Ref]time.Time{ref: {}}, order: []forge.Ref{ref}}
	for _, d := range []Direction{Up, Down} { // both are two walks: a sibling is neither above nor below
		if dir == d || dir == Both {
			if err := w.from(ctx, ref, d, depth); err != nil {
				return Graph{}, err
			}
		}
	}
	if len(w.edges) == 0 {
		known, err := s.known(ctx, scope, ref)
		if err != nil {
			return Graph{}, err
		}
		if !known {
			return Graph{}, forge.Errorf(forge.KindNotFound, nil, "nothing is known about %s in this project; a ref is KIND:ID, for example deployment:calls", ref)
		}
	}
	names, err := s.names(ctx, scope, w.order)
	return w.graph(names), err
}

// names returns what people call those of the refs that have a name of their own.
func (s *Store) names(ctx context.Context, scope forge.Scope, refs []forge.Ref) (map[forge.Ref]string, error) {
	out := map[forge.Ref]string{}
	for _, r := range refs {
		if r.Kind != "file" {
			continue // the ids of all others are names
		}
		var name string
		err := s.db.QueryRowContext(ctx, `SELECT name FROM lineage_name WHERE tenant = $1 AND project = $2 AND kind = $3 AND id = $4`, scope.Tenant, scope.Project, r.Kind, r.ID).Scan(&name)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		if name != "" {
			out[r] = name
		}
	}
	return out, nil
}

type walk struct {
	s     *Store
	scope forge.Scope
	seen  map[forge.Edge]bool
	edges []forge.Edge
	at    map[forge.Ref]time.Time
	order []forge.Ref
	more  bool
}

// from walks level by level; each thing is asked for once, so cycles end too.
func (w *walk) from(ctx context.Context, start forge.Ref, dir Direction, depth int) error {
	visited := map[forge.Ref]bool{start: true}
	level := []forge.Ref{start}
	for step := 0; step < depth && len(level) > 0; step++ {
		var next []forge.Ref
		for _, ref := range level {
			edges, err := w.s.edges(ctx, w.scope, ref, dir)
			if err != nil {
				return err
			}
			for _, e := range edges {
				far := e.From
				if dir == Down {
					far = e.To
				}
				if len(w.order) >= maxNodes {
					w.more = true
					return nil
				}
				w.add(e)
				if !visited[far] {
					visited[far] = true
					next = append(next, far)
				}
			}
		}
		level = next
	}
	return nil
}

func (w *walk) add(e forge.Edge) {
	if w.seen[e] {
		return
	}
	w.seen[e] = true
	w.edges = append(w.edges, e)
	for _, r := range []forge.Ref{e.From, e.To} {
		if _, ok := w.at[r]; !ok {
			w.at[r] = time.Time{}
			w.order = append(w.order, r)
		}
	}
	if old := w.at[e.To]; old.IsZero() || e.At.Before(old) {
		w.at[e.To] = e.At
	}
}

func (w *walk) graph(names map[forge.Ref]string) Graph {
	g := Graph{Nodes: make([]Node, 0, len(w.order)), Edges: w.edges, More: w.more}
	if g.Edges == nil {
		g.Edges = []forge.Edge{}
	}
	slices.SortStableFunc(g.Edges, func(a, b forge.Edge) int { return a.At.Compare(b.At) })
	for _, r := range w.order {
		n := Node{Ref: r, Title: title(r, names[r])}
		if at := w.at[r]; !at.IsZero() {
			n.At = &at
		}
		g.Nodes = append(g.Nodes, n)
	}
	return g
}

// title is how people read a ref: "raw.calls, snapshot 8123", "calls, version 3",
// "calls.csv (c9aa04e5…)".
func title(r forge.Ref, named string) string {
	name, rest, cut := strings.Cut(r.ID, "@")
	switch {
	case r.Kind == "file" && named != "":
		return named + " (" + short(r.ID) + ")"
	case r.Kind == "file":
		return short(r.ID)
	case r.Kind == "snapshot" && cut:
		return name + ", snapshot " + rest
	case r.Kind == "topic" && cut:
		if _, table, ok := strings.Cut(name, ".table."); ok { // of forge.TENANT.PROJECT.table.NAMESPACE.NAME
			name = table
		}
		return name + ", offsets " + rest
	case r.Kind == "model" || r.Kind == "view":
		if name, version, ok := strings.Cut(r.ID, "/"); ok {
			return name + ", version " + version
		}
	}
	return r.ID
}

// short is the beginning of a digest.
func short(digest string) string {
	if len(digest) <= 12 {
		return digest
	}
	return digest[:8] + "…"
}

// edges returns the edges into (up) or out of (down) ref, oldest first.
func (s *Store) edges(ctx context.Context, scope forge.Scope, ref forge.Ref, dir Direction) ([]forge.Edge, error) {
	where := "to_kind = $3 AND to_id = $4"
	if dir == Down {
		where = "from_kind = $3 AND from_id = $4"
	}
	rows, err := s.db.QueryContext(ctx, `SELECT from_kind, from_id, to_kind, to_id, made_by, at FROM lineage_edge
		WHERE tenant = $1 AND project = $2 AND `+where+` ORDER BY at, from_kind, from_id, to_kind, to_id, made_by`, scope.Tenant, scope.Project, ref.Kind, ref.ID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []forge.Edge
	for rows.Next() {
		var e forge.Edge
		var at int64
		if err := rows.Scan(&e.From.Kind, &e.From.ID, &e.To.Kind, &e.To.ID, &e.By, &at); err != nil {
			return nil, err
		}
		e.At = sqldb.Time(at)
		out = append(out, e)
	}
	return out, rows.Err()
}

func (s *Store) known(ctx context.Context, scope forge.Scope, ref forge.Ref) (bool, error) {
	var n int
	err := s.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM lineage_edge WHERE tenant = $1 AND project = $2
		AND (from_kind = $3 AND from_id = $4 OR to_kind = $3 AND to_id = $4)`, scope.Tenant, scope.Project, ref.Kind, ref.ID).Scan(&n)
	return n > 0, err
}
