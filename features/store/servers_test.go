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
		t.Fatal("FORGE_TEST_POSTGRES (postgres://…) is not set; this lane needs a real PostgreSQL")
	}
	db, err := sqldb.Open(t.Context(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	suite(t, db)
}
