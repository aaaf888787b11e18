package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/internal/sqldb"
)

const loadColumns = `id, table_name, sha256, file, bytes, row_count, rejected, offset_first, offset_end, snapshot, at`

// AddLoad stores a load. A file that its table has already (by SHA-256) returns the
// load that brought it.
func (s *Store) AddLoad(ctx context.Context, scope forge.Scope, l ingest.Load) (ingest.Load, error) {
	if err := check(scope); err != nil {
		return l, err
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO ingest_loads (tenant, project, `+loadColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (tenant, project, table_name, sha256) DO NOTHING`,
		scope.Tenant, scope.Project, l.ID, l.Table.String(), l.SHA256, l.File, l.Bytes, l.Rows, l.Rejected, l.Offsets[0], l.Offsets[1], l.Snapshot, sqldb.Micros(l.At))
	if err != nil {
		return l, err
	}
	stored, err := s.Loaded(ctx, scope, l.Table, l.SHA256)
	if err != nil {
		return l, err
	}
	return *stored, nil
}

// Loaded finds the load that brought a file into a table; nil if none did.
func (s *Store) Loaded(ctx context.Context, scope forge.Scope, table forge.TableName, sha256 string) (*ingest.Load, error) {
	row := s.db.QueryRowContext(ctx, `SELECT `+loadColumns+` FROM ingest_loads WHERE tenant = $1 AND project = $2 AND table_name = $3 AND sha256 = $4`,
		scope.Tenant, scope.Project, table.String(), sha256)
	l, err := scanLoad(row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return l, err
}

// DropLoads forgets the loads of a table that are older than the table itself: it
// was dropped and made anew since.
func (s *Store) DropLoads(ctx context.Context, scope forge.Scope, table forge.TableName, before time.Time) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM ingest_loads WHERE tenant = $1 AND project = $2 AND table_name = $3 AND at < $4`,
		scope.Tenant, scope.Project, table.String(), sqldb.Micros(before))
	return err
}

// Loads lists the newest first, at most 1,000; a zero table means all.
func (s *Store) Loads(ctx context.Context, scope forge.Scope, table forge.TableName) ([]ingest.Load, error) {
	name := ""
	if table != (forge.TableName{}) {
		name = table.String()
	}
	rows, err := s.db.QueryContext(ctx, `SELECT `+loadColumns+` FROM ingest_loads
		WHERE tenant = $1 AND project = $2 AND (CAST($3 AS TEXT) = '' OR table_name = $3) ORDER BY at DESC, id LIMIT 1000`, scope.Tenant, scope.Project, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []ingest.Load{}
	for rows.Next() {
		l, err := scanLoad(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, *l)
	}
	return out, rows.Err()
}

func scanLoad(row interface{ Scan(...any) error }) (*ingest.Load, error) {
	var l ingest.Load
	var table string
	var at int64
	err := row.Scan(&l.ID, &table, &l.SHA256, &l.File, &l.Bytes, &l.Rows, &l.Rejected, &l.Offsets[0], &l.Offsets[1], &l.Snapshot, &at)
	if err != nil {
		return nil, err
	}
	l.At = sqldb.Time(at)
	l.Table, err = forge.ParseTableName(table)
	return &l, err
}

// Plan keeps how a file is being read into a table, so that an interrupted load is
// finished the same way, whatever is asked for the second time. It returns the plan
// that counts: the first one.
func (s *Store) Plan(ctx context.Context, scope forge.Scope, table forge.TableName, sha256, plan string) (string, error) {
	if err := check(scope); err != nil {
		return "", err
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO ingest_plans (tenant, project, table_name, sha256, plan) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, project, table_name, sha256) DO NOTHING`, scope.Tenant, scope.Project, table.String(), sha256, plan)
	if err != nil {
		return "", err
	}
	err = s.db.QueryRowContext(ctx, `SELECT plan FROM ingest_plans WHERE tenant = $1 AND project = $2 AND table_name = $3 AND sha256 = $4`,
		scope.Tenant, scope.Project, table.String(), sha256).Scan(&plan)
	return plan, err
}

// DropPlan forgets a plan.
func (s *Store) DropPlan(ctx context.Context, scope forge.Scope, table forge.TableName, sha256 string) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM ingest_plans WHERE tenant = $1 AND project = $2 AND table_name = $3 AND sha256 = $4`,
		scope.Tenant, scope.Project, table.String(), sha256)
	return err
}
