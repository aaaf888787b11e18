package jobs

import (
	"context"

	"aiforge.dev/forge"
)

// Count is how many jobs of a kind are in a state.
type Count struct {
	Kind  string
	State State
	Jobs  int64
}

// Counts counts the project's jobs by kind and state.
func (r *Runner) Counts(ctx context.Context) ([]Count, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := r.rows.db.QueryContext(ctx, `SELECT kind, state, COUNT(*) FROM job WHERE tenant = $1 AND project = $2 GROUP BY kind, state ORDER BY kind, state`, scope.Tenant, scope.Project)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Count
	for rows.Next() {
		var c Count
		if err := rows.Scan(&c.Kind, &c.State, &c.Jobs); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, rows.Err()
}
