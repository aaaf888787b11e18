//go:build servers

package flow_test

import (
	"testing"

	"aiforge.dev/forge/internal/sqldb/sqldbtest"
	"aiforge.dev/forge/ui/flow"
)

func TestStoreOnPostgres(t *testing.T) {
	store, err := flow.NewStore(t.Context(), sqldbtest.Postgres(t)())
	if err != nil {
		t.Fatal(err)
	}
	refusesLostUpdates(t, store)
}
