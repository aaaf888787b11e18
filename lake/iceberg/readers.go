package iceberg

import (
	"context"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

// readFor is how long a snapshot stays after somebody asked for it by number: long
// enough for a job that pinned it to come back for the next of its queries.
const readFor = 3 * time.Hour

// noted remembers which readings are in the store, so that it is told once a minute and
// not with every query.
type noted struct {
	mu sync.Mutex
	at map[reading]time.Time
}

type reading struct {
	scope    forge.Scope
	location string
	snapshot int64
}

// fresh reports whether r was noted within a minute, and notes it.
func (n *noted) fresh(r reading, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at, ok := n.at[r]; ok && now.Sub(at) < time.Minute {
		return true
	}
	if n.at == nil {
		n.at = map[reading]time.Time{}
	}
	for k, at := range n.at {
		if now.Sub(at) >= time.Minute {
			delete(n.at, k)
		}
	}
	n.at[r] = now
	return false
}

// note says that a snapshot is being read. It is no reason to fail a query: the newest
// snapshots stay in any case.
func (t *Tables) note(ctx context.Context, scope forge.Scope, location string, snapshot int64) {
	now := t.cfg.Now()
	if t.noted.fresh(reading{scope, location, snapshot}, now) {
		return
	}
	_, err := t.db.ExecContext(ctx, "INSERT INTO lake_reader (tenant, project, location, snapshot, used) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, project, location, snapshot) DO UPDATE SET used = excluded.used",
		scope.Tenant, scope.Project, location, snapshot, sqldb.Micros(now))
	if err != nil && ctx.Err() == nil {
		t.cfg.Log.Warn("a reader of an old snapshot was not noted", "scope", scope, "location", location, "snapshot", snapshot, "err", err)
	}
}

// readers are the snapshots of a table that somebody may come back to.
func (t *Tables) readers(ctx context.Context, scope forge.Scope, location string) (map[int64]bool, error) {
	rows, err := t.db.QueryContext(ctx, "SELECT snapshot FROM lake_reader WHERE tenant = $1 AND project = $2 AND location = $3 AND used > $4",
		scope.Tenant, scope.Project, location, sqldb.Micros(t.cfg.Now().Add(-readFor)))
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	out := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out[id] = true
	}
	return out, rows.Err()
}
