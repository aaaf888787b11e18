//go:build servers

package store_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/internal/sqldb"
)

func TestOnPostgres(t *testing.T) { catalogtest.TestStore(t, postgres) }

// postgres makes a schema of its own for each test.
func postgres(t testing.TB) *sqldb.DB {
	addr := os.Getenv("FORGE_TEST_POSTGRES")
	if addr == "" {
		t.Fatal("FORGE_TEST_POSTGRES is not set: give the address of a PostgreSQL server, postgres://…")
	}
	schema := strings.ToLower(forge.NewID("catalog"))
	admin := open(t, addr)
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = admin.Exec("DROP SCHEMA " + schema + " CASCADE") })
	sep := "?"
	if strings.Contains(addr, "?") {
		sep = "&"
	}
	return open(t, addr+sep+"search_path="+schema)
}

func open(t testing.TB, addr string) *sqldb.DB {
	db, err := sqldb.Open(context.Background(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
