package iceberg

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// Create makes an empty table.
func (t *Tables) Create(ctx context.Context, scope forge.Scope, name forge.TableName, schema lake.Schema, properties map[string]string) (lake.Table, error) {
	if err := checkScope(scope); err != nil {
		return lake.Table{}, err
	}
	if _, err := forge.ParseTableName(name.String()); err != nil {
		return lake.Table{}, err
	}
	sc, err := icebergSchema(schema)
	if err != nil {
		return lake.Table{}, err
	}
	props := ice.Properties(maps.Clone(defaultProperties))
	maps.Copy(props, properties)
	dir, err := t.freshFolder(ctx, scope, name)
	if err != nil {
		return lake.Table{}, err
	}
	tags, err := tagProperties(schema.Columns, sc)
	if err != nil {
		return lake.Table{}, err
	}
	maps.Copy(props, tags) // flat schemas keep the ids 1, 2, … that we give
	meta, err := table.NewMetadata(sc, nil, table.UnsortedSortOrder, t.uri(dir), props)
	if err != nil {
		return lake.Table{}, forge.Errorf(forge.KindInvalid, err, "table %s: these columns or properties are not allowed: %s", name, err)
	}
	unlock, err := t.lock(ctx, scope, name)
	if err != nil {
		return lake.Table{}, err
	}
	defer unlock()
	if _, err := t.pointer(ctx, scope, name); err == nil || forge.KindOf(err) != forge.KindNotFound {
		return lake.Table{}, cmpErr(err, forge.Errorf(forge.KindConflict, nil, "table %s exists already", name))
	}
	p, err := t.create(ctx, scope, name, meta)
	if err != nil {
		return lake.Table{}, err
	}
	return t.describe(name, p, meta), nil
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// create makes the folder and the first metadata file, and the pointer to it.
func (t *Tables) create(ctx context.Context, scope forge.Scope, name forge.TableName, meta table.Metadata) (pointer, error) {
	if err := makeFolder(name, t.path(meta.Location())); err != nil {
		return pointer{}, err
	}
	loc, err := t.writeMetadata(meta, 0)
	if err != nil {
		return pointer{}, err
	}
	now := t.cfg.Now()
	p := pointer{location: meta.Location(), metadata: loc, created: now, updated: now}
	if err := insertPointer(ctx, t.db, scope, name, p); err != nil {
		_ = t.fs.Remove(loc)
		if sqldb.IsUnique(err) {
			return pointer{}, forge.Errorf(forge.KindConflict, err, "table %s exists already", name)
		}
		return pointer{}, err
	}
	t.cache.putMeta(loc, meta)
	return p, nil
}

// Load returns a table as it is now.
func (t *Tables) Load(ctx context.Context, scope forge.Scope, name forge.TableName) (lake.Table, error) {
	p, meta, err := t.load(ctx, scope, name)
	if err != nil {
		return lake.Table{}, err
	}
	return t.describe(name, p, meta), nil
}

// load returns a table's pointer and the metadata behind it.
func (t *Tables) load(ctx context.Context, scope forge.Scope, name forge.TableName) (pointer, table.Metadata, error) {
	if err := checkScope(scope); err != nil {
		return pointer{}, nil, err
	}
	for try := 0; ; try++ {
		p, err := t.pointer(ctx, scope, name)
		if err != nil {
			return pointer{}, nil, err
		}
		meta, err := t.metadata(p.metadata)
		if err == nil {
			return p, meta, nil
		}
		// The file can be gone when many commits came between the two reads.
		if !errors.Is(err, os.ErrNotExist) || try == 3 {
			return pointer{}, nil, forge.Errorf(forge.KindUnavailable, err, "table %s: its metadata file in %s cannot be read: can the warehouse be reached, and was nothing in it changed by hand?", name, t.uri(t.warehouse))
		}
	}
}

func (t *Tables) metadata(loc string) (table.Metadata, error) {
	if m := t.cache.meta(loc); m != nil {
		return m, nil
	}
	f, err := t.fs.Open(loc)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	m, err := table.ParseMetadataBytes(data)
	if err != nil {
		return nil, err
	}
	t.cache.putMeta(loc, m)
	return m, nil
}

// Drop removes a table and its files.
func (t *Tables) Drop(ctx context.Context, scope forge.Scope, name forge.TableName) error {
	if err := checkScope(scope); err != nil {
		return err
	}
	unlock, err := t.lock(ctx, scope, name)
	if err != nil {
		return err
	}
	defer unlock()
	p, err := t.pointer(ctx, scope, name)
	if err != nil {
		return err
	}
	if found, err := t.deletePointer(ctx, scope, name); err != nil || !found {
		return cmpErr(err, missing(name))
	}
	if err := t.forgetGarbage(ctx, scope, p.location); err != nil {
		return err
	}
	if err := t.fs.drop(t.path(p.location)); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "table %s is dropped, but its files could not be removed", name)
	}
	return nil
}
