// Package storeduck reads logged predictions from the lake's prediction table with
// DuckDB: the embedded analytics store.
package storeduck

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/monitoring"
)

// Querier runs trusted SQL over the project's tables and calls f for each row. Values
// are nil, bool, int64, float64, string or time.Time; row is reused.
type Querier interface {
	Query(ctx context.Context, scope forge.Scope, sql string, args []any, f func(row []any) error) error
}

// Store implements monitoring.Store.
type Store struct {
	lake  Querier
	table forge.TableName
}

// New reads predictions from the given table, whose columns are those of the
// prediction log.
func New(lake Querier, table forge.TableName) *Store { return &Store{lake: lake, table: table} }

const batch = 1024

// Read implements monitoring.Store.
func (s *Store) Read(ctx context.Context, scope forge.Scope, deployment string, version int, from, to time.Time, labels *monitoring.Labels, f func([]monitoring.Observation) error) error {
	rows := make([]monitoring.Observation, 0, batch)
	err := s.lake.Query(ctx, scope, s.readSQL(labels), []any{deployment, int64(version), from, to}, func(row []any) error {
		o, err := observation(row)
		if err != nil {
			return err
		}
		if rows = append(rows, o); len(rows) < batch {
			return nil
		}
		err = f(rows)
		rows = rows[:0]
		return err
	})
	if err == nil && len(rows) > 0 {
		err = f(rows)
	}
	return err
}

// readSQL takes the last answer per entity, with the truth beside it when asked for.
func (s *Store) readSQL(labels *monitoring.Labels) string {
	truth, join := "NULL", ""
	if labels != nil {
		truth = "l.truth"
		join = fmt.Sprintf(` LEFT JOIN (SELECT CAST(%s AS VARCHAR) AS k, last(CAST(%s AS VARCHAR)) AS truth FROM %s WHERE %s IS NOT NULL GROUP BY 1) l ON l.k = p.entity`,
			sqltext.Ident(labels.Key), sqltext.Ident(labels.Label), labels.Table, sqltext.Ident(labels.Label))
	}
	return fmt.Sprintf(`WITH p AS (
  SELECT prediction_id, coalesce(event_time, "at") AS t, entity, version, features, label, score,
    row_number() OVER (PARTITION BY `+subject+` ORDER BY "at" DESC, prediction_id DESC) AS newest
  FROM %s WHERE deployment = $1 AND version = $2 AND coalesce(event_time, "at") >= $3 AND coalesce(event_time, "at") < $4)
SELECT p.prediction_id, p.t, p.entity, p.version, p.features, p.label, p.score, %s AS truth FROM p%s WHERE p.newest = 1`, s.table, truth, join)
}

// Windows implements monitoring.Store. Weeks begin on Monday, as DuckDB's do.
func (s *Store) Windows(ctx context.Context, scope forge.Scope, deployment, window string) ([]monitoring.Window, error) {
	var out []monitoring.Window
	sql := fmt.Sprintf(`SELECT model, version, date_trunc('%s', coalesce(event_time, "at")) AS w, count(DISTINCT %s) AS n, max("at")
		FROM %s WHERE deployment = $1 GROUP BY 1, 2, 3 ORDER BY 3, 2`, window, subject, s.table)
	err := s.lake.Query(ctx, scope, sql, []any{deployment}, func(row []any) error {
		out = append(out, monitoring.Window{Model: text(row[0]), Version: int(integer(row[1])), From: moment(row[2]), Rows: integer(row[3]), Newest: moment(row[4])})
		return nil
	})
	return out, err
}

// subject is what counts once: the entity, or the prediction where none is named.
const subject = `CASE WHEN entity = '' THEN prediction_id ELSE entity END`

// Latest implements monitoring.Store.
func (s *Store) Latest(ctx context.Context, scope forge.Scope, deployment string, limit int) ([]monitoring.Observation, error) {
	out := []monitoring.Observation{}
	sql := fmt.Sprintf(`SELECT prediction_id, "at", entity, version, features, label, score, NULL FROM %s WHERE deployment = $1
		ORDER BY "at" DESC, prediction_id LIMIT %d`, s.table, limit)
	err := s.lake.Query(ctx, scope, sql, []any{deployment}, func(row []any) error {
		o, err := observation(row)
		out = append(out, o)
		return err
	})
	return out, err
}

func observation(row []any) (monitoring.Observation, error) {
	o := monitoring.Observation{ID: text(row[0]), At: moment(row[1]), Entity: text(row[2]), Version: int(integer(row[3])), Label: text(row[5])}
	o.Score, _ = row[6].(float64)
	o.Truth, o.HasTruth = row[7].(string)
	if err := json.Unmarshal([]byte(text(row[4])), &o.Features); err != nil {
		return o, fmt.Errorf("features of prediction %s: %w", o.ID, err)
	}
	return o, nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func integer(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case float64:
		return int64(v)
	}
	return 0
}

func moment(v any) time.Time {
	t, _ := v.(time.Time)
	return t.UTC()
}
