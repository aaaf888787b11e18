package store_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/store"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
)

var (
	here  = forge.Scope{Tenant: "t1", Project: "p1"}
	there = forge.Scope{Tenant: "t1", Project: "p2"}
	calls = forge.TableName{Namespace: "raw", Name: "calls"}
)

func TestSQLite(t *testing.T) {
	db, err := sqldb.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"), bytes.Repeat([]byte{1}, 64))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	suite(t, db)
}

func suite(t *testing.T, db *sqldb.DB) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s, err := store.Open(t.Context(), db, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	t.Run("uploads", func(t *testing.T) { uploads(t, s, now) })
	t.Run("loads", func(t *testing.T) { loads(t, s, now) })
	t.Run("contracts", func(t *testing.T) { contracts(t, s) })
	t.Run("leases", func(t *testing.T) { leases(t, s, &now) })
}

func uploads(t *testing.T, s *store.Store, now time.Time) {
	ctx := t.Context()
	if err := s.AddUpload(ctx, here, store.Upload{ID: "u1", Name: "a.csv", Size: 10}); err != nil {
		t.Fatal(err)
	}
	if err := s.AddUpload(ctx, forge.Scope{}, store.Upload{ID: "u1"}); !errors.Is(err, forge.ErrDenied) {
		t.Errorf("upload without a project: %v", err)
	}
	if u, err := s.Upload(ctx, here, "u1"); err != nil || u.Name != "a.csv" || u.Size != 10 || !u.Created.Equal(now) {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := s.Upload(ctx, there, "u1"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("seen from another project: %v", err)
	}
	if n, err := s.Uploaded(ctx, here); err != nil || n != 10 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if old, err := s.OldUploads(ctx, now.Add(time.Second)); err != nil || len(old[here]) != 1 {
		t.Errorf("old: %v, %v", old, err)
	}
	if old, err := s.OldUploads(ctx, now); err != nil || len(old) != 0 {
		t.Errorf("not yet old: %v, %v", old, err)
	}
	for range 2 {
		if err := s.DropUpload(ctx, here, "u1"); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Uploaded(ctx, here); err != nil || n != 0 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func loads(t *testing.T, s *store.Store, now time.Time) {
	ctx := t.Context()
	l := ingest.Load{ID: "l1", Table: calls, File: "a.csv", SHA256: "ab", Bytes: 3, Rows: 2, Rejected: 1, Offsets: [2]int64{4, 6}, Snapshot: 1 << 60, At: now}
	if got, err := s.AddLoad(ctx, here, l); err != nil || got != l {
		t.Errorf("%+v, %v", got, err)
	}
	again := l
	again.ID = "l2"
	if got, err := s.AddLoad(ctx, here, again); err != nil || got.ID != "l1" {
		t.Errorf("same file again: %+v, %v", got, err)
	}
	if _, err := s.AddLoad(ctx, there, again); err != nil {
		t.Errorf("same file in another project: %v", err)
	}
	if got, err := s.Loaded(ctx, here, calls, "ab"); err != nil || got == nil || *got != l {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.Loaded(ctx, here, calls, "cd"); err != nil || got != nil {
		t.Errorf("%+v, %v", got, err)
	}
	for _, table := range []forge.TableName{{}, calls} {
		if got, err := s.Loads(ctx, here, table); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
	}
	if got, err := s.Loads(ctx, here, forge.TableName{Namespace: "raw", Name: "x"}); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	for want, plan := range map[string][]string{"one": {"one", "two"}, "three": {"three"}} {
		for _, p := range plan {
			if got, err := s.Plan(ctx, here, calls, "ab", p); err != nil || got != want {
				t.Errorf("plan %q, %v; want %q", got, err, want)
			}
		}
		if err := s.DropPlan(ctx, here, calls, "ab"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DropLoads(ctx, here, calls, now); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Loaded(ctx, here, calls, "ab"); got == nil {
		t.Error("a load of the table's own time was forgotten")
	}
	if err := s.DropLoads(ctx, here, calls, now.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Loaded(ctx, here, calls, "ab"); got != nil {
		t.Error("a load of a table that was made anew is still known")
	}
}

func contracts(t *testing.T, s *store.Store) {
	ctx := t.Context()
	a := ingest.Contract{Table: calls, Schema: lake.Schema{Columns: []lake.Column{{Name: "a", Type: lake.Long}}}, Columns: []string{"a"}}
	b := a
	b.Null = []string{"x"}
	for _, c := range []ingest.Contract{a, b, a} {
		if err := s.AddContract(ctx, here, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddContract(ctx, there, b); err != nil {
		t.Fatal(err)
	}
	w, err := s.Contracts(ctx)
	if err != nil || len(w) != 2 || w[0].Scope != here || w[0].Table != calls || len(w[0].Contracts) != 2 || w[1].Scope != there {
		t.Fatalf("%+v, %v", w, err)
	}
	if w[0].Contracts[1].Fingerprint() != a.Fingerprint() {
		t.Error("a contract that was wanted again is not the newest")
	}
}

func leases(t *testing.T, s *store.Store, now *time.Time) {
	ctx := t.Context()
	take := func(holder string, takeover bool, wantEpoch int64, wantOK bool) {
		t.Helper()
		epoch, ok, err := s.Acquire(ctx, here, "raw.calls", holder, 10*time.Second, takeover)
		if err != nil || ok != wantOK || ok && epoch != wantEpoch {
			t.Errorf("%s: epoch %d, %v, %v; want %d, %v", holder, epoch, ok, err, wantEpoch, wantOK)
		}
	}
	take("a", false, 1, true)
	take("a", false, 1, true)
	take("b", false, 0, false)
	*now = now.Add(11 * time.Second)
	take("b", false, 2, true)
	take("a", false, 0, false)
	take("a", true, 3, true)
	if err := s.Release(ctx, here, "raw.calls", "b"); err != nil {
		t.Fatal(err)
	}
	take("b", false, 0, false)
	if err := s.Release(ctx, here, "raw.calls", "a"); err != nil {
		t.Fatal(err)
	}
	take("b", false, 4, true)
}
