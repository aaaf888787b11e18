package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

// claimed is a job that this process runs now. Its attempt number is also its fence:
// every later write names it, so a process that lost its lease cannot write any more.
type claimed struct {
	address
	Job
	who      forge.Principal
	failures int
}

// claim moves queued→running for owner; false when another process was first or the
// job is not waiting any more.
func (s rows) claim(ctx context.Context, a address, owner string, until time.Time) (claimed, bool, error) {
	now := sqldb.Micros(s.now())
	ok, err := s.changed(ctx, `UPDATE job SET state = 'running', owner = $1, lease = $2, attempt = attempt + 1, error = '', error_kind = '',
		started = CASE WHEN started = 0 THEN CAST($3 AS BIGINT) ELSE started END
		WHERE tenant = $4 AND project = $5 AND id = $6 AND state = 'queued'`,
		owner, sqldb.Micros(until), now, a.Tenant, a.Project, a.ID)
	if err != nil || !ok {
		return claimed{}, false, err
	}
	c := claimed{address: a}
	c.Job, c.who, err = scanJob(s.db.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM job WHERE tenant = $1 AND project = $2 AND id = $3`, a.Tenant, a.Project, a.ID))
	if err != nil {
		return c, false, err
	}
	err = s.db.QueryRowContext(ctx, `SELECT failures FROM job WHERE tenant = $1 AND project = $2 AND id = $3`, a.Tenant, a.Project, a.ID).Scan(&c.failures)
	return c, err == nil, err
}

const mine = ` WHERE tenant = $1 AND project = $2 AND id = $3 AND state = 'running' AND attempt = $4`

// end moves running→succeeded, failed or cancelled.
func (s rows) end(ctx context.Context, c claimed, state State, result json.RawMessage, text string, kind forge.Kind) (bool, error) {
	return s.changed(ctx, `UPDATE job SET state = $5, result = $6, error = $7, error_kind = $8, finished = $9, owner = '', lease = 0`+mine,
		c.Tenant, c.Project, c.address.ID, c.Attempt, string(state), string(result), text, string(kind), sqldb.Micros(s.now()))
}

// giveBack moves running→queued, to be delivered at due; a job that somebody wants
// cancelled ends instead. failed counts towards the kind's attempts.
func (s rows) giveBack(ctx context.Context, c claimed, due time.Time, failed bool, text string) (bool, error) {
	add := 0
	if failed {
		add = 1
	}
	return s.changed(ctx, `UPDATE job SET state = CASE WHEN cancelling = 1 THEN 'cancelled' ELSE 'queued' END,
		finished = CASE WHEN cancelling = 1 THEN CAST($5 AS BIGINT) ELSE 0 END,
		failures = failures + CAST($6 AS BIGINT), error = $7, owner = '', lease = 0, delivery = 0, due = $8`+mine,
		c.Tenant, c.Project, c.address.ID, c.Attempt, sqldb.Micros(s.now()), add, text, sqldb.Micros(due))
}

// cancelQueued moves queued→cancelled.
func (s rows) cancelQueued(ctx context.Context, a address) (bool, error) {
	return s.changed(ctx, `UPDATE job SET state = 'cancelled', finished = $4 WHERE tenant = $1 AND project = $2 AND id = $3 AND state = 'queued'`,
		a.Tenant, a.Project, a.ID, sqldb.Micros(s.now()))
}

// askCancel marks a running job; its owner sees the mark when it renews its lease.
func (s rows) askCancel(ctx context.Context, a address) (bool, error) {
	return s.changed(ctx, `UPDATE job SET cancelling = 1 WHERE tenant = $1 AND project = $2 AND id = $3 AND state = 'running'`, a.Tenant, a.Project, a.ID)
}

// append writes progress and events of a running job; false when it is not ours any
// more. The sequence continues where the job's earlier attempts ended.
func (s rows) append(ctx context.Context, c claimed, p *Progress, events []Event) (bool, error) {
	held := false
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		held = false
		var last int64
		err := tx.QueryRowContext(ctx, `UPDATE job SET events = events + CAST($5 AS BIGINT)`+mine+` RETURNING events`,
			c.Tenant, c.Project, c.address.ID, c.Attempt, len(events)).Scan(&last)
		if err == sql.ErrNoRows {
			return nil
		}
		if err != nil {
			return err
		}
		held = true
		if p != nil {
			raw, err := json.Marshal(p)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `UPDATE job SET progress = $4 WHERE tenant = $1 AND project = $2 AND id = $3`, c.Tenant, c.Project, c.address.ID, string(raw)); err != nil {
				return err
			}
		}
		seq := last - int64(len(events))
		for _, e := range events {
			seq++
			if _, err := tx.ExecContext(ctx, `INSERT INTO job_event (tenant, project, job, seq, at, type, data) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				c.Tenant, c.Project, c.address.ID, seq, sqldb.Micros(e.At), e.Type, string(e.Data)); err != nil {
				return err
			}
		}
		return nil
	})
	return held, err
}

// step returns the stored result of a finished step.
func (s rows) step(ctx context.Context, a address, name string) (json.RawMessage, bool, error) {
	var raw string
	err := s.db.QueryRowContext(ctx, `SELECT result FROM job_step WHERE tenant = $1 AND project = $2 AND job = $3 AND name = $4`, a.Tenant, a.Project, a.ID, name).Scan(&raw)
	if err == sql.ErrNoRows {
		return nil, false, nil
	}
	return json.RawMessage(raw), err == nil, err
}

// saveStep records a finished step; false when the job is not ours any more.
func (s rows) saveStep(ctx context.Context, c claimed, name string, result json.RawMessage) (bool, error) {
	held := false
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		// The UPDATE takes the row's lock, so that the check still holds at commit.
		res, err := tx.ExecContext(ctx, `UPDATE job SET events = events`+mine, c.Tenant, c.Project, c.address.ID, c.Attempt)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if held = n > 0; err != nil || !held {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO job_step (tenant, project, job, name, result, at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant, project, job, name) DO UPDATE SET result = excluded.result, at = excluded.at`,
			c.Tenant, c.Project, c.address.ID, name, string(result), sqldb.Micros(s.now()))
		return err
	})
	return held, err
}
