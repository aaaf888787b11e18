// Package store keeps projects, accounts, members, keys, sign-ins and settings in the
// metadata store. It knows no secret: passwords and keys arrive here as hashes.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/internal/sqldb"
)

//go:embed migrations/*.sql
var files embed.FS

// Store is the catalog's part of the metadata store.
type Store struct {
	db  *sqldb.DB
	now func() time.Time
}

// New brings the tables up to date. A nil now is the wall clock.
func New(ctx context.Context, db *sqldb.DB, now func() time.Time) (*Store, error) {
	if now == nil {
		now = time.Now
	}
	if err := db.Migrate(ctx, "catalog", files); err != nil {
		return nil, err
	}
	return &Store{db: db, now: now}, nil
}

func (s *Store) stamp() time.Time { return sqldb.Time(sqldb.Micros(s.now())) }

// CreateProject stores a new, empty project.
func (s *Store) CreateProject(ctx context.Context, scope forge.Scope, title string) (catalog.Project, error) {
	if !scope.Valid() {
		return catalog.Project{}, forge.Errorf(forge.KindInvalid, nil, "project %q: want lower case letters, digits and _, at most 40, first a letter", scope)
	}
	p := catalog.Project{Scope: scope, Title: title, Created: s.stamp()}
	_, err := s.db.ExecContext(ctx, `INSERT INTO project (tenant, project, title, created) VALUES ($1, $2, $3, $4)`, scope.Tenant, scope.Project, title, sqldb.Micros(p.Created))
	if sqldb.IsUnique(err) {
		return p, forge.Errorf(forge.KindConflict, err, "project %s exists already", scope)
	}
	return p, err
}

// Project returns one project.
func (s *Store) Project(ctx context.Context, scope forge.Scope) (catalog.Project, error) {
	p := catalog.Project{Scope: scope}
	var created int64
	err := s.db.QueryRowContext(ctx, `SELECT title, created FROM project WHERE tenant = $1 AND project = $2`, scope.Tenant, scope.Project).Scan(&p.Title, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return p, forge.Errorf(forge.KindNotFound, nil, "project %s does not exist", scope)
	}
	p.Created = sqldb.Time(created)
	return p, err
}

// Projects lists every project of every tenant: for start-up and maintenance, never
// for a request.
func (s *Store) Projects(ctx context.Context) ([]catalog.Project, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT tenant, project, title, created FROM project ORDER BY created, tenant, project`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []catalog.Project
	for rows.Next() {
		var p catalog.Project
		var created int64
		if err := rows.Scan(&p.Scope.Tenant, &p.Scope.Project, &p.Title, &created); err != nil {
			return nil, err
		}
		p.Created = sqldb.Time(created)
		out = append(out, p)
	}
	return out, rows.Err()
}

// Setting returns a setting's value, "" when it was never set.
func (s *Store) Setting(ctx context.Context, scope forge.Scope, name string) (string, error) {
	var v string
	err := s.db.QueryRowContext(ctx, `SELECT value FROM setting WHERE tenant = $1 AND project = $2 AND name = $3`, scope.Tenant, scope.Project, name).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, err
}

// SetSetting stores a setting.
func (s *Store) SetSetting(ctx context.Context, scope forge.Scope, name, value string) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO setting (tenant, project, name, value) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, project, name) DO UPDATE SET value = excluded.value`, scope.Tenant, scope.Project, name, value)
	return err
}

// changed turns an UPDATE or DELETE that found no row into the given error.
func changed(res sql.Result, err error, none error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return none
	}
	return err
}
