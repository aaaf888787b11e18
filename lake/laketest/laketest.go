// Package laketest has the promises that every table store and engine of the lake
// must keep, and a real lake for other folders' tests: Iceberg tables in a temporary
// folder and the DuckDB engine with real worker processes.
package laketest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest/early"
)

// Main runs a package's tests. A package that uses House or Engine must have
//
//	func TestMain(m *testing.M) { laketest.Main(m) }
//
// because the engine's workers are the test binary itself, started again. Package
// early has made those workers before they come here.
func Main(m *testing.M) {
	if os.Getenv(early.Mark) != "" {
		panic("laketest: a worker got as far as the tests")
	}
	os.Exit(m.Run())
}

// House makes an empty lake with the real table store and engine.
func House(t testing.TB) *lake.House {
	t.Helper()
	return &lake.House{Tables: Tables(t), Engine: Engine(t, duck.Config{})}
}

// Engine starts an engine whose workers are this test binary; cfg's other fields are
// kept.
func Engine(t testing.TB, cfg duck.Config) *duck.Engine {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Command, cfg.Env = []string{self}, []string{early.Mark + "=1"}
	if cfg.TempDir == "" {
		cfg.TempDir = t.TempDir()
	}
	e := duck.NewEngine(cfg)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

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
	return TablesOn(t, DB(t))
}

// TablesOn makes an empty table store with its pointers in db.
func TablesOn(t testing.TB, db *sqldb.DB) *iceberg.Tables {
	t.Helper()
	tables, err := iceberg.New(db, filepath.Join(t.TempDir(), "lake"), iceberg.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return tables
}
