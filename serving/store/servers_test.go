//go:build servers

package store_test

import (
	"os"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/serving/servingtest"
)

func TestOnPostgres(t *testing.T) { servingtest.TestStore(t, postgres) }

// postgres makes a schema of its own for each test.
func postgres(t testing.TB) *sqldb.DB {
	t.Helper()
	addr := os.Getenv("FORGE_TEST_POSTGRES")
	if addr == "" {
		t.Fatal("FORGE_TEST_POSTGRES is not set: give the address of a PostgreSQL server, postgres://…")
	}
	schema := strings.ToLower(forge.NewID("serving"))
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
