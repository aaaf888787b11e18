package mlflowstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"aiforge.dev/forge"
)

// Run is a run with the newest point of each metric.
type Run struct {
	ID         string
	Experiment int64
	Name       string
	User       string
	Status     string // RUNNING, SCHEDULED, FINISHED, FAILED or KILLED
	Stage      string
	Location   string
	Started    int64
	Ended      int64  // 0: not yet
	Forge      string // state of forge's own run that this one shows; "" for others
	Metrics    []Metric
	Params     []KV
	Tags       []KV
	Inputs     []Input
}

// Metric is one point. Model and the dataset's name say what it was measured on.
type Metric struct {
	Key             string
	Value           float64 // may be NaN or infinite
	At, Step        int64
	Model           string
	Dataset, Digest string
	Run             string // of a logged model's metric
}

// NameTag is the tag that is a run's name too.
const NameTag = "mlflow.runName"

// Statuses that a run can have.
var Statuses = []string{"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"}

const runColumns = `r.id, r.experiment, r.name, r.maker, r.status, r.stage, r.location, r.started, r.ended, r.forge`

func scanRun(row interface{ Scan(...any) error }, more ...any) (Run, error) {
	var r Run
	dest := []any{&r.ID, &r.Experiment, &r.Name, &r.User, &r.Status, &r.Stage, &r.Location, &r.Started, &r.Ended, &r.Forge}
	return r, row.Scan(append(dest, more...)...)
}

// CreateRun stores a new run; its experiment must be active.
func (s *Store) CreateRun(ctx context.Context, scope forge.Scope, experiment string, r Run) (Run, error) {
	e, err := s.Experiment(ctx, scope, experiment)
	if err != nil {
		return r, err
	}
	if e.Stage != Active {
		return r, invalid("experiment %q is deleted; restore it, then start runs in it", e.Name)
	}
	if len(r.Name) > maxTag || len(r.User) > maxKey || strings.ContainsRune(r.Name+r.User, 0) {
		return r, invalid("a run's name has at most %d bytes and its user at most %d", maxTag, maxKey)
	}
	if len(r.Tags) > MaxEntities {
		return r, invalid("%d tags: at most %d are taken at once", len(r.Tags), MaxEntities)
	}
	r.Experiment, r.Stage = e.Number, Active
	r.Location = e.Location + "/" + r.ID + "/artifacts"
	if r.Started == 0 {
		r.Started = s.ms()
	}
	err = s.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := putRun(ctx, tx, scope, r); err != nil {
			return err
		}
		return setTags(ctx, tx, scope, KindRun, r.ID, append(slices.Clone(r.Tags), KV{NameTag, r.Name}))
	})
	if err != nil {
		return r, err
	}
	return s.Run(ctx, scope, r.ID)
}

func putRun(ctx context.Context, q queryer, scope forge.Scope, r Run) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO mlflow_runs (tenant, project, id, experiment, name, maker, status, stage, location, started, ended, forge)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (tenant, project, id) DO UPDATE SET status = excluded.status, ended = excluded.ended, forge = excluded.forge`,
		scope.Tenant, scope.Project, r.ID, r.Experiment, r.Name, r.User, r.Status, r.Stage, r.Location, r.Started, r.Ended, r.Forge)
	return err
}

// Run returns a run with all that was logged.
func (s *Store) Run(ctx context.Context, scope forge.Scope, id string) (Run, error) {
	r, err := s.bare(ctx, s.db, scope, id)
	if err != nil {
		return r, err
	}
	all := []Run{r}
	err = s.fill(ctx, scope, all)
	return all[0], err
}

// bare is a run without what was logged.
func (s *Store) bare(ctx context.Context, q queryer, scope forge.Scope, id string) (Run, error) {
	if err := check(scope); err != nil {
		return Run{}, err
	}
	r, err := scanRun(q.QueryRowContext(ctx, `SELECT `+runColumns+` FROM mlflow_runs r WHERE r.tenant = $1 AND r.project = $2 AND r.id = $3`, scope.Tenant, scope.Project, id))
	if errors.Is(err, sql.ErrNoRows) {
		return r, forge.Errorf(forge.KindNotFound, err, "run %q does not exist", id)
	}
	return r, err
}

// writable is a run that clients may log to.
func (s *Store) writable(ctx context.Context, q queryer, scope forge.Scope, id string) (Run, error) {
	r, err := s.bare(ctx, q, scope, id)
	switch {
	case err != nil:
		return r, err
	case r.Forge != "":
		return r, invalid("run %s is forge's own: it is only shown here; start a run of your own and name this one in a tag", id)
	case r.Stage != Active:
		return r, invalid("run %s is deleted; restore it first", id)
	}
	return r, nil
}

// fill reads metrics, params, tags and inputs of runs.
func (s *Store) fill(ctx context.Context, scope forge.Scope, runs []Run) error {
	at := map[string]int{}
	var ids []string
	for i, r := range runs {
		at[r.ID], ids = i, append(ids, r.ID)
	}
	params, err := pairs(ctx, s.db, scope, "mlflow_params", KindRun, ids)
	if err != nil {
		return err
	}
	tags, err := pairs(ctx, s.db, scope, "mlflow_tags", KindRun, ids)
	if err != nil {
		return err
	}
	for i := range runs {
		runs[i].Params, runs[i].Tags = params[runs[i].ID], tags[runs[i].ID]
	}
	for len(ids) > 0 {
		n := min(len(ids), 500)
		if err := s.fillMetrics(ctx, scope, runs, at, ids[:n]); err != nil {
			return err
		}
		if err := s.fillInputs(ctx, scope, runs, at, ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func (s *Store) fillMetrics(ctx context.Context, scope forge.Scope, runs []Run, at map[string]int, ids []string) error {
	rows, err := s.db.QueryContext(ctx, `SELECT run, name, value, nan, step, at FROM mlflow_latest WHERE tenant = $1 AND project = $2 AND run IN (`+list(3, len(ids))+`) ORDER BY run, name`, scoped(scope, ids)...)
	return each(rows, err, func(r *sql.Rows) error {
		var m Metric
		var nan int
		if err := r.Scan(&m.Run, &m.Key, &m.Value, &nan, &m.Step, &m.At); err != nil {
			return err
		}
		m.Value = number(m.Value, nan)
		run := &runs[at[m.Run]]
		run.Metrics = append(run.Metrics, m)
		return nil
	})
}

func scoped(scope forge.Scope, ids []string) []any {
	args := []any{scope.Tenant, scope.Project}
	for _, id := range ids {
		args = append(args, id)
	}
	return args
}

// UpdateRun changes status, end and name; empty values change nothing.
func (s *Store) UpdateRun(ctx context.Context, scope forge.Scope, id, status string, ended int64, name string) (Run, error) {
	if status != "" && !slices.Contains(Statuses, status) {
		return Run{}, invalid("run status %q: want one of %s", status, strings.Join(Statuses, ", "))
	}
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		r, err := s.writable(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if status != "" {
			r.Status = status
		}
		if ended != 0 {
			r.Ended = ended
		}
		if name != "" {
			if err := setTags(ctx, tx, scope, KindRun, id, []KV{{NameTag, name}}); err != nil {
				return err
			}
			r.Name = name
		}
		_, err = tx.ExecContext(ctx, `UPDATE mlflow_runs SET status = $4, ended = $5, name = $6 WHERE tenant = $1 AND project = $2 AND id = $3`, scope.Tenant, scope.Project, id, r.Status, r.Ended, r.Name)
		return err
	})
	if err != nil {
		return Run{}, err
	}
	return s.Run(ctx, scope, id)
}

// StageRun deletes or restores a run.
func (s *Store) StageRun(ctx context.Context, scope forge.Scope, id, stage string) error {
	r, err := s.bare(ctx, s.db, scope, id)
	if err != nil {
		return err
	}
	if r.Forge != "" {
		return invalid("run %s is forge's own: it is only shown here and cannot be deleted", id)
	}
	_, err = s.db.ExecContext(ctx, `UPDATE mlflow_runs SET stage = $4 WHERE tenant = $1 AND project = $2 AND id = $3`, scope.Tenant, scope.Project, id, stage)
	return err
}

// DeleteRunTag takes a tag of a run away.
func (s *Store) DeleteRunTag(ctx context.Context, scope forge.Scope, id, name string) error {
	if _, err := s.writable(ctx, s.db, scope, id); err != nil {
		return err
	}
	return s.DeleteTag(ctx, scope, KindRun, id, name)
}
