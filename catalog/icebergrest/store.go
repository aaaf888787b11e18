package icebergrest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

// stored lists the namespaces that somebody made, which may have no tables.
func (s *Service) stored(ctx context.Context, scope forge.Scope) ([]string, error) {
	rows, err := s.cfg.DB.QueryContext(ctx, "SELECT name FROM iceberg_namespace WHERE tenant = $1 AND project = $2", scope.Tenant, scope.Project)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, rows.Err()
}

// querier is the store itself or a transaction in it.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// properties returns a stored namespace's properties, and whether it is stored.
func properties(ctx context.Context, db querier, scope forge.Scope, name string) (map[string]string, bool, error) {
	var text string
	err := db.QueryRowContext(ctx, "SELECT properties FROM iceberg_namespace WHERE tenant = $1 AND project = $2 AND name = $3", scope.Tenant, scope.Project, name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return map[string]string{}, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	props := map[string]string{}
	return props, true, json.Unmarshal([]byte(text), &props)
}

// insert stores a new namespace.
func (s *Service) insert(ctx context.Context, scope forge.Scope, name string, props map[string]string) error {
	text, err := json.Marshal(props)
	if err != nil {
		return err
	}
	_, err = s.cfg.DB.ExecContext(ctx, "INSERT INTO iceberg_namespace (tenant, project, name, properties, created) VALUES ($1, $2, $3, $4, $5)",
		scope.Tenant, scope.Project, name, string(text), sqldb.Micros(s.cfg.Now()))
	if err != nil && sqldb.IsUnique(err) {
		return namespaceThere(name, err)
	}
	return err
}

// change replaces a namespace's properties by what f makes of them. One that only its
// tables make is stored from then on.
func (s *Service) change(ctx context.Context, scope forge.Scope, name string, f func(map[string]string)) error {
	return s.cfg.DB.Tx(ctx, func(tx *sql.Tx) error {
		props, _, err := properties(ctx, tx, scope, name)
		if err != nil {
			return err
		}
		f(props)
		text, err := json.Marshal(props)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO iceberg_namespace (tenant, project, name, properties, created) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, project, name) DO UPDATE SET properties = excluded.properties",
			scope.Tenant, scope.Project, name, string(text), sqldb.Micros(s.cfg.Now()))
		return err
	})
}

func (s *Service) remove(ctx context.Context, scope forge.Scope, name string) error {
	_, err := s.cfg.DB.ExecContext(ctx, "DELETE FROM iceberg_namespace WHERE tenant = $1 AND project = $2 AND name = $3", scope.Tenant, scope.Project, name)
	return err
}
