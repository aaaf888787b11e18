// Package laketest has the promises that every table store and engine of the lake
// must keep, and a real lake for other folders' tests: Iceberg tables in a temporary
// folder and the DuckDB engine with real worker processes.
package laketest

import (
	"bytes"
	"path/filepath"
	"testing"

	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake/iceberg"
)

// DB opens an empty metadata store that is closed with the test.
func DB(t testing.TB) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"), bytes.Repeat([]byte{7}, 64))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Tables makes an empty table store.
func Tables(t testing.TB) *iceberg.Tables {
	t.Helper()
	tables, err := iceberg.New(DB(t), filepath.Join(t.TempDir(), "lake"), iceberg.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return tables
}
