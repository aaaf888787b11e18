//go:build servers

package store_test

import (
	"os"
	"testing"

	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/store"
	"aiforge.dev/forge/training/trainingtest"
)

func openPostgres(t testing.TB) *store.Store {
	t.Helper()
	addr := os.Getenv("FORGE_TEST_POSTGRES")
	if addr == "" {
		t.Fatal("FORGE_TEST_POSTGRES is not set")
	}
	db, err := sqldb.Open(t.Context(), addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`TRUNCATE training_runs, training_models, training_versions, training_aliases`); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRegistryOnPostgres(t *testing.T) {
	trainingtest.TestRegistry(t, func(t testing.TB) training.Registry { return openPostgres(t) })
}

func TestRunsOnPostgres(t *testing.T) { runs(t, openPostgres(t)) }
