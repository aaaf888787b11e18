//go:build servers

package store_test

import (
	"testing"

	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/internal/sqldb/sqldbtest"
	"aiforge.dev/forge/serving/servingtest"
)

func TestOnPostgres(t *testing.T) {
	servingtest.TestStore(t, func(t testing.TB) *sqldb.DB { return sqldbtest.Postgres(t)() })
}
