package clean_test

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
	"aiforge.dev/forge/lake/laketest"
)

func service(t testing.TB, h *lake.House, lineage forge.Lineage) *clean.Service {
	t.Helper()
	s, err := clean.New(t.Context(), clean.Config{
		House: h, DB: laketest.DB(t), Lineage: lineage,
		Secret: func(s forge.Scope) []byte { return append([]byte(s.String()), secret...) },
		Now:    func() time.Time { return day },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStoreKeepsRevisions(t *testing.T) { storeKeepsRevisions(t, laketest.DB(t)) }

func storeKeepsRevisions(t *testing.T, db *sqldb.DB) {
	store, err := clean.OpenStore(t.Context(), db, func() time.Time { return day })
	if err != nil {
		t.Fatal(err)
	}
	ctx := forge.WithPrincipal(t.Context(), forge.Principal{Name: "Ada", Scope: scope})
	r := parse(t, eventsRecipe)
	first, err := store.Put(ctx, scope, r, 0)
	if err != nil || first.Revision != 1 || first.By != "Ada" {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := store.Put(ctx, scope, r, 0); err != nil || again.Revision != 1 {
		t.Errorf("the same recipe again: revision %d, %v", again.Revision, err)
	}
	r.Steps = r.Steps[:1]
	second, err := store.Put(ctx, scope, r, 1)
	if err != nil || second.Revision != 2 {
		t.Errorf("%+v, %v", second, err)
	}
	r.Steps = nil
	_, err = store.Put(ctx, scope, r, 1)
	laketest.WantKind(t, err, forge.KindConflict)
	if got, err := store.Get(ctx, scope, "events", 1); err != nil || got.Hash != first.Hash || len(got.Recipe.Steps) != 3 {
		t.Errorf("revision 1: %+v, %v", got, err)
	}
	if got, err := store.Get(ctx, scope, "events", 0); err != nil || !reflect.DeepEqual(got, second) {
		t.Errorf("newest: %+v, %v; want %+v", got, err, second)
	}
	if all, err := store.List(ctx, scope); err != nil || len(all) != 1 || all[0].Revision != 2 {
		t.Errorf("list: %+v, %v", all, err)
	}
	if all, err := store.Revisions(ctx, scope, "events"); err != nil || len(all) != 2 || all[0].Revision != 2 {
		t.Errorf("revisions: %+v, %v", all, err)
	}
	other := forge.Scope{Tenant: "acme", Project: "shop"}
	_, err = store.Get(ctx, other, "events", 0)
	laketest.WantKind(t, err, forge.KindNotFound)
	_, err = store.Put(ctx, forge.Scope{}, r, 0)
	laketest.WantKind(t, err, forge.KindDenied)
}

// run is a job's run that remembers finished steps, as the job runner does.
type run struct {
	args  any
	steps map[string]json.RawMessage
	tried int
	seen  []string
}

func (r *run) ID() string               { return "job_1" }
func (r *run) Scope() forge.Scope       { return scope }
func (r *run) Attempt() int             { return r.tried }
func (r *run) Progress(p jobs.Progress) { r.seen = append(r.seen, p.Step) }
func (r *run) Emit(string, any)         {}
func (r *run) Args(into any) error      { return remarshal(r.args, into) }
func (r *run) Step(ctx context.Context, name string, into any, f func(context.Context) (any, error)) error {
	if done, ok := r.steps[name]; ok {
		return json.Unmarshal(done, into)
	}
	v, err := f(ctx)
	if err != nil {
		return err
	}
	if r.steps[name], err = json.Marshal(v); err != nil {
		return err
	}
	return json.Unmarshal(r.steps[name], into)
}

func remarshal(v, into any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func TestApplyJobReadsWhatItPinned(t *testing.T) {
	h := laketest.House(t)
	load(t, h, "raw.events", events)
	s := service(t, h, nil)
	r := &run{args: clean.ApplyArgs{Recipe: parse(t, eventsRecipe)}, steps: map[string]json.RawMessage{}}
	result, err := s.ApplyJob(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	first := result.(clean.Applied)
	if first.Rows != 2 || len(r.seen) == 0 {
		t.Errorf("%+v, progress %v", first, r.seen)
	}
	load(t, h, "raw.events", "patient_id:string,value:string\nP9,1\n")
	delete(r.steps, "apply") // as if the process had ended before the step was noted
	if result, err = s.ApplyJob(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if again := result.(clean.Applied); again.Rows != 2 || again.Sources["raw.events"] != first.Sources["raw.events"] {
		t.Errorf("second attempt %+v reads other rows than the first %+v", again, first)
	}
	if n := len(cells(t, h, "SELECT * FROM curated.events")); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}
