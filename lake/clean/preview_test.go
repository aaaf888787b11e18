package clean_test

import (
	"fmt"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
	"aiforge.dev/forge/lake/laketest"
)

func manyRows(n int) string {
	var b strings.Builder
	b.WriteString("id:long,s:string,v:long\n")
	for i := range n {
		s := "plain"
		if i == 777 {
			s = " padded "
		}
		v := i
		if i == 888 {
			v = -1
		}
		fmt.Fprintf(&b, "%d,%s,%d\n", i, s, v)
	}
	return b.String()
}

const manyRecipe = "name: many\nfrom: raw.many\nto: curated.many\nsteps:\n  - {do: trim}\n  - {do: filter, where: v >= 0}\n  - {do: derive, column: twice, expr: v * 2}\n"

// TestPreviewShowsWhatChanges: one changed and one rejected row among a thousand are
// among the ten shown, and rows before and after can be matched by number.
func TestPreviewShowsWhatChanges(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.many", manyRows(1000))
	shown, err := clean.Preview(t.Context(), h, scope, parse(t, manyRecipe), testKey, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(shown.Before) != 10 || len(shown.BeforeRows) != 10 || len(shown.After) != 9 || len(shown.AfterRows) != 9 {
		t.Fatalf("%d rows before, %d after, want 10 and 9", len(shown.Before), len(shown.After))
	}
	after := map[int64][]any{}
	for i, id := range shown.AfterRows {
		after[id] = shown.After[i]
	}
	var padded, rejected bool
	for i, id := range shown.BeforeRows {
		b, a := shown.Before[i], after[id]
		if b[2] == int64(-1) {
			rejected = a == nil
			continue
		}
		if a == nil || a[0] != b[0] || a[3] != 2*b[2].(int64) {
			t.Errorf("row %d: %v became %v", id, b, a)
			continue
		}
		padded = padded || b[1] == " padded " && a[1] == "padded"
	}
	if !padded || !rejected {
		t.Errorf("changed row shown: %v, rejected row shown: %v", padded, rejected)
	}
	want := fmt.Sprint([]lake.StepCount{{Name: "trim", RowsIn: 1000, RowsOut: 1000, Touched: 1}, {Name: "filter", RowsIn: 1000, RowsOut: 999, Rejected: 1}, {Name: "derive", RowsIn: 999, RowsOut: 999, Touched: 999}})
	if got := fmt.Sprint(shown.Steps); got != want {
		t.Errorf("steps %s, want %s", got, want)
	}
	if tables, err := h.Tables.List(t.Context(), scope); err != nil || len(tables) != 1 {
		t.Errorf("%d tables after the preview, %v", len(tables), err)
	}
}

func TestPreviewAfterFreeSQL(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.many", manyRows(50))
	r := parse(t, manyRecipe+"  - {do: sql, sql: 'SELECT s, count(*) AS n FROM {{input}} GROUP BY 1'}\n  - {do: mask, columns: [s], method: hash}\n")
	shown, err := clean.Preview(t.Context(), h, scope, r, testKey, 5)
	if err != nil {
		t.Fatal(err)
	}
	if len(shown.After) != 1 || shown.After[0][1] != int64(50) || len(shown.AfterRows) != 0 || len(shown.Before) != 5 {
		t.Errorf("%+v", shown)
	}
}

// An edited recipe decides what the table's columns are: what it no longer makes is
// gone, and another type takes the place of the old one.
func TestApplyOfAnEditedRecipe(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.many", manyRows(3))
	r := parse(t, manyRecipe)
	apply(t, h, r)
	r.Steps = append(r.Steps,
		lake.Step{Do: "cast", With: map[string]any{"columns": map[string]any{"twice": "string"}}},
		lake.Step{Do: "drop", With: map[string]any{"columns": []any{"s"}}})
	apply(t, h, r)
	got, err := h.Tables.Load(t.Context(), scope, r.To)
	if err != nil {
		t.Fatal(err)
	}
	twice, _ := got.Schema.Column("twice")
	if _, ok := got.Schema.Column("s"); ok || twice.Type != lake.String {
		t.Errorf("columns %+v: want no s, and twice as text", got.Schema.Columns)
	}
	if n := len(cells(t, h, "SELECT twice FROM "+r.To.String()+" WHERE twice IS NOT NULL")); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
	// A table that rows are appended to keeps its columns, and the message says the way.
	r = parse(t, manyRecipe)
	apply(t, h, r)
	r.Mode, r.Steps = lake.Append, append(r.Steps, lake.Step{Do: "cast", With: map[string]any{"columns": map[string]any{"twice": "date"}}})
	_, err = clean.Apply(t.Context(), h, scope, r, testKey, nil, day, nil)
	laketest.WantKind(t, err, forge.KindConflict)
	if err != nil && (!strings.Contains(err.Error(), "mode: replace") || !strings.Contains(err.Error(), "twice")) {
		t.Errorf("error %v", err)
	}
}
