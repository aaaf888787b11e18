package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/training"
)

// PutRun stores a run, new or changed. A run that has ended stays as it is, and one that
// runs is never queued again: a late writer, such as an attempt that lost its lease,
// changes nothing.
func (s *Store) PutRun(ctx context.Context, scope forge.Scope, r training.Run) error {
	if err := check(scope); err != nil {
		return err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, `
		INSERT INTO training_runs (tenant, project, id, state, body, created) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (tenant, project, id) DO UPDATE SET state = excluded.state, body = excluded.body
		WHERE training_runs.state = 'queued' OR training_runs.state = 'running' AND excluded.state <> 'queued'`,
		scope.Tenant, scope.Project, r.ID, r.State, string(body), sqldb.Micros(r.Created))
	return err
}

// Run returns one run.
func (s *Store) Run(ctx context.Context, scope forge.Scope, id string) (training.Run, error) {
	var r training.Run
	if err := check(scope); err != nil {
		return r, err
	}
	var body string
	err := s.db.QueryRowContext(ctx, `SELECT body FROM training_runs WHERE tenant = $1 AND project = $2 AND id = $3`, scope.Tenant, scope.Project, id).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return r, forge.Errorf(forge.KindNotFound, err, "run %q does not exist; forge runs lists them", id)
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal([]byte(body), &r)
}

// Runs returns at most limit runs, newest first.
func (s *Store) Runs(ctx context.Context, scope forge.Scope, limit int) ([]training.Run, error) {
	if err := check(scope); err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT body FROM training_runs WHERE tenant = $1 AND project = $2 ORDER BY created DESC, id LIMIT $3`, scope.Tenant, scope.Project, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []training.Run{}
	for rows.Next() {
		var body string
		var r training.Run
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
