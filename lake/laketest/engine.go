package laketest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// TestEngine checks what every lake.Engine must keep.
func TestEngine(t *testing.T, open func(t testing.TB) lake.Engine) {
	tests := map[string]func(t *testing.T, e lake.Engine){
		"types":           engineTypes,
		"arguments":       engineArguments,
		"write and read":  engineWrite,
		"schema changes":  engineEvolution,
		"empty sources":   engineEmpty,
		"exec":            engineExec,
		"limits":          engineLimits,
		"cancel":          engineCancel,
		"errors":          engineErrors,
		"many at a time":  engineMany,
		"writes that end": engineWriteFails,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Select runs trusted SQL and returns all rows.
func Select(t testing.TB, e lake.Engine, q lake.Query) lake.Rows {
	t.Helper()
	r, err := e.Query(t.Context(), q)
	if err != nil {
		t.Fatalf("%s: %v", q.SQL, err)
	}
	return Must(lake.Collect(t.Context(), r))
}

func engineTypes(t *testing.T, e lake.Engine) {
	day := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		sql  string
		typ  lake.Type
		want any
	}{
		{"true", lake.Boolean, true},
		{"7::TINYINT", lake.Int, int64(7)},
		{"7::USMALLINT", lake.Int, int64(7)},
		{"-7::INTEGER", lake.Int, int64(-7)},
		{"4000000000::UINTEGER", lake.Long, int64(4000000000)},
		{"9223372036854775807", lake.Long, int64(math.MaxInt64)},
		{"18446744073709551615::UBIGINT", lake.Decimal(38, 0), "18446744073709551615"},
		{"sum(i)", lake.Decimal(38, 0), int64(3)},
		{"12.5::DECIMAL(4,1)", lake.Decimal(4, 1), "12.5"},
		{"-1234567.89::DECIMAL(9,2)", lake.Decimal(9, 2), "-1234567.89"},
		{"-1234567890123.45::DECIMAL(18,2)", lake.Decimal(18, 2), "-1234567890123.45"},
		{"-12345678901234567890123.4::DECIMAL(38,1)", lake.Decimal(38, 1), "-12345678901234567890123.4"},
		{"0.5::FLOAT", lake.Float, 0.5},
		{"'nan'::DOUBLE", lake.Double, math.NaN()},
		{"DATE '2026-11-25'", lake.Date, day},
		{"TIME '10:11:12.5'", lake.Time, "10:11:12.5"},
		{"TIMESTAMP '2026-11-25 10:11:12.123456'", lake.Timestamp, day.Add(10*time.Hour + 11*time.Minute + 12*time.Second + 123456*time.Microsecond)},
		{"'2026-11-25 10:00:00'::TIMESTAMP_NS", lake.Timestamp, day.Add(10 * time.Hour)},
		{"'2026-11-25 10:00:00'::TIMESTAMP_S", lake.Timestamp, day.Add(10 * time.Hour)},
		{"'2026-11-25 10:00:00+02'::TIMESTAMPTZ", lake.Timestamptz, day.Add(8 * time.Hour)},
		{"'2026-11-25 10:00:00'::TIMESTAMPTZ", lake.Timestamptz, day.Add(10 * time.Hour)}, // the session is in UTC
		{"'short'", lake.String, "short"},
		{"'longer than twelve bytes, ünïcode'", lake.String, "longer than twelve bytes, ünïcode"},
		{"'a'::ENUM('a','b')", lake.String, "a"},
		{"'{\"a\": 1}'::JSON", lake.String, `{"a": 1}`},
		{"'00112233-4455-6677-8899-aabbccddeeff'::UUID", lake.UUID, "00112233-4455-6677-8899-aabbccddeeff"},
		{"'ff112233-4455-6677-8899-aabbccddeeff'::UUID", lake.UUID, "ff112233-4455-6677-8899-aabbccddeeff"},
		{`'\x00\xFFlonger than twelve'::BLOB`, lake.Binary, []byte("\x00\xfflonger than twelve")},
		{"[1, NULL, 3]", lake.String, "[1,null,3]"},
		{"{'a': DATE '2026-11-25'}", lake.String, `{"a":"2026-11-25"}`},
		{"INTERVAL 3 DAY", lake.String, "3 days"},
		{"NULL", lake.Int, nil},
	}
	for _, test := range tests {
		q := lake.Query{SQL: "SELECT " + test.sql + " AS x, count(*) OVER () AS n FROM range(2) r(i) GROUP BY ALL ORDER BY ALL LIMIT 1"}
		if test.sql == "sum(i)" {
			q.SQL = "SELECT sum(i) AS x, 1 AS n FROM range(3) r(i)"
		}
		schema, err := e.Describe(t.Context(), q)
		if err != nil {
			t.Errorf("%s: %v", test.sql, err)
			continue
		}
		rows := Select(t, e, q)
		if c := rows.Columns[0]; c.Type != test.typ || c.Name != "x" || schema.Columns[0].Type != test.typ {
			t.Errorf("%s: column %+v, described as %s, want %s", test.sql, c, schema.Columns[0].Type, test.typ)
		}
		if got := rows.Rows[0][0]; !same(got, test.want) {
			t.Errorf("%s = %#v, want %#v", test.sql, got, test.want)
		}
	}
}

func same(a, b any) bool {
	x, ok1 := a.(float64)
	y, ok2 := b.(float64)
	return ok1 && ok2 && math.IsNaN(x) && math.IsNaN(y) || reflect.DeepEqual(a, b)
}

func engineArguments(t *testing.T, e lake.Engine) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	rows := Select(t, e, lake.Query{
		SQL:  `SELECT $1 AS b, $2 AS i, $3 AS f, $4 AS s, $5 AS t, $6 AS y, $7 AS n, $2 + 1 AS j, '$1' AS quoted, $$ $9 $$ AS tagged -- $10` + "\n;",
		Args: []any{true, int64(-5), 2.5, "it's; -- $1", at, []byte{0, 1, 255}, nil},
	})
	want := []any{true, int64(-5), 2.5, "it's; -- $1", at, []byte{0, 1, 255}, nil, int64(-4), "$1", " $9 "}
	if !reflect.DeepEqual(rows.Rows, [][]any{want}) {
		t.Errorf("got  %#v\nwant %#v", rows.Rows, want)
	}
	_, err := e.Query(t.Context(), lake.Query{SQL: "SELECT $2", Args: []any{true}})
	WantKind(t, err, forge.KindInvalid)
	if _, err = e.Query(t.Context(), lake.Query{SQL: "SELECT $1", Args: []any{struct{}{}}}); err == nil {
		t.Error("an argument of an unknown type was taken")
	}
}

// stored gives the columns of a schema ids, as a table store would.
func stored(s lake.Schema) lake.Schema {
	out := lake.Schema{Columns: append([]lake.Column{}, s.Columns...)}
	for i := range out.Columns {
		out.Columns[i].ID = i + 1
	}
	return out
}

func engineWrite(t *testing.T, e lake.Engine) {
	schema, dir := stored(Calls), t.TempDir()
	sql := `SELECT i AS id, CASE WHEN i % 3 = 0 THEN NULL ELSE 'a' || i || '@b.c' END AS email, i % 2 = 0 AS ok, i::SMALLINT AS age, (i / 2)::FLOAT AS ratio,
		i * 1.5 AS rate, i + 0.25 AS amount, DATE '2026-01-01' + i::INT AS day, TIME '01:02:03' AS at, TIMESTAMP '2026-01-01 00:00:00' + to_hours(i) AS seen,
		'2026-01-01 00:00:00+01'::TIMESTAMPTZ AS seen_tz, '00112233-4455-6677-8899-aabbccddeeff'::UUID AS token, 'x'::BLOB AS raw FROM range(5) r(i)`
	files, err := e.Write(t.Context(), lake.Query{SQL: sql}, schema, dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || files[0].Rows != 5 || files[0].Size == 0 || filepath.Dir(files[0].Path) != filepath.Join(dir, "data") {
		t.Fatalf("files = %+v", files)
	}
	src := map[forge.TableName]lake.Source{Name("raw.calls"): {Files: files, Schema: schema}}
	got := Select(t, e, lake.Query{SQL: "SELECT * FROM raw.calls ORDER BY id", Sources: src})
	for i, c := range got.Columns {
		if c.Type != Calls.Columns[i].Type || c.Name != Calls.Columns[i].Name {
			t.Errorf("column %d = %+v, want %+v", i, c, Calls.Columns[i])
		}
	}
	if len(got.Rows) != 5 || got.Rows[3][1] != nil || got.Rows[4][1] != "a4@b.c" || got.Rows[4][6] != "4.25" {
		t.Errorf("rows = %v", got.Rows)
	}
	// A predicate that is NULL keeps its row only when the query says so.
	kept := Select(t, e, lake.Query{SQL: "SELECT count(*) AS n FROM raw.calls WHERE (email = 'a4@b.c') IS NOT TRUE", Sources: src})
	if kept.Rows[0][0] != int64(4) {
		t.Errorf("kept = %v, want 4", kept.Rows)
	}
	none, err := e.Write(t.Context(), lake.Query{SQL: "SELECT 1 AS id WHERE false"}, schema, dir)
	if err != nil || len(none) != 0 {
		t.Errorf("writing no rows: %v, %v", none, err)
	}
	_, err = e.Write(t.Context(), lake.Query{SQL: "SELECT 1 AS nope"}, schema, dir)
	WantKind(t, err, forge.KindInvalid)
	_, err = e.Write(t.Context(), lake.Query{SQL: "SELECT 'x' AS id"}, schema, dir)
	WantKind(t, err, forge.KindInvalid)
}

func engineEvolution(t *testing.T, e lake.Engine) {
	dir := t.TempDir()
	write := func(sql string, s lake.Schema) []lake.DataFile {
		return Must(e.Write(t.Context(), lake.Query{SQL: sql}, s, dir))
	}
	old := lake.Schema{Columns: []lake.Column{{ID: 1, Name: "n", Type: lake.Int}, {ID: 2, Name: "gone", Type: lake.String}}}
	now := lake.Schema{Columns: []lake.Column{{ID: 1, Name: "number", Type: lake.Long}, {ID: 3, Name: "gone", Type: lake.Double}}}
	files := append(write("SELECT 1 AS n, 'old' AS gone", old), write("SELECT 2 AS number, 0.5 AS gone", now)...)
	got := Select(t, e, lake.Query{SQL: "SELECT number, gone FROM raw.t ORDER BY 1", Sources: map[forge.TableName]lake.Source{Name("raw.t"): {Files: files, Schema: now}}})
	want := [][]any{{int64(1), nil}, {int64(2), 0.5}}
	if !reflect.DeepEqual(got.Rows, want) {
		t.Errorf("rows = %v, want %v", got.Rows, want)
	}
}

func engineEmpty(t *testing.T, e lake.Engine) {
	src := map[forge.TableName]lake.Source{Name("raw.calls"): {Schema: stored(Calls)}}
	got := Select(t, e, lake.Query{SQL: "SELECT * FROM raw.calls", Sources: src})
	if len(got.Rows) != 0 || len(got.Columns) != len(Calls.Columns) || got.Columns[6].Type != lake.Decimal(12, 2) {
		t.Errorf("empty table: %+v", got)
	}
}

func engineExec(t *testing.T, e lake.Engine) {
	got, err := e.Exec(t.Context(), lake.Query{Args: []any{int64(2)}}, []string{
		"CREATE TEMP TABLE t AS SELECT i FROM range(5) r(i)",
		"DELETE FROM t WHERE i < $1",
		"SELECT count(*) AS n, sum(i) AS s FROM t",
		"SELECT i, [i] AS l FROM t ORDER BY i",
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || !reflect.DeepEqual(got[2].Rows, [][]any{{int64(3), int64(9)}}) || len(got[3].Rows) != 3 || got[3].Rows[0][1] != "[2]" {
		t.Errorf("results = %+v", got)
	}
	_, err = e.Exec(t.Context(), lake.Query{}, []string{"SELECT 1", "SELECT * FROM t"}) // t was another request's
	WantKind(t, err, forge.KindInvalid)
}

func engineLimits(t *testing.T, e lake.Engine) {
	for _, test := range []struct {
		rows      int64
		truncated bool
	}{{1, true}, {2048, true}, {4999, true}, {5000, false}, {6000, false}, {0, false}} {
		r := Must(e.Query(t.Context(), lake.Query{SQL: "SELECT i FROM range(5000) r(i) ORDER BY i", Limits: lake.Limits{Rows: test.rows}}))
		got := Must(lake.Collect(t.Context(), r))
		want := test.rows
		if want == 0 || want > 5000 {
			want = 5000
		}
		if int64(len(got.Rows)) != want || r.Truncated() != test.truncated || got.Rows[want-1][0] != want-1 {
			t.Errorf("limit %d: %d rows, truncated %v", test.rows, len(got.Rows), r.Truncated())
		}
	}
	start := time.Now()
	r, err := e.Query(t.Context(), lake.Query{SQL: slow, Limits: lake.Limits{Time: 300 * time.Millisecond}})
	if err == nil {
		_, err = lake.Collect(t.Context(), r)
	}
	WantKind(t, err, forge.KindInvalid)
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("stopped after %s", d)
	}
}

// slow runs for minutes and returns one row at its end.
const slow = "SELECT count(*) AS n FROM range(10000000) a(i), range(10000000) b(j) WHERE hash(i, j) = 1"

func engineCancel(t *testing.T, e lake.Engine) {
	ctx, cancel := context.WithCancel(t.Context())
	r := Must(e.Query(ctx, lake.Query{SQL: slow}))
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	_ = r.Close()
	// Leaving early frees the worker too.
	for range 20 {
		r := Must(e.Query(t.Context(), lake.Query{SQL: "SELECT i FROM range(100000000) r(i)"}))
		if _, err := r.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
		if _, err := r.Next(t.Context()); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("Next after Close: %v", err)
		}
	}
	if got := Select(t, e, lake.Query{SQL: "SELECT 1 AS x"}); len(got.Rows) != 1 {
		t.Error("the engine is stuck")
	}
}

func engineErrors(t *testing.T, e lake.Engine) {
	for _, sql := range []string{
		"", ";", "-- nothing", "SELEC 1", "SELECT * FROM raw.nope", "SELECT nope", "SELECT 1; SELECT 2", "SELECT 'a'::INT", "SELECT 'open",
		"DROP TABLE x", "CREATE TABLE x (i INT)", "SELECT 1/* open",
	} {
		r, err := e.Query(t.Context(), lake.Query{SQL: sql})
		if err == nil {
			_, err = lake.Collect(t.Context(), r)
		}
		WantKind(t, err, forge.KindInvalid)
		if err != nil && err.Error() == "" {
			t.Errorf("%q: an empty error", sql)
		}
	}
	// An error after the first rows have gone out.
	r := Must(e.Query(t.Context(), lake.Query{SQL: "SELECT CASE WHEN i = 900000 THEN error('late') ELSE i END AS x FROM range(1000000) r(i)"}))
	_, err := lake.Collect(t.Context(), r)
	WantKind(t, err, forge.KindInvalid)
}

func engineMany(t *testing.T, e lake.Engine) {
	errs := make(chan error)
	for i := range 12 {
		go func() {
			r, err := e.Query(t.Context(), lake.Query{SQL: "SELECT sum(i) + $1 AS s FROM range(1000) r(i)", Args: []any{int64(i)}})
			if err == nil {
				var rows lake.Rows
				if rows, err = lake.Collect(t.Context(), r); err == nil && rows.Rows[0][0] != int64(499500+i) {
					err = fmt.Errorf("query %d: %v", i, rows.Rows)
				}
			}
			errs <- err
		}()
	}
	for range 12 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func engineWriteFails(t *testing.T, e lake.Engine) {
	dir, schema := t.TempDir(), lake.Schema{Columns: []lake.Column{{ID: 1, Name: "x", Type: lake.Long}}}
	_, err := e.Write(t.Context(), lake.Query{SQL: "SELECT CASE WHEN i = 2900000 THEN error('late') ELSE i END AS x FROM range(3000000) r(i)"}, schema, dir)
	WantKind(t, err, forge.KindInvalid)
	if left, _ := filepath.Glob(filepath.Join(dir, "data", "*")); len(left) != 0 {
		t.Errorf("files of a failed write are left: %v", left)
	}
}
