//go:build servers

package sqldb_test

import (
	"testing"

	"aiforge.dev/forge/internal/sqldb/sqldbtest"
)

func TestPostgres(t *testing.T) { suite(t, sqldbtest.Postgres(t)()) }
