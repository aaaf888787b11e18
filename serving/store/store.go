// Package store keeps deployments in the metadata store, so that they answer again
// after a restart.
package store

import (
	"context"
	"embed"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

//go:embed migrations/*.sql
var files embed.FS

// Record is a deployment as it is kept: what it follows, and which version answered
// last.
type Record struct {
	Scope   forge.Scope
	Name    string
	Ref     string
	Model   string
	Version int
	Created time.Time
	Since   time.Time
}

// Store of deployments.
type Store struct{ db *sqldb.DB }

// Open brings the tables up to date.
func Open(ctx context.Context, db *sqldb.DB) (*Store, error) {
	return &Store{db}, db.Migrate(ctx, "serving", files)
}

// Put inserts or replaces a deployment.
func (s *Store) Put(ctx context.Context, r Record) error {
	_, err := s.db.ExecContext(ctx, `
		INSERT INTO serving_deployment (tenant, project, name, ref, model, version, created, since)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (tenant, project, name) DO UPDATE SET
			ref = excluded.ref, model = excluded.model, version = excluded.version, since = excluded.since`,
		r.Scope.Tenant, r.Scope.Project, r.Name, r.Ref, r.Model, r.Version, sqldb.Micros(r.Created), sqldb.Micros(r.Since))
	return err
}

// Delete forgets a deployment; forgetting an unknown one is harmless.
func (s *Store) Delete(ctx context.Context, scope forge.Scope, name string) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM serving_deployment WHERE tenant = $1 AND project = $2 AND name = $3`,
		scope.Tenant, scope.Project, name)
	return err
}

// All returns every deployment of every project: the router serves them all.
func (s *Store) All(ctx context.Context) ([]Record, error) {
	rows, err := s.db.QueryContext(ctx, `
		SELECT tenant, project, name, ref, model, version, created, since
		FROM serving_deployment ORDER BY tenant, project, name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Record
	for rows.Next() {
		var r Record
		var created, since int64
		if err := rows.Scan(&r.Scope.Tenant, &r.Scope.Project, &r.Name, &r.Ref, &r.Model, &r.Version, &created, &since); err != nil {
			return nil, err
		}
		r.Created, r.Since = sqldb.Time(created), sqldb.Time(since)
		out = append(out, r)
	}
	return out, rows.Err()
}
