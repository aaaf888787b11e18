package servingtest

import (
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/serving/store"
)

// TestStore holds the promises of the store of deployments on a metadata store; open
// returns an empty one.
func TestStore(t *testing.T, open func(testing.TB) *sqldb.DB) {
	db := open(t)
	s, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 25, 16, 9, 1, 123456000, time.UTC)
	a := store.Record{Scope: Scope, Name: "calls", Ref: "calls@champion", Model: "calls", Version: 1, Created: at, Since: at}
	b := a
	b.Scope.Project = "other"
	for _, r := range []store.Record{b, a} {
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	a.Ref, a.Version, a.Since = "calls/2", 2, at.Add(time.Hour)
	again := a
	again.Created = at.Add(time.Minute) // the first stays
	if err := s.Put(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	all(t, s, a, b)
	if err := s.Delete(t.Context(), forge.Scope{Tenant: "acme", Project: "third"}, "calls"); err != nil {
		t.Errorf("forgetting an unknown deployment: %v", err)
	}
	if err := s.Delete(t.Context(), b.Scope, "calls"); err != nil {
		t.Fatal(err)
	}
	all(t, s, a)
	if s, err = store.Open(t.Context(), db); err != nil { // as after a restart
		t.Fatal(err)
	}
	all(t, s, a)
}

func all(t *testing.T, s *store.Store, want ...store.Record) {
	t.Helper()
	got, err := s.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %+v\nwant %+v", got[i], want[i])
		}
	}
}
