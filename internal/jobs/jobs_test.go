package jobs_test

import (
	"testing"

	"aiforge.dev/forge/internal/jobs/jobstest"
)

func TestQueueOnSQLite(t *testing.T) { jobstest.TestQueue(t, jobstest.SQLite) }
