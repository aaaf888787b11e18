// Package lineage keeps what was made from what: edges between refs, one graph per
// project. Whoever commits a result writes its edges; here they are only kept and
// walked.
package lineage

import (
	"context"
	"database/sql"
	"embed"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

//go:embed migrations/*.sql
var files embed.FS

// Store is the graph of every project.
type Store struct {
	db  *sqldb.DB
	now func() time.Time
}

var _ forge.Lineage = (*Store)(nil)

// New brings the tables up to date. A nil now is the wall clock.
func New(ctx context.Context, db *sqldb.DB, now func() time.Time) (*Store, error) {
	if now == nil {
		now = time.Now
	}
	return &Store{db: db, now: now}, db.Migrate(ctx, "lineage", files)
}

const (
	maxPart = 1000 // bytes of a ref's id
	maxName = 200  // letters of a name
)

// Link implements forge.Lineage: all edges or none. An edge that is there already
// keeps its first time.
func (s *Store) Link(ctx context.Context, scope forge.Scope, edges ...forge.Edge) error {
	if scope.IsZero() {
		return forge.Errorf(forge.KindDenied, nil, "lineage: no project given")
	}
	for _, e := range edges {
		if !good(e.From) || !good(e.To) || e.By == "" || e.From == e.To {
			return forge.Errorf(forge.KindInvalid, nil, "lineage: the edge %s → %s by %q is not whole: want two different KIND:ID and an action", e.From, e.To, e.By)
		}
	}
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, e := range edges {
			at := e.At
			if at.IsZero() {
				at = s.now()
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO lineage_edge (tenant, project, from_kind, from_id, to_kind, to_id, made_by, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
				scope.Tenant, scope.Project, e.From.Kind, e.From.ID, e.To.Kind, e.To.ID, e.By, sqldb.Micros(at))
			if err != nil {
				return err
			}
			if err := setName(ctx, tx, scope, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// setName keeps what people call an edge's source; the newest name counts.
func setName(ctx context.Context, tx *sql.Tx, scope forge.Scope, e forge.Edge) error {
	if e.Name == "" {
		return nil
	}
	name := e.Name
	if r := []rune(name); len(r) > maxName {
		name = string(r[:maxName])
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO lineage_name (tenant, project, kind, id, name) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, project, kind, id) DO UPDATE SET name = excluded.name`, scope.Tenant, scope.Project, e.From.Kind, e.From.ID, name)
	return err
}

func good(r forge.Ref) bool { return r.Kind != "" && r.ID != "" && len(r.Kind)+len(r.ID) <= maxPart }
