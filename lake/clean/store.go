package clean

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Stored is a recipe as it is kept: each change is a revision of its own.
type Stored struct {
	Name     string      `json:"name"`
	Revision int64       `json:"revision"`
	Hash     string      `json:"hash"`
	By       string      `json:"by"`
	At       time.Time   `json:"at"`
	Recipe   lake.Recipe `json:"recipe"`
}

// Store keeps recipes by name, with all revisions.
type Store struct {
	db  *sqldb.DB
	now func() time.Time
}

// OpenStore brings the tables up to date. A nil now is time.Now.
func OpenStore(ctx context.Context, db *sqldb.DB, now func() time.Time) (*Store, error) {
	if now == nil {
		now = time.Now
	}
	return &Store{db, now}, db.Migrate(ctx, "recipes", migrations)
}

// Put stores a recipe as the next revision; one equal to the newest is not stored
// again. expect, if not 0, is the revision that the caller has seen: if another came
// since, Put fails with KindConflict.
func (s *Store) Put(ctx context.Context, scope forge.Scope, r lake.Recipe, expect int64) (Stored, error) {
	if err := scoped(scope); err != nil {
		return Stored{}, err
	}
	if err := Check(r); err != nil {
		return Stored{}, err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return Stored{}, err
	}
	next := Stored{Name: r.Name, Hash: r.Hash(), By: forge.By(ctx), At: s.now().UTC().Truncate(time.Microsecond), Recipe: r}
	err = s.db.Tx(ctx, func(tx *sql.Tx) error {
		have, err := newest(ctx, tx, scope, r.Name)
		switch {
		case err != nil && !errors.Is(err, forge.ErrNotFound):
			return err
		case expect != 0 && expect != have.Revision:
			return forge.Errorf(forge.KindConflict, nil, "recipe %q is at revision %d now, you changed revision %d: load it again", r.Name, have.Revision, expect)
		case err == nil && have.Hash == next.Hash:
			next = have
			return nil
		}
		next.Revision = have.Revision + 1
		_, err = tx.ExecContext(ctx, `INSERT INTO recipes (tenant, project, name, revision, hash, body, by_user, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			string(scope.Tenant), string(scope.Project), r.Name, next.Revision, next.Hash, string(body), next.By, sqldb.Micros(next.At))
		if sqldb.IsUnique(err) {
			return forge.Errorf(forge.KindConflict, err, "recipe %q was changed at the same moment: load it again", r.Name)
		}
		return err
	})
	return next, err
}

const columns = `name, revision, hash, body, by_user, at`

// Get returns a revision; 0 is the newest.
func (s *Store) Get(ctx context.Context, scope forge.Scope, name string, revision int64) (Stored, error) {
	if err := scoped(scope); err != nil {
		return Stored{}, err
	}
	if revision == 0 {
		return newest(ctx, s.db, scope, name)
	}
	row := s.db.QueryRowContext(ctx, `SELECT `+columns+` FROM recipes WHERE tenant = $1 AND project = $2 AND name = $3 AND revision = $4`,
		string(scope.Tenant), string(scope.Project), name, revision)
	return one(row, name)
}

// List returns the newest revision of every recipe, by name.
func (s *Store) List(ctx context.Context, scope forge.Scope) ([]Stored, error) {
	return s.many(ctx, scope, `SELECT `+columns+` FROM recipes r WHERE tenant = $1 AND project = $2 AND revision =
		(SELECT max(revision) FROM recipes n WHERE n.tenant = r.tenant AND n.project = r.project AND n.name = r.name) ORDER BY name`)
}

// Revisions returns all revisions of a recipe, newest first.
func (s *Store) Revisions(ctx context.Context, scope forge.Scope, name string) ([]Stored, error) {
	return s.many(ctx, scope, `SELECT `+columns+` FROM recipes WHERE tenant = $1 AND project = $2 AND name = $3 ORDER BY revision DESC`, name)
}

func (s *Store) many(ctx context.Context, scope forge.Scope, query string, args ...any) ([]Stored, error) {
	if err := scoped(scope); err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, query, append([]any{string(scope.Tenant), string(scope.Project)}, args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Stored{}
	for rows.Next() {
		r, err := one(rows, "")
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func newest(ctx context.Context, q queryer, scope forge.Scope, name string) (Stored, error) {
	return one(q.QueryRowContext(ctx, `SELECT `+columns+` FROM recipes WHERE tenant = $1 AND project = $2 AND name = $3 ORDER BY revision DESC LIMIT 1`,
		string(scope.Tenant), string(scope.Project), name), name)
}

func one(row interface{ Scan(...any) error }, name string) (Stored, error) {
	var r Stored
	var body string
	var at int64
	err := row.Scan(&r.Name, &r.Revision, &r.Hash, &body, &r.By, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return r, forge.Errorf(forge.KindNotFound, err, "recipe %q does not exist here; GET /api/recipes lists what is there", name)
	}
	if err != nil {
		return r, err
	}
	r.At = sqldb.Time(at)
	return r, json.Unmarshal([]byte(body), &r.Recipe)
}

// scoped refuses to work without a project.
func scoped(scope forge.Scope) error {
	if !scope.Valid() {
		return forge.Errorf(forge.KindDenied, nil, "no project in this request")
	}
	return nil
}
