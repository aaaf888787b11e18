//go:build servers

package watch_test

import (
	"testing"

	"aiforge.dev/forge/internal/sqldb/sqldbtest"
)

func TestScheduleOnPostgres(t *testing.T) { scheduleSuite(t, sqldbtest.Postgres(t)()) }
