//go:build servers

package store_test

import (
	"os"
	"testing"

	"aiforge.dev/forge/internal/sqldb"
)

func TestPostgres(t *testing.T) {
	addr := os.Getenv("FORGE_TEST_POSTGRES")
	if addr == "" {
		t.Fatal("FORGE_TEST_POSTGRES is not set: want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	db, err := sqldb.Open(t.Context(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, table := range []string{"uploads", "loads", "contracts", "leases", "plans"} {
		_, _ = db.Exec("DROP TABLE IF EXISTS ingest_" + table)
	}
	_, _ = db.Exec("DROP TABLE IF EXISTS schema_ingest")
	suite(t, db)
}
