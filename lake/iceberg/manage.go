package iceberg

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// Shared fails when other Iceberg clients would look for the tables' files where they
// are not.
func (t *Tables) Shared() error {
	if l, ok := t.fs.(localFS); ok && !l.plain() {
		return forge.Errorf(forge.KindUnavailable, nil, "the data folder %s has characters in its path (a space, %% or the like) that Iceberg clients do not find again: move it to a plain path; forge's own SQL is not affected", l.root)
	}
	return nil
}

// Names lists the project's tables in order.
func (c *Catalog) Names(ctx context.Context) ([]forge.TableName, error) {
	if err := checkScope(c.scope); err != nil {
		return nil, err
	}
	names, _, err := c.tables.pointers(ctx, c.scope)
	slices.SortFunc(names, func(a, b forge.TableName) int { return strings.Compare(a.String(), b.String()) })
	return names, err
}

// PlaceTable returns where a new table goes, a URI, and the properties it has unless
// its maker says otherwise. The folder is made, because some clients only write into
// one that is there. wanted is the place the client asks for, or empty.
func (c *Catalog) PlaceTable(ctx context.Context, ident table.Identifier, wanted string) (string, ice.Properties, error) {
	name, err := c.named(ident)
	if err != nil {
		return "", nil, err
	}
	dir, err := c.tables.freshFolder(ctx, c.scope, name)
	if err != nil {
		return "", nil, err
	}
	if wanted != "" && filepath.Clean(c.tables.path(wanted)) != dir {
		return "", nil, forge.Errorf(forge.KindInvalid, nil, "table %s: its location cannot be %s: leave the location out, then it is %s", name, wanted, c.tables.uri(dir))
	}
	props := ice.Properties{}
	for k, v := range defaultProperties {
		props[k] = v
	}
	return c.tables.uri(dir), props, makeFolder(name, dir)
}

// CreateTable stores the metadata of a new table, whose location PlaceTable gave.
func (c *Catalog) CreateTable(ctx context.Context, ident table.Identifier, meta table.Metadata) (*table.Table, error) {
	name, err := c.named(ident)
	if err != nil {
		return nil, err
	}
	unlock, err := c.tables.lock(ctx, c.scope, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := c.vacant(ctx, name); err != nil {
		return nil, err
	}
	if err := c.tables.checkNew(ctx, c.scope, name, meta); err != nil {
		return nil, err
	}
	if err := c.tables.confine(name, nil, meta); err != nil {
		return nil, err
	}
	p, err := c.tables.create(ctx, c.scope, name, meta)
	if err != nil {
		return nil, err
	}
	return c.tables.iceberg(name, p.metadata, meta, c), nil
}

// RegisterTable makes a table of a metadata file that is in the project's folder
// already, such as that of a table that was dropped without its files.
func (c *Catalog) RegisterTable(ctx context.Context, ident table.Identifier, metadata string) (*table.Table, error) {
	name, err := c.named(ident)
	if err != nil {
		return nil, err
	}
	t, file := c.tables, c.tables.path(metadata)
	home := t.home(c.scope) + string(filepath.Separator)
	if !strings.HasPrefix(file, home) || filepath.Clean(file) != file {
		return nil, forge.Errorf(forge.KindInvalid, nil, "metadata file %s is not below %s: only a table whose files are in this project's folder can be registered", metadata, c.tables.uri(home))
	}
	unlock, err := t.lock(ctx, c.scope, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := c.vacant(ctx, name); err != nil {
		return nil, err
	}
	meta, err := t.metadata(c.tables.uri(file))
	if err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "metadata file %s cannot be read as the metadata of an Iceberg table", metadata)
	}
	dir := c.tables.path(meta.Location())
	if rel, err := filepath.Rel(t.home(c.scope), dir); err != nil || filepath.Clean(dir) != dir || strings.Count(rel, string(filepath.Separator)) != 1 || strings.HasPrefix(rel, "..") {
		return nil, forge.Errorf(forge.KindInvalid, nil, "metadata file %s says that its table is at %s, which is not a table's folder of this project", metadata, meta.Location())
	}
	if err := (inside{t, name, dir + string(filepath.Separator)}).check("metadata file", metadata); err != nil {
		return nil, err
	}
	if err := t.confine(name, nil, meta); err != nil {
		return nil, err
	}
	now := t.cfg.Now()
	if err := insertPointer(ctx, t.db, c.scope, name, pointer{location: c.tables.uri(dir), metadata: c.tables.uri(file), created: now, updated: now}); err != nil {
		if sqldb.IsUnique(err) {
			return nil, forge.Errorf(forge.KindConflict, err, "table %s cannot be registered: another table has the folder %s", name, c.tables.uri(dir))
		}
		return nil, err
	}
	return t.iceberg(name, c.tables.uri(file), meta, c), nil
}

// RenameTable gives a table another name; its files stay where they are.
func (c *Catalog) RenameTable(ctx context.Context, from, to table.Identifier) error {
	old, err := c.named(from)
	if err != nil {
		return err
	}
	name, err := c.named(to)
	if err != nil {
		return err
	}
	if old == name {
		_, err := c.tables.pointer(ctx, c.scope, name)
		return cmpErr(err, exists(name))
	}
	if err := lake.CheckNewTable(name); err != nil {
		return err
	}
	unlock, err := c.lockAll(ctx, []forge.TableName{old, name})
	if err != nil {
		return err
	}
	defer unlock()
	found, err := c.tables.renamePointer(ctx, c.scope, old, name)
	switch {
	case err != nil && sqldb.IsUnique(err):
		return exists(name)
	case err != nil:
		return err
	case !found:
		return missing(old)
	}
	return nil
}

// DropTable removes a table and its files, or lets the files be.
func (c *Catalog) DropTable(ctx context.Context, ident table.Identifier, purge bool) error {
	name, err := c.named(ident)
	if err != nil {
		return err
	}
	if purge {
		return c.tables.Drop(ctx, c.scope, name)
	}
	unlock, err := c.tables.lock(ctx, c.scope, name)
	if err != nil {
		return err
	}
	defer unlock()
	p, err := c.tables.pointer(ctx, c.scope, name)
	if err != nil {
		return err
	}
	found, err := c.tables.deletePointer(ctx, c.scope, name)
	if err != nil || !found {
		return cmpErr(err, missing(name))
	}
	return c.tables.forgetGarbage(ctx, c.scope, p.location)
}

func (c *Catalog) named(ident table.Identifier) (forge.TableName, error) {
	if err := checkScope(c.scope); err != nil {
		return forge.TableName{}, err
	}
	return tableName(ident)
}

// vacant refuses a name that a table has, or that none can have.
func (c *Catalog) vacant(ctx context.Context, name forge.TableName) error {
	if err := lake.CheckNewTable(name); err != nil {
		return err
	}
	_, err := c.tables.pointer(ctx, c.scope, name)
	if err == nil {
		return exists(name)
	}
	if forge.KindOf(err) != forge.KindNotFound {
		return err
	}
	return nil
}

func exists(name forge.TableName) error {
	return forge.Errorf(forge.KindConflict, os.ErrExist, "table %s exists already", name)
}

// checkNew refuses a new table whose folder is not its own.
func (t *Tables) checkNew(ctx context.Context, scope forge.Scope, name forge.TableName, meta table.Metadata) error {
	if err := lake.CheckNewTable(name); err != nil {
		return err
	}
	dir := t.path(meta.Location())
	if !t.mayBeAt(scope, name, dir) {
		return forge.Errorf(forge.KindInvalid, nil, "table %s: its location cannot be %q: take the one that the catalog gave", name, meta.Location())
	}
	taken, err := t.taken(ctx, scope, dir)
	if err == nil && taken {
		err = forge.Errorf(forge.KindConflict, errors.Join(table.ErrCommitFailed, os.ErrExist), "table %s: its folder belongs to another table by now; create it again", name)
	}
	return err
}
