package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/training"
)

const selectVersion = `SELECT model, number, status, reason, run, digest, dir, task, metrics, training_set, maker, created
	FROM training_versions WHERE tenant = $1 AND project = $2 AND model = $3`

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

type scanner interface{ Scan(dest ...any) error }

func scanVersion(row scanner) (training.Version, error) {
	v := training.Version{Aliases: []string{}}
	var metrics string
	var created int64
	err := row.Scan(&v.Model, &v.Number, &v.Status, &v.Reason, &v.Run, &v.Digest, &v.Dir, &v.Task, &metrics, &v.Set, &v.By, &created)
	if err != nil {
		return v, err
	}
	v.Created = sqldb.Time(created)
	return v, json.Unmarshal([]byte(metrics), &v.Metrics)
}

func version(ctx context.Context, q queryer, scope forge.Scope, model string, number int) (training.Version, error) {
	v, err := scanVersion(q.QueryRowContext(ctx, selectVersion+` AND number = $4`, scope.Tenant, scope.Project, model, number))
	if errors.Is(err, sql.ErrNoRows) {
		return v, forge.Errorf(forge.KindNotFound, err, "model %s has no version %d; forge models %s lists them", model, number, model)
	}
	return v, err
}

// Get returns a model with its versions, newest first.
func (s *Store) Get(ctx context.Context, scope forge.Scope, model string) (training.Model, error) {
	m := training.Model{Name: model, Versions: []training.Version{}, Aliases: map[string]int{}}
	if err := check(scope); err != nil {
		return m, err
	}
	var created int64
	err := s.db.QueryRowContext(ctx, `SELECT doc, created FROM training_models WHERE tenant = $1 AND project = $2 AND name = $3`, scope.Tenant, scope.Project, model).Scan(&m.Doc, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return m, forge.Errorf(forge.KindNotFound, err, "model %q does not exist; forge models lists them", model)
	}
	if err != nil {
		return m, err
	}
	m.Created = sqldb.Time(created)
	if m.Aliases, err = aliases(ctx, s.db, scope, model); err != nil {
		return m, err
	}
	rows, err := s.db.QueryContext(ctx, selectVersion+` ORDER BY number DESC`, scope.Tenant, scope.Project, model)
	if err != nil {
		return m, err
	}
	defer rows.Close()
	for rows.Next() {
		v, err := scanVersion(rows)
		if err != nil {
			return m, err
		}
		v.Aliases = of(m.Aliases, v.Number)
		m.Versions = append(m.Versions, v)
	}
	return m, rows.Err()
}

// of lists the aliases that are on a version, sorted.
func of(aliases map[string]int, number int) []string {
	out := []string{}
	for a, n := range aliases {
		if n == number {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return out
}

func aliases(ctx context.Context, q queryer, scope forge.Scope, model string) (map[string]int, error) {
	rows, err := q.QueryContext(ctx, `SELECT alias, version FROM training_aliases WHERE tenant = $1 AND project = $2 AND model = $3`, scope.Tenant, scope.Project, model)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var alias string
		var n int
		if err := rows.Scan(&alias, &n); err != nil {
			return nil, err
		}
		out[alias] = n
	}
	return out, rows.Err()
}

// List returns all models, by name.
func (s *Store) List(ctx context.Context, scope forge.Scope) ([]training.Model, error) {
	names, err := s.names(ctx, scope)
	if err != nil {
		return nil, err
	}
	out := make([]training.Model, 0, len(names))
	for _, n := range names {
		m, err := s.Get(ctx, scope, n)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func (s *Store) names(ctx context.Context, scope forge.Scope) ([]string, error) {
	if err := check(scope); err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT name FROM training_models WHERE tenant = $1 AND project = $2 ORDER BY name`, scope.Tenant, scope.Project)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// Resolve finds the version that a reference means; see training.Registry. A version
// that is not ready is refused, since no one may use it.
func (s *Store) Resolve(ctx context.Context, scope forge.Scope, ref string) (training.Version, error) {
	r, err := training.ParseRef(ref)
	if err != nil {
		return training.Version{}, err
	}
	m, err := s.Get(ctx, scope, r.Model)
	if err != nil {
		return training.Version{}, err
	}
	number := r.Version
	switch {
	case r.Alias != "":
		n, ok := m.Aliases[r.Alias]
		if !ok {
			return training.Version{}, forge.Errorf(forge.KindNotFound, nil, "model %s has no alias %q; it has %s", r.Model, r.Alias, list(m.Aliases))
		}
		number = n
	case number == 0:
		i := slices.IndexFunc(m.Versions, func(v training.Version) bool { return v.Status == "ready" })
		if i < 0 {
			return training.Version{}, forge.Errorf(forge.KindNotFound, nil, "model %s has no version that is ready; forge train makes one", r.Model)
		}
		number = m.Versions[i].Number
	}
	i := slices.IndexFunc(m.Versions, func(v training.Version) bool { return v.Number == number })
	if i < 0 {
		return training.Version{}, forge.Errorf(forge.KindNotFound, nil, "model %s has no version %d; its newest is %d", r.Model, number, len(m.Versions))
	}
	return m.Versions[i], usable(m.Versions[i])
}

func usable(v training.Version) error {
	switch v.Status {
	case "ready":
		return nil
	case "refused":
		return forge.Errorf(forge.KindConflict, nil, "model %s/%s was refused: %s", v.Model, strconv.Itoa(v.Number), v.Reason)
	}
	return forge.Errorf(forge.KindConflict, nil, "model %s/%d is %s: it has not been checked to the end", v.Model, v.Number, v.Status)
}

func list(aliases map[string]int) string {
	if len(aliases) == 0 {
		return "none"
	}
	var names []string
	for a := range aliases {
		names = append(names, a)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
