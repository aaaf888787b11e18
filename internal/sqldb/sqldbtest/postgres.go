//go:build servers

package sqldbtest

import (
	"context"
	"os"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

// Postgres makes a schema of its own in the database that FORGE_TEST_POSTGRES names,
// which goes when the test ends, and returns what opens a store in it: the same one at
// each call.
func Postgres(t testing.TB) func() *sqldb.DB {
	t.Helper()
	addr := os.Getenv("FORGE_TEST_POSTGRES")
	if addr == "" {
		t.Fatal("FORGE_TEST_POSTGRES is not set: give the address of a PostgreSQL server, postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	open := func(addr string) *sqldb.DB {
		db, err := sqldb.Open(context.Background(), addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	schema := strings.ToLower(forge.NewID("test"))
	admin := open(addr)
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Error(err)
		}
	})
	sep := "?"
	if strings.Contains(addr, "?") {
		sep = "&"
	}
	return func() *sqldb.DB { return open(addr + sep + "search_path=" + schema) }
}
