package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/serving/servingtest"
)

func TestOnSQLite(t *testing.T) {
	servingtest.TestStore(t, func(t testing.TB) *sqldb.DB {
		return open(t, filepath.Join(t.TempDir(), "meta.db"))
	})
}

func open(t testing.TB, addr string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(context.Background(), addr, make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
