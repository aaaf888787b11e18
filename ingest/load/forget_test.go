package load_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest/load"
	"aiforge.dev/forge/ingest/store"
	"aiforge.dev/forge/lake/laketest"
)

// An upload that nobody goes on with is forgotten after a week, while the server runs.
func TestForgetOld(t *testing.T) {
	ctx, now := t.Context(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	scope := forge.Scope{Tenant: "t1", Project: "p1"}
	clock := func() time.Time { return now }
	st, err := store.Open(ctx, laketest.DB(t), clock)
	if err != nil {
		t.Fatal(err)
	}
	loads, err := load.New(ctx, load.Config{Dir: t.TempDir(), Store: st, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	begin := func() string {
		u, err := loads.Create(ctx, scope, "f.csv", 10)
		if err == nil {
			_, err = loads.Write(ctx, scope, u.ID, 0, strings.NewReader("a\n"))
		}
		if err != nil {
			t.Fatal(err)
		}
		return u.ID
	}
	old := begin()
	now = now.Add(6 * 24 * time.Hour)
	young := begin()
	now = now.Add(2 * 24 * time.Hour)
	if err := loads.ForgetOld(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := loads.State(ctx, scope, old); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("the old one: %v", err)
	}
	if u, err := loads.State(ctx, scope, young); err != nil || u.Offset != 2 {
		t.Errorf("the young one: %+v, %v", u, err)
	}
}
