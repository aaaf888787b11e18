package watch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/monitoring/store"
	"aiforge.dev/forge/monitoring/watch"
)

var scope = forge.Scope{Tenant: "main", Project: "demo"}

// world is a deployment whose input x moves by shift from March on.
type world struct {
	logged    []monitoring.Observation
	read      []time.Month // windows that were read, in order
	answered  map[time.Month]time.Time
	retrained []monitoring.Alert
}

func (w *world) month(m time.Month, n int, shift float64) {
	r := rand.New(rand.NewPCG(uint64(m), 7))
	for i := range n {
		x := r.NormFloat64() + shift
		score := 1 / (1 + math.Exp(-x))
		truth := "no"
		if r.Float64() < 1/(1+math.Exp(-(x-2*shift))) {
			truth = "yes"
		}
		w.logged = append(w.logged, monitoring.Observation{
			ID: string(rune('a'+int(m))) + time.Duration(i).String(), At: time.Date(2009, m, 1+i%28, 0, 0, 0, 0, time.UTC), Version: 1,
			Features: map[string]any{"x": x, "job": []string{"a", "b"}[i%2]}, Score: score, Truth: truth, HasTruth: i%10 != 0,
		})
	}
}

func (w *world) Read(_ context.Context, _ forge.Scope, _ string, version int, from, to time.Time, _ *monitoring.Labels, f func([]monitoring.Observation) error) error {
	w.read = append(w.read, from.Month())
	for _, o := range w.logged {
		if o.Version == version && !o.At.Before(from) && o.At.Before(to) {
			if err := f([]monitoring.Observation{o}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) Windows(_ context.Context, _ forge.Scope, _, _ string) ([]monitoring.Window, error) {
	var out []monitoring.Window
	for _, o := range w.logged {
		from := time.Date(2009, o.At.Month(), 1, 0, 0, 0, 0, time.UTC)
		if len(out) == 0 || !out[len(out)-1].From.Equal(from) {
			out = append(out, monitoring.Window{Model: "m", Version: 1, From: from})
		}
		out[len(out)-1].Rows++
		out[len(out)-1].Newest = w.answered[from.Month()]
	}
	return out, nil
}

func (w *world) Latest(context.Context, forge.Scope, string, int) ([]monitoring.Observation, error) {
	return w.logged, nil
}

func (w *world) Reference(_ context.Context, _ forge.Scope, _ string, _ int, f func([]monitoring.Observation) error) error {
	ref := &world{}
	ref.month(12, 4000, 0)
	return f(ref.logged)
}

func (w *world) About(context.Context, forge.Scope, string, int) (monitoring.About, error) {
	return monitoring.About{Task: "binary", Positive: "yes", Numbers: map[string]bool{"x": true, "job": false}, Metrics: map[string]float64{"log_loss": 0.62}}, nil
}

func (w *world) Retrain(_ context.Context, _ forge.Scope, _ monitoring.Policy, a monitoring.Alert) (string, error) {
	w.retrained = append(w.retrained, a)
	return "job_1", nil
}

func TestTheLoopSeesTheShiftAndAnswersOnce(t *testing.T) {
	w := &world{}
	w.month(1, 400, 0)
	w.month(2, 20, 3) // too few rows to say anything: no alert, and none begins there
	svc := open(t, w)
	set(t, svc, monitoring.Policy{Deployment: "m", Window: "month", Labels: forge.TableName{Namespace: "raw", Name: "truth"}, LabelKey: "id", Label: "y",
		Metric: "log_loss", MaxDrop: 0.1, Retrain: &monitoring.Retrain{TrainingSet: "m", Cooldown: 1}})
	if out := check(t, svc); len(out.Reports) != 2 || len(out.Alerts) != 0 {
		t.Fatalf("a quiet month raised %+v", out.Alerts)
	}
	w.month(3, 400, 3)
	out := check(t, svc)
	if len(out.Alerts) != 2 || out.Alerts[0].Kind != "drift" || out.Alerts[1].Kind != "performance" {
		t.Fatalf("alerts %+v", out.Alerts)
	}
	a := out.Alerts[0]
	if !slices.Contains(a.Columns, "x") || slices.Contains(a.Columns, "job") {
		t.Errorf("the alert names %v", a.Columns)
	}
	if want := time.Date(2009, 3, 1, 0, 0, 0, 0, time.UTC); !a.Since.Equal(want) {
		t.Errorf("since %s, want %s", a.Since, want)
	}
	if a.Columns[len(a.Columns)-1] == "x" {
		t.Errorf("the features come before the prediction: %v", a.Columns)
	}
	if a.Job != "job_1" || a.State != "acting" || len(w.retrained) != 1 {
		t.Errorf("answer: job %q, state %q, %d retrainings", a.Job, a.State, len(w.retrained))
	}
	perf := out.Reports[2].Performance
	if perf == nil || perf.Rows != 360 || perf.Missing != 40 || perf.Metrics["log_loss"] < 0.72 {
		t.Errorf("performance %+v", perf)
	}
	if again := check(t, svc); len(again.Alerts) != 0 || len(w.retrained) != 1 {
		t.Errorf("the same window raised again: %+v", again.Alerts)
	}
	w.month(4, 400, 3)
	if april := check(t, svc); len(april.Alerts) == 0 || april.Alerts[0].Job != "" || !strings.HasPrefix(april.Alerts[0].Outcome, "no retraining") {
		t.Errorf("within the cool-down: %+v", april.Alerts)
	}
	w.month(5, 400, 3)
	if may := check(t, svc); len(may.Alerts) == 0 || may.Alerts[0].Job == "" {
		t.Errorf("after the cool-down: %+v", may.Alerts)
	}
	if err := svc.Answered(t.Context(), scope, a.ID, "challenger is better"); err != nil {
		t.Fatal(err)
	}
	all, err := svc.Store.Alerts(t.Context(), scope, "m")
	if err != nil || len(all) != 6 {
		t.Fatalf("%d alerts, %v", len(all), err)
	}
	if others, err := svc.Store.Alerts(t.Context(), forge.Scope{Tenant: "main", Project: "other"}, ""); err != nil || len(others) != 0 {
		t.Errorf("another project sees %d alerts (%v)", len(others), err)
	}
}

// A window is compared again only when something can have changed.
func TestSettledWindowsAreNotReadAgain(t *testing.T) {
	w := &world{answered: map[time.Month]time.Time{}}
	w.month(1, 50, 0)
	w.month(2, 50, 0)
	svc := open(t, w)
	policy := monitoring.Policy{Deployment: "m", Window: "month"}
	set(t, svc, policy)
	check(t, svc)
	w.read = nil
	if out := check(t, svc); len(w.read) != 0 || len(out.Reports) != 2 {
		t.Errorf("read %v again, %d reports", w.read, len(out.Reports))
	}
	w.answered[2] = time.Now().Add(time.Hour)
	if check(t, svc); !slices.Equal(w.read, []time.Month{2}) {
		t.Errorf("new answers in February: read %v", w.read)
	}
	w.read, w.answered = nil, nil
	policy.PSI = 0.5
	set(t, svc, policy)
	check(t, svc)
	if !slices.Equal(w.read, []time.Month{1, 2}) {
		t.Errorf("another policy: read %v", w.read)
	}
}

func TestPolicyIsChecked(t *testing.T) {
	svc := open(t, &world{})
	for _, p := range []monitoring.Policy{
		{Deployment: "../x"}, {Deployment: "m", Window: "year"}, {Deployment: "m", Alpha: 2}, {Deployment: "m", PSI: -1},
		{Deployment: "m", Labels: forge.TableName{Namespace: "raw", Name: "truth"}}, {Deployment: "m", Metric: "rmse"}, {Deployment: "m", Retrain: &monitoring.Retrain{}}, {Deployment: "m", Check: "sometimes"},
	} {
		if _, err := svc.SetPolicy(t.Context(), scope, p); forge.KindOf(err) != forge.KindInvalid {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if _, err := svc.Store.Policy(t.Context(), scope, "m"); forge.KindOf(err) != forge.KindNotFound {
		t.Errorf("a refused policy was stored: %v", err)
	}
}

func open(t *testing.T, w *world) *watch.Service {
	t.Helper()
	db, err := sqldb.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"), bytes.Repeat([]byte{1}, 64))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return openOn(t, db, w)
}

func openOn(t *testing.T, db *sqldb.DB, w *world) *watch.Service {
	t.Helper()
	st, err := store.New(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return &watch.Service{Store: st, Predictions: w, Trained: w, Retrainer: w}
}

func set(t *testing.T, svc *watch.Service, p monitoring.Policy) {
	t.Helper()
	if _, err := svc.SetPolicy(t.Context(), scope, p); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, svc *watch.Service) watch.Checked {
	t.Helper()
	out, err := svc.Check(t.Context(), fakeRun{})
	if err != nil {
		t.Fatal(err)
	}
	return out.(watch.Checked)
}

type fakeRun struct{}

func (fakeRun) ID() string             { return "job_0" }
func (fakeRun) Scope() forge.Scope     { return scope }
func (fakeRun) Attempt() int           { return 1 }
func (fakeRun) Progress(jobs.Progress) {}
func (fakeRun) Emit(string, any)       {}
func (fakeRun) Args(into any) error    { return json.Unmarshal([]byte(`{"deployment":"m"}`), into) }
func (fakeRun) Step(ctx context.Context, _ string, _ any, f func(context.Context) (any, error)) error {
	_, err := f(ctx)
	return err
}
