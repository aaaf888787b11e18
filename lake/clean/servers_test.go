//go:build servers

package clean_test

import (
	"testing"

	"aiforge.dev/forge/internal/sqldb/sqldbtest"
)

func TestStoreOnPostgres(t *testing.T) { storeKeepsRevisions(t, sqldbtest.Postgres(t)()) }
