package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/internal/sqldb"
)

// KeyRow is an API key with where it belongs and the account that made it.
type KeyRow struct {
	catalog.Key
	Scope   forge.Scope
	Account forge.UserID
}

const keyColumns = `tenant, project, account, id, name, role, prefix, made_by, created, used, expires, revoked`

func scanKey(row interface{ Scan(...any) error }) (KeyRow, error) {
	var k KeyRow
	var created, used, expires, revoked int64
	err := row.Scan(&k.Scope.Tenant, &k.Scope.Project, &k.Account, &k.ID, &k.Name, &k.Role, &k.Prefix, &k.By, &created, &used, &expires, &revoked)
	k.Created, k.Used, k.Expires, k.Revoked = sqldb.Time(created), optional(used), optional(expires), optional(revoked)
	return k, err
}

func optional(us int64) *time.Time {
	if us == 0 {
		return nil
	}
	t := sqldb.Time(us)
	return &t
}

// InsertKey stores a new key under its hash.
func (s *Store) InsertKey(ctx context.Context, k KeyRow, hash string) error {
	var expires int64
	if k.Expires != nil {
		expires = sqldb.Micros(*k.Expires)
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO api_key (tenant, project, id, name, role, prefix, hash, account, made_by, created, used, expires, revoked)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, 0)`,
		k.Scope.Tenant, k.Scope.Project, k.ID, k.Name, k.Role, k.Prefix, hash, k.Account, k.By, sqldb.Micros(k.Created), expires)
	return err
}

// KeyByHash finds a key, revoked and expired ones too.
func (s *Store) KeyByHash(ctx context.Context, hash string) (KeyRow, error) {
	k, err := scanKey(s.db.QueryRowContext(ctx, `SELECT `+keyColumns+` FROM api_key WHERE hash = $1`, hash))
	if errors.Is(err, sql.ErrNoRows) {
		return k, forge.Errorf(forge.KindNotFound, nil, "this key does not exist")
	}
	return k, err
}

// Keys lists a project's keys, newest first.
func (s *Store) Keys(ctx context.Context, scope forge.Scope) ([]catalog.Key, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+keyColumns+` FROM api_key WHERE tenant = $1 AND project = $2 ORDER BY created DESC, id`, scope.Tenant, scope.Project)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []catalog.Key{}
	for rows.Next() {
		k, err := scanKey(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, k.Key)
	}
	return out, rows.Err()
}

// RevokeKey ends a key; a revoked one stays listed and revoked.
func (s *Store) RevokeKey(ctx context.Context, scope forge.Scope, id string) error {
	res, err := s.db.ExecContext(ctx, `UPDATE api_key SET revoked = CASE WHEN revoked = 0 THEN CAST($1 AS BIGINT) ELSE revoked END WHERE tenant = $2 AND project = $3 AND id = $4`,
		sqldb.Micros(s.now()), scope.Tenant, scope.Project, id)
	return changed(res, err, forge.Errorf(forge.KindNotFound, nil, "key %q does not exist in this project; forge token list shows them", id))
}

// TouchKey notes that a key was used.
func (s *Store) TouchKey(ctx context.Context, scope forge.Scope, id string) error {
	_, err := s.db.ExecContext(ctx, `UPDATE api_key SET used = $1 WHERE tenant = $2 AND project = $3 AND id = $4`, sqldb.Micros(s.now()), scope.Tenant, scope.Project, id)
	return err
}

// Family is one sign-in and its chain of refresh tokens.
type Family struct {
	ID      string
	Scope   forge.Scope
	Account forge.UserID
	Counter int64
	Expires time.Time
	Ended   bool
}

// InsertFamily stores a new sign-in.
func (s *Store) InsertFamily(ctx context.Context, f Family) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO refresh_family (tenant, project, id, account, counter, created, expires, ended) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)`,
		f.Scope.Tenant, f.Scope.Project, f.ID, f.Account, f.Counter, sqldb.Micros(s.now()), sqldb.Micros(f.Expires))
	return err
}

// Family returns a sign-in.
func (s *Store) Family(ctx context.Context, scope forge.Scope, id string) (Family, error) {
	f := Family{ID: id, Scope: scope}
	var expires, ended int64
	err := s.db.QueryRowContext(ctx, `SELECT account, counter, expires, ended FROM refresh_family WHERE tenant = $1 AND project = $2 AND id = $3`,
		scope.Tenant, scope.Project, id).Scan(&f.Account, &f.Counter, &expires, &ended)
	if errors.Is(err, sql.ErrNoRows) {
		return f, forge.Errorf(forge.KindNotFound, nil, "this sign-in does not exist")
	}
	f.Expires, f.Ended = sqldb.Time(expires), ended != 0
	return f, err
}

// Advance uses up the refresh token number counter; false when it was used before or
// the family has ended.
func (s *Store) Advance(ctx context.Context, scope forge.Scope, id string, counter int64) (bool, error) {
	now := sqldb.Micros(s.now())
	res, err := s.db.ExecContext(ctx, `UPDATE refresh_family SET counter = counter + 1 WHERE tenant = $1 AND project = $2 AND id = $3 AND counter = $4 AND ended = 0 AND expires > $5`,
		scope.Tenant, scope.Project, id, counter, now)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// EndFamily ends a sign-in; ending it twice is harmless.
func (s *Store) EndFamily(ctx context.Context, scope forge.Scope, id string) error {
	_, err := s.db.ExecContext(ctx, `UPDATE refresh_family SET ended = $1 WHERE tenant = $2 AND project = $3 AND id = $4 AND ended = 0`, sqldb.Micros(s.now()), scope.Tenant, scope.Project, id)
	return err
}

// DropOldFamilies forgets sign-ins that can let nobody in any more since a moment: their
// time is over, or they were ended.
func (s *Store) DropOldFamilies(ctx context.Context, before time.Time) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM refresh_family WHERE expires < $1 OR ended > 0 AND ended < $1`, sqldb.Micros(before))
	return err
}
