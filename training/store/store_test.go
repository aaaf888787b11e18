package store_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/store"
	"aiforge.dev/forge/training/trainingtest"
)

var scope = forge.Scope{Tenant: "acme", Project: "bank"}

func open(t testing.TB) *store.Store {
	t.Helper()
	db, err := sqldb.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"), bytes.Repeat([]byte{7}, 64))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRegistry(t *testing.T) {
	trainingtest.TestRegistry(t, func(t testing.TB) training.Registry { return open(t) })
}

func TestRuns(t *testing.T) { runs(t, open(t)) }

func runs(t *testing.T, s *store.Store) {
	ctx := t.Context()
	old := training.Run{ID: "run_1", State: "running", Created: time.UnixMilli(1000).UTC(), Spec: training.Spec{Model: "calls"}}
	for _, r := range []training.Run{old, {ID: "run_2", State: "queued", Created: time.UnixMilli(2000).UTC()}} {
		if err := s.PutRun(ctx, scope, r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Runs(ctx, scope, 10)
	if err != nil || len(got) != 2 || got[0].ID != "run_2" || got[1].Spec.Model != "calls" {
		t.Errorf("runs %+v, %v", got, err)
	}
	if got, _ := s.Runs(ctx, scope, 1); len(got) != 1 {
		t.Errorf("limit 1 gave %d", len(got))
	}
	again := old
	again.State = "queued"
	if err := s.PutRun(ctx, scope, again); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Run(ctx, scope, "run_1"); err != nil || r.State != "running" {
		t.Errorf("a running run was queued again: %+v, %v", r, err)
	}
	old.State, old.Version = "succeeded", 3
	if err := s.PutRun(ctx, scope, old); err != nil {
		t.Fatal(err)
	}
	late := old
	late.State, late.Version = "running", 0
	if err := s.PutRun(ctx, scope, late); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Run(ctx, scope, "run_1"); err != nil || r.State != "succeeded" || r.Version != 3 {
		t.Errorf("a late writer changed a run that had ended: %+v, %v", r, err)
	}
	other := forge.Scope{Tenant: "acme", Project: "shop"}
	if _, err := s.Run(ctx, other, "run_1"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("seen from another project: %v", err)
	}
	if got, err := s.Runs(ctx, other, 10); err != nil || len(got) != 0 {
		t.Errorf("another project's runs: %+v, %v", got, err)
	}
	if err := s.PutRun(ctx, forge.Scope{}, old); !errors.Is(err, forge.ErrDenied) {
		t.Errorf("without a project: %v", err)
	}
}

func TestWatch(t *testing.T) {
	s := open(t)
	var heard []string
	stop := s.Watch(func(_ forge.Scope, model string) { heard = append(heard, model) })
	v, err := s.Register(t.Context(), scope, training.Version{Model: "calls", Run: "r", Status: "ready"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetAlias(t.Context(), scope, "calls", "champion", v.Number, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.SetAlias(t.Context(), scope, "calls", "champion", 9, 0); err == nil {
		t.Fatal("alias on a version that does not exist")
	}
	if len(heard) != 2 {
		t.Errorf("heard %v; want one per change", heard)
	}
	stop()
	if err := s.DeleteAlias(t.Context(), scope, "calls", "champion"); err != nil || len(heard) != 2 {
		t.Errorf("heard %v after the end, %v", heard, err)
	}
}

// TestMovedModels: packages are found in the folder of models as it is now; those that
// are there already are left alone.
func TestMovedModels(t *testing.T) { movedModels(t, open(t)) }

func movedModels(t *testing.T, s *store.Store) {
	for _, root := range []string{"/old/models", "/new/models"} {
		_, err := s.Register(t.Context(), scope, training.Version{Model: "calls", Status: "ready", Run: root, Digest: "d" + root, Dir: root + "/acme/bank/calls/digest"})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := s.Follow(t.Context(), "/new/models"); err != nil {
			t.Fatal(err)
		}
		m, err := s.Get(t.Context(), scope, "calls")
		if err != nil || len(m.Versions) != 2 {
			t.Fatal(m, err)
		}
		for _, v := range m.Versions {
			if v.Dir != "/new/models/acme/bank/calls/digest" {
				t.Errorf("version %d is at %s", v.Number, v.Dir)
			}
		}
	}
}
