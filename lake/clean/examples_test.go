package clean_test

import (
	"fmt"
	"os"
	"reflect"
	"testing"

	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
	"aiforge.dev/forge/lake/laketest"
)

func exampleRecipe(t *testing.T, path string) lake.Recipe {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(b))
}

func wantCells(t *testing.T, h *lake.House, sql string, want ...[]any) {
	t.Helper()
	if got := cells(t, h, sql); !reflect.DeepEqual(got, want) {
		t.Errorf("%s\ngives %v\nwant  %v", sql, got, want)
	}
}

// The figures below were counted in the files with awk, not with this code.

func TestExampleCalls(t *testing.T) {
	typed := map[string]lake.Type{}
	for c, typ := range callTypes {
		typed[c] = typ
	}
	typed["call_month"] = lake.Date // where ingest reads 2008-05 as a date
	for name, types := range map[string]map[string]lake.Type{"month as text": callTypes, "month as date": typed} {
		t.Run(name, func(t *testing.T) {
			h := laketest.House(t)
			loadCalls(t, h, types)
			done := apply(t, h, exampleRecipe(t, "../../examples/calls/recipe.yaml"))
			if done.Rows != 41188 || done.Rejected != 0 || done.Rejects != "" {
				t.Errorf("applied %+v", done)
			}
			wantCells(t, h, "SELECT count(*), count(pdays), count(*) FILTER (WHERE was_contacted), count(duration), count(DISTINCT subscribed) FROM curated.calls", []any{int64(41188), int64(1515), int64(1515), int64(41188), int64(2)})
			wantCells(t, h, `SELECT count(*) FILTER (WHERE "default" = 'missing'), count(*) FILTER (WHERE job = 'missing'), count(*) FILTER (WHERE 'unknown' IN (job, marital, education, "default", housing, loan)) FROM curated.calls`, []any{int64(8597), int64(330), int64(0)})
			wantCells(t, h, "SELECT CAST(call_time AS VARCHAR), emp_var_rate, nr_employed FROM curated.calls WHERE call_id = 7764", []any{"2008-06-01 02:09:24", 1.4, 5228.1})
			wantCells(t, h, "SELECT count(*) FROM (SELECT call_time < lag(call_time) OVER (ORDER BY call_id) AS back FROM curated.calls) WHERE back", []any{int64(0)})
			wantCells(t, h, "SELECT count(*) FROM curated.calls WHERE strftime(call_time, '%Y-%m') = '2009-05'", []any{int64(5794)})
		})
	}
}

func loadCalls(t *testing.T, h *lake.House, types map[string]lake.Type) {
	if types["call_month"] != lake.Date {
		loadFile(t, h, "raw.calls", callsCSV, types)
		return
	}
	loadFile(t, h, "raw.calls_text", callsCSV, callTypes)
	q := lake.Query{SQL: "SELECT * REPLACE (CAST(call_month || '-01' AS DATE) AS call_month) FROM raw.calls_text"}
	if _, err := h.Write(t.Context(), scope, laketest.Name("raw.calls"), q, nil, lake.Append, lake.Change{}); err != nil {
		t.Fatal(err)
	}
}

func TestExampleGlucose(t *testing.T) {
	for name, types := range map[string]map[string]lake.Type{"code as number": glucoseTypes, "code as text": nil} {
		t.Run(name, func(t *testing.T) {
			h := laketest.House(t)
			loadFile(t, h, "raw.glucose", glucoseCSV, types)
			done := apply(t, h, exampleRecipe(t, "../../examples/glucose/recipe.yaml"))
			counts := map[string]lake.StepCount{}
			for _, s := range done.Steps {
				counts[s.Name] = s
			}
			for step, rejected := range map[string]int64{"event time": 33, "numbers": 8, "value is there": 33, "known codes": 121, "possible readings": 1} {
				if counts[step].Rejected != rejected {
					t.Errorf("step %s rejects %d rows, want %d", step, counts[step].Rejected, rejected)
				}
			}
			if twice := counts["written twice"].Touched; done.Rows+done.Rejected+twice != 29330 || twice == 0 {
				t.Errorf("%d rows, %d rejected, %d twice: not 29330 in all", done.Rows, done.Rejected, twice)
			}
			wantCells(t, h, "SELECT count(DISTINCT patient_id), count(*) FILTER (WHERE NOT regexp_full_match(patient_id, 'patient_[0-9a-f]{32}')), count(*) FILTER (WHERE event_time IS NULL OR value IS NULL) FROM curated.glucose", []any{int64(70), int64(0), int64(0)})
			wantCells(t, h, `SELECT count(*), count(*) FILTER (WHERE regexp_matches(text, '"P[0-9]+"')) FROM curated.glucose__rejects`, []any{done.Rejected, int64(0)})
			wantCells(t, h, `SELECT "value", count(*) FROM curated.glucose__rejects WHERE step = 'numbers' GROUP BY 1 ORDER BY 1`, []any{"0''", int64(1)}, []any{"0Hi", int64(6)}, []any{"0Lo", int64(1)})
		})
	}
}

func TestExampleOrders(t *testing.T) {
	typed := map[string]lake.Type{"Quantity": lake.Long, "UnitPrice": lake.Double}
	for name, types := range map[string]map[string]lake.Type{"typed": typed, "texts": nil} {
		t.Run(name, func(t *testing.T) {
			h := laketest.House(t)
			loadFile(t, h, "raw.orders", ordersCSV, types)
			done := apply(t, h, exampleRecipe(t, "../../examples/orders/recipe.yaml"))
			var dropped int64
			for _, s := range done.Steps {
				if s.Name == "booked twice" {
					dropped = s.Touched
				}
			}
			if done.Rows+done.Rejected+dropped != 20131 || dropped < 90 || done.Rejected < 20 || done.Rejected > 100 {
				t.Errorf("%d rows, %d rejected, %d booked twice of 20131", done.Rows, done.Rejected, dropped)
			}
			wantCells(t, h, "SELECT string_agg(DISTINCT country, ',' ORDER BY country) FROM curated.orders", []any{"Australia,Belgium,France,Germany,Ireland,Netherlands,Portugal,Spain,United Kingdom"})
			wantCells(t, h, "SELECT count(*) FILTER (WHERE unit_price <= 0), count(*) FILTER (WHERE quantity > 1000), count(*) FILTER (WHERE is_return <> (quantity < 0)), min(year(invoice_date)), max(year(invoice_date)) FROM curated.orders", []any{int64(0), int64(0), int64(0), int64(2024), int64(2024)})
			got := cells(t, h, "SELECT count(*) FILTER (WHERE customer_id IS NULL), count(*) FILTER (WHERE NOT regexp_full_match(customer_id, 'customer_[0-9a-f]{32}')) FROM curated.orders")
			if fmt.Sprint(got[0][1]) != "0" || got[0][0].(int64) < 500 {
				t.Errorf("customers %v, want about 540 NULLs and tokens else", got)
			}
		})
	}
}

func TestExampleRecipesAreRecipes(t *testing.T) {
	for _, f := range []string{"calls", "glucose", "orders"} {
		if err := clean.Check(exampleRecipe(t, "../../examples/"+f+"/recipe.yaml")); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}
