package mlflowstore

import (
	"context"
	"database/sql"
	"encoding/json"

	"aiforge.dev/forge"
)

// Kinds of inputs and outputs of a run.
const (
	InputDataset = "dataset"
	InputModel   = "in"
	OutputModel  = "out"
)

// Input is something that a run read or made. Body is a dataset as the client gave it.
type Input struct {
	Kind         string
	Name, Digest string // a model's id is its Name
	Context      string // train, eval, …
	Step         int64
	Body         json.RawMessage
}

// LogInputs stores inputs or outputs; the same again is harmless.
func (s *Store) LogInputs(ctx context.Context, scope forge.Scope, run string, inputs []Input) error {
	if len(inputs) > MaxEntities {
		return invalid("%d inputs: at most %d are taken at once", len(inputs), MaxEntities)
	}
	for _, in := range inputs {
		if in.Name == "" || len(in.Name) > 500 || len(in.Digest) > 100 || len(in.Context) > maxKey || len(in.Body) > 1<<20 {
			return invalid("input %.60q of run %s: want a name of at most 500 bytes, and at most 1 MiB in all", in.Name, run)
		}
	}
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := s.writable(ctx, tx, scope, run); err != nil {
			return err
		}
		for _, in := range inputs {
			_, err := tx.ExecContext(ctx, `INSERT INTO mlflow_inputs (tenant, project, run, kind, name, digest, context, step, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
				scope.Tenant, scope.Project, run, in.Kind, in.Name, in.Digest, in.Context, in.Step, string(in.Body))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) fillInputs(ctx context.Context, scope forge.Scope, runs []Run, at map[string]int, ids []string) error {
	rows, err := s.db.QueryContext(ctx, `SELECT run, kind, name, digest, context, step, body FROM mlflow_inputs WHERE tenant = $1 AND project = $2 AND run IN (`+list(3, len(ids))+`) ORDER BY run, kind, name, digest`, scoped(scope, ids)...)
	return each(rows, err, func(r *sql.Rows) error {
		var in Input
		var run, body string
		if err := r.Scan(&run, &in.Kind, &in.Name, &in.Digest, &in.Context, &in.Step, &body); err != nil {
			return err
		}
		in.Body = json.RawMessage(body)
		runs[at[run]].Inputs = append(runs[at[run]].Inputs, in)
		return nil
	})
}

// DatasetUse is a dataset that runs of an experiment read.
type DatasetUse struct {
	Experiment            int64
	Name, Digest, Context string
}

// Datasets lists the datasets that runs of experiments read.
func (s *Store) Datasets(ctx context.Context, scope forge.Scope, experiments []int64) ([]DatasetUse, error) {
	if err := check(scope); err != nil {
		return nil, err
	}
	if len(experiments) == 0 {
		return nil, nil
	}
	args := []any{scope.Tenant, scope.Project}
	for _, e := range experiments {
		args = append(args, e)
	}
	var out []DatasetUse
	rows, err := s.db.QueryContext(ctx, `SELECT DISTINCT r.experiment, i.name, i.digest, i.context FROM mlflow_inputs i
		JOIN mlflow_runs r ON r.tenant = i.tenant AND r.project = i.project AND r.id = i.run
		WHERE i.tenant = $1 AND i.project = $2 AND i.kind = 'dataset' AND r.stage = 'active' AND r.experiment IN (`+list(3, len(experiments))+`)
		ORDER BY r.experiment, i.name, i.digest, i.context LIMIT 1000`, args...)
	err = each(rows, err, func(r *sql.Rows) error {
		var d DatasetUse
		err := r.Scan(&d.Experiment, &d.Name, &d.Digest, &d.Context)
		out = append(out, d)
		return err
	})
	return out, err
}
