package lakehttp

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
)

// columnProfile is what a column's values look like. Distinct is an estimate within a
// few percent. Numbers have a mean and a histogram, the rest their most frequent values.
type columnProfile struct {
	Name      string     `json:"name"`
	Type      lake.Type  `json:"type"`
	Tags      []string   `json:"tags,omitempty"`
	Rows      int64      `json:"rows"`
	Nulls     int64      `json:"nulls"`
	Distinct  int64      `json:"distinct"`
	Min       any        `json:"min"`
	Max       any        `json:"max"`
	Mean      *float64   `json:"mean,omitempty"`
	Top       []topValue `json:"top,omitempty"`
	Histogram *histogram `json:"histogram,omitempty"`

	low, high float64 // finite bounds of a number column
	finite    bool
}

type topValue struct {
	Value any   `json:"value"`
	Count int64 `json:"count"`
}

// histogram has one edge more than counts; a value on an inner edge counts above it.
type histogram struct {
	Edges  []float64 `json:"edges"`
	Counts []int64   `json:"counts"`
}

type profileOutput struct {
	Body struct {
		Columns []columnProfile `json:"columns"`
	}
}

const (
	bins      = 20
	topValues = 10
	// tooMany distinct values have no meaningful most frequent ones, and counting
	// them all would cost memory.
	tooMany = 100_000
)

func (h *handlers) profile(ctx context.Context, in *httpapi.TablePath) (*profileOutput, error) {
	scope, name, err := in.At(ctx)
	if err != nil {
		return nil, err
	}
	files, schema, err := h.house.Tables.Files(ctx, scope, name, 0)
	if err != nil {
		return nil, err
	}
	q := lake.Query{Sources: map[forge.TableName]lake.Source{name: {Files: files, Schema: schema}}, Limits: lake.Limits{Time: 2 * time.Minute}}
	out := &profileOutput{}
	out.Body.Columns, err = h.summarize(ctx, q, name, schema)
	if err != nil {
		return nil, err
	}
	return out, h.distribute(ctx, q, name, out.Body.Columns)
}

// summarize fills everything that one pass over the table can tell.
func (h *handlers) summarize(ctx context.Context, q lake.Query, name forge.TableName, schema lake.Schema) ([]columnProfile, error) {
	parts := []string{"count(*)"}
	for _, c := range schema.Columns {
		n := sqltext.Ident(c.Name)
		low, high, mean := "min("+n+")", "max("+n+")", "NULL::DOUBLE"
		finiteLow, finiteHigh := "NULL::DOUBLE", "NULL::DOUBLE"
		switch {
		case c.Type.Numeric():
			finite := fmt.Sprintf(" FILTER (isfinite(%s::DOUBLE))", n)
			mean = "avg(" + n + "::DOUBLE)" + finite
			finiteLow, finiteHigh = "min("+n+"::DOUBLE)"+finite, "max("+n+"::DOUBLE)"+finite
		case c.Type == lake.String:
			low, high = "left("+low+", 200)", "left("+high+", 200)"
		case c.Type == lake.Binary:
			low, high = "NULL", "NULL"
		}
		parts = append(parts, "count("+n+")", "approx_count_distinct("+n+")", low, high, mean, finiteLow, finiteHigh)
	}
	q.SQL = "SELECT " + strings.Join(parts, ", ") + " FROM " + sqltext.Table(name)
	res, err := h.house.Engine.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	got, err := lake.Collect(ctx, res)
	if err != nil {
		return nil, err
	}
	row := got.Rows[0]
	rows, row := row[0].(int64), row[1:]
	out := make([]columnProfile, len(schema.Columns))
	for i, c := range schema.Columns {
		v := row[i*7:]
		p := columnProfile{Name: c.Name, Type: c.Type, Tags: c.Tags, Rows: rows, Nulls: rows - v[0].(int64), Distinct: v[1].(int64), Min: plain(v[2]), Max: plain(v[3])}
		p.Distinct = min(p.Distinct, v[0].(int64)) // the estimate may overshoot
		if mean, ok := v[4].(float64); ok {
			p.Mean = &mean
		}
		p.low, p.finite = v[5].(float64)
		p.high, _ = v[6].(float64)
		out[i] = p
	}
	return out, nil
}

// plain makes a value fit for JSON, which has no NaN and no infinities.
func plain(v any) any {
	if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return nil
	}
	return v
}

// distribute adds histograms and most frequent values, in one query with a part per
// column: position, bin (or NULL), value (or NULL), count.
func (h *handlers) distribute(ctx context.Context, q lake.Query, name forge.TableName, columns []columnProfile) error {
	var parts []string
	for i := range columns {
		c := &columns[i]
		n := sqltext.Ident(c.Name)
		switch {
		case c.Type.Numeric() && c.finite:
			c.Histogram = newHistogram(c.low, c.high)
			parts = append(parts, fmt.Sprintf("(SELECT %d AS c, %s AS b, NULL::VARCHAR AS v, count(*) AS n FROM %s WHERE isfinite(%s::DOUBLE) GROUP BY b)",
				i, c.Histogram.bin(n), sqltext.Table(name), n))
		case c.Type != lake.Binary && !c.Type.Numeric() && c.Distinct > 0 && c.Distinct <= tooMany:
			parts = append(parts, fmt.Sprintf("(SELECT %d AS c, NULL::BIGINT AS b, left(%s::VARCHAR, 200) AS v, count(*) AS n FROM %s WHERE %s IS NOT NULL GROUP BY v ORDER BY n DESC, v LIMIT %d)",
				i, n, sqltext.Table(name), n, topValues))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	q.SQL = "SELECT * FROM (" + strings.Join(parts, " UNION ALL ") + ") ORDER BY c, n DESC, v"
	res, err := h.house.Engine.Query(ctx, q)
	if err != nil {
		return err
	}
	got, err := lake.Collect(ctx, res)
	if err != nil {
		return err
	}
	for _, row := range got.Rows {
		c := &columns[row[0].(int64)]
		if b, ok := row[1].(int64); ok {
			c.Histogram.Counts[b] += row[3].(int64)
		} else {
			c.Top = append(c.Top, topValue{row[2], row[3].(int64)})
		}
	}
	return nil
}

func newHistogram(low, high float64) *histogram {
	if low == high || math.IsInf(high-low, 0) {
		return &histogram{Edges: []float64{low, high}, Counts: make([]int64, 1)}
	}
	h := &histogram{Counts: make([]int64, bins)}
	for i := range bins {
		h.Edges = append(h.Edges, low+(high-low)*float64(i)/bins)
	}
	h.Edges = append(h.Edges, high)
	return h
}

// bin is the SQL for the position of the bin that a column's value falls into.
func (h *histogram) bin(column string) string {
	if len(h.Counts) == 1 {
		return "0::BIGINT"
	}
	low, high := h.Edges[0], h.Edges[len(h.Counts)]
	return fmt.Sprintf("greatest(0, least(%d, floor((%s::DOUBLE - %s::DOUBLE) / %s::DOUBLE * %d)))::BIGINT",
		bins-1, column, literal(low), literal(high-low), bins)
}

func literal(f float64) string { return fmt.Sprintf("'%g'", f) }
