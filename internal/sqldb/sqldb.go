// Package sqldb opens the metadata store: SQLite inside the data folder, encrypted
// with AES-256-XTS, or PostgreSQL. Both take the same SQL ($1 placeholders, ON
// CONFLICT, RETURNING) and the same migrations; times are BIGINT microseconds since
// 1970 UTC and JSON is TEXT, so no query needs to know the dialect.
package sqldb

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"aiforge.dev/forge"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/vfs/xts"
	"github.com/pressly/goose/v3"
)

// Dialect is sqlite or postgres.
type Dialect string

const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// DB is an open metadata store.
type DB struct {
	*sql.DB
	Dialect Dialect
	Pool    *pgxpool.Pool // set for Postgres only; the job queue needs it

	cipher url.Values // how SQLite's files are encrypted
}

// Open opens addr: "sqlite:/path/meta.db" (or a bare path) or "postgres://…". key
// encrypts the SQLite file and must be 64 bytes; PostgreSQL ignores it.
func Open(ctx context.Context, addr string, key []byte) (*DB, error) {
	if strings.HasPrefix(addr, "postgres://") || strings.HasPrefix(addr, "postgresql://") {
		return openPostgres(ctx, addr)
	}
	return openSQLite(ctx, strings.TrimPrefix(addr, "sqlite:"), key)
}

func openPostgres(ctx context.Context, addr string) (*DB, error) {
	pool, err := pgxpool.New(ctx, addr)
	if err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "metadata address: not a PostgreSQL address; want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, forge.Errorf(forge.KindUnavailable, err, "metadata store at %s does not answer; is PostgreSQL running there?", hostOf(addr))
	}
	return &DB{DB: stdlib.OpenDBFromPool(pool), Dialect: Postgres, Pool: pool}, nil
}

func openSQLite(ctx context.Context, path string, key []byte) (*DB, error) {
	if len(key) != 64 {
		return nil, fmt.Errorf("sqldb: the key has %d bytes, want 64", len(key))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "data folder %s cannot be written", filepath.Dir(path))
	}
	cipher := url.Values{"vfs": {"xts"}, "hexkey": {hex.EncodeToString(key)}}
	q := url.Values{
		"vfs": cipher["vfs"], "hexkey": cipher["hexkey"],
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(15000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(on)", "temp_store(memory)"},
	}
	db, err := openNumbered("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	if _, err := db.ExecContext(ctx, "SELECT count(*) FROM sqlite_master"); err != nil {
		_ = db.Close()
		return nil, forge.Errorf(forge.KindUnavailable, err, "metadata file %s cannot be opened; is it from another data folder, or its key file changed?", path)
	}
	return &DB{DB: db, Dialect: SQLite, cipher: cipher}, nil
}

// Close closes the store.
func (db *DB) Close() error {
	err := db.DB.Close()
	if db.Pool != nil {
		db.Pool.Close()
	}
	return err
}

// Migrate brings owner's tables to the newest version. Each folder owns its own
// sequence of files NNNNN_name.sql in fsys or its folder migrations, recorded in table
// schema_OWNER. A store newer than this binary is refused, so that an old binary cannot
// damage it.
func (db *DB) Migrate(ctx context.Context, owner string, fsys fs.FS) error {
	if info, err := fs.Stat(fsys, "migrations"); err == nil && info.IsDir() {
		if fsys, err = fs.Sub(fsys, "migrations"); err != nil {
			return err
		}
	}
	dialect := goose.DialectSQLite3
	if db.Dialect == Postgres {
		dialect = goose.DialectPostgres
	}
	p, err := goose.NewProvider(dialect, db.DB, fsys, goose.WithTableName("schema_"+owner))
	if err != nil {
		return fmt.Errorf("migrations of %s: %w", owner, err)
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrations of %s: %w", owner, err)
	}
	if have > want {
		return forge.Errorf(forge.KindUnavailable, nil, "the metadata store was written by a newer forge (its tables of %s have version %d, this binary knows up to %d): start that forge, or restore a backup that was made before the upgrade into an empty folder (forge restore)", owner, have, want)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrations of %s: %w", owner, err)
	}
	return nil
}

// Tx runs f in one transaction and runs it again when the store says that another
// transaction came first. f must not keep side effects from a failed run.
func (db *DB) Tx(ctx context.Context, f func(*sql.Tx) error) error {
	for try := 0; ; try++ {
		err := db.once(ctx, f)
		if err == nil || try == 9 || !retryable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try+1) * 5 * time.Millisecond):
		}
	}
}

func (db *DB) once(ctx context.Context, f func(*sql.Tx) error) error {
	var opts *sql.TxOptions
	if db.Dialect == Postgres {
		opts = &sql.TxOptions{Isolation: sql.LevelSerializable}
	}
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it only says so
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func retryable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	return errors.Is(err, sqlite3.BUSY) || errors.Is(err, sqlite3.LOCKED)
}

// IsUnique reports whether err says that a row with this key exists already.
func IsUnique(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	return errors.Is(err, sqlite3.CONSTRAINT_UNIQUE) || errors.Is(err, sqlite3.CONSTRAINT_PRIMARYKEY)
}

// Micros and Time convert between time.Time and the stored form; the zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func Time(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func hostOf(addr string) string {
	u, err := url.Parse(addr)
	if err != nil {
		return "the given address"
	}
	return u.Host
}
