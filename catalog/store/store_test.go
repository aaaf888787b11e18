package store_test

import (
	"testing"

	"aiforge.dev/forge/catalog/catalogtest"
)

func TestOnSQLite(t *testing.T) { catalogtest.TestStore(t, catalogtest.SQLite) }
