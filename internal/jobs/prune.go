package jobs

import (
	"context"
	"database/sql"
	"time"

	"aiforge.dev/forge/internal/sqldb"
)

// pruneAtOnce bounds one transaction, so that it holds nobody up.
const pruneAtOnce = 200

// Prune forgets jobs that ended before a moment, with their events and steps, and of
// each project those beyond the newest, however young. It returns how many.
func (r *Runner) Prune(ctx context.Context, before time.Time, newest int) (int, error) {
	total := 0
	for ctx.Err() == nil {
		n, err := r.rows.pruneSome(ctx, sqldb.Micros(before), newest)
		if total += n; err != nil || n < pruneAtOnce {
			return total, err
		}
	}
	return total, ctx.Err()
}

func (s rows) pruneSome(ctx context.Context, before int64, newest int) (int, error) {
	gone, err := s.prunable(ctx, before, newest)
	if err != nil || len(gone) == 0 {
		return 0, err
	}
	err = s.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, a := range gone {
			for _, q := range []string{
				"DELETE FROM job_event WHERE tenant = $1 AND project = $2 AND job = $3",
				"DELETE FROM job_step WHERE tenant = $1 AND project = $2 AND job = $3",
				"DELETE FROM job WHERE tenant = $1 AND project = $2 AND id = $3",
			} {
				if _, err := tx.ExecContext(ctx, q, a.Tenant, a.Project, a.ID); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return len(gone), err
}

// prunable lists jobs that may go; one that has not ended may not.
func (s rows) prunable(ctx context.Context, before int64, newest int) ([]address, error) {
	rs, err := s.db.QueryContext(ctx, `SELECT tenant, project, id FROM (
		SELECT tenant, project, id, state, finished, ROW_NUMBER() OVER (PARTITION BY tenant, project ORDER BY created DESC, id DESC) AS place FROM job) AS j
		WHERE state IN ('succeeded', 'failed', 'cancelled') AND (finished < $1 OR place > $2) ORDER BY finished LIMIT $3`, before, newest, pruneAtOnce)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var out []address
	for rs.Next() {
		var a address
		if err := rs.Scan(&a.Tenant, &a.Project, &a.ID); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rs.Err()
}
