package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

// Acquire takes or renews the lease of a name for a holder. The epoch grows each
// time the lease goes to another holder. ok is false while someone else holds it;
// takeover takes it all the same, for a process that knows it is the only one.
func (s *Store) Acquire(ctx context.Context, scope forge.Scope, name, holder string, ttl time.Duration, takeover bool) (epoch int64, ok bool, err error) {
	if err := check(scope); err != nil {
		return 0, false, err
	}
	err = s.db.Tx(ctx, func(tx *sql.Tx) error {
		now := s.now()
		var has string
		var expires int64
		ok = true
		err := tx.QueryRowContext(ctx, `SELECT holder, epoch, expires FROM ingest_leases WHERE tenant = $1 AND project = $2 AND name = $3`,
			scope.Tenant, scope.Project, name).Scan(&has, &epoch, &expires)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			epoch = 0
		case err != nil:
			return err
		case has != holder && has != "" && expires > sqldb.Micros(now) && expires <= sqldb.Micros(now.Add(ttl)) && !takeover: // later than that: the clock was set back
			ok = false
			return nil
		}
		if has != holder {
			epoch++
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO ingest_leases (tenant, project, name, holder, epoch, expires) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant, project, name) DO UPDATE SET holder = excluded.holder, epoch = excluded.epoch, expires = excluded.expires`,
			scope.Tenant, scope.Project, name, holder, epoch, sqldb.Micros(now.Add(ttl)))
		return err
	})
	return epoch, ok && err == nil, err
}

// Release gives a lease back; the epoch stays.
func (s *Store) Release(ctx context.Context, scope forge.Scope, name, holder string) error {
	_, err := s.db.ExecContext(ctx, `UPDATE ingest_leases SET holder = '', expires = 0 WHERE tenant = $1 AND project = $2 AND name = $3 AND holder = $4`,
		scope.Tenant, scope.Project, name, holder)
	return err
}
