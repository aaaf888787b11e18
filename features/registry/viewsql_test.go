package registry_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
)

// userRows are the rows of a user's SQL that may read feature views.
func (w *world) userRows(sql string) ([][]any, error) {
	w.Helper()
	views, err := lake.ViewsIn(w.ctx, scope, w.svc, sql)
	if err != nil {
		return nil, err
	}
	res, err := w.house.QueryUser(w.ctx, scope, lake.Query{SQL: sql, Views: views}, nil)
	if err != nil {
		return nil, err
	}
	got, err := lake.Collect(w.ctx, res)
	return got.Rows, err
}

func TestViewsInSQL(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	w.apply(document)
	w.apply(strings.Replace(document, "columns: [age, job]", "columns: [age, euribor3m]", 1))
	w.table("curated.calls", callsSQL+" WHERE call_id > 1", lake.Replace) // the rows are those of now
	for sql, want := range map[string][][]any{
		"SELECT * EXCLUDE (call_time) FROM features.call_profile ORDER BY 1":      {{int64(2), int64(30), "4.9"}, {int64(3), int64(55), "1.3"}},
		`SELECT * EXCLUDE (call_time) FROM features."call_profile@1" ORDER BY 1`:  {{int64(2), int64(30), nil}, {int64(3), int64(55), "retired"}},
		"SELECT strftime(month, '%m'), euribor3m FROM features.market ORDER BY 1": {{"05", 4.9}, {"06", 1.3}},
	} {
		got, err := w.userRows(sql)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v; want %v", sql, got, err, want)
		}
	}
	for _, name := range []string{"nope", "call_profile@3", "call_profile@0", "Call", "a b", `x" FROM y`} {
		if sql, err := w.svc.ViewSQL(w.ctx, scope, name); !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("%q: %q, %v", name, sql, err)
		}
	}
	if _, err := w.svc.ViewSQL(w.ctx, forge.Scope{Tenant: "acme", Project: "shop"}, "call_profile"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("another project sees the view: %v", err)
	}
	if err := w.house.Tables.Drop(w.ctx, scope, laketest.Name("curated.calls")); err != nil {
		t.Fatal(err)
	}
	_, err := w.userRows("SELECT * FROM features.market")
	if !errors.Is(err, forge.ErrInvalid) || !strings.Contains(err.Error(), "feature view market") || !strings.Contains(err.Error(), "curated.calls does not exist") {
		t.Errorf("after its table was dropped: %v", err)
	}
}
