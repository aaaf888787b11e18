//go:build servers

package store_test

import (
	"testing"

	"aiforge.dev/forge/internal/sqldb/sqldbtest"
)

func TestStoreOnPostgres(t *testing.T) { suite(t, sqldbtest.Postgres(t)()) }
