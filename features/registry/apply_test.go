package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/lake"
)

func TestApply(t *testing.T) {
	w := open(t)
	snap := w.table("curated.calls", callsSQL, lake.Replace)
	first := w.apply(document)
	if fmt.Sprint(first.Changed) != "[call_profile market]" || first.Versions[0].Number != 1 || first.Versions[1].Features[0].Name != "euribor3m" {
		t.Fatalf("%+v", first)
	}
	v := first.Versions[0]
	if v.Snapshots["curated.calls"] != snap || v.By != "Ann" || len(v.Schema.Columns) != 4 || len(v.Features) != 2 || v.Features[1].Type != lake.String {
		t.Errorf("%+v", v)
	}
	for _, to := range []string{"view:call_profile@1", "view:market@1"} {
		if !w.has(fmt.Sprintf("snapshot:curated.calls@%d", snap), to) {
			t.Errorf("no edge to %s: %v", to, w.edges)
		}
	}
	snaps, err := w.house.Tables.Snapshots(w.ctx, scope, forge.TableName{Namespace: "curated", Name: "calls"})
	if err != nil || len(snaps) != 1 || !slices.ContainsFunc(snaps[0].Tags, func(s string) bool { return strings.HasPrefix(s, "view:call_profile:") }) {
		t.Errorf("the snapshot is not tagged: %+v, %v", snaps, err)
	}

	w.table("curated.calls", callsSQL, lake.Append) // new rows make no new version
	if again := w.apply(document); len(again.Changed) != 0 || again.Versions[0].Snapshots["curated.calls"] != snap {
		t.Errorf("the same again: %+v", again)
	}
	changed := w.apply(strings.Replace(document, "columns: [age, job]", "columns: [age]", 1))
	if fmt.Sprint(changed.Changed) != "[call_profile]" || changed.Versions[0].Number != 2 || changed.Versions[1].Number != 1 {
		t.Errorf("%+v", changed)
	}
	if back := w.apply(document); back.Versions[0].Number != 3 || back.Versions[0].Hash != v.Hash {
		t.Errorf("%+v", back)
	}
	all, err := w.svc.Versions(w.ctx, scope, "call_profile")
	if err != nil || len(all) != 3 {
		t.Errorf("%d versions, %v", len(all), err)
	}
}

func TestApplyRefuses(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	for name, c := range map[string]struct{ old, new, path string }{
		"no entity":         {"entity: call,", "entity: nobody,", "views[0].entity"},
		"no table":          {"curated.calls, event", "curated.nothing, event", "views[0].table"},
		"no event time":     {"event_time: call_time,", "", "views[0].event_time"},
		"event time wrong":  {"event_time: call_time", "event_time: age", "views[0].event_time"},
		"event time absent": {"event_time: month", "event_time: months", "views[1].event_time"},
		"no column":         {"[age, job]", "[age, jobs]", "views[0].columns[1]"},
		"twice":             {"[age, job]", "[age, AGE]", "views[0].columns[1]"},
		"key as feature":    {"[age, job]", "[call_id]", "views[0].columns[0]"},
		"no key":            {"keys: [call_id]", "keys: [patient]", "views[0].entity"},
		"key is a number":   {"keys: [call_id]", "keys: [euribor3m]", "views[0].entity"},
		"key twice":         {"keys: [call_id]", "keys: [call_id, call_id]", "entities[0].keys[1]"},
		"ttl":               {"online: true}", "ttl: 3 weeks, online: true}", "views[0].ttl"},
		"created":           {"online: true}", "created: job, online: true}", "views[0].created"},
		"name":              {"name: call_profile", "name: Call-Profile", "views[0].name"},
		"view twice":        {"- name: market", "- name: call_profile", "views[1].name"},
		"entity name":       {"{name: call,", "{name: 7,", "entities[0].name"},
		"sql":               {"GROUP BY 1;", "GROUP BY nothing", "views[1].sql"},
		"two statements":    {"GROUP BY 1;", "GROUP BY 1; DROP TABLE x", "views[1].sql"},
		"out of its place":  {"GROUP BY 1;", "GROUP BY 1) UNION ALL (SELECT 1, 2", "views[1].sql"},
		"other table":       {"FROM curated.calls GROUP", "FROM raw.secret GROUP", "views[1].sql"},
		"a file":            {"FROM curated.calls GROUP BY 1;", "FROM read_csv('/etc/passwd')", "views[1].sql"},
		"another view":      {"FROM curated.calls GROUP BY 1;", "FROM features.call_profile", "views[1].sql"}, // it could read itself
		"a setting":         {"FROM curated.calls GROUP BY 1;", "FROM duckdb_settings()", "views[1].sql"},
		"table and sql":     {"event_time: month", "event_time: month\n    table: curated.calls", "views[1]"},
	} {
		bad := strings.Replace(document, c.old, c.new, 1)
		if bad == document {
			t.Fatalf("%s changes nothing", name)
		}
		doc, err := features.ParseDocument([]byte(bad))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err = w.svc.Apply(w.ctx, scope, doc)
		var e *forge.Error
		if !errors.As(err, &e) || e.Kind != forge.KindInvalid || len(e.Detail) == 0 || e.Detail[0].Path != c.path {
			t.Errorf("%s: %v %+v, want it at %s", name, err, e, c.path)
		}
	}
	if views, err := w.svc.Views(w.ctx, scope); err != nil || len(views) != 0 || len(w.edges) != 0 {
		t.Errorf("a refused document left %d views and %d edges (%v)", len(views), len(w.edges), err)
	}
	// All problems are told at once.
	doc, _ := features.ParseDocument([]byte(strings.NewReplacer("event_time: call_time", "event_time: x", "event_time: month", "event_time: y").Replace(document)))
	_, err := w.svc.Apply(w.ctx, scope, doc)
	var e *forge.Error
	if !errors.As(err, &e) || len(e.Detail) != 2 {
		t.Errorf("%v %+v", err, e)
	}
}
