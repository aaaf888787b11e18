//go:build servers

package jobs_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/internal/sqldb"
)

func TestQueueOnPostgres(t *testing.T) { jobstest.TestQueue(t, postgres) }

// postgres makes a schema of its own for each store.
func postgres(t testing.TB) jobstest.Store {
	addr := os.Getenv("FORGE_TEST_POSTGRES")
	if addr == "" {
		t.Fatal("FORGE_TEST_POSTGRES is not set: give the address of a PostgreSQL server, postgres://…")
	}
	schema := strings.ToLower(forge.NewID("jobs"))
	admin := openPostgres(t, addr)
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = admin.Exec("DROP SCHEMA " + schema + " CASCADE") })
	sep := "?"
	if strings.Contains(addr, "?") {
		sep = "&"
	}
	return func() *sqldb.DB { return openPostgres(t, addr+sep+"search_path="+schema) }
}

func openPostgres(t testing.TB, addr string) *sqldb.DB {
	db, err := sqldb.Open(context.Background(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
