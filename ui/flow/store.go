package flow

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Saved is a stored flow: an immutable revision and the layout of now.
type Saved struct {
	Flow     Document  `json:"flow"`
	Layout   Layout    `json:"layout"`
	Revision int       `json:"revision"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
}

// Store keeps flows.
type Store struct{ db *sqldb.DB }

// NewStore opens the store and migrates its tables.
func NewStore(ctx context.Context, db *sqldb.DB) (*Store, error) {
	return &Store{db: db}, db.Migrate(ctx, "flows", migrations)
}

// List returns the newest revision of every flow, by name.
func (s *Store) List(ctx context.Context, scope forge.Scope) ([]Saved, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT document, revision, by_name, at FROM flow_revision r
		WHERE tenant = $1 AND project = $2 AND revision = (SELECT max(revision) FROM flow_revision
			WHERE tenant = $1 AND project = $2 AND name = r.name) ORDER BY name`, scope.Tenant, scope.Project)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Saved{}
	for rows.Next() {
		saved, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, saved)
	}
	return out, rows.Err()
}

// Get returns the newest revision with its layout.
func (s *Store) Get(ctx context.Context, scope forge.Scope, name string) (Saved, error) {
	return s.Revision(ctx, scope, name, 0)
}

// Revision returns one revision; 0 is the newest.
func (s *Store) Revision(ctx context.Context, scope forge.Scope, name string, revision int) (Saved, error) {
	row := s.db.QueryRowContext(ctx, `SELECT document, revision, by_name, at FROM flow_revision
		WHERE tenant = $1 AND project = $2 AND name = $3 AND (revision = $4 OR $4 = 0)
		ORDER BY revision DESC LIMIT 1`, scope.Tenant, scope.Project, name, revision)
	saved, err := scan(row)
	if errors.Is(err, sql.ErrNoRows) {
		return saved, forge.Errorf(forge.KindNotFound, nil, "flow %q does not exist; forge flow lists what is there", name)
	}
	if err != nil {
		return saved, err
	}
	var layout string
	err = s.db.QueryRowContext(ctx, `SELECT layout FROM flow_layout WHERE tenant = $1 AND project = $2 AND name = $3`,
		scope.Tenant, scope.Project, name).Scan(&layout)
	if errors.Is(err, sql.ErrNoRows) {
		return saved, nil
	}
	if err != nil {
		return saved, err
	}
	return saved, json.Unmarshal([]byte(layout), &saved.Layout)
}

// Put stores a document and its layout. base is the revision that the change was
// made on (0: a new flow, or whatever is there); if another came first the change is
// refused. A document equal to the newest revision makes no new one.
func (s *Store) Put(ctx context.Context, scope forge.Scope, by string, d Document, layout Layout, base int) (Saved, error) {
	if err := d.check(); err != nil {
		return Saved{}, err
	}
	doc := canonical(d)
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		var newest int
		var have string
		err := tx.QueryRowContext(ctx, `SELECT revision, document FROM flow_revision WHERE tenant = $1 AND project = $2 AND name = $3
			ORDER BY revision DESC LIMIT 1`, scope.Tenant, scope.Project, d.Metadata.Name).Scan(&newest, &have)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if base != 0 && base != newest {
			return forge.Errorf(forge.KindConflict, nil, "flow %s was changed meanwhile (revision %d, yours began at %d): load it again", d.Metadata.Name, newest, base)
		}
		if have != string(doc) {
			if _, err := tx.ExecContext(ctx, `INSERT INTO flow_revision (tenant, project, name, revision, document, by_name, at) VALUES ($1,$2,$3,$4,$5,$6,$7)`,
				scope.Tenant, scope.Project, d.Metadata.Name, newest+1, string(doc), by, sqldb.Micros(time.Now())); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO flow_layout (tenant, project, name, layout) VALUES ($1,$2,$3,$4)
			ON CONFLICT (tenant, project, name) DO UPDATE SET layout = excluded.layout`,
			scope.Tenant, scope.Project, d.Metadata.Name, string(canonical(layout)))
		return err
	})
	if err != nil {
		return Saved{}, err
	}
	return s.Get(ctx, scope, d.Metadata.Name)
}

// Delete removes a flow with all its revisions.
func (s *Store) Delete(ctx context.Context, scope forge.Scope, name string) error {
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM flow_revision WHERE tenant = $1 AND project = $2 AND name = $3`, scope.Tenant, scope.Project, name)
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return forge.Errorf(forge.KindNotFound, nil, "flow %q does not exist; forge flow lists what is there", name)
		}
		for _, q := range []string{
			`DELETE FROM flow_layout WHERE tenant = $1 AND project = $2 AND name = $3`,
			`DELETE FROM flow_result WHERE tenant = $1 AND project = $2 AND name = $3`,
		} {
			if _, err := tx.ExecContext(ctx, q, scope.Tenant, scope.Project, name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) cached(ctx context.Context, scope forge.Scope, name, node, hash string) (Outputs, bool, error) {
	var text string
	err := s.db.QueryRowContext(ctx, `SELECT outputs FROM flow_result WHERE tenant = $1 AND project = $2 AND name = $3 AND node = $4 AND hash = $5`,
		scope.Tenant, scope.Project, name, node, hash).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var out Outputs
	return out, true, json.Unmarshal([]byte(text), &out)
}

func (s *Store) remember(ctx context.Context, scope forge.Scope, name, node, hash string, out Outputs) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO flow_result (tenant, project, name, node, hash, outputs, at) VALUES ($1,$2,$3,$4,$5,$6,$7)
		ON CONFLICT (tenant, project, name, node) DO UPDATE SET hash = excluded.hash, outputs = excluded.outputs, at = excluded.at`,
		scope.Tenant, scope.Project, name, node, hash, string(canonical(out)), sqldb.Micros(time.Now()))
	return err
}

func scan(row interface{ Scan(...any) error }) (Saved, error) {
	var saved Saved
	var doc string
	var at int64
	if err := row.Scan(&doc, &saved.Revision, &saved.By, &at); err != nil {
		return saved, err
	}
	saved.At = sqldb.Time(at)
	return saved, json.Unmarshal([]byte(doc), &saved.Flow)
}
