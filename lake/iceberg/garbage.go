package iceberg

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"github.com/apache/iceberg-go/table"
)

// addGarbage notes files that a commit leaves without a snapshot, in the transaction
// that moves the table's pointer.
func addGarbage(ctx context.Context, db execer, scope forge.Scope, location string, files []string, since time.Time) error {
	for _, f := range files {
		_, err := db.ExecContext(ctx, "INSERT INTO lake_garbage (tenant, project, location, file, since) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
			scope.Tenant, scope.Project, location, f, sqldb.Micros(since))
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetGarbage drops the notes of a table's folder: the folder goes, or another program
// may take it over.
func (t *Tables) forgetGarbage(ctx context.Context, scope forge.Scope, location string) error {
	for _, from := range []string{"lake_garbage", "lake_reader"} {
		if _, err := t.db.ExecContext(ctx, "DELETE FROM "+from+" WHERE tenant = $1 AND project = $2 AND location = $3", scope.Tenant, scope.Project, location); err != nil {
			return err
		}
	}
	return nil
}

// garbage is one file to be removed.
type garbage struct {
	scope          forge.Scope
	location, file string
}

// Collect removes files that no snapshot has used for longer than grace, at most max of
// them, and returns how many. grace must be longer than a query may run: it has its list
// of files from the beginning. A file is forgotten only after it is gone, so that a
// crash in between leaves nothing behind.
func (t *Tables) Collect(ctx context.Context, grace time.Duration, max int) (removed int, err error) {
	if _, err := t.db.ExecContext(ctx, "DELETE FROM lake_reader WHERE used < $1", sqldb.Micros(t.cfg.Now().Add(-2*readFor))); err != nil {
		return 0, err
	}
	old, err := listGarbage(ctx, t.db, "WHERE since <= $1 ORDER BY since LIMIT $2", sqldb.Micros(t.cfg.Now().Add(-grace)), max)
	if err != nil {
		return 0, err
	}
	for _, g := range old {
		if ctx.Err() != nil {
			return removed, ctx.Err()
		}
		// What was noted before the data folder was moved is another folder's; a sweep finds
		// the file under its new name.
		here := strings.HasPrefix(t.path(g.file), t.warehouse+string(filepath.Separator))
		var err error
		if here {
			err = t.fs.Remove(g.file)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, forge.Errorf(forge.KindUnavailable, err, "file %s, which no table needs any more, cannot be removed", g.file)
		}
		if err := t.cfg.Fault.At("file removed"); err != nil {
			return removed, err
		}
		_, err = t.db.ExecContext(ctx, "DELETE FROM lake_garbage WHERE tenant = $1 AND project = $2 AND location = $3 AND file = $4",
			g.scope.Tenant, g.scope.Project, g.location, g.file)
		if err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// listGarbage lists the files to be removed that a clause of SQL with its arguments picks.
func listGarbage(ctx context.Context, db querier, clause string, args ...any) (out []garbage, err error) {
	rows, err := db.QueryContext(ctx, "SELECT tenant, project, location, file FROM lake_garbage "+clause, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	for rows.Next() {
		var g garbage
		if err := rows.Scan(&g.scope.Tenant, &g.scope.Project, &g.location, &g.file); err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

// ofTable is the clause for the files of one table's folder.
const ofTable = "WHERE tenant = $1 AND project = $2 AND location = $3"

// Waiting is how many files of a project wait to be removed.
func (t *Tables) Waiting(ctx context.Context, scope forge.Scope) (n int64, err error) {
	err = t.db.QueryRowContext(ctx, "SELECT count(*) FROM lake_garbage WHERE tenant = $1 AND project = $2", scope.Tenant, scope.Project).Scan(&n)
	return n, err
}

// waiting are the local paths of a table's files that Collect will remove.
func (t *Tables) waiting(ctx context.Context, scope forge.Scope, location string) (map[string]bool, error) {
	all, err := listGarbage(ctx, t.db, ofTable, scope.Tenant, scope.Project, location)
	out := make(map[string]bool, len(all))
	for _, g := range all {
		out[t.path(g.file)] = true
	}
	return out, err
}

// expiredBy lists the files that lose their last snapshot by a change of another
// program; it may remove them itself.
func (t *Tables) expiredBy(base, next table.Metadata) ([]string, error) {
	if base == nil || base.Properties()["gc.enabled"] == "false" {
		return nil, nil
	}
	for _, s := range base.Snapshots() {
		if next.SnapshotByID(s.SnapshotID) == nil {
			return t.unused(base, next)
		}
	}
	return nil, nil
}
