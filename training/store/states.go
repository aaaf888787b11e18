package store

import (
	"context"

	"aiforge.dev/forge"
)

// States returns the state of every run of a project, by id: cheap, since the runs
// themselves are not read.
func (s *Store) States(ctx context.Context, scope forge.Scope) (map[string]string, error) {
	if err := check(scope); err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT id, state FROM training_runs WHERE tenant = $1 AND project = $2`, scope.Tenant, scope.Project)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var id, state string
		if err := rows.Scan(&id, &state); err != nil {
			return nil, err
		}
		out[id] = state
	}
	return out, rows.Err()
}
