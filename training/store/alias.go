package store

import (
	"context"
	"database/sql"
	"errors"

	"aiforge.dev/forge"
)

// SetAlias moves an alias in one transaction; see training.Registry.
func (s *Store) SetAlias(ctx context.Context, scope forge.Scope, model, alias string, to, from int) error {
	if err := check(scope); err != nil {
		return err
	}
	if err := forge.Ident("alias", alias); err != nil {
		return err
	}
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := s.Fault.At("alias moves"); err != nil {
			return err
		}
		v, err := version(ctx, tx, scope, model, to)
		if err == nil {
			err = usable(v)
		}
		if err != nil {
			return err
		}
		if from != 0 {
			return s.swap(ctx, tx, scope, model, alias, to, from)
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO training_aliases (tenant, project, model, alias, version) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (tenant, project, model, alias) DO UPDATE SET version = excluded.version`,
			scope.Tenant, scope.Project, model, alias, to)
		return err
	})
	if err == nil {
		err = s.Fault.At("alias moved")
	}
	if err == nil {
		s.changed(scope, model)
	}
	return err
}

func (s *Store) swap(ctx context.Context, tx *sql.Tx, scope forge.Scope, model, alias string, to, from int) error {
	var now int
	err := tx.QueryRowContext(ctx, `SELECT version FROM training_aliases WHERE tenant = $1 AND project = $2 AND model = $3 AND alias = $4`,
		scope.Tenant, scope.Project, model, alias).Scan(&now)
	if errors.Is(err, sql.ErrNoRows) {
		return forge.Errorf(forge.KindConflict, err, "alias %s@%s does not exist any more, it was expected on version %d: look again, then set it", model, alias, from)
	}
	if err != nil {
		return err
	}
	if now != from {
		return forge.Errorf(forge.KindConflict, nil, "alias %s@%s is on version %d by now, not %d: look again, then set it", model, alias, now, from)
	}
	_, err = tx.ExecContext(ctx, `UPDATE training_aliases SET version = $5 WHERE tenant = $1 AND project = $2 AND model = $3 AND alias = $4`,
		scope.Tenant, scope.Project, model, alias, to)
	return err
}

// DeleteAlias takes an alias away.
func (s *Store) DeleteAlias(ctx context.Context, scope forge.Scope, model, alias string) error {
	if err := check(scope); err != nil {
		return err
	}
	res, err := s.db.ExecContext(ctx, `DELETE FROM training_aliases WHERE tenant = $1 AND project = $2 AND model = $3 AND alias = $4`, scope.Tenant, scope.Project, model, alias)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return forge.Errorf(forge.KindNotFound, err, "model %s has no alias %q", model, alias)
	}
	s.changed(scope, model)
	return nil
}
