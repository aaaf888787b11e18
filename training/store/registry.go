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

var _ training.Registry = (*Store)(nil)

// Register stores a version. With Number 0 it gets the next number of its model, which
// is made if need be; the version that the same run has registered before is returned
// instead, so that a repeated step adds nothing. With a Number the pending version of
// that number becomes ready or refused; after that it never changes.
func (s *Store) Register(ctx context.Context, scope forge.Scope, v training.Version) (training.Version, error) {
	if err := checkVersion(scope, v); err != nil {
		return v, err
	}
	v.Aliases = []string{}
	var out training.Version
	err := s.db.Tx(ctx, func(tx *sql.Tx) (err error) {
		if v.Number != 0 {
			out, err = decide(ctx, tx, scope, v)
			return err
		}
		if v.Run != "" {
			out, err = scanVersion(tx.QueryRowContext(ctx, selectVersion+` AND run = $4`, scope.Tenant, scope.Project, v.Model, v.Run))
			if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		out, err = s.add(ctx, tx, scope, v)
		return err
	})
	if err == nil {
		s.changed(scope, v.Model)
	}
	return out, err
}

func checkVersion(scope forge.Scope, v training.Version) error {
	if err := check(scope); err != nil {
		return err
	}
	if err := forge.Ident("model", v.Model); err != nil {
		return err
	}
	switch v.Status {
	case "pending", "ready", "refused":
		return nil
	}
	return forge.Errorf(forge.KindInvalid, nil, "version of model %s: status %q; want pending, ready or refused", v.Model, v.Status)
}

func (s *Store) add(ctx context.Context, tx *sql.Tx, scope forge.Scope, v training.Version) (training.Version, error) {
	if v.Created.IsZero() {
		v.Created = s.now()
	}
	v.Created = sqldb.Time(sqldb.Micros(v.Created))
	err := tx.QueryRowContext(ctx, `
		INSERT INTO training_models (tenant, project, name, doc, newest, created) VALUES ($1, $2, $3, '', 1, $4)
		ON CONFLICT (tenant, project, name) DO UPDATE SET newest = training_models.newest + 1 RETURNING newest`,
		scope.Tenant, scope.Project, v.Model, sqldb.Micros(v.Created)).Scan(&v.Number)
	if err != nil {
		return v, err
	}
	metrics, err := json.Marshal(v.Metrics)
	if err != nil {
		return v, err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO training_versions (tenant, project, model, number, status, reason, run, digest, dir, task, metrics, training_set, maker, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		scope.Tenant, scope.Project, v.Model, v.Number, v.Status, v.Reason, v.Run, v.Digest, v.Dir, v.Task, string(metrics), v.Set, v.By, sqldb.Micros(v.Created))
	return v, err
}

// decide moves a pending version on. Deciding the same again is harmless.
func decide(ctx context.Context, tx *sql.Tx, scope forge.Scope, v training.Version) (training.Version, error) {
	have, err := version(ctx, tx, scope, v.Model, v.Number)
	if err != nil {
		return have, err
	}
	if have.Digest != v.Digest {
		return have, forge.Errorf(forge.KindConflict, nil, "model %s/%d is another package: a version never changes what it is; register a new one", v.Model, v.Number)
	}
	if have.Status == v.Status {
		return have, nil
	}
	if have.Status != "pending" {
		return have, forge.Errorf(forge.KindConflict, nil, "model %s/%d is %s and stays so; register a new version", v.Model, v.Number, have.Status)
	}
	_, err = tx.ExecContext(ctx, `UPDATE training_versions SET status = $5, reason = $6 WHERE tenant = $1 AND project = $2 AND model = $3 AND number = $4`,
		scope.Tenant, scope.Project, v.Model, v.Number, v.Status, v.Reason)
	have.Status, have.Reason = v.Status, v.Reason
	return have, err
}
