//go:build servers

package icebergrest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/internal/sqldb/sqldbtest"
	"aiforge.dev/forge/lake/laketest"
	icecatalog "github.com/apache/iceberg-go/catalog"
	icetest "github.com/apache/iceberg-go/catalog/catalogtest"
)

// TestPostgresConformance: the same suite with pointers and namespaces in PostgreSQL.
func TestPostgresConformance(t *testing.T) {
	icetest.RunCatalogTests(t, icetest.Config{
		SupportsNamespaceProperties: true,
		NewCatalog:                  func(t *testing.T) icecatalog.Catalog { return startPostgres(t).client(t, editor) },
	})
}

func startPostgres(t *testing.T) *world {
	open := sqldbtest.Postgres(t)
	return startOn(t, func() *sqldb.DB { return open() })
}

// TestPostgresTransaction: all or none, also there.
func TestPostgresTransaction(t *testing.T) { transaction(t, startPostgres(t)) }

func TestPostgresRacing(t *testing.T) { racing(t, startPostgres(t)) }

// TestServerPyIceberg runs what a user of PyIceberg does, against a server that listens,
// and reads with the lake what came of it.
func TestServerPyIceberg(t *testing.T) {
	python := os.Getenv("FORGE_TEST_PYICEBERG")
	if python == "" {
		t.Fatal("FORGE_TEST_PYICEBERG is not set: give a Python that has PyIceberg")
	}
	w := start(t)
	w.pairs(t, catalogtest.Demo, "raw.calls", 10)
	out, err := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "pyiceberg_client.py"), w.url, editor).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, want := range map[string]int64{"raw.calls": 15, "py.back": 4} {
		files, schema, err := w.tables.Files(t.Context(), catalogtest.Demo, laketest.Name(name), 0)
		if err != nil || laketest.RowsOf(files) != want || gone(files) || len(schema.Columns) < 2 {
			t.Errorf("%s: %d rows in %v, want %d; %v", name, laketest.RowsOf(files), files, want, err)
		}
	}
	if later := w.pairs(t, catalogtest.Demo, "raw.calls", 1); later.Rows != 16 {
		t.Errorf("the lake's next commit has %d rows", later.Rows)
	}
}
