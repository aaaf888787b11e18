package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"

	"aiforge.dev/forge"
	sqlite "github.com/ncruces/go-sqlite3/driver"
)

// Snapshot is the store as it was at one moment, while others go on writing. Only
// SQLite has it: PostgreSQL has pg_dump.
type Snapshot struct {
	db   *DB
	conn *sql.Conn
}

// Snapshot holds the present moment. It must be closed soon: until then the journal
// cannot be taken back into the file and grows.
func (db *DB) Snapshot(ctx context.Context) (*Snapshot, error) {
	if db.Dialect != SQLite {
		return nil, forge.Errorf(forge.KindInvalid, nil, "the metadata store is PostgreSQL: pg_dump makes copies of it")
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{db, conn}
	// A deferred transaction begins with its first read, and sees nothing newer from then on.
	for _, q := range []string{"BEGIN DEFERRED", "SELECT count(*) FROM sqlite_master"} {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			_ = s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Save writes the moment to a file, encrypted with the store's own key.
func (s *Snapshot) Save(path string) error {
	return s.conn.Raw(func(c any) error {
		src := c.(conn).Conn.(sqlite.Conn).Raw()
		to := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + s.db.cipher.Encode()
		if err := src.Backup("main", to); err != nil { // from within the transaction: of its moment
			return fmt.Errorf("copy of the metadata store: %w", err)
		}
		return nil
	})
}

// Close lets the moment go.
func (s *Snapshot) Close() error {
	_, err := s.conn.ExecContext(context.Background(), "ROLLBACK")
	if cerr := s.conn.Close(); err == nil {
		err = cerr
	}
	return err
}
