package duck_test

import (
	"strings"
	"testing"

	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/laketest"
)

func TestRewrite(t *testing.T) {
	args := []any{int64(1), "x", nil}
	for sql, want := range map[string]string{
		"SELECT $1":                           "SELECT CAST($1 AS BIGINT)",
		"SELECT $2||$1 ; ":                    "SELECT CAST($2 AS VARCHAR)||CAST($1 AS BIGINT)",
		"SELECT $3":                           "SELECT NULL",
		"SELECT '$1', \"$1\", $$ $1 $$":       "SELECT '$1', \"$1\", $$ $1 $$",
		"SELECT $a$ $1 ' $b$ $a$, $1":         "SELECT $a$ $1 ' $b$ $a$, CAST($1 AS BIGINT)",
		"SELECT 'it''s $1', $1":               "SELECT 'it''s $1', CAST($1 AS BIGINT)",
		`SELECT E'it\'s $1', $1`:              `SELECT E'it\'s $1', CAST($1 AS BIGINT)`,
		"SELECT 1 -- $1 ;\n, $1":              "SELECT 1 -- $1 ;\n, CAST($1 AS BIGINT)",
		"SELECT 1 /* $1 /* ; */ $1 */, $1":    "SELECT 1 /* $1 /* ; */ $1 */, CAST($1 AS BIGINT)",
		"SELECT a$1 FROM t":                   "SELECT a$1 FROM t",
		"SELECT 1; -- the end\n ; /* ; */ \n": "SELECT 1",
		"SELECT 'ü$1', ü$1, ' ', $1":          "SELECT 'ü$1', ü$1, ' ', CAST($1 AS BIGINT)",
	} {
		if got, err := duck.Rewrite(sql, args); err != nil || got != want {
			t.Errorf("%q\ngot  %q, %v\nwant %q", sql, got, err, want)
		}
	}
	for _, sql := range []string{"", " ; ", "-- x", "SELECT $4", "SELECT $0", "SELECT $99999999999999999999", "SELECT 1; SELECT 2", "SELECT 'x", `SELECT "x`, "SELECT $$x", "SELECT /* x", "SELECT E'x\\'", "SELECT 1\x00"} {
		if got, err := duck.Rewrite(sql, args); err == nil {
			t.Errorf("%q became %q", sql, got)
		}
	}
}

// Whatever the text, rewriting without arguments takes nothing away but what stands
// after the statement, and never panics.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{"SELECT 'a' $x$ ; $x$ -- b", "E'\\", "$", "$$", "/**/", "a$1"} {
		f.Add(s)
	}
	for _, group := range hostile {
		for _, s := range group.sql {
			f.Add(s)
		}
	}
	f.Fuzz(func(t *testing.T, sql string) {
		got, err := duck.Rewrite(sql, nil)
		if err == nil && !strings.HasPrefix(sql, got) {
			t.Errorf("%q became %q", sql, got)
		}
	})
}

// Our lexer and DuckDB's agree on where a parameter is and where text is: the value
// must come back from wherever it was put.
func TestLexersAgree(t *testing.T) {
	e := laketest.Engine(t, duck.Config{})
	for _, around := range []string{"''", "'''$1'''", `"a""$1"`, "$$'$1$$", "$q$ $1 $$ $q$", "E'\\'$1'", "e'\\\\'", "/* ' $1 */ 0", "/* /* $1 */ ' */ 0", "0 -- ' $1\n", "U&'$1'", "x'00'", "'a' '$1'", "'a'\n'$1'", "B'1'"} {
		if strings.HasPrefix(around, `"`) {
			around = "0 AS " + around
		}
		r, err := e.Query(t.Context(), lake.Query{SQL: "SELECT " + around + ", $1", Args: []any{"value"}})
		if err != nil {
			if strings.HasPrefix(around, "U&") || strings.HasPrefix(around, "B'") || strings.HasPrefix(around, "'a' ") {
				continue // DuckDB does not know these; all that matters is that we do not differ
			}
			t.Errorf("%s: %v", around, err)
			continue
		}
		rows := laketest.Must(lake.Collect(t.Context(), r))
		if got := rows.Rows[0][len(rows.Columns)-1]; got != "value" {
			t.Errorf("%s: the parameter became %v", around, got)
		}
	}
}
