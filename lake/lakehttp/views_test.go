package lakehttp_test

import (
	"context"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake/laketest"
)

// fakeViews are the feature views of the scope laketest.Scope.
type fakeViews map[string]string

var someViews = fakeViews{
	"profile":   `SELECT "id", "rate" FROM (SELECT * FROM raw.calls WHERE id < 3 -- the first` + "\n) AS v",
	"profile@1": `SELECT "id" FROM (SELECT id FROM raw.calls) AS v`,
	"orphan":    `SELECT "id" FROM (SELECT * FROM raw.dropped) AS v`,
	"nested":    `SELECT "id" FROM (SELECT * FROM features.profile) AS v`,
	"greedy":    `SELECT "content" FROM (SELECT * FROM read_text('/etc/passwd')) AS v`,
	"changed":   `SELECT "gone" FROM (SELECT * FROM raw.calls) AS v`,
}

func (v fakeViews) ViewSQL(_ context.Context, scope forge.Scope, name string) (string, error) {
	if sql, ok := v[name]; ok && scope == laketest.Scope {
		return sql, nil
	}
	return "", forge.Errorf(forge.KindNotFound, nil, "no view %s", name)
}

func TestSQLReadsFeatureViews(t *testing.T) {
	srv, _ := server(t)
	for sql, want := range map[string]float64{
		"SELECT count(*) FROM features.profile":                                                                       3,
		`SELECT count(*) FROM "Features"."profile@1"`:                                                                 100,
		"SELECT count(*) FROM features.profile p JOIN raw.calls c USING (id) WHERE c.rate IS NOT NULL":                3,
		"WITH f AS (FROM features.profile) SELECT count(*) FROM f, features.\"profile@1\"":                            300,
		"SELECT count(features.id) FROM raw.calls features":                                                           100, // an alias is no schema
		"SELECT count(*) FROM raw.calls WHERE 'features.orphan' <> kind":                                              75,  // nor is a text
		"SELECT count(COLUMNS(*)) FROM features.profile":                                                              3,
		"SELECT count(*) FROM memory.features.profile":                                                                3,
		"SELECT (SELECT max(id) FROM features.profile) + (SELECT min(id) FROM features.profile)":                      2,
		"SELECT count(*) FROM (SELECT * FROM features.profile UNION ALL SELECT id, NULL FROM features.\"profile@1\")": 103,
	} {
		code, out := ask(t, srv, viewer, "POST", "/api/sql", map[string]any{"sql": sql})
		if rows, _ := out["rows"].([]any); code != 200 || len(rows) != 1 || rows[0].([]any)[0] != want {
			t.Errorf("%s: %d %v", sql, code, out)
		}
	}
	for sql, want := range map[string]string{
		"SELECT * FROM features.nope":             "feature view nope does not exist",
		`SELECT * FROM features."profile@9"`:      "feature view profile@9 does not exist",
		"SELECT * FROM features.profile@1":        `features."profile@1"`,
		"SELECT * FROM features.orphan":           "feature view orphan cannot be read: table raw.dropped does not exist",
		"SELECT * FROM features.nested":           "feature view nested cannot be read: feature view profile cannot be read here",
		"SELECT * FROM features.greedy":           "feature view greedy cannot be read: function read_text is not allowed",
		"SELECT * FROM features.changed":          "feature view changed cannot be read: ",
		"SELECT raw FROM features.profile":        `"raw" not found`,
		"SELECT * FROM temp.features.profile":     "does not exist",
		"INSERT INTO features.profile VALUES (1)": "only a SELECT",
		"DROP VIEW features.profile":              "only a SELECT",
	} {
		code, out := ask(t, srv, viewer, "POST", "/api/sql", map[string]any{"sql": sql})
		if detail, _ := out["detail"].(string); code != 422 && code != 403 || !strings.Contains(detail, want) {
			t.Errorf("%s: %d %v", sql, code, out)
		}
	}
	if code, out := ask(t, srv, rival, "POST", "/api/sql", map[string]any{"sql": "SELECT * FROM features.profile"}); code != 422 {
		t.Errorf("another project's view: %d %v", code, out)
	}
}
