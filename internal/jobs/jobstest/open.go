// Package jobstest holds what every job queue must keep, on every database, and what
// tests of other packages need: a started queue on a temporary file, and a Run
// without a queue.
package jobstest

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/sqldb"
)

// Store opens handles on one and the same new, empty metadata store.
type Store func() *sqldb.DB

// SQLite makes a Store on a temporary file.
func SQLite(t testing.TB) Store {
	path := filepath.Join(t.TempDir(), "meta.db")
	return func() *sqldb.DB {
		t.Helper()
		db, err := sqldb.Open(context.Background(), path, bytes.Repeat([]byte{7}, 64))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
}

// Config is quick enough for tests. The lease is long beside what a busy machine may
// sleep; tests of its end shorten it.
func Config() jobs.Config {
	return jobs.Config{Lease: 4 * time.Second, Poll: 50 * time.Millisecond, Flush: 20 * time.Millisecond, Back: func(int) time.Duration { return 0 }}
}

// Start returns a started Runner on db with the kinds that register adds; it stops
// with the test.
func Start(t testing.TB, db *sqldb.DB, cfg jobs.Config, register func(*jobs.Runner)) *jobs.Runner {
	t.Helper()
	r, err := jobs.New(db, cfg)
	if err != nil {
		t.Fatal(err)
	}
	register(r)
	if err := r.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		limit := 10 * time.Second
		if db.PingContext(context.Background()) != nil {
			limit = time.Millisecond // the test took its store away to play a killed process
		}
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		_ = r.Stop(ctx)
	})
	return r
}

// As returns a context of a signed-in editor of tenant/project.
func As(ctx context.Context, tenant, project string) context.Context {
	return forge.WithPrincipal(ctx, forge.Principal{
		User: "u1", Name: "Ann", Kind: "person", Role: forge.RoleEditor,
		Scope: forge.Scope{Tenant: forge.TenantID(tenant), Project: forge.ProjectID(project)},
	})
}
