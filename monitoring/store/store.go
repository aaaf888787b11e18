// Package store keeps what monitoring knows in the metadata store: policies, the
// references of model versions, the report of each window, and alerts.
package store

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/monitoring"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is safe for concurrent use.
type Store struct{ db *sqldb.DB }

// New opens the store and migrates its tables.
func New(ctx context.Context, db *sqldb.DB) (*Store, error) {
	return &Store{db: db}, db.Migrate(ctx, "monitoring", migrations)
}

// Policy returns the policy of a deployment.
func (s *Store) Policy(ctx context.Context, scope forge.Scope, deployment string) (monitoring.Policy, error) {
	var p monitoring.Policy
	err := s.one(ctx, &p, `SELECT policy FROM monitor_policy WHERE tenant = $1 AND project = $2 AND deployment = $3`, scope.Tenant, scope.Project, deployment)
	if errors.Is(err, sql.ErrNoRows) {
		return p, forge.Errorf(forge.KindNotFound, nil, "nothing is watched of deployment %q: forge monitor set %s monitor.yaml says what to watch", deployment, deployment)
	}
	return p, err
}

// SetPolicy stores a policy and its schedule, whose first check is due at next.
func (s *Store) SetPolicy(ctx context.Context, scope forge.Scope, p monitoring.Policy, next time.Time) error {
	p.NextCheck = nil
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	who, _ := forge.PrincipalFrom(ctx)
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO monitor_policy (tenant, project, deployment, at, policy) VALUES ($1,$2,$3,$4,$5)
			ON CONFLICT (tenant, project, deployment) DO UPDATE SET policy = excluded.policy, at = excluded.at`,
			scope.Tenant, scope.Project, p.Deployment, sqldb.Micros(time.Now()), string(b))
		if err != nil {
			return err
		}
		return setSchedule(ctx, tx, scope, p.Deployment, p.Check, next, who)
	})
}

// Reference returns the frozen profile of a model version; false when there is none.
func (s *Store) Reference(ctx context.Context, scope forge.Scope, model string, version int) (monitoring.Reference, bool, error) {
	var r monitoring.Reference
	err := s.one(ctx, &r, `SELECT profile FROM monitor_reference WHERE tenant = $1 AND project = $2 AND model = $3 AND version = $4`, scope.Tenant, scope.Project, model, version)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	return r, err == nil, err
}

// SetReference stores the profile of a version; the first one stays.
func (s *Store) SetReference(ctx context.Context, scope forge.Scope, r monitoring.Reference) error {
	return s.exec(ctx, r, `INSERT INTO monitor_reference (tenant, project, model, version, at, profile) VALUES ($1,$2,$3,$4,$5,$6)
		ON CONFLICT (tenant, project, model, version) DO NOTHING`,
		scope.Tenant, scope.Project, r.Model, r.Version, sqldb.Micros(time.Now()))
}

// Reports returns the reports of a deployment, oldest window first.
func (s *Store) Reports(ctx context.Context, scope forge.Scope, deployment string) ([]monitoring.Report, error) {
	return many[monitoring.Report](ctx, s, `SELECT report FROM monitor_report WHERE tenant = $1 AND project = $2 AND deployment = $3
		ORDER BY window_from, version`, scope.Tenant, scope.Project, deployment)
}

// SetReport stores the report of a window and version, in place of an earlier one.
func (s *Store) SetReport(ctx context.Context, scope forge.Scope, r monitoring.Report) error {
	return s.exec(ctx, r, `INSERT INTO monitor_report (tenant, project, deployment, window_from, version, report) VALUES ($1,$2,$3,$4,$5,$6)
		ON CONFLICT (tenant, project, deployment, window_from, version) DO UPDATE SET report = excluded.report`,
		scope.Tenant, scope.Project, r.Deployment, sqldb.Micros(r.From), r.Version)
}

// Raise stores a new alert; false when the window has raised it already.
func (s *Store) Raise(ctx context.Context, scope forge.Scope, a monitoring.Alert) (bool, error) {
	b, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	res, err := s.db.ExecContext(ctx, `INSERT INTO monitor_alert (tenant, project, id, deployment, version, kind, window_from, state, alert, at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) ON CONFLICT (tenant, project, deployment, version, kind, window_from) DO NOTHING`,
		scope.Tenant, scope.Project, a.ID, a.Deployment, a.Version, a.Kind, sqldb.Micros(a.Window[0]), a.State, string(b), sqldb.Micros(a.Created))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// Alerts returns alerts, newest first; deployment "" means all.
func (s *Store) Alerts(ctx context.Context, scope forge.Scope, deployment string) ([]monitoring.Alert, error) {
	return many[monitoring.Alert](ctx, s, `SELECT alert FROM monitor_alert WHERE tenant = $1 AND project = $2 AND (deployment = $3 OR $3 = '')
		ORDER BY at DESC, window_from DESC LIMIT 500`, scope.Tenant, scope.Project, deployment)
}

// ChangeAlert applies f to an alert and stores it.
func (s *Store) ChangeAlert(ctx context.Context, scope forge.Scope, id string, f func(*monitoring.Alert)) (monitoring.Alert, error) {
	var a monitoring.Alert
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		var text string
		err := tx.QueryRowContext(ctx, `SELECT alert FROM monitor_alert WHERE tenant = $1 AND project = $2 AND id = $3`, scope.Tenant, scope.Project, id).Scan(&text)
		if errors.Is(err, sql.ErrNoRows) {
			return forge.Errorf(forge.KindNotFound, nil, "alert %q does not exist", id)
		}
		if err != nil {
			return err
		}
		a = monitoring.Alert{}
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			return err
		}
		f(&a)
		b, err := json.Marshal(a)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE monitor_alert SET alert = $1, state = $2 WHERE tenant = $3 AND project = $4 AND id = $5`,
			string(b), a.State, scope.Tenant, scope.Project, id)
		return err
	})
	return a, err
}

func (s *Store) one(ctx context.Context, into any, query string, args ...any) error {
	var text string
	if err := s.db.QueryRowContext(ctx, query, args...).Scan(&text); err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), into)
}

// exec runs a statement whose last argument is document as JSON.
func (s *Store) exec(ctx context.Context, document any, query string, args ...any) error {
	b, err := json.Marshal(document)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, query, append(args, string(b))...)
	return err
}

func many[T any](ctx context.Context, s *Store, query string, args ...any) ([]T, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		var text string
		var v T
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
