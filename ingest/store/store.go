// Package store keeps ingest's rows in the metadata store: uploads, loads, contracts
// and the committers' leases.
package store

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is ingest's part of the metadata store.
type Store struct {
	db  *sqldb.DB
	now func() time.Time
}

// Open brings the tables up to date. A nil clock is time.Now.
func Open(ctx context.Context, db *sqldb.DB, now func() time.Time) (*Store, error) {
	if err := db.Migrate(ctx, "ingest", migrations); err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	return &Store{db: db, now: now}, nil
}

// Upload is a file on its way in. How much of it has arrived is the size of its
// file on disk.
type Upload struct {
	ID      string
	Name    string
	Size    int64
	Created time.Time
}

// AddUpload stores a new upload.
func (s *Store) AddUpload(ctx context.Context, scope forge.Scope, u Upload) error {
	if err := check(scope); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO ingest_uploads (tenant, project, id, name, size, created) VALUES ($1, $2, $3, $4, $5, $6)`,
		scope.Tenant, scope.Project, u.ID, u.Name, u.Size, sqldb.Micros(s.now()))
	return err
}

// Upload finds an upload.
func (s *Store) Upload(ctx context.Context, scope forge.Scope, id string) (Upload, error) {
	u := Upload{ID: id}
	var at int64
	err := s.db.QueryRowContext(ctx, `SELECT name, size, created FROM ingest_uploads WHERE tenant = $1 AND project = $2 AND id = $3`,
		scope.Tenant, scope.Project, id).Scan(&u.Name, &u.Size, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return Upload{}, forge.Errorf(forge.KindNotFound, nil, "upload %q does not exist; it may have been taken in or forgotten: upload the file again", id)
	}
	u.Created = sqldb.Time(at)
	return u, err
}

// Uploaded adds up the sizes of the project's uploads.
func (s *Store) Uploaded(ctx context.Context, scope forge.Scope) (bytes int64, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM ingest_uploads WHERE tenant = $1 AND project = $2`,
		scope.Tenant, scope.Project).Scan(&bytes)
	return bytes, err
}

// DropUpload forgets an upload; one that is not there is no error.
func (s *Store) DropUpload(ctx context.Context, scope forge.Scope, id string) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM ingest_uploads WHERE tenant = $1 AND project = $2 AND id = $3`, scope.Tenant, scope.Project, id)
	return err
}

// OldUploads lists uploads of every project that began before a time.
func (s *Store) OldUploads(ctx context.Context, before time.Time) (map[forge.Scope][]string, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT tenant, project, id FROM ingest_uploads WHERE created < $1`, sqldb.Micros(before))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[forge.Scope][]string{}
	for rows.Next() {
		var scope forge.Scope
		var id string
		if err := rows.Scan(&scope.Tenant, &scope.Project, &id); err != nil {
			return nil, err
		}
		out[scope] = append(out[scope], id)
	}
	return out, rows.Err()
}

// Wanted is a table that the sink follows, with its newest contract last.
type Wanted struct {
	Scope     forge.Scope
	Table     forge.TableName
	Contracts []ingest.Contract
}

// AddContract stores a contract of a table; again makes it the newest.
func (s *Store) AddContract(ctx context.Context, scope forge.Scope, c ingest.Contract) error {
	if err := check(scope); err != nil {
		return err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		var last int64 // of two contracts in one microsecond the later one is the newer
		err := tx.QueryRowContext(ctx, `SELECT CAST(COALESCE(MAX(at), 0) AS BIGINT) FROM ingest_contracts WHERE tenant = $1 AND project = $2 AND table_name = $3`,
			scope.Tenant, scope.Project, c.Table.String()).Scan(&last)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO ingest_contracts (tenant, project, table_name, fingerprint, contract, at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant, project, table_name, fingerprint) DO UPDATE SET at = excluded.at`,
			scope.Tenant, scope.Project, c.Table.String(), c.Fingerprint(), string(text), max(sqldb.Micros(s.now()), last+1))
		return err
	})
}

// Contracts lists the tables of every project that the sink must follow.
func (s *Store) Contracts(ctx context.Context) ([]Wanted, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT tenant, project, table_name, contract FROM ingest_contracts ORDER BY tenant, project, table_name, at`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Wanted
	for rows.Next() {
		var w Wanted
		var name, text string
		if err := rows.Scan(&w.Scope.Tenant, &w.Scope.Project, &name, &text); err != nil {
			return nil, err
		}
		if w.Table, err = forge.ParseTableName(name); err != nil {
			return nil, err
		}
		var c ingest.Contract
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && out[n-1].Scope == w.Scope && out[n-1].Table == w.Table {
			out[n-1].Contracts = append(out[n-1].Contracts, c)
			continue
		}
		w.Contracts = []ingest.Contract{c}
		out = append(out, w)
	}
	return out, rows.Err()
}

func check(scope forge.Scope) error {
	if !scope.Valid() {
		return forge.Errorf(forge.KindDenied, nil, "no project in this request: sign in first")
	}
	return nil
}
