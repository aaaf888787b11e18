package pit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/pit"
	"aiforge.dev/forge/lake"
)

func TestFragment(t *testing.T) {
	for _, sql := range []string{
		"SELECT 1", "select ')' from raw.t;", "WITH x AS (SELECT 1) SELECT * FROM x", "FROM raw.t", "SELECT 1 -- )",
		"SELECT /* ( /* ( */ ) */ 1", `SELECT ")" FROM t`, "SELECT $$)$$, $a$ ; $a$", `SELECT e'\')'`, "SELECT 'it''s ('", "SELECT DATE'2020-01-01\\'",
	} {
		if _, err := pit.Fragment(sql); err != nil {
			t.Errorf("%q: %v", sql, err)
		}
	}
	for _, sql := range []string{
		"", " ; ", "DROP TABLE x", "SELECT 1; SELECT 2", "SELECT 1) UNION (SELECT 2", "SELECT (1", "SELECT '", `SELECT "`,
		"SELECT /* ", "SELECT $a$ $b$", "SELECT $1", "SELECT ?", "COPY t TO 'x'", "(SELECT 1)", `SELECT '\')'`,
	} {
		if got, err := pit.Fragment(sql); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%q gave %q, %v", sql, got, err)
		}
	}
}

func TestTables(t *testing.T) {
	got := pit.Tables(`SELECT c.x, 'raw.no', 1.5 FROM curated.calls c -- raw.not
		JOIN "Raw" . "orders" o ON a.b.c = 1 JOIN curated.calls d`)
	if fmt.Sprint(got) != "[c.x curated.calls raw.orders a.b b.c]" {
		t.Error(got)
	}
}

// TestSpaces: what separates words for DuckDB separates them for us.
func TestSpaces(t *testing.T) {
	db := open(t)
	found := 0
	for r := rune(1); r <= 0xffff; r++ {
		if !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zs, unicode.Zl, unicode.Zp) {
			continue
		}
		var one int
		if err := db.QueryRow("SELECT" + string(r) + "1").Scan(&one); err != nil {
			continue
		}
		found++
		if names := pit.Tables("FROM" + string(r) + "raw.calls"); fmt.Sprint(names) != "[raw.calls]" {
			t.Errorf("%U: the tables are %v", r, names)
		}
	}
	if found < 20 {
		t.Errorf("DuckDB took only %d characters for spaces", found)
	}
}

// TestOrderOfLabels: SQL without an order of its own gets one.
func TestOrderOfLabels(t *testing.T) {
	db := open(t)
	exec(t, db, "CREATE TABLE raw.l AS SELECT range % 7 AS a, make_timestamp(range * 1000 % 50000) AS t, range AS y FROM range(3000)")
	exec(t, db, "CREATE TABLE raw.f AS SELECT 1 AS a, TIMESTAMP '1960-01-01' AS ev, 5 AS f")
	s := lake.Schema{Columns: []lake.Column{{Name: "a", Type: lake.Long}, {Name: "t", Type: lake.Timestamp}, {Name: "y", Type: lake.Long}, {Name: "ev", Type: lake.Timestamp}, {Name: "f", Type: lake.Int}}}
	v := features.Version{View: features.View{Name: "v", SQL: "SELECT * FROM raw.f", EventTime: "ev"}, Entity: features.Entity{Keys: []string{"a"}}, Schema: s, Features: s.Columns[4:]}
	for sql, order := range map[string]string{
		"SELECT * FROM raw.l":                                 "rowid",
		"SELECT x.* FROM raw.l AS x WHERE x.y >= 0":           "rowid",
		"SELECT * FROM raw.l ORDER BY y DESC":                 "y DESC",
		"SELECT * FROM raw.l ORDER\u200bBY y DESC":            "y DESC",
		"SELECT * FROM (SELECT * FROM raw.l ORDER BY y DESC)": "t, a, y",
		"SELECT a, t, max(y) AS y FROM raw.l GROUP BY ALL":    "t, a, y",
		"SELECT p.* FROM raw.l AS p, (SELECT 1 AS one) AS q":  "t, a, y",
		"FROM raw.l": "rowid",
		"SELECT * FROM raw.l UNION ALL SELECT * FROM raw.l": "t, a, y",
	} {
		plan, err := pit.Compile(pit.Labels{SQL: sql, Schema: s, Time: "t", Label: "y"}, []features.Version{v})
		if err != nil {
			t.Fatal(err)
		}
		from := "raw.l"
		if order != "rowid" {
			from = "(" + sql + ")"
		}
		want := query(t, db, "SELECT a, t, y, CASE WHEN a = 1 THEN 5 END FROM "+from+" ORDER BY "+order)
		if got := query(t, db, plan.SQL); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: not in the order of %s", sql, order)
		}
		matched := query(t, db, "SELECT count(*) FILTER (a = 1) FROM ("+sql+")")
		if got := query(t, db, plan.Matches); got[0] != matched[0] {
			t.Errorf("%s: %s labels have a row, want %s", sql, got[0], matched[0])
		}
	}
}

// FuzzFragment: what is accepted stays inside its parentheses.
func FuzzFragment(f *testing.F) {
	for _, s := range []string{"SELECT 1", "SELECT ') --", "SELECT $$ ) $$", "SELECT e'\\'' )", "WITH a AS (SELECT 1) SELECT \"(\" /*)*/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := pit.Fragment(s)
		if err != nil {
			return
		}
		again, err := pit.Fragment("SELECT * FROM (" + got + "\n) AS x WHERE ('a' = \"b\")")
		if err != nil || !strings.Contains(again, got) {
			t.Errorf("%q does not nest: %v", s, err)
		}
	})
}

// TestTiesOfGroupedSQL: rows of SQL without a fixed order still give one answer.
func TestTiesOfGroupedSQL(t *testing.T) {
	db := open(t)
	exec(t, db, "CREATE TABLE raw.l AS SELECT range % 50 AS a, TIMESTAMP '2020-01-02' AS t, 1 AS y FROM range(100)")
	exec(t, db, "CREATE TABLE raw.f AS SELECT range % 50 AS a, TIMESTAMP '2020-01-01' AS ev, CASE WHEN range % 3 > 0 THEN range END AS f FROM range(20000)")
	s := lake.Schema{Columns: []lake.Column{{Name: "a", Type: lake.Long}, {Name: "t", Type: lake.Timestamp}, {Name: "y", Type: lake.Int}, {Name: "ev", Type: lake.Timestamp}, {Name: "f", Type: lake.Long}}}
	ask := func(order string) string {
		v := features.Version{
			View:   features.View{Name: "v", SQL: "SELECT a, ev, f FROM raw.f ORDER BY " + order, EventTime: "ev"},
			Entity: features.Entity{Keys: []string{"a"}}, Schema: s, Features: s.Columns[4:],
		}
		plan, err := pit.Compile(pit.Labels{SQL: "SELECT * FROM raw.l", Schema: s, Time: "t", Label: "y"}, []features.Version{v})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(query(t, db, plan.SQL), "\n")
	}
	if ask("f, a") != ask("f DESC, a") {
		t.Error("the answer depends on the order in which SQL gave its rows")
	}
}
