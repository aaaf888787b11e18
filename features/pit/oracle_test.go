package pit_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/pit"
	"aiforge.dev/forge/lake"
)

// tick is twelve hours, so that a date hits every second one exactly.
const tick = int64(12 * 3600 * 1_000_000)

type maybe struct {
	n  int64
	ok bool
}

type label struct {
	a, b, t maybe
	y       int64
}

type row struct {
	a, b, at, cr, f, g maybe
}

type view struct {
	name    string
	keys    []string
	created bool
	ttl     int64 // ticks
	sql     bool
	types   [2]string // of at and cr
	rows    []row
}

type testCase struct {
	labels []label
	ttype  string
	views  []*view
}

func newCase(r *rand.Rand) *testCase {
	some := func(n int, nulls float64) maybe {
		return maybe{int64(r.IntN(n)), r.Float64() >= nulls}
	}
	types := []string{"TIMESTAMP", "TIMESTAMPTZ", "DATE"}
	when := func(typ string) maybe {
		m := some(16, 0.08)
		if typ == "DATE" {
			m.n -= m.n % 2
		}
		m.n *= tick
		return m
	}
	c := &testCase{ttype: types[r.IntN(3)]}
	for range r.IntN(14) {
		c.labels = append(c.labels, label{some(4, 0.1), some(3, 0.1), when(c.ttype), r.Int64N(2)})
	}
	for i, keys := range [][]string{{"a"}, {"a", "b"}, {}}[:1+r.IntN(3)] {
		v := &view{name: fmt.Sprintf("v%d", i), keys: keys, created: r.IntN(2) == 0, ttl: int64(r.IntN(6)), sql: r.IntN(3) == 0, types: [2]string{types[r.IntN(3)], types[r.IntN(3)]}}
		for range r.IntN(24) {
			v.rows = append(v.rows, row{some(4, 0.1), some(3, 0.1), when(v.types[0]), when(v.types[1]), some(100, 0.2), some(3, 0.2)})
		}
		c.views = append(c.views, v)
	}
	return c
}

func (c *testCase) load(t testing.TB, db *sql.DB) {
	var vals []string
	for i, l := range c.labels {
		vals = append(vals, fmt.Sprintf("(%s, %s, %s, %d, 'x%d')", num(l.a), str(l.b), moment(l.t, c.ttype), l.y, i))
	}
	create(t, db, "raw.labels", `a BIGINT, b VARCHAR, t `+c.ttype+`, y BIGINT, "Extra col" VARCHAR`, vals)
	for _, v := range c.views {
		vals = nil
		for _, r := range v.rows {
			vals = append(vals, fmt.Sprintf("(%s, %s, %s, %s, %s, %s)", num(r.a), str(r.b), moment(r.at, v.types[0]), moment(r.cr, v.types[1]), num(r.f), str(r.g)))
		}
		create(t, db, "raw."+v.name, fmt.Sprintf(`a INTEGER, b VARCHAR, "at" %s, cr %s, f BIGINT, g VARCHAR`, v.types[0], v.types[1]), vals)
	}
}

func create(t testing.TB, db *sql.DB, name, columns string, vals []string) {
	exec(t, db, "CREATE OR REPLACE TABLE "+name+" ("+columns+")")
	if len(vals) > 0 {
		exec(t, db, "INSERT INTO "+name+" VALUES "+strings.Join(vals, ", "))
	}
}

func num(m maybe) string {
	if !m.ok {
		return "NULL"
	}
	return fmt.Sprint(m.n)
}

func str(m maybe) string {
	if !m.ok {
		return "NULL"
	}
	return fmt.Sprintf("'%d'", m.n)
}

func moment(m maybe, typ string) string {
	if !m.ok {
		return "NULL"
	}
	switch typ {
	case "DATE":
		return fmt.Sprintf("DATE '1970-01-01' + %d", m.n/(2*tick))
	case "TIMESTAMPTZ":
		return fmt.Sprintf("to_timestamp(%d)", m.n/1_000_000)
	}
	return fmt.Sprintf("make_timestamp(%d)", m.n)
}

var lakeTypes = map[string]lake.Type{"TIMESTAMP": lake.Timestamp, "TIMESTAMPTZ": lake.Timestamptz, "DATE": lake.Date}

func (c *testCase) labelSide() pit.Labels {
	s := lake.Schema{Columns: slices.Clone(labelSchema.Columns)}
	s.Columns[2].Type = lakeTypes[c.ttype]
	return pit.Labels{SQL: "SELECT * FROM raw.labels -- all", Schema: s, Time: "t", Label: "y", Keep: []string{"Extra col", "b"}}
}

func (c *testCase) versions() []features.Version {
	var out []features.Version
	for _, v := range c.views {
		out = append(out, v.version())
	}
	return out
}

func (v *view) version() features.Version {
	s := lake.Schema{Columns: slices.Clone(viewSchema.Columns)}
	s.Columns[2].Type, s.Columns[3].Type = lakeTypes[v.types[0]], lakeTypes[v.types[1]]
	out := features.Version{View: features.View{Name: v.name, EventTime: "at"}, Entity: features.Entity{Name: "e", Keys: v.keys}, Number: 1, Schema: s, Features: s.Columns[4:]}
	if v.created {
		out.View.Created = "cr"
	}
	if v.ttl > 0 {
		out.View.TTL = fmt.Sprintf("%dh", 12*v.ttl)
	}
	if v.sql {
		out.View.SQL = "SELECT *, 1 AS one FROM raw." + v.name
	} else {
		out.View.Table = forge.TableName{Namespace: "raw", Name: v.name}
	}
	return out
}

// pick is the rules of package features as a loop over the rows in table order.
func (v *view) pick(keys map[string]maybe, at maybe) *row {
	var best *row
	for i := range v.rows {
		r := &v.rows[i]
		have := map[string]maybe{"a": r.a, "b": r.b}
		match := at.ok && r.at.ok && r.at.n <= at.n
		for _, k := range v.keys {
			match = match && keys[k].ok && have[k].ok && keys[k].n == have[k].n
		}
		if v.created {
			match = match && r.cr.ok && r.cr.n <= at.n
		}
		if !match {
			continue
		}
		if best == nil || r.at.n > best.at.n || r.at.n == best.at.n && (!v.created || r.cr.n >= best.cr.n) {
			best = r
		}
	}
	if best != nil && v.ttl > 0 && best.at.n < at.n-v.ttl*tick {
		return nil
	}
	return best
}

func (c *testCase) oracle() []string {
	var out []string
	for i, l := range c.labels {
		// Keys of the views that are there, time, label, kept columns not out already.
		cells := []string{show(l.a)}
		if len(c.views) > 1 {
			cells = append(cells, show(l.b))
		}
		cells = append(cells, show(l.t), fmt.Sprint(l.y), fmt.Sprintf("x%d", i))
		if len(c.views) == 1 {
			cells = append(cells, show(l.b))
		}
		for _, v := range c.views {
			if r := v.pick(map[string]maybe{"a": l.a, "b": l.b}, l.t); r != nil {
				cells = append(cells, show(r.f), show(r.g))
			} else {
				cells = append(cells, "<nil>", "<nil>")
			}
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return out
}

func (v *view) newest(now int64) []string {
	ttl := v.ttl
	v.ttl = 0 // the online store keeps the row; its age is judged when it is read
	defer func() { v.ttl = ttl }()
	seen := map[string]bool{}
	var out []string
	for _, r := range v.rows {
		keys := map[string]maybe{"a": r.a, "b": r.b}
		best := v.pick(keys, maybe{now, true})
		if best == nil {
			continue
		}
		var cells []string
		for _, k := range v.keys {
			cells = append(cells, show(keys[k]))
		}
		line := strings.Join(append(cells, show(best.at), show(best.f), show(best.g)), "|")
		if !seen[line] {
			seen[line] = true
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

func (v *view) later(now int64) (n int) {
	for _, r := range v.rows {
		have := map[string]maybe{"a": r.a, "b": r.b}
		counts := r.at.ok && (!v.created || r.cr.ok)
		for _, k := range v.keys {
			counts = counts && have[k].ok
		}
		if counts && (r.at.n > now || v.created && r.cr.n > now) {
			n++
		}
	}
	return n
}

func show(m maybe) string {
	if !m.ok {
		return "<nil>"
	}
	return fmt.Sprint(m.n)
}

func (c *testCase) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "labels %s %+v\n", c.ttype, c.labels)
	for _, v := range c.views {
		fmt.Fprintf(&b, "%+v\n", *v)
	}
	return b.String()
}
