package mlflowstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"aiforge.dev/forge"
)

// Logged is one of MLflow 3's logged models: a model that a run made, registered or not.
type Logged struct {
	ID               string
	Experiment       int64
	Name, Type, Run  string
	Status           string // LOGGED_MODEL_PENDING, …_READY or …_UPLOAD_FAILED
	Location         string
	Created, Updated int64
	Deleted          bool
	Tags, Params     []KV
	Metrics          []Metric
}

// LoggedStatuses are what a logged model can be.
var LoggedStatuses = []string{"LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"}

const loggedColumns = `id, experiment, name, type, run, status, location, deleted, created, updated`

func scanLogged(row interface{ Scan(...any) error }) (Logged, error) {
	var m Logged
	var deleted int
	err := row.Scan(&m.ID, &m.Experiment, &m.Name, &m.Type, &m.Run, &m.Status, &m.Location, &deleted, &m.Created, &m.Updated)
	m.Deleted = deleted == 1
	return m, err
}

// CreateLogged stores a new logged model.
func (s *Store) CreateLogged(ctx context.Context, scope forge.Scope, experiment string, m Logged) (Logged, error) {
	e, err := s.Experiment(ctx, scope, experiment)
	if err != nil {
		return m, err
	}
	switch {
	case e.Stage != Active:
		return m, invalid("experiment %q is deleted; restore it first", e.Name)
	case m.Name == "" || len(m.Name) > 500 || strings.ContainsAny(m.Name, "/:.%\"'\x00"):
		return m, invalid("logged model %.60q: want a name of 1 to 500 bytes without / : . %% and quotes", m.Name)
	case len(m.Type) > maxKey:
		return m, invalid("logged model %s: its type has more than %d bytes", m.Name, maxKey)
	case len(m.Params) > MaxEntities || len(m.Tags) > MaxEntities:
		return m, invalid("logged model %s: at most %d params and tags are taken at once", m.Name, MaxEntities)
	}
	if m.Run != "" {
		if _, err := s.bare(ctx, s.db, scope, m.Run); err != nil {
			return m, err
		}
	}
	m.Experiment, m.Status = e.Number, LoggedStatuses[0]
	m.Location = e.Location + "/models/" + m.ID + "/artifacts"
	now := s.ms()
	err = s.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO mlflow_logged (tenant, project, id, experiment, name, type, run, status, location, deleted, created, updated) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $10)`,
			scope.Tenant, scope.Project, m.ID, m.Experiment, m.Name, m.Type, m.Run, m.Status, m.Location, now)
		if err == nil {
			err = setParams(ctx, tx, scope, KindLogged, m.ID, m.Params)
		}
		if err == nil {
			err = setTags(ctx, tx, scope, KindLogged, m.ID, m.Tags)
		}
		return err
	})
	if err != nil {
		return m, err
	}
	return s.Logged(ctx, scope, m.ID, false)
}

// Logged returns one; a deleted one only if asked for.
func (s *Store) Logged(ctx context.Context, scope forge.Scope, id string, deleted bool) (Logged, error) {
	m, err := s.bareLogged(ctx, s.db, scope, id, deleted)
	if err != nil {
		return m, err
	}
	all := []Logged{m}
	err = s.fillLogged(ctx, scope, all)
	return all[0], err
}

func (s *Store) bareLogged(ctx context.Context, q queryer, scope forge.Scope, id string, deleted bool) (Logged, error) {
	if err := check(scope); err != nil {
		return Logged{}, err
	}
	m, err := scanLogged(q.QueryRowContext(ctx, `SELECT `+loggedColumns+` FROM mlflow_logged WHERE tenant = $1 AND project = $2 AND id = $3`, scope.Tenant, scope.Project, id))
	if errors.Is(err, sql.ErrNoRows) || err == nil && m.Deleted && !deleted {
		return m, forge.Errorf(forge.KindNotFound, err, "logged model %q does not exist", id)
	}
	return m, err
}

// LoggedOf returns all logged models of experiments, newest first.
func (s *Store) LoggedOf(ctx context.Context, scope forge.Scope, experiments []int64) ([]Logged, error) {
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
	var out []Logged
	rows, err := s.db.QueryContext(ctx, `SELECT `+loggedColumns+` FROM mlflow_logged WHERE tenant = $1 AND project = $2 AND deleted = 0 AND experiment IN (`+list(3, len(experiments))+`) ORDER BY created DESC, id`, args...)
	err = each(rows, err, func(r *sql.Rows) error {
		m, err := scanLogged(r)
		out = append(out, m)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, s.fillLogged(ctx, scope, out)
}

func (s *Store) fillLogged(ctx context.Context, scope forge.Scope, all []Logged) error {
	at := map[string]int{}
	var ids []string
	for i, m := range all {
		at[m.ID], ids = i, append(ids, m.ID)
	}
	params, err := pairs(ctx, s.db, scope, "mlflow_params", KindLogged, ids)
	if err != nil {
		return err
	}
	tags, err := pairs(ctx, s.db, scope, "mlflow_tags", KindLogged, ids)
	if err != nil {
		return err
	}
	for i := range all {
		all[i].Params, all[i].Tags = params[all[i].ID], tags[all[i].ID]
	}
	for len(ids) > 0 {
		n := min(len(ids), 500)
		rows, err := s.db.QueryContext(ctx, `SELECT logged, name, run, dataset, digest, value, nan, step, at FROM mlflow_logged_metrics WHERE tenant = $1 AND project = $2 AND logged IN (`+list(3, n)+`) ORDER BY logged, name, run, dataset, digest`, scoped(scope, ids[:n])...)
		err = each(rows, err, func(r *sql.Rows) error {
			var m Metric
			var nan int
			if err := r.Scan(&m.Model, &m.Key, &m.Run, &m.Dataset, &m.Digest, &m.Value, &nan, &m.Step, &m.At); err != nil {
				return err
			}
			m.Value = number(m.Value, nan)
			all[at[m.Model]].Metrics = append(all[at[m.Model]].Metrics, m)
			return nil
		})
		if err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// ChangeLogged sets the status (if not "") and adds params and tags of a logged model.
func (s *Store) ChangeLogged(ctx context.Context, scope forge.Scope, id, status string, params, tags []KV) (Logged, error) {
	if status != "" && !slices.Contains(LoggedStatuses, status) {
		return Logged{}, invalid("logged model status %q: want one of %s", status, strings.Join(LoggedStatuses, ", "))
	}
	if err := sizes(0, 0, len(tags)); err != nil {
		return Logged{}, err
	}
	if len(params) > MaxEntities {
		return Logged{}, invalid("%d params: at most %d are taken at once", len(params), MaxEntities)
	}
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		m, err := s.bareLogged(ctx, tx, scope, id, false)
		if err != nil {
			return err
		}
		if status != "" {
			m.Status = status
		}
		if _, err := tx.ExecContext(ctx, `UPDATE mlflow_logged SET status = $4, updated = $5 WHERE tenant = $1 AND project = $2 AND id = $3`, scope.Tenant, scope.Project, id, m.Status, s.ms()); err != nil {
			return err
		}
		if err := setParams(ctx, tx, scope, KindLogged, id, params); err != nil {
			return err
		}
		return setTags(ctx, tx, scope, KindLogged, id, tags)
	})
	if err != nil {
		return Logged{}, err
	}
	return s.Logged(ctx, scope, id, false)
}

// DeleteLogged deletes a logged model; its artifacts stay until they are deleted.
func (s *Store) DeleteLogged(ctx context.Context, scope forge.Scope, id string) error {
	if _, err := s.bareLogged(ctx, s.db, scope, id, false); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, `UPDATE mlflow_logged SET deleted = 1, updated = $4 WHERE tenant = $1 AND project = $2 AND id = $3`, scope.Tenant, scope.Project, id, s.ms())
	return err
}

// logModelMetrics keeps the newest point of each metric that names a logged model.
func (s *Store) logModelMetrics(ctx context.Context, q queryer, scope forge.Scope, run string, metrics []Metric) error {
	for _, m := range metrics {
		if m.Model == "" {
			continue
		}
		if len(m.Model) > maxKey || len(m.Dataset) > 500 || len(m.Digest) > 100 {
			return invalid("metric %q: its model or dataset has too long a name", m.Key)
		}
		v, nan := stored(m.Value)
		_, err := q.ExecContext(ctx, `INSERT INTO mlflow_logged_metrics (tenant, project, logged, name, run, dataset, digest, value, nan, step, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (tenant, project, logged, name, run, dataset, digest) DO UPDATE SET value = excluded.value, nan = excluded.nan, step = excluded.step, at = excluded.at
			WHERE (excluded.step, excluded.at, excluded.value) > (mlflow_logged_metrics.step, mlflow_logged_metrics.at, mlflow_logged_metrics.value)`,
			scope.Tenant, scope.Project, m.Model, m.Key, run, m.Dataset, m.Digest, v, nan, m.Step, m.At)
		if err != nil {
			return err
		}
	}
	return nil
}
