package laketest_test

import (
	"fmt"
	"testing"

	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
)

func TestMain(m *testing.M) { laketest.Main(m) }

// The whole path: trusted SQL into a table, append, replace, and each snapshot read
// again.
func TestHouse(t *testing.T) {
	ctx, name := t.Context(), laketest.Name("clean.calls")
	house := laketest.House(t)
	write := func(sql string, mode lake.Mode) lake.Snapshot {
		t.Helper()
		s, err := house.Write(ctx, laketest.Scope, name, lake.Query{SQL: sql}, nil, mode, lake.Change{Summary: map[string]string{"why": "test"}})
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return s
	}
	count := func(at lake.At) []any {
		t.Helper()
		r, err := house.Query(ctx, laketest.Scope, lake.Query{SQL: "SELECT count(*) AS n, sum(id) AS s FROM clean.calls"}, at)
		if err != nil {
			t.Fatal(err)
		}
		return laketest.Must(lake.Collect(ctx, r)).Rows[0]
	}
	one := write("SELECT i AS id, NULL::VARCHAR AS email FROM range(10) r(i)", lake.Append)
	two := write("SELECT 100 AS id, 0.5::DOUBLE AS score", lake.Append) // a new column
	three := write("SELECT id, score FROM clean.calls WHERE id >= 5", lake.Replace)
	write("SELECT 1::BIGINT AS id WHERE false", lake.Append)
	for _, test := range []struct {
		at   lake.At
		n, s int64
	}{{nil, 6, 135}, {lake.At{name: one.ID}, 10, 45}, {lake.At{name: two.ID}, 11, 145}, {lake.At{name: three.ID}, 6, 135}} {
		if got := count(test.at); got[0] != test.n || got[1] != test.s {
			t.Errorf("at %v: %v, want %d and %d", test.at, got, test.n, test.s)
		}
	}
	_, err := house.Query(ctx, laketest.Other, lake.Query{SQL: "SELECT * FROM clean.calls"}, nil)
	if err == nil {
		t.Error("another tenant can read the table")
	}
}

// Replacing makes the table what the result is: columns go, come and change their
// type in one commit, those that stay keep their ids and labels, and what was before
// can still be read.
func TestHouseReplacesColumns(t *testing.T) {
	ctx, name := t.Context(), laketest.Name("clean.calls")
	house := laketest.House(t)
	write := func(sql string) lake.Snapshot {
		t.Helper()
		s, err := house.Write(ctx, laketest.Scope, name, lake.Query{SQL: sql}, nil, lake.Replace, lake.Change{})
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return s
	}
	row := func(at lake.At) string {
		t.Helper()
		r, err := house.Query(ctx, laketest.Scope, lake.Query{SQL: "SELECT * FROM clean.calls"}, at)
		if err != nil {
			t.Fatal(err)
		}
		got := laketest.Must(lake.Collect(ctx, r))
		out := ""
		for i, c := range got.Columns {
			out += fmt.Sprintf("%s %s %v; ", c.Name, c.Type, got.Rows[0][i])
		}
		return out
	}
	one := write("SELECT '7' AS amount, 1::BIGINT AS id, 'x' AS old")
	two := write("SELECT 1::BIGINT AS id, 7.5::DOUBLE AS amount, 'y' AS fresh")
	three := write("SELECT 2::BIGINT AS id, '8' AS amount")
	for _, test := range []struct {
		at   lake.Snapshot
		want string
	}{
		{one, "amount string 7; id long 1; old string x; "},
		{two, "id long 1; amount double 7.5; fresh string y; "},
		{three, "id long 2; amount string 8; "},
	} {
		if got := row(lake.At{name: test.at.ID}); got != test.want {
			t.Errorf("snapshot reads %q, want %q", got, test.want)
		}
	}
	// Every column may change at once, and the query may read the table itself.
	write("SELECT amount::INT AS amount FROM clean.calls")
	if got := row(nil); got != "amount int 8; " {
		t.Errorf("now %q", got)
	}
}
