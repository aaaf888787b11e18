package router_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/router"
	"aiforge.dev/forge/serving/servingtest"
	"aiforge.dev/forge/serving/store"
)

var scope = forge.Scope{Tenant: "acme", Project: "calls"}

type edges struct {
	mu  sync.Mutex
	all []string
}

func (e *edges) Link(_ context.Context, _ forge.Scope, es ...forge.Edge) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range es {
		e.all = append(e.all, x.From.String()+">"+x.To.String())
	}
	return nil
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type world struct {
	*router.Router
	models *servingtest.Models
	db     *sqldb.DB
	edges  *edges
	clock  *clock
	cfg    router.Config
}

func open(t *testing.T, change func(*router.Config)) *world {
	t.Helper()
	db, err := sqldb.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"), make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	st, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{models: servingtest.NewModels(t), db: db, edges: &edges{}, clock: &clock{t: time.Unix(1e9, 0).UTC()}}
	w.cfg = router.Config{Models: w.models, Loader: w.models, Store: st, Lineage: w.edges, Now: w.clock.now}
	if change != nil {
		change(&w.cfg)
	}
	w.reopen(t)
	return w
}

func (w *world) reopen(t *testing.T) {
	t.Helper()
	r, err := router.New(t.Context(), w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Router = r
	t.Cleanup(func() { _ = r.Close() })
}

func (w *world) deploy(t *testing.T, as, ref string) serving.Deployment {
	t.Helper()
	d, err := w.Deploy(t.Context(), scope, as, ref)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// answer is the version that answers, by its handle and by its score.
func (w *world) answer(t *testing.T, as string) int {
	t.Helper()
	h, err := w.Get(t.Context(), scope, as)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Release()
	var out serving.Output
	if err := h.Predictor.Predict(t.Context(), servingtest.AgeJob([]any{50.0}, []any{nil}), &out); err != nil {
		t.Fatal(err)
	}
	if want := servingtest.BinaryScore(50.0, nil, servingtest.Shift(h.Package.Version)); out.Scores[1] != want || h.Signature.Version != h.Package.Version {
		t.Errorf("version %d answers %v, want %v; signature says %d", h.Package.Version, out.Scores[1], want, h.Signature.Version)
	}
	return h.Package.Version
}

func TestFollowsAlias(t *testing.T) {
	w := open(t, nil)
	w.models.Alias("champion", 1)
	if d := w.deploy(t, "calls", "calls@champion"); d.State != "ready" || d.Version != 1 || d.Alias != "champion" || d.Model != "calls" {
		t.Errorf("deployed %+v", d)
	}
	w.models.Alias("champion", 2)
	w.clock.add(time.Hour)
	w.Refresh(t.Context())
	if v := w.answer(t, "calls"); v != 2 {
		t.Errorf("version %d answers after the alias moved to 2", v)
	}
	all := w.models.Loaded()
	if len(all) != 2 || !all[0].Closed() || all[1].Closed() {
		t.Errorf("%d predictors were loaded; the first must be closed, the second not", len(all))
	}
	d, _, err := w.Describe(scope, "calls")
	if err != nil || !d.Since.Equal(w.clock.now()) || d.Created.Equal(d.Since) {
		t.Errorf("%+v %v", d, err)
	}
	if got := strings.Join(w.edges.all, " "); got != "model:calls/1>deployment:calls model:calls/2>deployment:calls" {
		t.Errorf("lineage %s", got)
	}
}

func TestRunHearsOfAlias(t *testing.T) {
	w := open(t, func(c *router.Config) { c.Every = time.Hour })
	w.models.Alias("champion", 1)
	w.deploy(t, "calls", "calls@champion")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	w.models.Alias("champion", 2)
	w.Notify()
	deadline := time.Now().Add(10 * time.Second)
	for w.answer(t, "calls") != 2 {
		if time.Now().After(deadline) {
			t.Fatal("the new version does not answer")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// While the alias moves forty times, no request fails, and every answer is wholly
// that of one version.
func TestNoRequestFailsWhileVersionsChange(t *testing.T) {
	w := open(t, nil)
	w.models.Alias("champion", 1)
	w.deploy(t, "calls", "calls@champion")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					w.answer(t, "calls")
				}
			}
		})
	}
	for v := 2; v <= 41; v++ {
		w.models.Alias("champion", v)
		w.Refresh(t.Context())
	}
	close(stop)
	wg.Wait()
	if v := w.answer(t, "calls"); v != 41 {
		t.Errorf("version %d answers at the end", v)
	}
	open := 0
	for _, p := range w.models.Loaded() {
		if !p.Closed() {
			open++
		}
	}
	if open != 1 {
		t.Errorf("%d predictors are open at the end, want 1", open)
	}
}

func TestBrokenVersionLeavesTheOld(t *testing.T) {
	w := open(t, nil)
	w.models.Alias("champion", 1)
	w.deploy(t, "calls", "calls@champion")
	w.models.Alias("champion", 2)
	w.models.Break(2, true)
	w.Refresh(t.Context())
	if v := w.answer(t, "calls"); v != 1 {
		t.Errorf("version %d answers", v)
	}
	d, _, err := w.Describe(scope, "calls")
	if err != nil || d.State != "ready" || d.Version != 1 || !strings.Contains(d.Error, "calls/2 cannot be loaded: model.onnx is broken; version 1 goes on") {
		t.Errorf("%+v %v", d, err)
	}
	w.models.Break(2, false)
	w.Refresh(t.Context())
	if v := w.answer(t, "calls"); v != 1 {
		t.Errorf("version %d answers: the broken one was tried again at once", v)
	}
	w.clock.add(time.Minute)
	w.Refresh(t.Context())
	d, _, err = w.Describe(scope, "calls")
	if v := w.answer(t, "calls"); v != 2 || err != nil || d.Error != "" {
		t.Errorf("version %d answers, error %q: the mended one was not tried again", v, d.Error)
	}
}

func TestDeployRefusesAndLeavesNothing(t *testing.T) {
	w := open(t, nil)
	w.models.Break(3, true)
	for ref, kind := range map[string]forge.Kind{"calls@nobody": forge.KindNotFound, "calls/3": forge.KindInvalid} {
		if _, err := w.Deploy(t.Context(), scope, "calls", ref); forge.KindOf(err) != kind {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if _, err := w.Deploy(t.Context(), scope, "Not a name", "calls/1"); forge.KindOf(err) != forge.KindInvalid {
		t.Errorf("name: %v", err)
	}
	if got := w.List(scope); len(got) != 0 {
		t.Errorf("left %+v", got)
	}
	w.reopen(t)
	if got := w.List(scope); len(got) != 0 {
		t.Errorf("kept %+v", got)
	}
}

func TestRestart(t *testing.T) {
	w := open(t, nil)
	w.models.Alias("champion", 1)
	w.deploy(t, "calls", "calls@champion")
	w.deploy(t, "fixed", "models:/calls/5")
	before := len(w.models.Loaded())
	w.models.Alias("champion", 2)
	w.reopen(t)
	if n := len(w.models.Loaded()); n != before {
		t.Error("models were loaded before anybody asked")
	}
	if d, _, err := w.Describe(scope, "calls"); err != nil || d.State != "loading" || d.Version != 1 {
		t.Errorf("before the first request: %+v %v", d, err)
	}
	if a, b := w.answer(t, "calls"), w.answer(t, "fixed"); a != 2 || b != 5 {
		t.Errorf("versions %d and %d answer, want 2 and 5", a, b)
	}
}

func TestProjectsAreApart(t *testing.T) {
	w := open(t, nil)
	w.deploy(t, "calls", "calls/1")
	other := forge.Scope{Tenant: "acme", Project: "other"}
	if _, err := w.Get(t.Context(), other, "calls"); forge.KindOf(err) != forge.KindNotFound {
		t.Errorf("another project reached the deployment: %v", err)
	}
	if _, err := w.Deploy(t.Context(), other, "calls", "calls/1"); err != nil {
		t.Fatal(err)
	}
	if n := len(w.models.Loaded()); n != 2 {
		t.Errorf("%d predictors: projects share one", n)
	}
	if err := w.Delete(t.Context(), other, "calls"); err != nil {
		t.Fatal(err)
	}
	if v := w.answer(t, "calls"); v != 1 {
		t.Error("deleting in one project touched the other")
	}
}

func TestDelete(t *testing.T) {
	w := open(t, nil)
	w.deploy(t, "calls", "calls/1")
	h, err := w.Get(t.Context(), scope, "calls")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), scope, "calls"); err != nil {
		t.Fatal(err)
	}
	var out serving.Output
	if err := h.Predictor.Predict(t.Context(), servingtest.AgeJob([]any{1.0}, []any{nil}), &out); err != nil {
		t.Errorf("a call under way failed: %v", err)
	}
	h.Release()
	if !w.models.Loaded()[0].Closed() {
		t.Error("still loaded after the last call")
	}
	if _, err := w.Get(t.Context(), scope, "calls"); forge.KindOf(err) != forge.KindNotFound {
		t.Errorf("after delete: %v", err)
	}
	if err := w.Delete(t.Context(), scope, "calls"); forge.KindOf(err) != forge.KindNotFound {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestBudget(t *testing.T) {
	w := open(t, func(c *router.Config) { c.Budget = 3 << 20 })
	w.models.Size = 256 << 10 // 1 MiB each, by the estimate
	for _, n := range []string{"a", "b", "c", "d"} {
		w.deploy(t, n, n+"/1")
	}
	open := func() (out []bool) {
		for _, p := range w.models.Loaded() {
			out = append(out, !p.Closed())
		}
		return out
	}
	if got := open(); len(got) != 4 || got[0] || !got[1] || !got[2] || !got[3] {
		t.Errorf("open: %v, want all but the least recently used", got)
	}
	w.answer(t, "b") // now c is the oldest
	w.answer(t, "a") // is loaded again
	if got := open(); len(got) != 5 || !got[1] || got[2] || !got[4] {
		t.Errorf("open: %v, want c put out for a", got)
	}
}

func TestLoadsOnce(t *testing.T) {
	w := open(t, nil)
	w.deploy(t, "calls", "calls/1")
	w.reopen(t)
	before := len(w.models.Loaded())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { w.answer(t, "calls") })
	}
	wg.Wait()
	if n := len(w.models.Loaded()) - before; n != 1 {
		t.Errorf("loaded %d times", n)
	}
}

func TestLoadWithoutDeployment(t *testing.T) {
	w := open(t, nil)
	h, err := w.Load(t.Context(), scope, "calls/4")
	if err != nil {
		t.Fatal(err)
	}
	if h.Package.Version != 4 || h.Signature.Model != "calls" {
		t.Errorf("%+v", h)
	}
	h.Count(time.Second, false) // has no deployment to count for
	h.Release()
	if !w.models.Loaded()[0].Closed() {
		t.Error("stays loaded")
	}
}

func TestFigures(t *testing.T) {
	w := open(t, nil)
	w.deploy(t, "calls", "calls/1")
	h, err := w.Get(t.Context(), scope, "calls")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Release()
	for i := 1; i <= 100; i++ {
		h.Count(time.Duration(i)*time.Millisecond, i > 97)
	}
	d, _, err := w.Describe(scope, "calls")
	if err != nil || d.Requests != 100 || d.Failed != 3 || d.P50 < 46 || d.P50 > 56 || d.P99 < 92 || d.P99 > 108 {
		t.Errorf("%+v %v", d, err)
	}
}

func TestUnknownNamesWhatThereIs(t *testing.T) {
	w := open(t, nil)
	w.deploy(t, "calls", "calls/1")
	_, err := w.Get(t.Context(), scope, "cals")
	if err == nil || !strings.Contains(err.Error(), "did you mean calls?); deployed: calls") {
		t.Errorf("got %v", err)
	}
}
