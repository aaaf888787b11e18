package jobs

import (
	"context"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

// renew prolongs all leases of owner and returns the jobs that it still holds, each
// with whether somebody wants it cancelled.
func (s rows) renew(ctx context.Context, owner string, until time.Time) (map[address]bool, error) {
	if _, err := s.db.ExecContext(ctx, `UPDATE job SET lease = $1 WHERE state = 'running' AND owner = $2`, sqldb.Micros(until), owner); err != nil {
		return nil, err
	}
	rs, err := s.db.QueryContext(ctx, `SELECT tenant, project, id, cancelling FROM job WHERE state = 'running' AND owner = $1`, owner)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	held := map[address]bool{}
	for rs.Next() {
		var a address
		var cancelling int
		if err := rs.Scan(&a.Tenant, &a.Project, &a.ID, &cancelling); err != nil {
			return nil, err
		}
		held[a] = cancelling == 1
	}
	return held, rs.Err()
}

// takeOver ends all leases and makes all waiting jobs due: for a process that knows
// that no other one is alive on this store.
func (s rows) takeOver(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, `UPDATE job SET lease = 0 WHERE state = 'running'`); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, `UPDATE job SET due = $1 WHERE state = 'queued'`, sqldb.Micros(s.now()))
	return err
}

// lapse gives running jobs with a lapsed lease back. One that took its process down
// maxLapses times fails, so that it cannot do so for ever.
func (s rows) lapse(ctx context.Context, maxLapses int) (int, error) {
	now := sqldb.Micros(s.now())
	res, err := s.db.ExecContext(ctx, `UPDATE job SET
		state = CASE WHEN cancelling = 1 THEN 'cancelled' WHEN lapses + 1 >= $1 THEN 'failed' ELSE 'queued' END,
		error = CASE WHEN cancelling = 0 AND lapses + 1 >= $1 THEN $2 ELSE '' END,
		error_kind = CASE WHEN cancelling = 0 AND lapses + 1 >= $1 THEN $3 ELSE '' END,
		finished = CASE WHEN cancelling = 1 OR lapses + 1 >= $1 THEN CAST($4 AS BIGINT) ELSE 0 END,
		lapses = lapses + 1, owner = '', lease = 0, delivery = 0, due = CAST($4 AS BIGINT)
		WHERE state = 'running' AND lease < CAST($4 AS BIGINT)`,
		maxLapses, "the server ended each time while this job ran, so it was given up; look into the server's log and its memory limit", string(forge.KindInternal), now)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// waiting is a queued job that may need a (new) delivery. The attempt tells it from the
// same job waiting again after a quick failure.
type waiting struct {
	address
	kind     string
	delivery int64
	attempt  int64
}

// due lists the jobs whose time has come. One that would be due later than any job is
// made to wait was put off before the clock was set back; its time has come too.
func (s rows) due(ctx context.Context, longest time.Duration, limit int) ([]waiting, error) {
	now := s.now()
	rs, err := s.db.QueryContext(ctx, `SELECT tenant, project, id, kind, delivery, attempt FROM job WHERE state = 'queued' AND (due <= $1 OR due > $2) ORDER BY due LIMIT $3`,
		sqldb.Micros(now), sqldb.Micros(now.Add(longest)), limit)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var out []waiting
	for rs.Next() {
		var w waiting
		if err := rs.Scan(&w.Tenant, &w.Project, &w.ID, &w.kind, &w.delivery, &w.attempt); err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, rs.Err()
}

// delivered records a delivery in place of the one that w had, and when to look again.
func (s rows) delivered(ctx context.Context, w waiting, delivery int64, again time.Time) error {
	_, err := s.changed(ctx, `UPDATE job SET delivery = $1, due = $2 WHERE tenant = $3 AND project = $4 AND id = $5 AND state = 'queued' AND delivery = $6 AND attempt = $7`,
		delivery, sqldb.Micros(again), w.Tenant, w.Project, w.ID, w.delivery, w.attempt)
	return err
}
