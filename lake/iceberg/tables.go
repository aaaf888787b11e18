// Package iceberg stores tables as Apache Iceberg format version 2. Data and
// metadata files lie below WAREHOUSE/TENANT/PROJECT/NAMESPACE/NAME; which metadata
// file is current is a row in the metadata store, and a commit is that row's
// compare-and-swap. Any Iceberg client can read the files; only this package commits.
package iceberg

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// Config adjusts the store. The zero value is right for production.
type Config struct {
	Log          *slog.Logger     // nil discards
	Now          func() time.Time // nil is time.Now
	MaxSnapshots int              // history is thinned above this; 0 means 200
	KeepFor      time.Duration    // but nothing younger is removed; 0 means 24 hours
	S3           S3               // for a warehouse at s3://…
}

// Tables implements lake.Tables.
type Tables struct {
	db        *sqldb.DB
	warehouse string // local path of its files or their copies
	cfg       Config
	fs        storage
	cache     cache
	locks     sync.Map // scope and name → chan struct{} of one place
	afterMove func() error
}

var _ lake.Tables = (*Tables)(nil)

// New opens the store. warehouse is a folder or s3://BUCKET/PREFIX.
func New(db *sqldb.DB, warehouse string, cfg Config) (*Tables, error) {
	if err := db.Migrate(context.Background(), "lake_iceberg", migrations()); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxSnapshots == 0 {
		cfg.MaxSnapshots = 200
	}
	if cfg.KeepFor == 0 {
		cfg.KeepFor = 24 * time.Hour
	}
	t := &Tables{db: db, cfg: cfg, cache: newCache(256)}
	return t, t.open(warehouse)
}

// open opens the warehouse's files. A folder is made absolute: a relative one would
// put metadata and data of other clients in different places.
func (t *Tables) open(warehouse string) error {
	if strings.HasPrefix(warehouse, "s3://") {
		m, err := openS3(context.Background(), warehouse, t.cfg.S3, t.cfg.Now)
		if err != nil {
			return err
		}
		t.fs, t.warehouse = m, m.dir
		return nil
	}
	if scheme, _, ok := strings.Cut(warehouse, "://"); ok {
		return forge.Errorf(forge.KindInvalid, nil, "warehouse %q: want a folder or s3://BUCKET/PREFIX, not %s", warehouse, scheme)
	}
	abs, err := filepath.Abs(warehouse)
	if err != nil {
		return forge.Errorf(forge.KindInvalid, err, "warehouse %q is not a path", warehouse)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "warehouse %s cannot be written", abs)
	}
	t.fs, t.warehouse = localFS{root: abs, written: &pending{}, dropped: filepath.Join(abs, ".dropped")}, abs
	return nil
}

// properties of a new table; a caller's own come on top.
var defaultProperties = map[string]string{
	table.PropertyFormatVersion:               "2",
	table.CommitNumRetriesKey:                 "20",
	table.CommitMinRetryWaitMsKey:             "20",
	table.ManifestMergeEnabledKey:             "true",
	table.ManifestMinMergeCountKey:            "20",
	table.MetadataDeleteAfterCommitEnabledKey: "true",
	table.MetadataPreviousVersionsMaxKey:      "20",
	table.WriteTargetFileSizeBytesKey:         "134217728",
	table.ParquetCompressionKey:               "zstd",
	table.MinSnapshotsToKeepKey:               "100",
}

func checkScope(scope forge.Scope) error {
	if !scope.Valid() {
		return forge.Errorf(forge.KindDenied, nil, "no project is given, so no table can be reached")
	}
	return nil
}

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

// List returns the tables of a project by name. One that cannot be read is left out
// and logged, so that it does not hide the others.
func (t *Tables) List(ctx context.Context, scope forge.Scope) ([]lake.Table, error) {
	if err := checkScope(scope); err != nil {
		return nil, err
	}
	names, ps, err := t.pointers(ctx, scope)
	if err != nil {
		return nil, err
	}
	out := make([]lake.Table, 0, len(names))
	for i, name := range names {
		meta, err := t.metadata(ps[i].metadata)
		if err != nil {
			ps[i], meta, err = t.load(ctx, scope, name)
		}
		if forge.KindOf(err) == forge.KindNotFound && err != nil {
			continue
		}
		if err != nil {
			t.cfg.Log.Error("table cannot be read", "scope", scope, "table", name, "err", err)
			continue
		}
		out = append(out, t.describe(name, ps[i], meta))
	}
	return out, nil
}

// Snapshots returns a table's history, newest first.
func (t *Tables) Snapshots(ctx context.Context, scope forge.Scope, name forge.TableName) ([]lake.Snapshot, error) {
	_, meta, err := t.load(ctx, scope, name)
	if err != nil {
		return nil, err
	}
	all := meta.Snapshots()
	out := make([]lake.Snapshot, 0, len(all))
	for i := range slices.Backward(all) {
		out = append(out, snapshotOf(meta, &all[i]))
	}
	return out, nil
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
	if err := t.fs.drop(t.path(p.location)); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "table %s is dropped, but its files could not be removed", name)
	}
	return nil
}

// describe makes the caller's view of a table.
func (t *Tables) describe(name forge.TableName, p pointer, meta table.Metadata) lake.Table {
	out := lake.Table{
		Name: name, Schema: lakeSchema(meta.CurrentSchema(), meta.Properties()), Location: t.path(p.location),
		LastColumn: meta.LastColumnID(), Properties: maps.Clone(meta.Properties()), Created: p.created, Updated: p.updated,
	}
	if cur := meta.CurrentSnapshot(); cur != nil {
		s := snapshotOf(meta, cur)
		out.Snapshot = &s
		out.Rows = s.Rows
		out.Bytes = total(cur, "total-files-size")
		out.Files = int(total(cur, "total-data-files"))
	}
	return out
}

func snapshotOf(meta table.Metadata, s *table.Snapshot) lake.Snapshot {
	out := lake.Snapshot{ID: s.SnapshotID, At: time.UnixMilli(s.TimestampMs).UTC(), Rows: total(s, "total-records"), Added: total(s, "added-records")}
	if s.ParentSnapshotID != nil {
		out.Parent = *s.ParentSnapshotID
	}
	if s.Summary != nil {
		out.Operation = string(s.Summary.Operation)
		out.Summary = maps.Clone(s.Summary.Properties)
	}
	for name, ref := range meta.Refs() {
		if ref.SnapshotRefType == table.TagRef && ref.SnapshotID == s.SnapshotID {
			out.Tags = append(out.Tags, name)
		}
	}
	slices.Sort(out.Tags)
	return out
}

func total(s *table.Snapshot, key string) int64 {
	if s.Summary == nil {
		return 0
	}
	n, _ := strconv.ParseInt(s.Summary.Properties[key], 10, 64)
	return n
}

// lock takes the table's place in this process, so that commits queue instead of
// failing; other processes are kept out by the pointer's compare-and-swap.
func (t *Tables) lock(ctx context.Context, scope forge.Scope, name forge.TableName) (unlock func(), err error) {
	v, _ := t.locks.LoadOrStore(scope.String()+"/"+name.String(), make(chan struct{}, 1))
	place := v.(chan struct{})
	select {
	case place <- struct{}{}:
		return func() { <-place }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// uri and path are the two names of a file: that in metadata, and the local one.
func (t *Tables) uri(p string) string { return t.fs.uri(p) }

func (t *Tables) path(u string) string { return t.fs.path(u) }
