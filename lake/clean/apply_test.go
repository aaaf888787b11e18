package clean_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
	"aiforge.dev/forge/lake/laketest"
	"aiforge.dev/forge/lake/mask"
)

func parse(t testing.TB, doc string) lake.Recipe {
	t.Helper()
	r, err := lake.ParseRecipe([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func apply(t testing.TB, h *lake.House, r lake.Recipe) clean.Applied {
	t.Helper()
	done, err := clean.Apply(t.Context(), h, scope, r, testKey, nil, day, nil)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

const eventsRecipe = `
name: events
from: raw.events
to: curated.events
steps:
  - {name: numbers, do: cast, columns: {value: double}}
  - {name: in range, do: filter, where: value < 1000, column: value, reason: too high}
  - {name: hide, do: mask, columns: [patient_id], method: hash}
`

const events = "patient_id:string,value:string\nP1,10\nP2,x\nP1,5000\nP3,\\N\nP2,7.5\n"

func TestApply(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.events", events)
	done := apply(t, h, parse(t, eventsRecipe))
	if done.Rows != 2 || done.Rejected != 3 || done.Rejects != "curated.events__rejects" || done.Snapshot == 0 {
		t.Errorf("applied %+v, want 2 rows and 3 rejects", done)
	}
	want := []lake.StepCount{{Name: "numbers", RowsIn: 5, RowsOut: 4, Touched: 3, Rejected: 1}, {Name: "in range", RowsIn: 4, RowsOut: 2, Rejected: 2}, {Name: "hide", RowsIn: 2, RowsOut: 2, Touched: 2}}
	if !reflect.DeepEqual(done.Steps, want) {
		t.Errorf("steps %+v\nwant  %+v", done.Steps, want)
	}
	p1, p2 := mask.TokenOf(secret, "", "P1"), mask.TokenOf(secret, "", "P2")
	got := cells(t, h, "SELECT * FROM curated.events ORDER BY value")
	if !reflect.DeepEqual(got, [][]any{{p2, 7.5}, {p1, 10.0}}) {
		t.Errorf("rows %v", got)
	}
	got = cells(t, h, `SELECT step, "column", value, reason, source = 'raw.events@`+done.Sources["raw.events"]+`', recipe = '`+done.Recipe+`', text FROM curated.events__rejects ORDER BY step, text`)
	if len(got) != 3 || !reflect.DeepEqual(got[2][:4], []any{"numbers", "value", "x", "is not a number (double)"}) {
		t.Fatalf("rejects %v", got)
	}
	for _, row := range got {
		if line := fmt.Sprint(row...); strings.Contains(line, "P1") || strings.Contains(line, "P2") || !row[4].(bool) || !row[5].(bool) {
			t.Errorf("reject %v shows a patient, or not its source", row)
		}
	}
	if s := got[2][6].(string); !strings.Contains(s, p2) {
		t.Errorf("reject %s: want the patient's token %s", s, p2)
	}
}

func TestApplyTwiceGivesTheSame(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.events", events)
	r := parse(t, eventsRecipe)
	first := apply(t, h, r)
	before := cells(t, h, "SELECT * FROM curated.events ORDER BY ALL")
	rejects := cells(t, h, "SELECT * EXCLUDE (\"at\") FROM curated.events__rejects ORDER BY ALL")
	second := apply(t, h, r)
	if second.Snapshot == first.Snapshot {
		t.Error("the second run committed nothing")
	}
	if got := cells(t, h, "SELECT * FROM curated.events ORDER BY ALL"); !reflect.DeepEqual(got, before) {
		t.Errorf("rows %v, were %v", got, before)
	}
	if got := cells(t, h, "SELECT * EXCLUDE (\"at\") FROM curated.events__rejects ORDER BY ALL"); !reflect.DeepEqual(got, rejects) {
		t.Errorf("rejects %v, were %v", got, rejects)
	}
	r.Steps = r.Steps[:1]
	r.Steps[0].With["on_error"] = "make_null"
	if apply(t, h, r); len(cells(t, h, "SELECT * FROM curated.events__rejects")) != 0 {
		t.Error("rejects of the recipe as it was are still there")
	}
}

func TestApplyAppendTakesEachRowOnce(t *testing.T) {
	h := laketest.House(t)
	r := parse(t, strings.Replace(eventsRecipe, "steps:", "mode: append\nsteps:", 1))
	load(t, h, "raw.events", events)
	if done := apply(t, h, r); done.Rows != 2 || done.Rejected != 3 {
		t.Fatalf("first run %+v", done)
	}
	if done := apply(t, h, r); !done.Unchanged || done.Rows != 0 || done.Snapshot == 0 {
		t.Errorf("run without news: %+v, want unchanged", done)
	}
	load(t, h, "raw.events", "patient_id:string,value:string\nP9,1\nP9,y\n")
	if done := apply(t, h, r); done.Rows != 1 || done.Rejected != 1 {
		t.Errorf("run with two new rows: %+v, want 1 row and 1 reject", done)
	}
	if n := len(cells(t, h, "SELECT * FROM curated.events")); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
	if n := len(cells(t, h, "SELECT * FROM curated.events__rejects")); n != 4 {
		t.Errorf("%d rejects, want 4", n)
	}
	rewrite := lake.Query{SQL: "SELECT * FROM raw.events LIMIT 1"}
	if _, err := h.Write(t.Context(), scope, laketest.Name("raw.events"), rewrite, nil, lake.Replace, lake.Change{}); err != nil {
		t.Fatal(err)
	}
	_, err := clean.Apply(t.Context(), h, scope, r, testKey, nil, day, nil)
	laketest.WantKind(t, err, forge.KindConflict)
	if n := len(cells(t, h, "SELECT * FROM curated.events")); n != 3 {
		t.Errorf("%d rows after the refusal, want 3", n)
	}
}

// A source whose new rows are told by its files is left as it is by upkeep, and keeps the
// snapshot from which the next run goes on; a recipe that replaces asks for nothing.
func TestApplyAppendHoldsItsSource(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.events", events)
	held := func() map[forge.TableName]int64 {
		return lake.UpkeepOf(laketest.Must(h.Tables.Load(t.Context(), scope, laketest.Name("raw.events"))).Properties).Held
	}
	apply(t, h, parse(t, eventsRecipe))
	if got := held(); len(got) != 0 {
		t.Errorf("a recipe that replaces holds %v", got)
	}
	r := parse(t, strings.Replace(eventsRecipe, "steps:", "mode: append\nsteps:", 1))
	r.To = laketest.Name("curated.more")
	for range 2 {
		at := laketest.Must(h.Tables.Load(t.Context(), scope, laketest.Name("raw.events"))).Snapshot.ID
		apply(t, h, r)
		if got := held(); len(got) != 1 || got[r.To] != at {
			t.Errorf("held %v, want %d by %s", got, at, r.To)
		}
		load(t, h, "raw.events", "patient_id:string,value:string\nP9,1\nP9,y\n")
	}
}

func TestApplyTagsPersonalColumns(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.people", "customer_id:string,email:string,age:long\n1,a@example.org,30\n2,b@example.org,40\n")
	apply(t, h, parse(t, "name: people\nfrom: raw.people\nto: curated.people\nsteps:\n  - {do: rename, columns: {email: mail}}\n  - {do: mask, columns: [customer_id], method: hash}\n"))
	table, err := h.Tables.Load(t.Context(), scope, laketest.Name("curated.people"))
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, c := range table.Schema.Columns {
		tags[c.Name] = strings.Join(c.Tags, " ")
	}
	if want := map[string]string{"customer_id": "masked:hash", "mail": "pii:email", "age": ""}; !reflect.DeepEqual(tags, want) {
		t.Errorf("tags %v, want %v", tags, want)
	}
}

func TestApplyNamesTheStepThatFails(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.events", events)
	r := parse(t, "name: a\nfrom: raw.events\nto: curated.a\nsteps:\n  - {do: trim}\n  - {name: to number, do: derive, column: n, expr: 'CAST(value AS DOUBLE)'}\n  - {do: drop, columns: [value]}\n")
	_, err := clean.Apply(t.Context(), h, scope, r, testKey, nil, day, nil)
	laketest.WantKind(t, err, forge.KindInvalid)
	if err == nil || !strings.Contains(err.Error(), "step 2 to number (derive)") {
		t.Errorf("error %q does not name the step", err)
	}
	_, err = h.Tables.Load(t.Context(), scope, laketest.Name("curated.a"))
	if tables, _ := h.Tables.List(t.Context(), scope); err == nil && len(tables) > 0 {
		if got := cells(t, h, "SELECT * FROM curated.a"); len(got) > 0 {
			t.Errorf("%d rows are there after the failure", len(got))
		}
	}
	r.Steps[1].With["on_error"] = "make_null"
	if done := apply(t, h, r); done.Rows != 5 {
		t.Errorf("with on_error: make_null %+v", done)
	}
}

// recorder is a lineage that keeps what it is told.
type recorder struct{ edges []forge.Edge }

func (l *recorder) Link(_ context.Context, _ forge.Scope, edges ...forge.Edge) error {
	l.edges = append(l.edges, edges...)
	return nil
}

func TestApplyNowWritesLineage(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.events", events)
	lineage := &recorder{}
	s := service(t, h, lineage)
	done, err := s.ApplyNow(t.Context(), scope, parse(t, eventsRecipe))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range lineage.edges {
		got = append(got, e.From.String()+" > "+e.To.String())
	}
	source := "snapshot:raw.events@" + done.Sources["raw.events"]
	result, rejects := fmt.Sprintf("snapshot:curated.events@%d", done.Snapshot), fmt.Sprintf("snapshot:curated.events__rejects@%d", done.RejectsSnapshot)
	want := []string{
		"recipe:" + done.Recipe + " > " + result, source + " > " + result,
		"recipe:" + done.Recipe + " > " + rejects, source + " > " + rejects,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("edges %v\nwant  %v", got, want)
	}
}

func TestApplyToNothing(t *testing.T) {
	h := laketest.House(t)
	if _, err := h.Tables.Create(t.Context(), scope, laketest.Name("raw.events"), lake.Schema{Columns: []lake.Column{{Name: "patient_id", Type: lake.String}, {Name: "value", Type: lake.String}}}, nil); err != nil {
		t.Fatal(err)
	}
	r := parse(t, eventsRecipe)
	if done := apply(t, h, r); done.Rows != 0 || done.Rejected != 0 || done.Rejects != "" {
		t.Errorf("replace: %+v", done)
	}
	r.Mode, r.To = lake.Append, laketest.Name("curated.more")
	if done := apply(t, h, r); !done.Unchanged {
		t.Errorf("append: %+v", done)
	}
	load(t, h, "raw.events", events)
	if done := apply(t, h, r); done.Rows != 2 {
		t.Errorf("append, then rows: %+v", done)
	}
	missing := parse(t, strings.Replace(eventsRecipe, "raw.events", "raw.nothing", 1))
	_, err := clean.Apply(t.Context(), h, scope, missing, testKey, nil, day, nil)
	laketest.WantKind(t, err, forge.KindNotFound)
	other := forge.Scope{Tenant: "acme", Project: "shop"}
	_, err = clean.Apply(t.Context(), h, other, r, testKey, nil, day, nil)
	laketest.WantKind(t, err, forge.KindNotFound)
}
