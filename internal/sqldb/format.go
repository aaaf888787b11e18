package sqldb

import (
	"context"
	"database/sql"
	"errors"

	"aiforge.dev/forge"
)

// Claim notes which format the program that now works on the store writes, and refuses
// a store that a program of a newer format has worked on. Migrations refuse too, one
// folder at a time; this says it before the first of them, with the programs' versions.
func (db *DB) Claim(ctx context.Context, format int, version string) error {
	if _, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_format (id BIGINT PRIMARY KEY, format BIGINT NOT NULL, program TEXT NOT NULL)`); err != nil && !IsUnique(err) { // PostgreSQL says so when two make it at once
		return err
	}
	return db.Tx(ctx, func(tx *sql.Tx) error {
		var have int
		var by string
		err := tx.QueryRowContext(ctx, `SELECT format, program FROM schema_format WHERE id = 1`).Scan(&have, &by)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if have > format {
			return Newer("the metadata store", have, by, format, version)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO schema_format (id, format, program) VALUES (1, $1, $2)
			ON CONFLICT (id) DO UPDATE SET format = excluded.format, program = excluded.program`, format, version)
		return err
	})
}

// Newer is the refusal of what a newer program has written.
func Newer(what string, format int, by string, known int, version string) error {
	return forge.Errorf(forge.KindUnavailable, nil,
		"%s has format %d, written by forge %s; this is forge %s, which knows formats up to %d: start it with forge %s or newer, or restore a backup that was made before the upgrade into an empty folder (forge restore)",
		what, format, by, version, known, by)
}
