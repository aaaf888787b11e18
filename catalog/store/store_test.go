package store_test

import (
	"testing"

	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/catalog/lineage"
	"aiforge.dev/forge/internal/sqldb/sqldbtest"
)

func TestOnSQLite(t *testing.T) { catalogtest.TestStore(t, catalogtest.SQLite) }

func TestTablesAreScoped(t *testing.T) {
	db := catalogtest.SQLite(t)
	catalogtest.New(t, db)
	if _, err := lineage.New(t.Context(), db, nil); err != nil {
		t.Fatal(err)
	}
	if n := sqldbtest.Scoped(t, db); n != 8 {
		t.Errorf("%d tables", n)
	}
}
