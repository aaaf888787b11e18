package store_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/internal/sqldb/sqldbtest"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/monitoring/store"
)

var (
	scope = forge.Scope{Tenant: "main", Project: "demo"}
	other = forge.Scope{Tenant: "main", Project: "other"}
)

func TestStore(t *testing.T) {
	db, err := sqldb.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"), bytes.Repeat([]byte{1}, 64))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	suite(t, db)
}

func suite(t *testing.T, db *sqldb.DB) {
	ctx := t.Context()
	s, err := store.New(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	if db.Dialect == sqldb.SQLite {
		sqldbtest.Scoped(t, db)
	}
	june := time.Date(2009, 6, 1, 0, 0, 0, 0, time.UTC)

	if _, err := s.Policy(ctx, scope, "calls"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("no policy yet: %v", err)
	}
	for _, psi := range []float64{0.1, 0.25} {
		must(t, s.SetPolicy(ctx, scope, monitoring.Policy{Deployment: "calls", PSI: psi}, time.Time{}))
	}
	if p, err := s.Policy(ctx, scope, "calls"); err != nil || p.PSI != 0.25 {
		t.Errorf("policy %+v, %v", p, err)
	}

	must(t, s.SetReference(ctx, scope, monitoring.Reference{Model: "calls", Version: 1, Rows: 10}))
	must(t, s.SetReference(ctx, scope, monitoring.Reference{Model: "calls", Version: 1, Rows: 99}))
	if r, ok, err := s.Reference(ctx, scope, "calls", 1); err != nil || !ok || r.Rows != 10 {
		t.Errorf("a frozen reference changed: %+v, %v, %v", r, ok, err)
	}
	if _, ok, err := s.Reference(ctx, other, "calls", 1); err != nil || ok {
		t.Errorf("another project sees the reference (%v)", err)
	}

	for _, r := range []monitoring.Report{{From: june.AddDate(0, 1, 0), Rows: 1}, {From: june, Rows: 2}, {From: june, Rows: 3}} {
		r.Deployment, r.Version = "calls", 1
		must(t, s.SetReport(ctx, scope, r))
	}
	if got, err := s.Reports(ctx, scope, "calls"); err != nil || len(got) != 2 || got[0].Rows != 3 || !got[0].From.Equal(june) {
		t.Errorf("reports %+v, %v", got, err)
	}

	alert := monitoring.Alert{ID: "alert_1", Deployment: "calls", Version: 1, Kind: "drift", Window: [2]time.Time{june}, State: "open", Created: june}
	for i, id := range []string{"alert_1", "alert_2"} { // the same window again
		alert.ID = id
		if fresh, err := s.Raise(ctx, scope, alert); err != nil || fresh != (i == 0) {
			t.Errorf("raise %s: %v, %v", id, fresh, err)
		}
	}
	if _, err := s.ChangeAlert(ctx, other, "alert_1", func(a *monitoring.Alert) { a.State = "resolved" }); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("another project changes the alert: %v", err)
	}
	if a, err := s.ChangeAlert(ctx, scope, "alert_1", func(a *monitoring.Alert) { a.State = "resolved" }); err != nil || a.State != "resolved" {
		t.Errorf("change: %+v, %v", a, err)
	}
	if got, err := s.Alerts(ctx, scope, ""); err != nil || len(got) != 1 || got[0].State != "resolved" {
		t.Errorf("alerts %+v, %v", got, err)
	}
	if got, err := s.Alerts(ctx, other, ""); err != nil || len(got) != 0 {
		t.Errorf("another project sees %d alerts (%v)", len(got), err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
