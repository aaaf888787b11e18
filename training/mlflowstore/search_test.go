package mlflowstore_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/training/mlflowstore"
	"aiforge.dev/forge/training/mlflowstore/filter"
)

var scope, other = forge.Scope{Tenant: "acme", Project: "bank"}, forge.Scope{Tenant: "acme", Project: "shop"}

func open(t testing.TB, db *sqldb.DB) *mlflowstore.Store {
	t.Helper()
	s, err := mlflowstore.Open(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// seeded stores runs of all sorts and returns them as stored.
func seeded(t testing.TB, s *mlflowstore.Store) []mlflowstore.Run {
	t.Helper()
	texts := []string{"", "a", "A", "%", "_", "*", "[a]", "a'b", `a\b`, "risk 50%", "RISK", "-1"}
	for i, v := range texts {
		r := mlflowstore.Run{ID: "r" + string(rune('a'+i)), Name: v + "n", User: "u" + v, Status: mlflowstore.Statuses[i%5], Started: int64(1000 + i%4), Tags: []mlflowstore.KV{{Key: "t", Value: v}}}
		if _, err := s.CreateRun(t.Context(), scope, "0", r); err != nil {
			t.Fatal(err)
		}
		var metrics []mlflowstore.Metric
		if i%3 > 0 {
			metrics = append(metrics, mlflowstore.Metric{Key: "m", Value: []float64{math.NaN(), math.Inf(1), -0.5, 1, 1e300, -1}[i%6]})
		}
		if err := s.LogBatch(t.Context(), scope, r.ID, metrics, []mlflowstore.KV{{Key: "p" + string(rune('0'+i%2)), Value: v}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	runs, more, err := s.SearchRuns(t.Context(), scope, mlflowstore.RunSearch{Experiments: []int64{0}, Limit: 100})
	if err != nil || more || len(runs) != len(texts) {
		t.Fatalf("%d runs, %v, %v", len(runs), more, err)
	}
	return runs
}

// look finds keys of a run as the language means them.
func look(r mlflowstore.Run) filter.Lookup {
	return func(kind, key string) any {
		pairs := map[string][]mlflowstore.KV{filter.Param: r.Params, filter.Tag: r.Tags}[kind]
		for _, kv := range pairs {
			if kv.Key == key {
				return kv.Value
			}
		}
		for _, m := range r.Metrics {
			if kind == filter.Metric && m.Key == key && !math.IsNaN(m.Value) {
				return m.Value
			}
		}
		if kind != filter.Attribute {
			return nil
		}
		return map[string]any{
			"run_id": r.ID, "run_name": r.Name, "status": r.Status, "user_id": r.User, "artifact_uri": r.Location, "start_time": float64(r.Started), "end_time": float64(r.Ended),
		}[key]
	}
}

var filters = []string{
	"metrics.m > 0", "metrics.m != 1", "metrics.m >= 1e300", "metrics.m < -0.6", "metrics.m = 1", "metrics.none <= 5",
	"params.p0 = ''", "params.p1 LIKE '%'", "tags.t LIKE 'a%'", "tags.t LIKE '%[%'", "tags.t LIKE '[a]'", "tags.t LIKE '_'", "tags.t LIKE '*'", "tags.t ILIKE 'A'", "tags.t ILIKE '%RISK%'", "tags.t = 'a''b'", `tags.t LIKE '%\%'`, `tags.t LIKE 'a\_'`,
	"tags.t != 'a'", "tags.none IS NULL", "params.p0 IS NOT NULL", "params.p0 IS NULL and metrics.m > -2", "run_id IN ('ra', 'rc', 'zz')", "run_id NOT IN ('ra')", "status = 'FINISHED'", "user_id LIKE 'u_'", "user_id ILIKE 'U%'",
	"start_time >= 1002", "start_time < 1001.5", "end_time = 0", "artifact_uri LIKE '%/ra/%'", "datasets.name = 'd'", "tags.`mlflow.runName` LIKE '%n'",
}

// alike checks that the database answers a filter as the language's own rules do.
func alike(t *testing.T, s *mlflowstore.Store, runs []mlflowstore.Run, text string, clauses []filter.Comparison) {
	got, _, err := s.SearchRuns(t.Context(), scope, mlflowstore.RunSearch{Experiments: []int64{0}, Filter: clauses, Limit: 100})
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return
	}
	found := map[string]bool{}
	for _, r := range got {
		found[r.ID] = true
	}
	for _, r := range runs {
		if want := filter.Match(clauses, look(r)); found[r.ID] != want {
			t.Errorf("%s: run %s %q: the database says %v, the rules %v", text, r.ID, r.Name, found[r.ID], want)
		}
	}
}

func searches(t *testing.T, db *sqldb.DB) {
	s := open(t, db)
	runs := seeded(t, s)
	for _, text := range filters {
		clauses, err := mlflowstore.RunDialect.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		alike(t, s, runs, text, clauses)
	}
	for _, keys := range [][]string{{"metrics.m DESC"}, {"metrics.m"}, {"params.p0 DESC", "run_id"}, {"tags.t", "run_id DESC"}, {"run_name DESC"}, {"start_time", "run_id DESC"}, {"status", "metrics.m"}} {
		order, err := mlflowstore.RunDialect.ParseOrder(keys)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := s.SearchRuns(t.Context(), scope, mlflowstore.RunSearch{Experiments: []int64{0}, Order: order, Limit: 100})
		want := append([]mlflowstore.Run{}, runs...) // newest first, then by id, as nothing else is said
		filter.Sort(want, order, look)
		if a, b := ids(got), ids(want); err != nil || a != b {
			t.Errorf("%v: the database says %s, the rules %s, %v", keys, a, b, err)
		}
	}
}

func ids(runs []mlflowstore.Run) string {
	var b strings.Builder
	for _, r := range runs {
		b.WriteString(r.ID + " ")
	}
	return b.String()
}

func TestSearches(t *testing.T) { searches(t, jobstest.SQLite(t)()) }

// FuzzSearch: whatever the language takes, the database answers, and as the rules do.
func FuzzSearch(f *testing.F) {
	for _, text := range filters {
		f.Add(text)
	}
	s := open(f, jobstest.SQLite(f)())
	runs := seeded(f, s)
	f.Fuzz(func(t *testing.T, text string) {
		clauses, err := mlflowstore.RunDialect.Parse(text)
		if err != nil {
			return
		}
		for _, c := range clauses {
			if c.Op == "ILIKE" && strings.ContainsFunc(c.Text, func(r rune) bool { return r > 127 }) {
				return // SQLite folds the letters of ASCII only
			}
		}
		alike(t, s, runs, text, clauses)
	})
}

func TestNoProject(t *testing.T) {
	s := open(t, jobstest.SQLite(t)())
	none := forge.Scope{}
	_, err1 := s.CreateRun(t.Context(), none, "0", mlflowstore.Run{ID: "r"})
	_, err2 := s.Experiments(t.Context(), none)
	_, _, err3 := s.SearchRuns(t.Context(), none, mlflowstore.RunSearch{Experiments: []int64{0}, Limit: 1})
	_, err4 := s.Models(t.Context(), none)
	_, err5 := s.Logged(t.Context(), none, "m-1", true)
	_, err6 := s.Tags(t.Context(), none, mlflowstore.KindRun, "r")
	for i, err := range []error{err1, err2, err3, err4, err5, err6, s.LogBatch(t.Context(), none, "r", nil, nil, nil), s.PutVersion(t.Context(), none, mlflowstore.Version{}), s.Mirror(t.Context(), none, mlflowstore.Run{}), s.PutAlias(t.Context(), none, "m", "a", 1)} {
		if !errors.Is(err, forge.ErrDenied) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// TestMirror: a run of forge's is written again as it goes on, and never grows twice.
func TestMirror(t *testing.T) {
	s := open(t, jobstest.SQLite(t)())
	r := mlflowstore.Run{ID: "run_1", Name: "calls", Status: "RUNNING", Forge: "running", Started: 1, Params: []mlflowstore.KV{{Key: "best", Value: "linear"}}, Metrics: []mlflowstore.Metric{{Key: "m", Value: 0.5}}}
	for range 2 {
		if err := s.Mirror(t.Context(), scope, r); err != nil {
			t.Fatal(err)
		}
	}
	r.Status, r.Forge, r.Ended, r.Params[0].Value = "FINISHED", "succeeded", 9, "trees"
	if err := s.Mirror(t.Context(), scope, r); err != nil {
		t.Fatal(err)
	}
	got, err := s.Run(t.Context(), scope, "run_1")
	if err != nil || got.Status != "FINISHED" || got.Ended != 9 || len(got.Params) != 1 || got.Params[0].Value != "trees" || len(got.Metrics) != 1 || got.Experiment != mlflowstore.ForgeExperiment {
		t.Errorf("%+v, %v", got, err)
	}
	if h, _, err := s.History(t.Context(), scope, "run_1", "m", 0, 10); err != nil || len(h) != 1 {
		t.Errorf("history %v, %v", h, err)
	}
	if states, err := s.Mirrored(t.Context(), scope); err != nil || states["run_1"] != "succeeded" {
		t.Errorf("%v, %v", states, err)
	}
	if states, err := s.Mirrored(t.Context(), other); err != nil || len(states) != 0 {
		t.Errorf("another project's: %v, %v", states, err)
	}
}

// TestLatest: the newest point of a metric is the one of the highest step, then time,
// then value, in whatever order the points come.
func TestLatest(t *testing.T) {
	s := open(t, jobstest.SQLite(t)())
	if _, err := s.CreateRun(t.Context(), scope, "0", mlflowstore.Run{ID: "r", Status: "RUNNING"}); err != nil {
		t.Fatal(err)
	}
	for _, m := range []mlflowstore.Metric{{Value: 3, Step: 2, At: 5}, {Value: 9, Step: 1, At: 9}, {Value: 4, Step: 2, At: 6}, {Value: 2, Step: 2, At: 6}, {Value: 7, Step: -1, At: 99}} {
		m.Key = "m"
		if err := s.LogBatch(t.Context(), scope, "r", []mlflowstore.Metric{m}, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.Run(t.Context(), scope, "r")
	if err != nil || len(r.Metrics) != 1 || r.Metrics[0].Value != 4 {
		t.Errorf("%+v, %v", r.Metrics, err)
	}
	h, more, err := s.History(t.Context(), scope, "r", "m", 1, 2)
	if err != nil || !more || len(h) != 2 || h[0].Value != 9 || h[1].Value != 3 {
		t.Errorf("history %+v, %v, %v", h, more, err)
	}
}
