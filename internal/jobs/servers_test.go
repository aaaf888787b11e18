//go:build servers

package jobs_test

import (
	"testing"

	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/internal/sqldb/sqldbtest"
)

func TestQueueOnPostgres(t *testing.T) {
	jobstest.TestQueue(t, func(t testing.TB) jobstest.Store { return sqldbtest.Postgres(t) })
}
