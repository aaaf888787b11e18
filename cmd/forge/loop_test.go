package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/training"
)

// The loop, step by step, as the commands report it.

func TestLoopIngestsAndPrepares(t *testing.T) {
	b := builtFor(t)
	if got := b.load.Rows + b.load.Rejected; got != b.sizes["history"] || b.load.Rejected != 0 {
		t.Errorf("%d rows and %d rejects of a file with %d records", b.load.Rows, b.load.Rejected, b.sizes["history"])
	}
	if b.load.Already || b.load.Offsets[1] <= b.load.Offsets[0] || b.load.Snapshot == 0 || len(b.load.SHA256) != 64 {
		t.Errorf("the load says %+v", b.load)
	}
	if b.applied.Table != "curated.calls" || b.applied.Rows != b.load.Rows || len(b.applied.Steps) != 7 {
		t.Errorf("the recipe says %+v", b.applied)
	}
}

func TestLoopTrainsAndServes(t *testing.T) {
	b := builtFor(t)
	families := map[string]bool{}
	for _, trial := range b.run.Leaderboard {
		families[trial.Family] = true
	}
	if len(families) < 4 {
		t.Errorf("the leaderboard has %d families, want at least four: %v", len(families), families)
	}
	if n := b.run.Rows.Train + b.run.Rows.Valid + b.run.Rows.Test; n != b.sizes["history"] {
		t.Errorf("%d rows were split of %d", n, b.sizes["history"])
	}
	if !slices.ContainsFunc(b.run.Leakage, func(l training.Leak) bool { return l.Column == "duration" && l.Reason != "" }) {
		t.Errorf("duration, which is known only after the call, is not left out: %+v", b.run.Leakage)
	}
	if b.run.Metrics["roc_auc"] <= 0.5 || b.run.Baseline["roc_auc"] != 0.5 {
		t.Errorf("metrics %v against %v of guessing", b.run.Metrics, b.run.Baseline)
	}
	if b.deployment.Model != "calls" || b.deployment.Version != b.run.Version || b.deployment.State != "ready" {
		t.Errorf("deployed: %+v", b.deployment)
	}
	if b.scored.Rows != b.sizes["history"] || b.scored.Version != b.run.Version {
		t.Errorf("scored: %+v", b.scored)
	}
}

func TestLoopRaisesAlertsAndAnswersThem(t *testing.T) {
	w := watchedFor(t)
	june := w.checks["2009-06"]
	drift := alertOf(june, "drift")
	if drift == nil {
		t.Fatalf("June 2009, when the market had turned, raises no drift alert: %+v", june.Alerts)
	}
	if !slices.Contains(drift.Columns, "euribor3m") || !strings.Contains(drift.Text, drift.Columns[0]) {
		t.Errorf("the alert names %v in %q; the interest rate had fallen from 5 to 1", drift.Columns, drift.Text)
	}
	if want := time.Date(2009, 6, 1, 0, 0, 0, 0, time.UTC); !drift.Since.Equal(want) && !drift.Since.Equal(want.AddDate(0, -1, 0)) {
		t.Errorf("it says since %s", drift.Since)
	}
	if drift.Job == "" || w.answers[drift.ID] != "succeeded" {
		t.Fatalf("its policy asks for retraining, which ended %q (job %q)", w.answers[drift.ID], drift.Job)
	}
	w.answerIsHonest(t, *drift)
}

func alertOf(c checkResult, kind string) *monitoring.Alert {
	for i := range c.Alerts {
		if c.Alerts[i].Kind == kind {
			return &c.Alerts[i]
		}
	}
	return nil
}

// answerIsHonest checks that the alias moved if and only if the challenger was better
// on the same rows, and that the alert and the deployment say the same.
func (w *watchedForge) answerIsHonest(t *testing.T, a monitoring.Alert) {
	t.Helper()
	var job struct{ Result answered }
	w.get(t, &job, "GET", "/api/jobs/"+a.Job, nil)
	r := job.Result
	if r.Metric != "roc_auc" || r.Before["rows"] != r.After["rows"] || r.Before["rows"] < 100 {
		t.Errorf("the two were not compared on the same rows: %+v", r)
	}
	const minGain = 0.005 // monitor.yaml
	if better := r.After["roc_auc"]-r.Before["roc_auc"] > minGain; r.Promoted != better {
		t.Errorf("promoted: %v, but %v against %v", r.Promoted, r.After, r.Before)
	}
	var alerts struct{ Alerts []monitoring.Alert }
	w.must(t, &alerts, "alerts", "calls")
	i := slices.IndexFunc(alerts.Alerts, func(x monitoring.Alert) bool { return x.ID == a.ID })
	if i < 0 || alerts.Alerts[i].State != "resolved" || alerts.Alerts[i].Outcome != r.Outcome || r.Outcome == "" {
		t.Errorf("the alert does not say %q: %+v", r.Outcome, alerts.Alerts)
	}
	var m training.Model
	w.must(t, &m, "models", "calls")
	want := 1
	if r.Promoted {
		want = 2
	}
	if len(m.Versions) != 2 || m.Aliases["champion"] != want {
		t.Errorf("%d versions, champion %d, promoted %v", len(m.Versions), m.Aliases["champion"], r.Promoted)
	}
	if got := w.version(t, "calls"); got != want {
		t.Errorf("the deployment answers with version %d, the alias is on %d", got, want)
	}
	if v := w.predict["2009-07"].Versions; v[fmt.Sprint(want)] != w.sizes["2009-07"] {
		t.Errorf("July was answered by versions %v, want all by %d", v, want)
	}
}

// TestAChallengerThatIsNotBetterStaysOne: no gain is larger than one of 1, so that the same
// comparison must leave alias and deployment where they are.
func TestAChallengerThatIsNotBetterStaysOne(t *testing.T) {
	w := watchedFor(t)
	drift := alertOf(w.checks["2009-06"], "drift")
	if drift == nil || drift.Job == "" {
		t.Fatalf("June 2009 was not answered by a retraining: %+v", drift)
	}
	var job struct{ Result answered }
	w.get(t, &job, "GET", "/api/jobs/"+drift.Job, nil)
	scope := firstProject.Scope
	ctx := forge.WithPrincipal(context.Background(), forge.Principal{Scope: scope, Role: forge.RoleOwner})
	champion, err := w.app.training.store.Resolve(ctx, scope, "calls@champion")
	if err != nil {
		t.Fatal(err)
	}
	challenger, err := w.app.training.store.Resolve(ctx, scope, job.Result.Challenger)
	if err != nil {
		t.Fatal(err)
	}
	run, err := w.app.training.store.Run(ctx, scope, challenger.Run)
	if err != nil {
		t.Fatal(err)
	}
	policy := monitoring.Policy{Deployment: "calls", Metric: "roc_auc", Retrain: &monitoring.Retrain{Alias: "champion", MinGain: 1}}
	out, err := w.app.compare(ctx, scope, retrainArgs{policy, *drift}, champion, run)
	if err != nil {
		t.Fatal(err)
	}
	if out.Promoted || !strings.Contains(out.Outcome, " stays: ") {
		t.Errorf("promoted: %v, %q", out.Promoted, out.Outcome)
	}
	if now, err := w.app.training.store.Resolve(ctx, scope, "calls@champion"); err != nil || now.Number != champion.Number || w.version(t, "calls") != champion.Number {
		t.Errorf("the alias was on %d and is on %d, the deployment on %d: %v", champion.Number, now.Number, w.version(t, "calls"), err)
	}
}

func TestLoopCoolsDown(t *testing.T) {
	w := watchedFor(t)
	for _, a := range w.checks["2009-07"].Alerts {
		if a.Job != "" {
			t.Errorf("monitor.yaml wants two windows between retrainings, July starts another: %+v", a)
		}
	}
	if len(w.checks["2009-07"].Reports) == 0 {
		t.Error("July was not compared")
	}
}

func TestLoopRowsAreTheFiles(t *testing.T) {
	w := watchedFor(t)
	want := w.sizes["history"]
	for _, m := range laterMonths {
		want += w.sizes[m]
		if w.predict[m].Rows != w.sizes[m] {
			t.Errorf("%s: %d predictions of %d calls", m, w.predict[m].Rows, w.sizes[m])
		}
	}
	for _, table := range []string{"raw.calls", "curated.calls"} {
		if n := w.number(t, "select count(*) from "+table); n != want {
			t.Errorf("%s has %d rows, the files have %d", table, n, want)
		}
		if n := w.number(t, "select count(distinct call_id) from "+table); n != want {
			t.Errorf("%s has %d different calls of %d", table, n, want)
		}
	}
}

// graph is what forge lineage --json prints.
type graph struct {
	Nodes []struct{ Ref forge.Ref }
	Edges []forge.Edge
}

func TestLineageIsOneChain(t *testing.T) {
	w := watchedFor(t)
	var g graph
	w.must(t, &g, "lineage", "calls@champion")
	up := map[string][]string{} // what a thing was made from
	for _, e := range g.Edges {
		up[e.To.String()] = append(up[e.To.String()], e.From.String())
	}
	var m training.Model
	w.must(t, &m, "models", "calls")
	start := fmt.Sprintf("model:calls/%d", m.Aliases["champion"])
	for _, chain := range [][]string{
		{"model", "run", "trainingset", "snapshot", "recipe"},
		{"model", "run", "trainingset", "view"},
		{"model", "run", "trainingset", "snapshot", "snapshot", "topic", "file"},
	} {
		if !leads(up, start, chain) {
			t.Errorf("no chain %s from %s in\n%s", strings.Join(chain, " ← "), start, edges(g))
		}
	}
	if down := "deployment:calls"; !strings.Contains(edges(g), down) {
		w.must(t, &g, "lineage", "--down", start)
		if !strings.Contains(edges(g), down) {
			t.Errorf("the deployment is not in the lineage of its model:\n%s", edges(g))
		}
	}
	wantNodes := map[string]bool{}
	for _, n := range g.Nodes {
		wantNodes[n.Ref.String()] = true
	}
	for _, e := range g.Edges {
		if !wantNodes[e.From.String()] || !wantNodes[e.To.String()] {
			t.Errorf("the edge %s → %s has an end that is no node", e.From, e.To)
		}
	}
}

// leads reports whether a path from ref goes through kinds in this order.
func leads(up map[string][]string, ref string, kinds []string) bool {
	kind, _, _ := strings.Cut(ref, ":")
	if kind != kinds[0] {
		return false
	}
	if len(kinds) == 1 {
		return true
	}
	return slices.ContainsFunc(up[ref], func(next string) bool { return leads(up, next, kinds[1:]) })
}

func edges(g graph) string {
	var b strings.Builder
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "%s → %s (%s)\n", e.From, e.To, e.By)
	}
	return b.String()
}

// TestPredictionLog: every prediction is in the log once, with what was answered.
func TestPredictionLog(t *testing.T) {
	b := builtFor(t)
	b.must(t, nil, "deploy", ref("calls", b.run.Version), "--name", "counted")
	want := map[string]string{} // id → score
	note := func(a answer) {
		t.Helper()
		var out struct {
			Predictions []struct {
				ID    string
				Score jsonText
			}
		}
		decode(t, a, &out)
		for _, p := range out.Predictions {
			want[p.ID] = string(p.Score)
		}
	}
	token := b.owner(t)
	for i := range 20 {
		var entities []map[string]string
		for k := range i + 1 {
			entities = append(entities, map[string]string{"call_id": fmt.Sprint(31000 + 100*i + k)})
		}
		note(b.ask(token, "POST", "/v1/predict/counted", map[string]any{"entities": entities}))
	}
	note(b.ask(token, "POST", "/v1/predict/counted", map[string]any{"rows": []map[string]any{{"age": 41, "job": "admin."}, {}}}))
	b.ask(token, "POST", "/v1/predict/counted", `{"rows": [{"nothing": 1}]}`).problem(t, "an unknown field", 422, forge.KindInvalid, "nothing")
	if len(want) != 212 {
		t.Fatalf("%d different ids in 212 answers", len(want))
	}
	b.must(t, nil, "monitor", "set", "counted", write(t, "m.yaml", []byte("deployment: counted\nwindow: month\n")))
	var seen struct{ Predictions []monitoring.Observation }
	b.get(t, &seen, "GET", "/api/monitors/counted/predictions?limit=5", nil) // reads flush
	if len(seen.Predictions) != 5 {
		t.Errorf("%d newest predictions, want 5", len(seen.Predictions))
	}
	rows := b.rows(t, `select prediction_id, cast(score as varchar), model, version, source, latency_us from monitoring.predictions where deployment = 'counted'`)
	if len(rows) != len(want) {
		t.Errorf("%d rows in the log for %d predictions", len(rows), len(want))
	}
	for _, r := range rows {
		id := r[0].(string)
		if same(want[id], r[1].(string)) && r[2] == "calls" && r[3] == float64(b.run.Version) && r[4] == "api" && r[5].(float64) >= 0 {
			delete(want, id)
			continue
		}
		t.Errorf("the log has %v, the answer was %s", r, want[id])
	}
	if len(want) > 0 {
		t.Errorf("%d predictions are not in the log or there twice", len(want))
	}
}
