package duck_test

import (
	_ "embed"
	"slices"
	"strings"
	"testing"

	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/laketest"
)

//go:embed testdata/functions.txt
var allowedFunctions string

// TestEveryFunctionIsKnown: each function of the engine is either refused by the gate or
// was looked at and found to see nothing but its arguments; those are in functions.txt.
// A new version of the engine may bring some that nobody has looked at.
func TestEveryFunctionIsKnown(t *testing.T) {
	e := laketest.Engine(t, duck.Config{})
	allowed := strings.Fields(allowedFunctions)
	got := laketest.Select(t, e, lake.Query{SQL: "SELECT DISTINCT function_name, function_type IN ('table', 'table_macro', 'pragma') AS in_from FROM duckdb_functions() ORDER BY 1"})
	if len(got.Rows) < 500 {
		t.Fatalf("the engine has only %d functions", len(got.Rows))
	}
	there := map[string]bool{}
	for _, row := range got.Rows {
		name, inFrom := row[0].(string), row[1].(bool)
		there[name] = true
		if inFrom {
			continue // those have a list of what is allowed
		}
		if known := slices.Contains(allowed, name); known == duck.Refused(name) {
			t.Errorf("function %s: refused %v, in functions.txt %v: is it safe?", name, !known, known)
		}
	}
	for _, name := range allowed {
		if !there[name] {
			t.Errorf("functions.txt has %s, the engine has not", name)
		}
	}
}
