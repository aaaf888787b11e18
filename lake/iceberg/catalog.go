package iceberg

import (
	"context"
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
	unused, err := c.tables.expiredBy(meta, next)
	if err != nil {
		return nil, "", err
	}
	if err := c.tables.swapWith(ctx, c.scope, name, p, meta, next, unused); err != nil {
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
