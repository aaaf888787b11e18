package clean_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
	"aiforge.dev/forge/lake/laketest"
)

// hostile are texts that try to be more than one expression over a row.
var hostile = []string{
	"", " ", "1, 2", "1) , (2", "1); DROP TABLE raw.t; --", "1 -- ", "1 /* x", "1 /* x */", "'", `"`, "(1", "1)", "[1", "{'a': 1]",
	"1 FROM raw.t", "(SELECT max(v) FROM raw.t)", "(FROM raw.t)", "(VALUES (1))", "(TABLE raw.t)", "(WITH x AS (SELECT 1) FROM x)", "ARRAY(SELECT 1)", "v IN (SELECT 1)",
	"$1", "$$x$$", "?", "$inner", "e'\\' || v || '", "E '\\''", "v AS w", "v WHERE true", "v ORDER BY 1", "v UNION SELECT 1", "v LIMIT 1",
	"random()", "now()", "current_timestamp", "getvariable('key')", "current_setting('x')", "nextval('s')", "error('x')", "uuid()",
	"1\x00", "a\xff",
	"now\u200b()", "(\u200bSELECT max(v) FROM raw.t)", "(\u2060FROM raw.t)", "(\ufeffVALUES (1))", // spaces for DuckDB, not for Unicode
}

func TestHostileExpressionsAreRefused(t *testing.T) {
	b := newBench(t)
	b.table("raw.t", "v:long,s:string\n1,a\n2,b\n")
	for _, expr := range hostile {
		for _, with := range []map[string]any{{"column": "n", "expr": expr}, {"columns": map[string]any{"n": expr, "m": "v"}}} {
			mustRefuse(t, b, lake.Step{Do: "derive", With: with})
		}
		mustRefuse(t, b, lake.Step{Do: "filter", With: map[string]any{"where": expr}})
	}
	for _, sql := range []string{
		"", "{{input}}", "DROP TABLE raw.t", "SELECT * FROM {{input}}; DROP TABLE raw.t", "SELECT $1 FROM {{input}}", "SELECT * FROM {{input}}) x, (SELECT 1",
		"SELECT * FROM {{input}} --", "COPY {{input}} TO '/tmp/x'", "INSERT INTO raw.t SELECT * FROM {{input}}", "SELECT 1 -- {{input}}", "SELECT '{{input}}'",
		"SELECT random() FROM {{input}}", "PIVOT {{input}} ON s", "SELECT getvariable('a') FROM {{input}}", "SELECT * FROM {{input}} WHERE s = 'x",
	} {
		mustRefuse(t, b, lake.Step{Do: "sql", With: map[string]any{"sql": sql}})
	}
	if n := strings.Count(b.must(lake.Query{SQL: "SELECT * FROM raw.t"}), "\n"); n != 3 {
		t.Errorf("the table has %d lines, want 3", n)
	}
}

func mustRefuse(t *testing.T, b *bench, s lake.Step) {
	t.Helper()
	r := lake.Recipe{Name: "test", From: lake.RecipeFrom{laketest.Name("raw.t")}, To: laketest.Name("curated.t"), Steps: []lake.Step{s}}
	if _, err := clean.NewPlan(t.Context(), r, b.inputs()); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("%s %q: %v, want it refused", s.Do, s.With, err)
	}
}

// TestFriendlyExpressions: the gate must not stand in the way of what people write.
func TestFriendlyExpressions(t *testing.T) {
	for _, expr := range []string{
		"a + 1", "CASE WHEN a > 1 THEN 'x' ELSE 'it''s' END", "extract(year FROM d)", "a IS DISTINCT FROM b", "a::DOUBLE / nullif(b, 0)",
		"count(*) OVER (PARTITION BY k ORDER BY d ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)", `"emp.var.rate" * 2`, "s LIKE 'C%'", "s ~ '^[0-9]+$'",
		"list_contains(['a', 'b'], s)", "{'a': 1}.a", "d + INTERVAL 1 MONTH", "s NOT IN ('select', 'from')", "-a", "a BETWEEN 1 AND 2 OR b = 3", "current", "date_diff('day', d, DATE '2020-01-01')", "'--' || ';' || '$1?'", `"a;b--$1"`,
	} {
		if err := clean.CheckExpression(expr); err != nil {
			t.Errorf("%s: %v", expr, err)
		}
	}
}

// TestHostileNamesAndTexts puts quotes, dots and SQL into every place that takes a name
// or a text, on the real lake.
func TestHostileNamesAndTexts(t *testing.T) {
	h := laketest.House(t)
	evil := `x"; DROP TABLE raw.t; --'`
	load(t, h, "raw.t", "\""+strings.ReplaceAll(evil, `"`, `""`)+":string\",raw.t:string,💶 $1:long\nP1,a,1\nP2,b,2\nP2,b,2\n")
	r := lake.Recipe{Name: "evil", From: lake.RecipeFrom{laketest.Name("raw.t")}, To: laketest.Name("curated.evil"), Steps: []lake.Step{
		{Name: evil, Do: "trim", With: map[string]any{"columns": []any{evil, "raw.t"}}},
		{Do: "null_values", With: map[string]any{"columns": []any{"raw.t"}, "values": []any{evil, "' OR 1=1 --"}}},
		{Do: "normalise", With: map[string]any{"columns": []any{"raw.t"}, "map": map[string]any{"a": evil}}},
		{Do: "fill", With: map[string]any{"columns": []any{"raw.t"}, "method": "category", "value": evil}},
		{Do: "dedupe", With: map[string]any{"keys": []any{evil}}},
		{Name: evil, Do: "filter", With: map[string]any{"where": `"💶 $1" < 2`, "reason": evil, "column": evil}},
		{Do: "rename", With: map[string]any{"columns": map[string]any{"raw.t": `"' $2`}}},
		{Do: "mask", With: map[string]any{"columns": []any{evil}, "method": "hash", "prefix": evil, "domain": evil}},
	}}
	shown, err := clean.Preview(t.Context(), h, scope, r, testKey, 10)
	if err != nil {
		t.Fatal(err)
	}
	done := apply(t, h, r)
	if done.Rows != 1 || done.Rejected != 1 || len(shown.After) != 1 {
		t.Errorf("applied %+v, previewed %v; want 1 row and 1 reject", done, shown.After)
	}
	row := cells(t, h, "SELECT * FROM curated.evil")[0]
	if token := row[0].(string); !strings.HasPrefix(token, evil) || len(token) != len(evil)+32 || row[1] != evil {
		t.Errorf("row %q", row)
	}
	if got := cells(t, h, `SELECT step, reason, "column" FROM curated.evil__rejects`); fmt.Sprint(got) != fmt.Sprint([][]any{{evil, evil, evil}}) {
		t.Errorf("rejects %q", got)
	}
	if n := len(cells(t, h, "SELECT * FROM raw.t")); n != 3 {
		t.Errorf("raw.t has %d rows, want 3", n)
	}
}

// TestKeyStaysOut looks for the masking secret in everything that a recipe leaves.
func TestKeyStaysOut(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.events", events)
	r := parse(t, eventsRecipe)
	done := apply(t, h, r)
	snaps, err := h.Tables.Snapshots(t.Context(), scope, r.To)
	if err != nil {
		t.Fatal(err)
	}
	table, err := h.Tables.Load(t.Context(), scope, r.To)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	b.table("raw.events", events)
	plan, err := clean.NewPlan(t.Context(), r, b.inputs())
	if err != nil {
		t.Fatal(err)
	}
	r.Steps = append(r.Steps, lake.Step{Do: "derive", With: map[string]any{"column": "n", "expr": "CAST(patient_id AS INT)"}})
	_, failure := clean.Apply(t.Context(), h, scope, r, testKey, nil, day, nil)
	if failure == nil {
		t.Fatal("a token is no number")
	}
	var chain []string
	for e := failure; e != nil; e = errors.Unwrap(e) {
		chain = append(chain, e.Error())
	}
	left, err := json.Marshal([]any{done, snaps, table, chain, plan.Select(), plan.Counts(), plan.Rejects("x", day), fmt.Sprintf("%+v %#v", testKey, plan.Schema)})
	if err != nil {
		t.Fatal(err)
	}
	inner, outer := testKey.Args()
	for _, key := range [][]byte{secret, inner, outer} {
		for _, form := range [][]byte{key, []byte(hex.EncodeToString(key)), []byte(base64.StdEncoding.EncodeToString(key))} {
			if bytes.Contains(left, form) {
				t.Errorf("the key is in %s", left)
			}
		}
	}
}

// TestUsersSQLKeepsTheEnginesRules: what the words pass, the engine's gate must stop.
func TestUsersSQLKeepsTheEnginesRules(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.t", "v:long\n1\n")
	path := t.TempDir() + "/secret.txt"
	if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"SELECT * FROM {{input}}, read_text('" + path + "')", "SELECT v, content FROM {{input}}, '" + path + "'", "SELECT * FROM {{input}}, duckdb_settings()",
		"SELECT * FROM {{input}}, other.table_of_nobody", "SELECT nothing FROM {{input}}", "SELECT getenv('HOME') FROM {{input}}",
	} {
		r := lake.Recipe{Name: "t", From: lake.RecipeFrom{laketest.Name("raw.t")}, To: laketest.Name("curated.t"), Steps: []lake.Step{{Do: "sql", With: map[string]any{"sql": sql}}}}
		if _, err := clean.Apply(t.Context(), h, scope, r, testKey, nil, day, nil); !errors.Is(err, forge.ErrInvalid) && !errors.Is(err, forge.ErrDenied) {
			t.Errorf("%s: %v, want it refused", sql, err)
		}
	}
	if tables, err := h.Tables.List(t.Context(), scope); err != nil || len(tables) != 1 {
		t.Errorf("%d tables, %v; want raw.t alone", len(tables), err)
	}
}

// FuzzExpression: what the gate lets pass is, for DuckDB's own parser, one SELECT of one
// column over one table, without a condition of its own.
func FuzzExpression(f *testing.F) {
	b := newBench(f)
	for _, s := range append([]string{"a + 1", "CASE WHEN a THEN 1 END", "extract(year FROM d)", `"x""y"`, "'a''b'", "a -> 'b'", "x[1:2]", "{'a': 1}"}, hostile...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		if clean.CheckExpression(expr) != nil {
			return
		}
		var tree string
		if err := b.db.QueryRow("SELECT json_serialize_sql($1)", "SELECT ("+expr+") AS marked FROM the_input LIMIT 7").Scan(&tree); err != nil {
			return
		}
		var got struct {
			Error      bool `json:"error"`
			Statements []struct {
				Node struct {
					Type  string            `json:"type"`
					List  []json.RawMessage `json:"select_list"`
					From  struct{ Type string }
					Mods  []json.RawMessage `json:"modifiers"`
					Where any               `json:"where_clause"`
				} `json:"node"`
			} `json:"statements"`
		}
		if err := json.Unmarshal([]byte(tree), &got); err != nil || got.Error {
			return // not SQL at all: the engine refuses it
		}
		n := got.Statements[0].Node
		if len(got.Statements) != 1 || n.Type != "SELECT_NODE" || len(n.List) != 1 || n.Where != nil || len(n.Mods) != 1 || !strings.Contains(string(n.List[0]), `"alias":"marked"`) {
			t.Errorf("%q breaks out: %s", expr, tree)
		}
	})
}
