package sqldb_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"aiforge.dev/forge/internal/sqldb"
)

// TestSnapshot: what is written after the moment is not in it, however long saving
// waits; the copy is encrypted as the store is, and is a store.
func TestSnapshot(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 64)
	open := func(path string, key []byte) *sqldb.DB {
		db, err := sqldb.Open(t.Context(), path, key)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	dir := t.TempDir()
	db := open(filepath.Join(dir, "meta.db"), key)
	add := func(db *sqldb.DB, from, to int) {
		for i := from; i < to; i++ {
			if _, err := db.Exec(`INSERT INTO t (id, n) VALUES ($1, $2)`, fmt.Sprint(i), i); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := db.Migrate(t.Context(), "x", migrations); err != nil {
		t.Fatal(err)
	}
	add(db, 0, 100)
	s, err := db.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	add(db, 100, 300)
	to := filepath.Join(dir, "a copy?.db")
	if err := s.Save(to); err != nil {
		t.Fatal(err)
	}
	add(db, 300, 310)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	dup := open(to, key)
	add(dup, 1000, 1010)
	for what, c := range map[string]struct {
		db   *sqldb.DB
		want int
	}{"the store": {db, 310}, "the copy": {dup, 110}} {
		var n int
		if err := c.db.QueryRow(`SELECT count(*) FROM t`).Scan(&n); err != nil || n != c.want {
			t.Errorf("%s: %d rows, want %d (%v)", what, n, c.want, err)
		}
	}
	if raw, err := os.ReadFile(to); err != nil || bytes.HasPrefix(raw, []byte("SQLite format")) {
		t.Errorf("the copy is not encrypted (%v)", err)
	}
	if _, err := sqldb.Open(t.Context(), to, bytes.Repeat([]byte{8}, 64)); err == nil {
		t.Error("another key opens the copy")
	}
}
