package iceberg_test

import (
	"testing"

	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
)

func TestTables(t *testing.T) {
	laketest.TestTables(t, func(t testing.TB) lake.Tables { return laketest.Tables(t) })
}
