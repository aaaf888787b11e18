package sqldb_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"aiforge.dev/forge/internal/sqldb"
)

var migrations = fstest.MapFS{
	"00001_init.sql": {Data: []byte("-- +goose Up\nCREATE TABLE t (id TEXT PRIMARY KEY, n BIGINT NOT NULL);\n")},
}

func TestSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	key := bytes.Repeat([]byte{7}, 64)
	db, err := sqldb.Open(t.Context(), "sqlite:"+path, key)
	if err != nil {
		t.Fatal(err)
	}
	suite(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("SQLite format 3")) || bytes.Contains(raw, []byte("CREATE TABLE")) {
		t.Error("the file is not encrypted")
	}
	if _, err := sqldb.Open(t.Context(), path, bytes.Repeat([]byte{8}, 64)); err == nil {
		t.Error("opened with the wrong key")
	}
}

func suite(t *testing.T, db *sqldb.DB) {
	ctx := context.Background()
	for range 2 { // a second run changes nothing
		if err := db.Migrate(ctx, "x", migrations); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(`INSERT INTO t (id, n) VALUES ($1, 0)`, "a"); err != nil {
		t.Fatal(err)
	}
	_, err := db.Exec(`INSERT INTO t (id, n) VALUES ($1, 0)`, "a")
	if !sqldb.IsUnique(err) {
		t.Errorf("double key: %v", err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				err := db.Tx(ctx, func(tx *sql.Tx) error {
					var n int64
					if err := tx.QueryRow(`SELECT n FROM t WHERE id = $1`, "a").Scan(&n); err != nil {
						return err
					}
					_, err := tx.Exec(`UPDATE t SET n = $1 WHERE id = $2`, n+1, "a")
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var n int
	if err := db.QueryRow(`SELECT n FROM t`).Scan(&n); err != nil || n != 80 {
		t.Errorf("80 increments gave %d (%v)", n, err)
	}
	newer := fstest.MapFS{"00001_init.sql": migrations["00001_init.sql"], "00002_more.sql": {Data: []byte("-- +goose Up\nCREATE TABLE t2 (id TEXT);\n")}}
	if err := db.Migrate(ctx, "x", newer); err != nil {
		t.Fatal(err)
	}
	for range 2 { // placeholders count by their number, not by where they stand
		if _, err := db.Exec(`UPDATE t SET n = $2 WHERE id = $1 AND '$9' = '$9'`, "a", 99); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.QueryRow(`SELECT n FROM t WHERE n = $2 AND id = $1 AND n = $2`, "a", 99).Scan(&n); err != nil || n != 99 {
		t.Errorf("arguments were bound in the wrong order: %d (%v)", n, err)
	}
	if err := db.Migrate(ctx, "x", migrations); err == nil {
		t.Error("a store of a newer version was opened")
	}
}
