package store

import (
	"context"
	"encoding/json"
	"fmt"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
)

// Materialized is a view version in the online store. Group is where its rows are:
// each time the tables have changed, they go into a new group, and storing this row
// is what makes the new one answer.
type Materialized struct {
	Ref             features.ViewRef
	Group           string
	Later           int64 // rows that did not count yet, as their time lay ahead
	Materialization features.Materialization
}

const materialized = `SELECT view, number, grp, later, body FROM feature_materializations WHERE tenant = $1 AND project = $2`

// PutMaterialized stores where the rows of a version are.
func (s *Store) PutMaterialized(ctx context.Context, scope forge.Scope, m Materialized) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO feature_materializations (tenant, project, view, number, grp, later, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant, project, view, number) DO UPDATE SET grp = excluded.grp, later = excluded.later, body = excluded.body`,
		scope.Tenant, scope.Project, m.Ref.View, m.Ref.Version, m.Group, m.Later, encode(m.Materialization))
	return err
}

// DropMaterialized forgets that a version is in the online store.
func (s *Store) DropMaterialized(ctx context.Context, scope forge.Scope, ref features.ViewRef) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM feature_materializations WHERE tenant = $1 AND project = $2 AND view = $3 AND number = $4`,
		scope.Tenant, scope.Project, ref.View, ref.Version)
	return err
}

// Materialized returns where the rows of a version are.
func (s *Store) Materialized(ctx context.Context, scope forge.Scope, ref features.ViewRef) (Materialized, error) {
	list, err := s.materialized(ctx, materialized+` AND view = $3 AND number = $4`, scope.Tenant, scope.Project, ref.View, ref.Version)
	if err == nil && len(list) == 0 {
		err = forge.Errorf(forge.KindNotFound, nil, "view %s is not in the online store: run forge features materialize", ref)
	}
	if err != nil {
		return Materialized{}, err
	}
	return list[0], nil
}

// Materializations returns everything that is in the online store.
func (s *Store) Materializations(ctx context.Context, scope forge.Scope) ([]Materialized, error) {
	return s.materialized(ctx, materialized+` ORDER BY view, number`, scope.Tenant, scope.Project)
}

func (s *Store) materialized(ctx context.Context, query string, args ...any) ([]Materialized, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Materialized
	for rows.Next() {
		var m Materialized
		var body []byte
		if err := rows.Scan(&m.Ref.View, &m.Ref.Version, &m.Group, &m.Later, &body); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(body, &m.Materialization); err != nil {
			return nil, fmt.Errorf("materialization of %s: %w", m.Ref, err)
		}
		out = append(out, m)
	}
	return out, rows.Err()
}
