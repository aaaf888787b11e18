package registry_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/onlinekv"
	"aiforge.dev/forge/features/registry"
	"aiforge.dev/forge/features/store"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
)

func TestMain(m *testing.M) { laketest.Main(m) }

var scope = forge.Scope{Tenant: "acme", Project: "bank"}

// world is a Service on a real lake and a real online store, with a clock to set.
type world struct {
	testing.TB
	svc    *registry.Service
	house  *lake.House
	online features.Online
	config registry.Config
	ctx    context.Context

	mu    sync.Mutex
	now   time.Time
	edges map[forge.Edge]bool
	inUse []features.ViewRef
}

func (w *world) Link(_ context.Context, s forge.Scope, edges ...forge.Edge) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s != scope {
		w.Errorf("edges of scope %s", s)
	}
	for _, e := range edges {
		w.edges[e] = true
	}
	return nil
}

func (w *world) has(from, to string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for e := range w.edges {
		if e.From.String() == from && e.To.String() == to {
			return true
		}
	}
	return false
}

func open(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, house: laketest.House(t), now: time.Date(2009, 7, 1, 0, 0, 0, 0, time.UTC), edges: map[forge.Edge]bool{}}
	w.ctx = jobstest.As(t.Context(), "acme", "bank")
	st, err := store.Open(t.Context(), laketest.DB(t))
	if err != nil {
		t.Fatal(err)
	}
	kv, err := onlinekv.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kv.Close() })
	w.online = kv
	w.config = registry.Config{Store: st, House: w.house, Online: kv, Lineage: w, Now: func() time.Time { return w.now },
		InUse: func(context.Context, forge.Scope) ([]features.ViewRef, error) { return w.inUse, nil }}
	w.svc = registry.New(w.config)
	return w
}

// table fills a table by trusted SQL and returns its snapshot.
func (w *world) table(name, sql string, mode lake.Mode) int64 {
	w.Helper()
	n, err := forge.ParseTableName(name)
	if err != nil {
		w.Fatal(err)
	}
	snap, err := w.house.Write(w.ctx, scope, n, lake.Query{SQL: sql}, nil, mode, lake.Change{})
	if err != nil {
		w.Fatal(err)
	}
	return snap.ID
}

func (w *world) rows(sql string, at lake.At) [][]any {
	w.Helper()
	res, err := w.house.Query(w.ctx, scope, lake.Query{SQL: sql}, at)
	if err != nil {
		w.Fatal(err)
	}
	got, err := lake.Collect(w.ctx, res)
	if err != nil {
		w.Fatal(err)
	}
	return got.Rows
}

const (
	callsSQL = `SELECT * FROM (VALUES
		(1, TIMESTAMP '2009-05-04 09:00:00', 41, 'admin.', 4.8, 'no'),
		(2, TIMESTAMP '2009-05-20 10:00:00', 30, NULL,     4.9, 'yes'),
		(3, TIMESTAMP '2009-06-02 11:00:00', 55, 'retired', 1.3, 'no')
		) AS t(call_id, call_time, age, job, euribor3m, subscribed)`
	document = `
entities:
  - {name: call, keys: [call_id]}
  - {name: market, keys: []}
views:
  - {name: call_profile, entity: call, table: curated.calls, event_time: call_time, columns: [age, job], online: true}
  - name: market
    entity: market
    sql: SELECT date_trunc('month', call_time) AS month, arg_min(euribor3m, call_time)::DOUBLE AS euribor3m FROM curated.calls GROUP BY 1;
    event_time: month
    online: true
`
)

func (w *world) apply(yaml string) registry.Applied {
	w.Helper()
	doc, err := features.ParseDocument([]byte(yaml))
	if err != nil {
		w.Fatal(err)
	}
	got, err := w.svc.Apply(w.ctx, scope, doc)
	if err != nil {
		w.Fatalf("%v %+v", err, err.(*forge.Error).Detail)
	}
	return got
}

func (w *world) materialize(views ...string) registry.Materialized {
	w.Helper()
	got, err := w.svc.MaterializeJob(w.ctx, jobstest.NewRun(w, scope, registry.MaterializeArgs{Views: views}))
	if err != nil {
		w.Fatal(err)
	}
	return got.(registry.Materialized)
}

func (w *world) set(spec features.TrainingSetSpec) features.TrainingSet {
	w.Helper()
	got, err := w.svc.TrainingSetJob(w.ctx, jobstest.NewRun(w, scope, spec))
	if err != nil {
		w.Fatal(err)
	}
	return got.(features.TrainingSet)
}
