package mlflowstore

import (
	"context"
	"database/sql"
	"math"
	"strconv"

	"aiforge.dev/forge"
)

// LogBatch stores metrics, params and tags of a run in one transaction. Sent again, it
// changes nothing: points are sets, params never change, tags are the last one said.
func (s *Store) LogBatch(ctx context.Context, scope forge.Scope, run string, metrics []Metric, params, tags []KV) error {
	if err := sizes(len(metrics), len(params), len(tags)); err != nil {
		return err
	}
	for _, m := range metrics {
		if err := key("metric", m.Key); err != nil {
			return err
		}
	}
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := s.writable(ctx, tx, scope, run); err != nil {
			return err
		}
		if err := setParams(ctx, tx, scope, KindRun, run, params); err != nil {
			return err
		}
		if err := setTags(ctx, tx, scope, KindRun, run, tags); err != nil {
			return err
		}
		for _, t := range tags {
			if t.Key == NameTag {
				if _, err := tx.ExecContext(ctx, `UPDATE mlflow_runs SET name = $4 WHERE tenant = $1 AND project = $2 AND id = $3`, scope.Tenant, scope.Project, run, t.Value); err != nil {
					return err
				}
			}
		}
		return s.logMetrics(ctx, tx, scope, run, metrics)
	})
}

func sizes(metrics, params, tags int) error {
	switch {
	case metrics > MaxMetrics:
		return invalid("%d metrics: at most %d are taken at once", metrics, MaxMetrics)
	case params > MaxParams:
		return invalid("%d params: at most %d are taken at once", params, MaxParams)
	case tags > MaxTags:
		return invalid("%d tags: at most %d are taken at once", tags, MaxTags)
	case metrics+params+tags > MaxEntities:
		return invalid("%d metrics, params and tags: at most %d are taken at once", metrics+params+tags, MaxEntities)
	}
	return nil
}

// logMetrics adds points and moves the newest of each metric on. A point that is there
// already is not looked at again, however long the history.
func (s *Store) logMetrics(ctx context.Context, q queryer, scope forge.Scope, run string, metrics []Metric) error {
	newest := map[string]Metric{}
	var order []string
	for rest := metrics; len(rest) > 0; {
		n := min(len(rest), 500)
		args := make([]any, 0, n*7)
		for _, m := range rest[:n] {
			args = append(args, scope.Tenant, scope.Project, run, m.Key, m.Step, m.At, digits(m.Value))
			if was, ok := newest[m.Key]; !ok || later(m, was) {
				if !ok {
					order = append(order, m.Key)
				}
				newest[m.Key] = m
			}
		}
		if _, err := q.ExecContext(ctx, `INSERT INTO mlflow_points (tenant, project, run, name, step, at, digits) VALUES `+marks(n, 7)+` ON CONFLICT DO NOTHING`, args...); err != nil {
			return err
		}
		rest = rest[n:]
	}
	for len(order) > 0 {
		n := min(len(order), 500)
		if err := moveLatest(ctx, q, scope, run, order[:n], newest); err != nil {
			return err
		}
		order = order[n:]
	}
	return s.logModelMetrics(ctx, q, scope, run, metrics)
}

func moveLatest(ctx context.Context, q queryer, scope forge.Scope, run string, names []string, newest map[string]Metric) error {
	args := make([]any, 0, len(names)*8)
	for _, name := range names {
		m := newest[name]
		v, nan := stored(m.Value)
		args = append(args, scope.Tenant, scope.Project, run, name, v, nan, m.Step, m.At)
	}
	_, err := q.ExecContext(ctx, `INSERT INTO mlflow_latest (tenant, project, run, name, value, nan, step, at) VALUES `+marks(len(names), 8)+`
		ON CONFLICT (tenant, project, run, name) DO UPDATE SET value = excluded.value, nan = excluded.nan, step = excluded.step, at = excluded.at
		WHERE (excluded.step, excluded.at, excluded.value) > (mlflow_latest.step, mlflow_latest.at, mlflow_latest.value)`, args...)
	return err
}

// later is MLflow's order of points: by step, then by time, then by value.
func later(a, b Metric) bool {
	if a.Step != b.Step {
		return a.Step > b.Step
	}
	if a.At != b.At {
		return a.At > b.At
	}
	x, _ := stored(a.Value)
	y, _ := stored(b.Value)
	return x > y
}

// stored is a value as a column takes it: NaN has no place in an order. Infinities are
// the largest numbers there are, as in MLflow's own stores.
func stored(v float64) (float64, int) {
	switch {
	case math.IsNaN(v):
		return 0, 1
	case math.IsInf(v, 1):
		return math.MaxFloat64, 0
	case math.IsInf(v, -1):
		return -math.MaxFloat64, 0
	}
	return v, 0
}

func number(v float64, nan int) float64 {
	if nan == 1 {
		return math.NaN()
	}
	return v
}

func digits(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// History returns points of a metric by step, time and value, from offset on, at most
// limit of them; more says that there are others.
func (s *Store) History(ctx context.Context, scope forge.Scope, run, name string, offset, limit int) (out []Metric, more bool, err error) {
	if _, err := s.bare(ctx, s.db, scope, run); err != nil {
		return nil, false, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT step, at, digits FROM mlflow_points WHERE tenant = $1 AND project = $2 AND run = $3 AND name = $4
		ORDER BY step, at, digits LIMIT $5 OFFSET $6`, scope.Tenant, scope.Project, run, name, limit+1, offset)
	err = each(rows, err, func(r *sql.Rows) error {
		m := Metric{Key: name, Run: run}
		var text string
		if err := r.Scan(&m.Step, &m.At, &text); err != nil {
			return err
		}
		m.Value, err = strconv.ParseFloat(text, 64)
		out = append(out, m)
		return err
	})
	if len(out) > limit {
		return out[:limit], true, err
	}
	return out, false, err
}
