package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

// Due is a check that the server is to start by itself.
type Due struct {
	Scope      forge.Scope
	Deployment string
	Rule       string          // as the policy says it
	At         time.Time       // when
	Who        forge.Principal // who set the policy: the check acts for them
	claimed    int64
}

// setSchedule keeps, changes or ends the schedule of a policy. The time of a schedule
// that stays the same stays too.
func setSchedule(ctx context.Context, tx *sql.Tx, scope forge.Scope, deployment, rule string, next time.Time, who forge.Principal) error {
	if rule == "" {
		_, err := tx.ExecContext(ctx, `DELETE FROM monitor_schedule WHERE tenant = $1 AND project = $2 AND deployment = $3`, scope.Tenant, scope.Project, deployment)
		return err
	}
	b, err := json.Marshal(who)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO monitor_schedule (tenant, project, deployment, rule, next_at, claimed, principal) VALUES ($1,$2,$3,$4,$5,0,$6)
		ON CONFLICT (tenant, project, deployment) DO UPDATE SET principal = excluded.principal, rule = excluded.rule,
		next_at = CASE WHEN monitor_schedule.rule = excluded.rule THEN monitor_schedule.next_at ELSE excluded.next_at END,
		claimed = CASE WHEN monitor_schedule.rule = excluded.rule THEN monitor_schedule.claimed ELSE 0 END`,
		scope.Tenant, scope.Project, deployment, rule, sqldb.Micros(next), string(b))
	return err
}

// NextCheck is when the server compares by itself; zero when it does not.
func (s *Store) NextCheck(ctx context.Context, scope forge.Scope, deployment string) (time.Time, error) {
	var at int64
	err := s.db.QueryRowContext(ctx, `SELECT next_at FROM monitor_schedule WHERE tenant = $1 AND project = $2 AND deployment = $3`, scope.Tenant, scope.Project, deployment).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return sqldb.Time(at), err
}

// DueChecks are the checks of all projects that are due and that no server has claimed.
func (s *Store) DueChecks(ctx context.Context, now time.Time) ([]Due, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT tenant, project, deployment, rule, next_at, claimed, principal FROM monitor_schedule
		WHERE next_at <= $1 AND claimed <= $1 ORDER BY next_at LIMIT 100`, sqldb.Micros(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Due
	for rows.Next() {
		var d Due
		var at int64
		var who string
		if err := rows.Scan(&d.Scope.Tenant, &d.Scope.Project, &d.Deployment, &d.Rule, &at, &d.claimed, &who); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(who), &d.Who); err != nil {
			return nil, err
		}
		d.At = sqldb.Time(at)
		out = append(out, d)
	}
	return out, rows.Err()
}

const thisDue = ` WHERE tenant = $1 AND project = $2 AND deployment = $3 AND next_at = $4 AND claimed = $5`

// Claim takes a due check for this server until a time; false when another was first,
// or the policy has changed. A server that dies with it gives it back by then.
func (s *Store) Claim(ctx context.Context, d *Due, until time.Time) (bool, error) {
	return s.move(ctx, d, "claimed = $6", sqldb.Micros(until))
}

// Checked says that a claimed check has been started, and when the next is due.
func (s *Store) Checked(ctx context.Context, d *Due, next time.Time) (bool, error) {
	return s.move(ctx, d, "next_at = $6, claimed = 0", sqldb.Micros(next))
}

func (s *Store) move(ctx context.Context, d *Due, set string, to int64) (bool, error) {
	res, err := s.db.ExecContext(ctx, `UPDATE monitor_schedule SET `+set+thisDue, d.Scope.Tenant, d.Scope.Project, d.Deployment, sqldb.Micros(d.At), d.claimed, to)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	d.claimed = to
	return n == 1, err
}
