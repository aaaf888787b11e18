package mlflowstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/training/mlflowstore/filter"
)

// RunDialect is the language of searches over runs.
var RunDialect = filter.Dialect{
	Kinds:   []string{filter.Metric, filter.Param, filter.Tag, filter.Dataset},
	Text:    []string{"run_id", "run_name", "status", "user_id", "artifact_uri"},
	Numbers: []string{"start_time", "end_time"},
	Alias:   map[string]string{"created": "start_time", "Created": "start_time", "run name": "run_name", "Run name": "run_name", "Run Name": "run_name"},
}

var runAttributes = map[string]string{
	"run_id": "r.id", "run_name": "r.name", "status": "r.status", "user_id": "r.maker", "artifact_uri": "r.location", "start_time": "r.started", "end_time": "r.ended",
}

// RunSearch asks for runs. View is ACTIVE_ONLY, DELETED_ONLY or ALL.
type RunSearch struct {
	Experiments   []int64
	Filter        []filter.Comparison
	Order         []filter.Order
	View          string
	Offset, Limit int
}

// SearchRuns returns a page of runs; more says that others follow. The database does
// the filtering and ordering: only the page itself is read.
func (s *Store) SearchRuns(ctx context.Context, scope forge.Scope, q RunSearch) (out []Run, more bool, err error) {
	if err := check(scope); err != nil {
		return nil, false, err
	}
	if len(q.Experiments) == 0 {
		return nil, false, nil
	}
	b := &query{postgres: s.db.Dialect == sqldb.Postgres, args: []any{scope.Tenant, scope.Project}}
	text := b.runs(q)
	rows, err := s.db.QueryContext(ctx, text, b.args...)
	err = each(rows, err, func(r *sql.Rows) error {
		run, err := scanRun(r)
		out = append(out, run)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if more = len(out) > q.Limit; more {
		out = out[:q.Limit]
	}
	return out, more, s.fill(ctx, scope, out)
}

// query builds one statement; values go in as arguments only.
type query struct {
	postgres bool
	args     []any
}

func (b *query) arg(v any) string {
	b.args = append(b.args, v)
	return fmt.Sprintf("$%d", len(b.args))
}

func (b *query) runs(q RunSearch) string {
	var joins, where, order []string
	where = append(where, "r.tenant = $1", "r.project = $2")
	var in []string
	for _, e := range q.Experiments {
		in = append(in, b.arg(e))
	}
	where = append(where, "r.experiment IN ("+strings.Join(in, ", ")+")")
	switch q.View {
	case "DELETED_ONLY":
		where = append(where, "r.stage = 'deleted'")
	case "ALL":
	default:
		where = append(where, "r.stage = 'active'")
	}
	for _, c := range q.Filter {
		where = append(where, b.condition(c))
	}
	started := false
	for i, o := range q.Order {
		join, keys := b.order(o, fmt.Sprintf("o%d", i))
		joins, order = append(joins, join), append(order, keys...)
		started = started || o.Kind == filter.Attribute && o.Key == "start_time"
	}
	if !started {
		order = append(order, "r.started DESC")
	}
	return "SELECT " + runColumns + " FROM mlflow_runs r " + strings.Join(joins, " ") + " WHERE " + strings.Join(where, " AND ") +
		" ORDER BY " + strings.Join(append(order, "r.id"), ", ") + " LIMIT " + b.arg(q.Limit+1) + " OFFSET " + b.arg(q.Offset)
}

// condition is one comparison as SQL.
func (b *query) condition(c filter.Comparison) string {
	switch c.Kind {
	case filter.Metric:
		return "EXISTS (SELECT 1 FROM mlflow_latest x WHERE " + owned + " AND x.run = r.id AND x.name = " + b.arg(c.Key) + " AND x.nan = 0 AND x.value " + c.Op + " " + b.arg(c.Number) + ")"
	case filter.Param, filter.Tag:
		table := map[string]string{filter.Param: "mlflow_params", filter.Tag: "mlflow_tags"}[c.Kind]
		has := "EXISTS (SELECT 1 FROM " + table + " x WHERE " + owned + " AND x.kind = 'run' AND x.owner = r.id AND x.name = " + b.arg(c.Key)
		switch c.Op {
		case "IS NULL":
			return "NOT " + has + ")"
		case "IS NOT NULL":
			return has + ")"
		}
		return has + " AND " + b.text("x.value", c) + ")"
	case filter.Dataset:
		return "EXISTS (SELECT 1 FROM mlflow_inputs x WHERE " + owned + " AND x.run = r.id AND x.kind = 'dataset' AND " + b.text("x."+c.Key, c) + ")"
	}
	column := runAttributes[c.Key]
	if slices.Contains(RunDialect.Numbers, c.Key) {
		return "CAST(" + column + " AS DOUBLE PRECISION) " + c.Op + " " + b.arg(c.Number)
	}
	return b.text(column, c)
}

const owned = "x.tenant = r.tenant AND x.project = r.project"

// text compares a text column. Both databases must answer alike: LIKE is exact about
// case and has no escape sign, ILIKE is not exact.
func (b *query) text(column string, c filter.Comparison) string {
	switch c.Op {
	case "LIKE":
		if b.postgres {
			return column + " LIKE " + b.arg(c.Text) + " ESCAPE ''"
		}
		return column + " GLOB " + b.arg(glob(c.Text))
	case "ILIKE":
		if b.postgres {
			return column + " ILIKE " + b.arg(c.Text) + " ESCAPE ''"
		}
		return column + " LIKE " + b.arg(c.Text)
	case "IN", "NOT IN":
		var in []string
		for _, v := range c.List {
			in = append(in, b.arg(v))
		}
		return column + " " + c.Op + " (" + strings.Join(in, ", ") + ")"
	}
	return column + " " + c.Op + " " + b.arg(c.Text)
}

// glob is a LIKE pattern for SQLite's GLOB, which is exact about case.
func glob(pattern string) string {
	var b strings.Builder
	for _, r := range pattern {
		switch r {
		case '%':
			b.WriteByte('*')
		case '_':
			b.WriteByte('?')
		case '*', '?', '[':
			b.WriteString("[" + string(r) + "]")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// order is one key as a join and terms of ORDER BY: runs without the value come last.
func (b *query) order(o filter.Order, alias string) (join string, terms []string) {
	way := " ASC"
	if o.Desc {
		way = " DESC"
	}
	on := fmt.Sprintf("%s.tenant = r.tenant AND %[1]s.project = r.project AND %[1]s.name = %s", alias, b.orderKey(o))
	switch o.Kind {
	case filter.Metric:
		return "LEFT JOIN mlflow_latest " + alias + " ON " + on + " AND " + alias + ".run = r.id",
			[]string{"CASE WHEN " + alias + ".value IS NULL OR " + alias + ".nan = 1 THEN 1 ELSE 0 END", alias + ".value" + way}
	case filter.Param, filter.Tag:
		table := map[string]string{filter.Param: "mlflow_params ", filter.Tag: "mlflow_tags "}[o.Kind]
		return "LEFT JOIN " + table + alias + " ON " + on + " AND " + alias + ".kind = 'run' AND " + alias + ".owner = r.id",
			[]string{"CASE WHEN " + alias + ".value IS NULL THEN 1 ELSE 0 END", b.bytes(alias+".value") + way}
	}
	column := runAttributes[o.Key]
	if slices.Contains(RunDialect.Text, o.Key) {
		column = b.bytes(column)
	}
	return "", []string{column + way}
}

// orderKey is the argument of a join; attributes have none, and no join either.
func (b *query) orderKey(o filter.Order) string {
	if o.Kind == filter.Attribute {
		return "''"
	}
	return b.arg(o.Key)
}

// bytes makes both databases order texts by their bytes.
func (b *query) bytes(column string) string {
	if b.postgres {
		return column + ` COLLATE "C"`
	}
	return column
}
