//go:build servers

package lineage_test

import (
	"testing"

	"aiforge.dev/forge/internal/sqldb/sqldbtest"
)

func TestLineageOnPostgres(t *testing.T) { suite(t, sqldbtest.Postgres(t)()) }
