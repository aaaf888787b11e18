//go:build servers

package store_test

import (
	"testing"

	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/internal/sqldb/sqldbtest"
)

func TestOnPostgres(t *testing.T) {
	catalogtest.TestStore(t, func(t testing.TB) *sqldb.DB { return sqldbtest.Postgres(t)() })
}
