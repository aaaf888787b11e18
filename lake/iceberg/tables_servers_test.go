//go:build servers

package iceberg_test

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
)

// The same promises with the pointers in PostgreSQL; each test has its own schema.
func TestTablesPostgres(t *testing.T) {
	addr := os.Getenv("FORGE_TEST_POSTGRES")
	if addr == "" {
		t.Fatal("FORGE_TEST_POSTGRES is not set")
	}
	admin := laketest.Must(sql.Open("pgx", addr))
	defer admin.Close() //nolint:errcheck // a test's connection
	open := func(t testing.TB) *sqldb.DB {
		schema := forge.NewID("lake")
		laketest.Must(admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema))
		t.Cleanup(func() { laketest.Must(admin.Exec("DROP SCHEMA " + schema + " CASCADE")) })
		u := laketest.Must(url.Parse(addr))
		q := u.Query()
		q.Set("search_path", schema)
		u.RawQuery = q.Encode()
		db := laketest.Must(sqldb.Open(t.Context(), u.String(), nil))
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	laketest.TestTables(t, func(t testing.TB) lake.Tables {
		return laketest.Must(iceberg.New(open(t), filepath.Join(t.TempDir(), "lake"), iceberg.Config{}))
	})
	t.Run("moved", func(t *testing.T) { moves(t, open(t), "a", "b c") })
}
