package mlflowstore

import (
	"context"
	"database/sql"

	"aiforge.dev/forge"
)

// Mirrored returns the states in which forge's own runs are shown, by id.
func (s *Store) Mirrored(ctx context.Context, scope forge.Scope) (map[string]string, error) {
	if err := check(scope); err != nil {
		return nil, err
	}
	out := map[string]string{}
	rows, err := s.db.QueryContext(ctx, `SELECT id, forge FROM mlflow_runs WHERE tenant = $1 AND project = $2 AND experiment = $3 AND forge <> ''`, scope.Tenant, scope.Project, ForgeExperiment)
	err = each(rows, err, func(r *sql.Rows) error {
		var id, state string
		err := r.Scan(&id, &state)
		out[id] = state
		return err
	})
	return out, err
}

// Mirror shows one of forge's own runs as it is now; doing so again changes nothing.
func (s *Store) Mirror(ctx context.Context, scope forge.Scope, r Run) error {
	if err := s.provide(ctx, scope); err != nil {
		return err
	}
	r.Experiment, r.Stage = ForgeExperiment, Active
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := putRun(ctx, tx, scope, r); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM mlflow_params WHERE tenant = $1 AND project = $2 AND kind = 'run' AND owner = $3`, scope.Tenant, scope.Project, r.ID); err != nil {
			return err // a run's best model is known only at its end
		}
		if err := setParams(ctx, tx, scope, KindRun, r.ID, r.Params); err != nil {
			return err
		}
		if err := setTags(ctx, tx, scope, KindRun, r.ID, r.Tags); err != nil {
			return err
		}
		for _, in := range r.Inputs {
			if _, err := tx.ExecContext(ctx, `INSERT INTO mlflow_inputs (tenant, project, run, kind, name, digest, context, step, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
				scope.Tenant, scope.Project, r.ID, in.Kind, in.Name, in.Digest, in.Context, in.Step, string(in.Body)); err != nil {
				return err
			}
		}
		return s.logMetrics(ctx, tx, scope, r.ID, r.Metrics)
	})
}
