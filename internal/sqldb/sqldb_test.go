package sqldb_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"aiforge.dev/forge"
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
	if err := db.Migrate(ctx, "x", migrations); forge.KindOf(err) != forge.KindUnavailable || !strings.Contains(err.Error(), "x have version 2, this binary knows up to 1") {
		t.Errorf("a store of a newer version: %v", err)
	}
	claims(t, db)
}

// claims: a program of an older format is refused, and told which versions are meant; one
// of the same or a newer format is not.
func claims(t *testing.T, db *sqldb.DB) {
	for _, c := range []struct {
		format  int
		version string
		refused bool
	}{{1, "1.0", false}, {1, "1.1", false}, {3, "2.0", false}, {2, "1.9", true}, {3, "2.1", false}, {1, "1.0", true}} {
		err := db.Claim(t.Context(), c.format, c.version)
		if (err != nil) != c.refused {
			t.Errorf("format %d of %s: %v", c.format, c.version, err)
		}
		if err != nil && (forge.KindOf(err) != forge.KindUnavailable || !strings.Contains(err.Error(), "forge "+c.version) || !strings.Contains(err.Error(), "format 3, written by forge 2.")) {
			t.Errorf("the refusal: %v", err)
		}
	}
}
