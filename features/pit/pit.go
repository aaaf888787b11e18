// Package pit compiles point-in-time joins to DuckDB SQL: labels with views into a
// training set, and a view into the newest row of each entity.
//
// The rules of time are those of package features. Where they leave something open:
//   - With a created column, a row counts only from the time at which it was created,
//     also if its event time is earlier; without one it counts from its event time. A
//     row whose key, event time or created time is NULL counts never, nor does a time
//     outside the years 1 to 9999.
//   - Position breaks the last tie where a view reads one table straight. SQL that
//     joins, groups or orders gives its rows in no fixed order, so there the row with
//     the greater hash of its features wins: as arbitrary, but the same every time.
//   - Labels keep the order of their table or of their SQL's ORDER BY. Other SQL that
//     fixes no order gets that of time, then of the other columns.
//
// How: each label and each feature row gets a number. Only keys, times and numbers go
// through the ASOF join, after feature rows have been reduced to one for each key and
// time, since ASOF picks any of tied ones. The numbers then fetch the features, so
// that no sort carries more columns than it needs.
package pit

import (
	"fmt"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
)

// Setup is to be run before the SQL of a Plan. DuckDB joins ASOF by nested loops when
// it expects few labels, and behind windows and filters it expects too few: 13,500
// labels and 29,000 rows took seconds.
var Setup = []string{"SET asof_loop_join_threshold = 0"}

// Labels is the left side of a join.
type Labels struct {
	SQL    string      // a SELECT that Fragment accepts
	Schema lake.Schema // of SQL
	Time   string      // may be "" where there are no views
	Label  string
	Keep   []string
}

// Plan is a compiled training set: its rows are those of SQL, in their order.
type Plan struct {
	SQL     string
	Columns []features.SetColumn
	// Matches is a SELECT of one row: for each view, how many labels find a row in it.
	Matches string
}

// Compile makes the join of labels with views.
func Compile(labels Labels, views []features.Version) (Plan, error) {
	columns, err := layout(labels, views)
	if err != nil {
		return Plan{}, err
	}
	b := &builder{}
	b.labels(labels, columns)
	for i, v := range views {
		b.view(i, v)
	}
	return Plan{SQL: b.join(columns, len(views)), Columns: plain(columns), Matches: b.matches(len(views))}, nil
}

// builder collects the common table expressions of one query. Their names and those
// of helper columns begin with _forge, which no user's column does (see layout).
type builder struct{ ctes []string }

func (b *builder) add(name, body string, args ...any) {
	b.ctes = append(b.ctes, name+" AS "+fmt.Sprintf(body, args...))
}

func (b *builder) labels(l Labels, columns []column) {
	var names []string
	for _, c := range columns {
		if c.view < 0 {
			names = append(names, sqltext.Ident(c.Name))
		}
	}
	t := "CAST(NULL AS BIGINT)" // nothing is joined, so no time is needed
	by := names
	if l.Time != "" {
		timeColumn, _ := l.Schema.Column(l.Time)
		t, by = micros("", timeColumn), append([]string{sqltext.Ident(l.Time)}, names...)
	}
	order := ""
	if !streams(l.SQL) && !ordered(l.SQL) {
		order = "ORDER BY " + strings.Join(by, ", ")
	}
	b.add("_forge_labels", "MATERIALIZED (SELECT row_number() OVER (%s) AS _forge_row, %s AS _forge_t, %s FROM (%s\n) AS _forge_l)",
		order, t, strings.Join(names, ", "), l.SQL)
}

// view adds _forge_fN, the numbered rows of view N, and _forge_jN, which row each
// label takes.
func (b *builder) view(n int, v features.Version) {
	b.add(at("_forge_f", n), "MATERIALIZED (%s)", numbered(v))
	index := at("_forge_f", n)
	if v.View.Created == "" {
		index = b.onePerTime(n, v)
	} else {
		index = b.onePerArrival(n, v)
	}
	on := make([]string, 0, len(v.Entity.Keys)+1)
	for _, k := range v.Entity.Keys {
		on = append(on, "l."+sqltext.Ident(k)+" = x."+sqltext.Ident(k))
	}
	on = append(on, "l._forge_t >= x._forge_at")
	where := ""
	if ttl := v.TTL(); ttl > 0 {
		where = " WHERE l._forge_t - x._forge_ev <= " + strconv.FormatInt(ttl.Microseconds(), 10)
	}
	b.add(at("_forge_j", n), "(SELECT l._forge_row, x._forge_pos FROM _forge_labels AS l ASOF JOIN %s AS x ON %s%s)", index, strings.Join(on, " AND "), where)
}

// onePerTime keeps one row for each key and event time.
func (b *builder) onePerTime(n int, v features.Version) string {
	name := at("_forge_x", n)
	b.add(name, "(SELECT %s_forge_ev, _forge_ev AS _forge_at, arg_max(_forge_pos, _forge_tie) AS _forge_pos FROM %s WHERE %s GROUP BY ALL)",
		list(v.Entity.Keys), at("_forge_f", n), counts(v))
	return name
}

// onePerArrival keeps the rows that were the best known at some time: a row arrives
// when its event has happened and it has been created, and it is worth keeping if no
// row that arrived earlier, or with it, ranks higher.
func (b *builder) onePerArrival(n int, v features.Version) string {
	ranked, best, name := at("_forge_r", n), at("_forge_m", n), at("_forge_x", n)
	keys := list(v.Entity.Keys)
	b.add(ranked, "(SELECT %s_forge_pos, _forge_ev, greatest(_forge_ev, _forge_cr) AS _forge_at, row_number() OVER (%s ORDER BY _forge_ev, _forge_cr, _forge_tie) AS _forge_rank FROM %s WHERE %s)",
		keys, partition(v), at("_forge_f", n), counts(v))
	b.add(best, "(SELECT *, max(_forge_rank) OVER (%s ORDER BY _forge_at, _forge_rank ROWS UNBOUNDED PRECEDING) AS _forge_best FROM %s)", partition(v), ranked)
	b.add(name, "(SELECT %s_forge_at, arg_max(_forge_ev, _forge_rank) AS _forge_ev, arg_max(_forge_pos, _forge_rank) AS _forge_pos FROM %s WHERE _forge_rank = _forge_best GROUP BY %s_forge_at)", keys, best, keys)
	return name
}

func (b *builder) join(columns []column, views int) string {
	cols := make([]string, len(columns))
	for i, c := range columns {
		from := "l." + sqltext.Ident(c.Name)
		if c.view >= 0 {
			from = at("f", c.view) + "." + sqltext.Ident(c.source)
		}
		cols[i] = from + " AS " + sqltext.Ident(c.Name)
	}
	var q strings.Builder
	fmt.Fprintf(&q, "WITH %s\nSELECT %s\nFROM _forge_labels AS l", strings.Join(b.ctes, ",\n"), strings.Join(cols, ", "))
	for n := range views {
		fmt.Fprintf(&q, "\nLEFT JOIN %s AS %s ON %s._forge_row = l._forge_row LEFT JOIN %s AS %s ON %s._forge_pos = %s._forge_pos",
			at("_forge_j", n), at("j", n), at("j", n), at("_forge_f", n), at("f", n), at("f", n), at("j", n))
	}
	q.WriteString("\nORDER BY l._forge_row")
	return q.String()
}

func (b *builder) matches(views int) string {
	counts := make([]string, views)
	for n := range counts {
		counts[n] = fmt.Sprintf("(SELECT CAST(count(*) AS BIGINT) FROM %s) AS %s", at("_forge_j", n), at("m", n))
	}
	return "WITH " + strings.Join(b.ctes, ",\n") + "\nSELECT " + strings.Join(counts, ", ")
}

// numbered is the view's rows with a number each, their times in microseconds, and
// what breaks ties.
func numbered(v features.Version) string {
	inner := make([]string, 0, len(v.Entity.Keys)+len(v.Features)+3)
	event, _ := v.Schema.Column(v.View.EventTime)
	inner = append(inner, "row_number() OVER () AS _forge_pos", micros("", event)+" AS _forge_ev")
	if created, ok := v.Schema.Column(v.View.Created); ok {
		inner = append(inner, micros("", created)+" AS _forge_cr")
	}
	tie := "_forge_pos"
	if v.View.SQL != "" && !streams(v.View.SQL) {
		tie = "hash(" + strings.Join(featureNames(v), ", ") + ")"
	}
	for _, k := range v.Entity.Keys {
		inner = append(inner, sqltext.Ident(k))
	}
	inner = append(inner, featureNames(v)...)
	return fmt.Sprintf("SELECT *, %s AS _forge_tie FROM (SELECT %s FROM (%s\n) AS _forge_v)", tie, strings.Join(inner, ", "), v.View.Source())
}

func featureNames(v features.Version) []string {
	out := make([]string, len(v.Features))
	for i, f := range v.Features {
		out[i] = sqltext.Ident(f.Name)
	}
	return out
}

// counts is the condition under which a feature row counts at all.
func counts(v features.Version) string {
	cond := "_forge_ev IS NOT NULL"
	if v.View.Created != "" {
		cond += " AND _forge_cr IS NOT NULL"
	}
	for _, k := range v.Entity.Keys {
		cond += " AND " + sqltext.Ident(k) + " IS NOT NULL"
	}
	return cond
}

func partition(v features.Version) string {
	if len(v.Entity.Keys) == 0 {
		return ""
	}
	return "PARTITION BY " + strings.TrimSuffix(list(v.Entity.Keys), ", ")
}

// micros is a time as microseconds since 1970 UTC, so that no comparison depends on
// the session's time zone; NULL outside the years 1 to 9999, where nothing overflows.
func micros(prefix string, c lake.Column) string {
	x := prefix + sqltext.Ident(c.Name)
	return fmt.Sprintf("CASE WHEN isfinite(%s) AND epoch_us(%s) BETWEEN -62135596800000000 AND 253402300799999999 THEN epoch_us(%s) END", x, x, x)
}

// list is names with a comma after each.
func list(names []string) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString(sqltext.Ident(n))
		b.WriteString(", ")
	}
	return b.String()
}

func at(name string, n int) string { return name + strconv.Itoa(n) }

func invalid(format string, args ...any) error {
	return forge.Errorf(forge.KindInvalid, nil, format, args...)
}
