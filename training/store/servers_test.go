//go:build servers

package store_test

import (
	"testing"

	"aiforge.dev/forge/internal/sqldb/sqldbtest"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/store"
	"aiforge.dev/forge/training/trainingtest"
)

func openPostgres(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), sqldbtest.Postgres(t)())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRegistryOnPostgres(t *testing.T) {
	trainingtest.TestRegistry(t, func(t testing.TB) training.Registry { return openPostgres(t) })
}

func TestRunsOnPostgres(t *testing.T) { runs(t, openPostgres(t)) }

func TestMovedModelsOnPostgres(t *testing.T) { movedModels(t, openPostgres(t)) }
