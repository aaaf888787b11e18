package jobs_test

import (
	"testing"

	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/internal/sqldb/sqldbtest"
)

func TestQueueOnSQLite(t *testing.T) { jobstest.TestQueue(t, jobstest.SQLite) }

func TestTablesAreScoped(t *testing.T) {
	db := jobstest.SQLite(t)()
	if _, err := jobs.New(db, jobs.Config{}); err != nil {
		t.Fatal(err)
	}
	if n := sqldbtest.Scoped(t, db); n != 3 {
		t.Errorf("%d tables", n)
	}
}
