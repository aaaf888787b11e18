package duck_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/laketest"
)

// userTables writes a small table and returns it as sources, and its folder.
func userTables(t *testing.T, e *duck.Engine) (map[forge.TableName]lake.Source, string) {
	t.Helper()
	dir := t.TempDir()
	schema := lake.Schema{Columns: []lake.Column{{ID: 1, Name: "id", Type: lake.Long}, {ID: 2, Name: "text", Type: lake.String}}}
	files, err := e.Write(t.Context(), lake.Query{SQL: "SELECT i AS id, 'row ' || i AS text FROM range(10) r(i)"}, schema, dir)
	if err != nil {
		t.Fatal(err)
	}
	return map[forge.TableName]lake.Source{laketest.Name("raw.calls"): {Files: files, Schema: schema}, laketest.Name("raw.empty"): {Schema: schema}}, dir
}

func askUser(t *testing.T, e *duck.Engine, q lake.Query) (lake.Rows, error) {
	t.Helper()
	r, err := e.QueryUser(t.Context(), q)
	if err != nil {
		return lake.Rows{}, err
	}
	return lake.Collect(t.Context(), r)
}

func TestUserAllowed(t *testing.T) {
	e := laketest.Engine(t, duck.Config{})
	src, _ := userTables(t, e)
	for sql, want := range map[string]int{
		"SELECT * FROM raw.calls":                   10,
		"select * from RAW.Calls c where c.id > 4;": 5,
		"FROM raw.calls LIMIT 3":                    3,
		"VALUES (1), (2)":                           2,
		"SELECT 1 -- a comment":                     1,
		"WITH a AS (SELECT id FROM raw.calls) SELECT * FROM a JOIN a b USING (id)":         10,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 5) FROM n": 5,
		"SELECT * FROM range(3) r(i), generate_series(1, 2) s(j)":                          6,
		"SELECT unnest([1, 2, 3])": 3,
		"SELECT x.id FROM raw.calls x WHERE EXISTS (SELECT 1 FROM raw.calls y WHERE y.id = x.id + 5)":             5,
		"SELECT id, row_number() OVER (ORDER BY id) rn FROM raw.calls QUALIFY rn <= 2":                            2,
		"SELECT id % 2 AS k, count(*), median(id), approx_quantile(id, 0.5) FROM raw.calls GROUP BY ALL":          2,
		"SELECT * FROM raw.calls UNION ALL SELECT * FROM raw.empty":                                               10,
		"SELECT list_transform([1,2], x -> x + 1), regexp_extract('abc', 'b'), strftime(DATE '2026-01-01', '%Y')": 1,
		"SELECT * FROM raw.calls ASOF JOIN raw.calls b ON raw.calls.id >= b.id":                                   10,
		"SELECT * FROM (SELECT id FROM raw.calls) AS s(x) WHERE x IN (SELECT id FROM raw.calls)":                  10,
		"SELECT COLUMNS('i.*') FROM raw.calls":                                                                    10,
		"SELECT * FROM raw.calls TABLESAMPLE 100%":                                                                10,
		"TABLE raw.calls": 10,
		"SELECT a.id FROM raw.calls a POSITIONAL JOIN raw.calls b":                  10,
		"SELECT id FROM raw.calls EXCEPT SELECT 3":                                  9,
		"SELECT now() > TIMESTAMPTZ '2020-01-01', current_date > DATE '2020-01-01'": 1,
	} {
		got, err := askUser(t, e, lake.Query{SQL: sql, Sources: src})
		if err != nil || len(got.Rows) != want {
			t.Errorf("%s: %d rows, %v; want %d", sql, len(got.Rows), err, want)
		}
	}
}

// TestUserHostile: each is refused with its reason, in an error that shows no folder of
// the server, and nothing has come of any of them.
func TestUserHostile(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", t.TempDir()) // where workers stand
	e := laketest.Engine(t, duck.Config{TempDir: tmp})
	src, dir := userTables(t, e)
	lakeFile := src[laketest.Name("raw.calls")].Files[0].Path
	secret, out := filepath.Join(t.TempDir(), "secret.csv"), filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(secret, []byte("a\nTOPSECRET\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	for _, group := range hostile {
		for _, raw := range group.sql {
			sql := replaceAll(raw, map[string]string{"SECRET": secret, "LAKE": lakeFile, "OUT": out})
			rows, err := askUser(t, e, lake.Query{SQL: sql, Sources: src, Views: map[string]string{}})
			if err == nil {
				t.Errorf("%s: ran and returned %v", sql, rows.Rows)
				continue
			}
			if forge.KindOf(err) != group.kind || !strings.Contains(err.Error(), group.says) {
				t.Errorf("%s: %v (%s), want %q (%s)", sql, err, forge.KindOf(err), group.says, group.kind)
			}
			if strings.Contains(err.Error(), "TOPSECRET") || sql == raw && (strings.Contains(err.Error(), tmp) || strings.Contains(err.Error(), dir)) {
				t.Errorf("%s: says too much: %v", sql, err)
			}
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a file was written")
	}
	if after := tree(t, dir); after != before {
		t.Errorf("the table's folder changed:\n%s\n%s", before, after)
	}
	if rows, err := askUser(t, e, lake.Query{SQL: "SELECT count(*) FROM raw.calls", Sources: src}); err != nil || rows.Rows[0][0] != int64(10) {
		t.Errorf("the next query: %v, %v", rows.Rows, err)
	}
	_ = e.Close()
	if left := tree(t, tmp) + tree(t, os.TempDir()); left != "" {
		t.Errorf("files are left:\n%s", left)
	}
}
