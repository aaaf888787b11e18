package main

import (
	"errors"
	"reflect"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/cmd/forge/cli"
)

const shopViews = `
entities: [{name: buyer, keys: [id]}]
views:
  - {name: buyer_age, entity: buyer, table: views.buyers, event_time: seen, columns: [age]}
  - name: spent
    entity: buyer
    event_time: day
    sql: SELECT id, date_trunc('day', seen) AS day, sum(amount) AS spent FROM views.buyers GROUP BY ALL -- by day
`

// Users read feature views by SQL like tables: the newest version by its name, others
// by name and number, in their own project only.
func TestFeatureViewsInSQL(t *testing.T) {
	f := shared(t)
	f.must(t, nil, "ingest", write(t, "buyers.csv", []byte("id,seen,age,amount\n1,2026-01-01 10:00:00,30,2.5\n1,2026-01-01 12:00:00,30,3.5\n2,2026-01-02 10:00:00,41,10.0\n")), "--table", "views.buyers")
	f.must(t, nil, "features", "apply", write(t, "features.yaml", []byte(shopViews)))
	f.must(t, nil, "features", "apply", write(t, "features.yaml", []byte(
		"entities: [{name: buyer, keys: [id]}]\nviews: [{name: buyer_age, entity: buyer, table: views.buyers, event_time: seen, columns: [amount]}]")))
	const joined = `select s.id, s.spent, max(o.age), max(n.amount) from features.spent s
		join features."buyer_age@1" o using (id) join features.buyer_age n using (id) group by all order by 1`
	want := [][]any{{1.0, 6.0, 30.0, 3.5}, {2.0, 10.0, 41.0, 10.0}}
	if got := f.rows(t, joined); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	var seen struct{ Rows [][]any }
	decode(t, f.ask(f.key(t, forge.RoleViewer), "POST", "/api/sql", map[string]any{"sql": joined}), &seen)
	if !reflect.DeepEqual(seen.Rows, want) {
		t.Errorf("a viewer sees %v", seen.Rows)
	}
	if a := f.ask(f.key(t, forge.RolePredict), "POST", "/api/sql", map[string]any{"sql": joined}); a.status != 403 {
		t.Errorf("a key for predictions reads views: %d %s", a.status, a.body)
	}
	if a := f.ask(f.neighbour(t, "viewless"), "POST", "/api/sql", map[string]any{"sql": "select * from features.spent"}); a.status != 422 {
		t.Errorf("another project reads the view: %d %s", a.status, a.body)
	}
	f.scoresViews(t)
	f.refused(t, cli.ExitInvalid, []string{"view spend does not exist", "forge features views"}, "sql", "select * from features.spend")
	f.refused(t, cli.ExitInvalid, []string{"features.shop", "feature views"}, "ingest", write(t, "x.csv", []byte("a\n1\n")), "--table", "features.shop")
	f.must(t, nil, "drop", "views.buyers", "--yes")
	f.refused(t, cli.ExitInvalid, []string{"feature view spent", "views.buyers does not exist"}, "sql", "select * from features.spent")
}

// scoresViews checks that batch scoring takes a feature view for its rows.
func (f *forged) scoresViews(t *testing.T) {
	t.Helper()
	rows, scope := batchLake{f.app.house, f.app.views()}, firstProject.Scope
	for _, in := range []string{"features.spent", `select id from features."buyer_age@1" where id = 1;`} {
		if err := rows.Find(t.Context(), scope, in); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		pin, err := rows.Pin(t.Context(), scope, in, "viewsql")
		if err != nil || pin.Rows != 2 {
			t.Fatalf("%s: %+v, %v", in, pin, err)
		}
		if err := rows.Unpin(t.Context(), scope, pin); err != nil {
			t.Error(err)
		}
	}
	if err := rows.Find(t.Context(), scope, "features.spend"); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("a view that is not there: %v", err)
	}
}
