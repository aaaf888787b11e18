//go:build servers

package clean_test

import (
	"os"
	"testing"

	"aiforge.dev/forge/internal/sqldb"
)

func TestStoreOnPostgres(t *testing.T) {
	addr := os.Getenv("FORGE_TEST_POSTGRES")
	if addr == "" {
		t.Fatal("FORGE_TEST_POSTGRES is not set: want postgres://…")
	}
	db, err := sqldb.Open(t.Context(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// The database may have rows of an earlier run.
	if _, err := db.Exec("DROP TABLE IF EXISTS recipes, schema_recipes"); err != nil {
		t.Fatal(err)
	}
	storeKeepsRevisions(t, db)
}
