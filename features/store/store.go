// Package store keeps what the feature store knows: entities, immutable view
// versions, training sets, and what the online store holds.
package store

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the feature store's part of the metadata store.
type Store struct{ db *sqldb.DB }

// Open brings the tables up to date.
func Open(ctx context.Context, db *sqldb.DB) (*Store, error) {
	if err := db.Migrate(ctx, "features", migrations); err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// Entities returns all entities by name.
func (s *Store) Entities(ctx context.Context, scope forge.Scope) (map[string]features.Entity, error) {
	list, err := bodies[features.Entity](ctx, s.db, `SELECT body FROM feature_entities WHERE tenant = $1 AND project = $2`, scope.Tenant, scope.Project)
	out := make(map[string]features.Entity, len(list))
	for _, e := range list {
		out[e.Name] = e
	}
	return out, err
}

// Apply stores entities and, of the given versions, those whose hash is not the
// newest of their view; it numbers them. It returns the newest version of each given
// view, in order, and the names of those that are new. All happens or nothing.
func (s *Store) Apply(ctx context.Context, scope forge.Scope, entities []features.Entity, versions []features.Version) (now []features.Version, changed []string, err error) {
	err = s.db.Tx(ctx, func(tx *sql.Tx) error {
		now, changed = make([]features.Version, len(versions)), []string{}
		for _, e := range entities {
			_, err := tx.ExecContext(ctx, `INSERT INTO feature_entities (tenant, project, name, body) VALUES ($1, $2, $3, $4)
				ON CONFLICT (tenant, project, name) DO UPDATE SET body = excluded.body`, scope.Tenant, scope.Project, e.Name, encode(e))
			if err != nil {
				return err
			}
		}
		for i, v := range versions {
			last, err := newest(ctx, tx, scope, v.View.Name)
			if err != nil && !errors.Is(err, forge.ErrNotFound) {
				return err
			}
			if now[i] = last; err == nil && last.Hash == v.Hash {
				continue
			}
			v.Number = last.Number + 1
			now[i], changed = v, append(changed, v.View.Name)
			_, err = tx.ExecContext(ctx, `INSERT INTO feature_versions (tenant, project, view, number, hash, body, created) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				scope.Tenant, scope.Project, v.View.Name, v.Number, v.Hash, encode(v), sqldb.Micros(v.Created))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if sqldb.IsUnique(err) {
		return nil, nil, forge.Errorf(forge.KindConflict, err, "the views are being changed by someone else: apply again")
	}
	return now, changed, err
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func newest(ctx context.Context, q queryer, scope forge.Scope, view string) (features.Version, error) {
	list, err := bodies[features.Version](ctx, q, `SELECT body FROM feature_versions WHERE tenant = $1 AND project = $2 AND view = $3 ORDER BY number DESC LIMIT 1`,
		scope.Tenant, scope.Project, view)
	if err != nil {
		return features.Version{}, err
	}
	if len(list) == 0 {
		return features.Version{}, forge.Errorf(forge.KindNotFound, nil, "view %q does not exist; forge features views lists what is there", view)
	}
	return list[0], nil
}

// Version returns a version of a view; number 0 is the newest.
func (s *Store) Version(ctx context.Context, scope forge.Scope, ref features.ViewRef) (features.Version, error) {
	v, err := s.version(ctx, scope, ref)
	if err != nil {
		return features.Version{}, err
	}
	m, err := s.Materialized(ctx, scope, v.Ref())
	if err == nil {
		v.Materialized = &m.Materialization
	} else if !errors.Is(err, forge.ErrNotFound) {
		return features.Version{}, err
	}
	return v, nil
}

func (s *Store) version(ctx context.Context, scope forge.Scope, ref features.ViewRef) (features.Version, error) {
	if ref.Version == 0 {
		return newest(ctx, s.db, scope, ref.View)
	}
	list, err := bodies[features.Version](ctx, s.db, `SELECT body FROM feature_versions WHERE tenant = $1 AND project = $2 AND view = $3 AND number = $4`,
		scope.Tenant, scope.Project, ref.View, ref.Version)
	if err == nil && len(list) == 0 {
		err = forge.Errorf(forge.KindNotFound, nil, "view %s does not exist; forge features views %s lists its versions", ref, ref.View)
	}
	if err != nil {
		return features.Version{}, err
	}
	return list[0], nil
}

// Versions returns all versions of a view, the newest first.
func (s *Store) Versions(ctx context.Context, scope forge.Scope, view string) ([]features.Version, error) {
	list, err := bodies[features.Version](ctx, s.db, `SELECT body FROM feature_versions WHERE tenant = $1 AND project = $2 AND view = $3 ORDER BY number DESC`,
		scope.Tenant, scope.Project, view)
	if err == nil && len(list) == 0 {
		err = forge.Errorf(forge.KindNotFound, nil, "view %q does not exist; forge features views lists what is there", view)
	}
	if err != nil {
		return nil, err
	}
	return list, s.mark(ctx, scope, list)
}

// Newest returns the newest version of every view, in order of name.
func (s *Store) Newest(ctx context.Context, scope forge.Scope) ([]features.Version, error) {
	list, err := bodies[features.Version](ctx, s.db, `SELECT body FROM feature_versions AS v WHERE tenant = $1 AND project = $2 AND number =
		(SELECT max(number) FROM feature_versions AS w WHERE w.tenant = v.tenant AND w.project = v.project AND w.view = v.view) ORDER BY view`, scope.Tenant, scope.Project)
	if err != nil {
		return nil, err
	}
	return list, s.mark(ctx, scope, list)
}

// mark adds to versions what the online store holds of them.
func (s *Store) mark(ctx context.Context, scope forge.Scope, list []features.Version) error {
	all, err := s.Materializations(ctx, scope)
	if err != nil {
		return err
	}
	by := map[features.ViewRef]*features.Materialization{}
	for i := range all {
		by[all[i].Ref] = &all[i].Materialization
	}
	for i := range list {
		list[i].Materialized = by[list[i].Ref()]
	}
	return nil
}

// PutSet stores a training set; storing it again changes nothing.
func (s *Store) PutSet(ctx context.Context, scope forge.Scope, set features.TrainingSet) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO feature_sets (tenant, project, id, name, body, created) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, project, id) DO NOTHING`,
		scope.Tenant, scope.Project, set.ID, set.Spec.Name, encode(set), sqldb.Micros(set.Created))
	return err
}

// Set returns a training set by id, or the newest of a name.
func (s *Store) Set(ctx context.Context, scope forge.Scope, idOrName string) (features.TrainingSet, error) {
	list, err := bodies[features.TrainingSet](ctx, s.db, `SELECT body FROM feature_sets WHERE tenant = $1 AND project = $2 AND (id = $3 OR name = $3)
		ORDER BY CASE WHEN id = $3 THEN 0 ELSE 1 END, created DESC, id DESC LIMIT 1`, scope.Tenant, scope.Project, idOrName)
	if err == nil && len(list) == 0 {
		err = forge.Errorf(forge.KindNotFound, nil, "training set %q does not exist; forge features training-set makes one", idOrName)
	}
	if err != nil {
		return features.TrainingSet{}, err
	}
	return list[0], nil
}

// Sets returns all training sets, the newest first.
func (s *Store) Sets(ctx context.Context, scope forge.Scope) ([]features.TrainingSet, error) {
	return bodies[features.TrainingSet](ctx, s.db, `SELECT body FROM feature_sets WHERE tenant = $1 AND project = $2 ORDER BY created DESC, id DESC`, scope.Tenant, scope.Project)
}

func bodies[T any](ctx context.Context, q queryer, query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		var body []byte
		var v T
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(body, &v); err != nil {
			return nil, fmt.Errorf("stored %T: %w", v, err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // our own types of plain values
		panic(err)
	}
	return string(b)
}
