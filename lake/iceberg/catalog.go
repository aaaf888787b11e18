package iceberg

import (
	"context"
	"errors"
	"fmt"

	"aiforge.dev/forge"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// Catalog is one project's tables as iceberg-go wants them, for callers that speak
// Iceberg themselves, such as a REST catalog. A commit that lost against another is
// marked table.ErrCommitFailed, so that clients know to try again.
type Catalog struct {
	tables *Tables
	scope  forge.Scope
}

var _ table.CatalogIO = (*Catalog)(nil)

// Catalog returns the view of one project.
func (t *Tables) Catalog(scope forge.Scope) *Catalog { return &Catalog{tables: t, scope: scope} }

// LoadTable returns a table by namespace and name.
func (c *Catalog) LoadTable(ctx context.Context, ident table.Identifier) (*table.Table, error) {
	name, err := tableName(ident)
	if err != nil {
		return nil, err
	}
	p, meta, err := c.tables.load(ctx, c.scope, name)
	if err != nil {
		return nil, err
	}
	return c.tables.iceberg(name, p.metadata, meta, c), nil
}

// CommitTable checks the requirements against the table as it is now, applies the
// updates and moves the pointer.
func (c *Catalog) CommitTable(ctx context.Context, ident table.Identifier, reqs []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	name, err := tableName(ident)
	if err != nil {
		return nil, "", err
	}
	unlock, err := c.tables.lock(ctx, c.scope, name)
	if err != nil {
		return nil, "", err
	}
	defer unlock()
	p, meta, err := c.tables.load(ctx, c.scope, name)
	if err != nil {
		return nil, "", err
	}
	for _, r := range reqs {
		if err := r.Validate(meta); err != nil {
			return nil, "", fmt.Errorf("%w: %w", table.ErrCommitFailed, err)
		}
	}
	next, err := table.UpdateTableMetadata(meta, updates, p.metadata)
	if err != nil {
		return nil, "", forge.Errorf(forge.KindInvalid, err, "table %s: this change is not possible: %s", name, err)
	}
	if next.Location() != meta.Location() {
		return nil, "", forge.Errorf(forge.KindInvalid, nil, "table %s: its location cannot be changed", name)
	}
	if err := c.tables.swap(ctx, c.scope, name, p.metadata, meta, next); err != nil {
		return nil, "", err
	}
	p, err = c.tables.pointer(ctx, c.scope, name)
	return next, p.metadata, err
}

func tableName(ident table.Identifier) (forge.TableName, error) {
	if len(ident) != 2 {
		return forge.TableName{}, forge.Errorf(forge.KindInvalid, nil, "table identifier %v: want one namespace and a name", ident)
	}
	return forge.ParseTableName(ident[0] + "." + ident[1])
}

func (t *Tables) iceberg(name forge.TableName, loc string, meta table.Metadata, cat *Catalog) *table.Table {
	fsF := func(context.Context) (icebergio.IO, error) { return t.fs, nil }
	var io table.CatalogIO
	if cat != nil {
		io = cat
	}
	return table.New(table.Identifier{name.Namespace, name.Name}, meta, loc, fsF, io)
}

// thin removes old snapshots when a table has too many, because the cost of a commit
// grows with them. Tagged ones and those younger than Config.KeepFor stay. It is
// housekeeping: a failure is logged and left to the next commit.
func (t *Tables) thin(ctx context.Context, scope forge.Scope, name forge.TableName, meta table.Metadata) {
	if meta == nil || len(meta.Snapshots()) <= t.cfg.MaxSnapshots {
		return
	}
	if err := t.expire(ctx, scope, name); err != nil && !errors.Is(err, table.ErrCommitFailed) {
		t.cfg.Log.Warn("old snapshots stay", "scope", scope, "table", name, "err", err)
	}
}

func (t *Tables) expire(ctx context.Context, scope forge.Scope, name forge.TableName) error {
	p, meta, err := t.load(ctx, scope, name)
	if err != nil {
		return err
	}
	tx := t.iceberg(name, p.metadata, meta, nil).NewTransaction()
	err = tx.ExpireSnapshots(table.WithRetainLast(max(1, t.cfg.MaxSnapshots/2)), table.WithOlderThan(t.cfg.KeepFor), table.WithPostCommit(false))
	if err != nil {
		return err
	}
	tc, err := tx.TableCommit()
	if err != nil || len(tc.Updates) == 0 {
		return err
	}
	next, err := table.UpdateTableMetadata(meta, tc.Updates, p.metadata)
	if err != nil {
		return err
	}
	orphans, err := t.orphans(name, meta, next)
	if err != nil {
		return err
	}
	if err := t.swap(ctx, scope, name, p.metadata, meta, next); err != nil {
		return err
	}
	for _, o := range orphans {
		err = errors.Join(err, t.fs.Remove(o))
	}
	return err
}

// orphans lists the files that base's snapshots use and next's do not.
func (t *Tables) orphans(name forge.TableName, base, next table.Metadata) ([]string, error) {
	kept := map[string]bool{}
	for _, s := range next.Snapshots() {
		if err := t.reach(&s, func(f string) { kept[f] = true }); err != nil {
			return nil, err
		}
	}
	var out []string
	for _, s := range base.Snapshots() {
		if kept[s.ManifestList] {
			continue
		}
		err := t.reach(&s, func(f string) {
			if !kept[f] {
				kept[f] = true
				out = append(out, f)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// reach names every file that a snapshot needs.
func (t *Tables) reach(s *table.Snapshot, f func(string)) error {
	f(s.ManifestList)
	manifests, err := s.Manifests(t.fs)
	if err != nil {
		return err
	}
	for _, m := range manifests {
		f(m.FilePath())
		for e, err := range m.Entries(t.fs, true) {
			if err != nil {
				return err
			}
			f(e.DataFile().FilePath())
		}
	}
	return nil
}
