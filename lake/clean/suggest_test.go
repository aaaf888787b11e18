package clean_test

import (
	"slices"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
	"aiforge.dev/forge/lake/laketest"
)

// Types as ingest finds them in the example files.
var (
	callTypes = map[string]lake.Type{
		"call_id": lake.Long, "age": lake.Long, "duration": lake.Long, "campaign": lake.Long, "pdays": lake.Long, "previous": lake.Long,
		"emp.var.rate": lake.Double, "cons.price.idx": lake.Double, "cons.conf.idx": lake.Double, "euribor3m": lake.Double, "nr.employed": lake.Double,
	}
	glucoseTypes = map[string]lake.Type{"code": lake.Long}
	orderTypes   = map[string]lake.Type{"Quantity": lake.Long, "UnitPrice": lake.Double}
)

const (
	callsCSV   = "../../examples/calls/marketing_bank_calls.csv"
	glucoseCSV = "../../examples/glucose/healthcare_glucose_events.csv"
	ordersCSV  = "../../examples/orders/ecommerce_orders.csv"
)

// steps lists a recipe's steps as "kind column,column".
func steps(r lake.Recipe) []string {
	var out []string
	for _, s := range r.Steps {
		line := s.Do
		switch c := s.With["columns"].(type) {
		case []any:
			for _, v := range c {
				line += " " + v.(string)
			}
		case map[string]any:
			for k, v := range c {
				line += " " + k + "=" + v.(string)
			}
		}
		if m, ok := s.With["method"].(string); ok {
			line += " " + m
		}
		out = append(out, line)
	}
	return out
}

func suggest(t *testing.T, h *lake.House, table string) (lake.Recipe, []clean.Reason) {
	t.Helper()
	r, reasons, err := clean.Suggest(t.Context(), h, scope, laketest.Name(table))
	if err != nil {
		t.Fatal(err)
	}
	if err := clean.Check(r); err != nil {
		t.Fatalf("the suggested recipe is none: %v", err)
	}
	explained := map[string]bool{}
	for _, x := range reasons {
		explained[x.Step] = true
	}
	for _, s := range r.Steps {
		if !explained[s.Name] {
			t.Errorf("step %q has no reason", s.Name)
		}
	}
	return r, reasons
}

func wantSteps(t *testing.T, r lake.Recipe, want ...string) {
	t.Helper()
	got := steps(r)
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, w) }) {
			t.Errorf("no step %q; suggested are\n%s", w, strings.Join(got, "\n"))
		}
	}
}

func refuseSteps(t *testing.T, r lake.Recipe, kinds ...string) {
	t.Helper()
	for _, g := range steps(r) {
		if slices.Contains(kinds, strings.Fields(g)[0]) {
			t.Errorf("suggests %q", g)
		}
	}
}

func TestSuggestForCalls(t *testing.T) {
	h := laketest.House(t)
	loadFile(t, h, "raw.calls", callsCSV, callTypes)
	r, _ := suggest(t, h, "raw.calls")
	wantSteps(t, r, "null_values job marital education default housing loan", "derive", "null_values pdays", "fill job marital education default housing loan category", "cast call_month=date")
	refuseSteps(t, r, "dedupe", "mask", "outliers", "filter", "drop")
	if to := r.Steps[0].With["columns"].(map[string]any)["emp.var.rate"]; to != "emp_var_rate" {
		t.Errorf("emp.var.rate becomes %v", to)
	}
	shown, err := clean.Preview(t.Context(), h, scope, r, testKey, 20)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shown.Steps {
		if s.RowsIn != 41188 || s.RowsOut != 41188 {
			t.Errorf("step %s loses rows: %+v", s.Name, s)
		}
		if s.Name == "no pdays" && s.Touched != 39673 {
			t.Errorf("999 days: %d rows touched, want 39673", s.Touched)
		}
	}
	if len(shown.Before) != 20 || len(shown.After) != 20 {
		t.Errorf("%d rows before, %d after, want 20", len(shown.Before), len(shown.After))
	}
}

func TestSuggestForGlucose(t *testing.T) {
	h := laketest.House(t)
	loadFile(t, h, "raw.glucose", glucoseCSV, glucoseTypes)
	r, _ := suggest(t, h, "raw.glucose")
	wantSteps(t, r, "parse_time", "cast value=double", "mask patient_id hash")
	shown, err := clean.Preview(t.Context(), h, scope, r, testKey, 30)
	if err != nil {
		t.Fatal(err)
	}
	rejected := map[string]int64{}
	for _, s := range shown.Steps {
		rejected[s.Name] = s.Rejected
	}
	if rejected["event time"] != 33 || rejected["numbers"] != 8 { // 11 of the 19 odd values are in rows without a date
		t.Errorf("rejected %v, want 33 by event time and 8 by numbers", rejected)
	}
	for _, row := range shown.After {
		if id, _ := row[0].(string); len(id) != 32 {
			t.Errorf("patient %q is no token", id)
		}
	}
}

func TestSuggestForOrders(t *testing.T) {
	h := laketest.House(t)
	loadFile(t, h, "raw.orders", ordersCSV, orderTypes)
	r, _ := suggest(t, h, "raw.orders")
	wantSteps(t, r, "trim", "cast InvoiceDate=timestamp", "dedupe", "mask CustomerID hash", "normalise Country", "outliers Quantity bounds")
	for _, s := range r.Steps {
		if s.Do == "cast" {
			if f := s.With["formats"].([]any); !slices.Equal(f, []any{"%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M"}) {
				t.Errorf("formats %v", f)
			}
		}
	}
}

func TestSuggestLeavesLegitimateEqualRows(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.visits", "page:string,seconds:long\na,1\na,1\nb,2\nb,3\n")
	r, reasons := suggest(t, h, "raw.visits")
	refuseSteps(t, r, "dedupe")
	if len(reasons) != 1 || reasons[0].Step != "" || !strings.HasPrefix(reasons[0].Text, "1 row") {
		t.Errorf("reasons %+v, want one remark on 1 equal row", reasons)
	}
}

func TestSuggestSmallThings(t *testing.T) {
	h := laketest.House(t)
	var b strings.Builder
	b.WriteString("id:string,e-mail:string,same:string,score:long,empty:string\n")
	for i := range 40 {
		score := "7"
		if i%10 == 0 {
			score = "-1"
		}
		b.WriteString(strings.Repeat("0", 3) + string(rune('a'+i%26)) + "," + string(rune('a'+i%26)) + "@example.org,x," + score + ",\\N\n")
	}
	load(t, h, "raw.people", b.String())
	r, _ := suggest(t, h, "raw.people")
	wantSteps(t, r, "rename", "drop same empty", "mask e_mail hash", "null_values score")
	refuseSteps(t, r, "cast")
}

func TestSuggestNeedsRows(t *testing.T) {
	h := laketest.House(t)
	_, _, err := clean.Suggest(t.Context(), h, scope, laketest.Name("raw.nothing"))
	laketest.WantKind(t, err, forge.KindNotFound)
	if _, err := h.Tables.Create(t.Context(), scope, laketest.Name("raw.empty"), laketest.Pairs, nil); err != nil {
		t.Fatal(err)
	}
	_, _, err = clean.Suggest(t.Context(), h, scope, laketest.Name("raw.empty"))
	laketest.WantKind(t, err, forge.KindInvalid)
}
