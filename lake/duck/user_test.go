package duck_test

import (
	"os"
	"path/filepath"
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

// hostile is SQL that must be refused, and that must have read, written and changed
// nothing. SECRET, LAKE and OUT stand for a foreign file, the table's own file and a
// file that must not come to be.
var hostile = []string{
	// Reading files.
	"SELECT * FROM read_text('SECRET')",
	"SELECT * FROM read_blob('SECRET')",
	"SELECT * FROM read_csv('SECRET')",
	"SELECT * FROM read_csv_auto('SECRET')",
	"SELECT * FROM read_json('SECRET')",
	"SELECT * FROM read_ndjson_objects('SECRET')",
	"SELECT * FROM read_parquet('LAKE')",
	"SELECT * FROM parquet_scan('LAKE')",
	"SELECT * FROM parquet_metadata('LAKE')",
	"SELECT * FROM parquet_schema('LAKE')",
	"SELECT * FROM parquet_kv_metadata('LAKE')",
	"SELECT * FROM 'SECRET'",
	"SELECT * FROM \"SECRET\"",
	"SELECT * FROM 'LAKE'",
	"SELECT * FROM '/etc/passwd'",
	"SELECT * FROM glob('/etc/*')",
	"SELECT * FROM sniff_csv('SECRET')",
	"SELECT * FROM main.read_text('SECRET')",
	"SELECT * FROM system.main.read_text('SECRET')",
	"SELECT (SELECT content FROM read_text('SECRET'))",
	"SELECT * FROM raw.calls WHERE id IN (SELECT length(content) FROM read_text('SECRET'))",
	"WITH x AS (SELECT * FROM read_text('SECRET')) SELECT * FROM x",
	"WITH \"SECRET\" AS (SELECT 1) SELECT * FROM \"SECRET\"",
	"SELECT * FROM (VALUES (1)) v, LATERAL (SELECT * FROM read_text('SECRET'))",
	"SELECT 1 UNION ALL SELECT length(content) FROM read_text('SECRET')",
	"SELECT * FROM raw.calls ORDER BY (SELECT content FROM read_text('SECRET'))",
	"SELECT * FROM raw.calls LIMIT (SELECT length(content) FROM read_text('SECRET'))",
	"SELECT sum(id) FILTER (WHERE (SELECT true FROM read_text('SECRET'))) FROM raw.calls",
	"SELECT * FROM query('SELECT * FROM read_text(''SECRET'')')",
	"SELECT * FROM query_table('SECRET')",
	"SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
	"SELECT * FROM read_text(getvariable('x'))",
	"DESCRIBE SELECT * FROM read_text('SECRET')",
	"SUMMARIZE SELECT * FROM read_text('SECRET')",
	"SELECT * FROM (DESCRIBE raw.calls)",
	"SHOW TABLES", "SHOW ALL TABLES",
	"PIVOT raw.calls ON id USING count(*)",
	"EXPLAIN ANALYZE SELECT * FROM read_text('SECRET')",
	// Writing files.
	"COPY (SELECT 1) TO 'OUT'",
	"COPY raw.calls TO 'LAKE' (FORMAT parquet)",
	"COPY (SELECT 1) TO 'LAKE' (FORMAT parquet, USE_TMP_FILE false)",
	"COPY (SELECT 1) TO 'OUT' (FORMAT csv); SELECT 1",
	"SELECT 1; COPY (SELECT 1) TO 'OUT'",
	"EXPORT DATABASE 'OUT'",
	"IMPORT DATABASE 'OUT'",
	"ATTACH 'OUT' AS x",
	"ATTACH 'SECRET' AS x (READ_ONLY)",
	"CREATE TABLE t AS SELECT 1", "CREATE VIEW v AS SELECT 1", "CREATE TEMP MACRO m() AS 1",
	"INSERT INTO raw.calls VALUES (1, 'x')", "UPDATE raw.calls SET id = 1", "DELETE FROM raw.calls", "TRUNCATE raw.calls",
	"DROP VIEW raw.calls", "ALTER VIEW raw.calls RENAME TO x", "CREATE OR REPLACE VIEW raw.calls AS SELECT 1",
	"SELECT * FROM enable_logging(storage := 'file', storage_config := {'path': 'OUT'})",
	"CALL enable_logging()", "CALL pragma_version()",
	"SELECT * FROM enable_profiling()", "CHECKPOINT", "SELECT * FROM checkpoint()", "SELECT * FROM force_checkpoint()",
	"SELECT write_log('x')",
	// Settings, secrets, extensions, catalogs.
	"SET memory_limit = '100GB'", "SET enable_external_access = true", "RESET lock_configuration", "PRAGMA database_list",
	"SET VARIABLE x = 1", "SELECT getvariable('x')", "SELECT current_setting('allowed_paths')",
	"INSTALL httpfs", "LOAD httpfs", "FORCE INSTALL httpfs",
	"CREATE SECRET s (TYPE s3)", "SELECT * FROM duckdb_secrets()", "SELECT * FROM which_secret('x', 's3')",
	"SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_views()", "SELECT sql FROM duckdb_views", "SELECT * FROM duckdb_temporary_files()",
	"SELECT * FROM sqlite_master", "SELECT * FROM pg_catalog.pg_class", "SELECT * FROM information_schema.tables", "SELECT * FROM system.information_schema.tables",
	"WITH duckdb_settings AS (SELECT 1) SELECT * FROM duckdb_settings",
	"SELECT pg_get_viewdef(1)", "SELECT nextval('s')",
	"SELECT * FROM pragma_database_list", "SELECT * FROM test_all_types()",
	"SELECT * FROM histogram('raw.calls', 'id')",
	"USE raw", "BEGIN", "COMMIT", "VACUUM", "ANALYZE", "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE p",
	"SELECT 1; SELECT 2", "; SELECT 1; ;SELECT 2", "SELECT 1 /* ; */; DROP TABLE x",
	// Getting out of the wrapping.
	"SELECT 1) q; COPY (SELECT 1) TO 'OUT' --",
	"SELECT 1) AS q(c0), read_text('SECRET') AS t(c1, c2, c3, c4) --",
	"SELECT 1 /*", "SELECT 1)", "SELECT 'x", "SELECT $$x",
	// Other tables.
	"SELECT * FROM calls", "SELECT * FROM raw.other", "SELECT * FROM other.raw.calls", "SELECT * FROM temp.raw.calls",
}

func TestUserHostile(t *testing.T) {
	e := laketest.Engine(t, duck.Config{})
	src, dir := userTables(t, e)
	lakeFile := src[laketest.Name("raw.calls")].Files[0].Path
	secret, out := filepath.Join(t.TempDir(), "secret.csv"), filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(secret, []byte("a\nTOPSECRET\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	for _, sql := range hostile {
		sql = replaceAll(sql, map[string]string{"SECRET": secret, "LAKE": lakeFile, "OUT": out})
		rows, err := askUser(t, e, lake.Query{SQL: sql, Sources: src})
		if err == nil {
			t.Errorf("%s: ran and returned %v", sql, rows.Rows)
			continue
		}
		if kind := forge.KindOf(err); kind != forge.KindInvalid && kind != forge.KindDenied {
			t.Errorf("%s: %v (%s)", sql, err, kind)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a file was written")
	}
	if after := tree(t, dir); after != before {
		t.Errorf("the table's folder changed:\n%s\n%s", before, after)
	}
}
