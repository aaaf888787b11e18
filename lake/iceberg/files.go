package iceberg

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// Files returns the files of a snapshot, each once, and the schema to read them
// with: the table's current one for the current snapshot, so that columns added
// since show up as NULL, and the snapshot's own for an older one.
func (t *Tables) Files(ctx context.Context, scope forge.Scope, name forge.TableName, snapshot int64) ([]lake.DataFile, lake.Schema, error) {
	p, meta, err := t.load(ctx, scope, name)
	if err != nil {
		return nil, lake.Schema{}, err
	}
	if snapshot != 0 {
		t.note(ctx, scope, p.location, snapshot)
	}
	schema := meta.CurrentSchema()
	snap := meta.CurrentSnapshot()
	if snapshot != 0 && (snap == nil || snap.SnapshotID != snapshot) {
		if snap = meta.SnapshotByID(snapshot); snap == nil {
			return nil, lake.Schema{}, forge.Errorf(forge.KindNotFound, nil, "table %s has no snapshot %d (any more); its snapshots list says which there are", name, snapshot)
		}
		if schema = schemaOf(meta, snap); schema == nil {
			return nil, lake.Schema{}, forge.Errorf(forge.KindInternal, nil, "table %s: the schema of snapshot %d is missing", name, snapshot)
		}
	}
	files, err := t.files(name, snap)
	if err != nil {
		return nil, lake.Schema{}, err
	}
	if err := t.fs.get(ctx, files); err != nil {
		return nil, lake.Schema{}, forge.Errorf(forge.KindUnavailable, err, "table %s: its files cannot be fetched", name)
	}
	readable, err := readable(name, lakeSchema(schema, meta.Properties()))
	return files, readable, err
}

// readable leaves out the columns of types that only other programs write (lists, maps,
// structs and the like), so that the rest of their tables can be read.
func readable(name forge.TableName, s lake.Schema) (lake.Schema, error) {
	all := len(s.Columns)
	s.Columns = slices.DeleteFunc(s.Columns, func(c lake.Column) bool {
		_, err := c.Type.Arrow()
		return err != nil
	})
	if len(s.Columns) == 0 && all > 0 {
		return s, forge.Errorf(forge.KindInvalid, nil, "table %s cannot be read: its columns are all lists, maps, structs or the like, which another program wrote", name)
	}
	return s, nil
}

func schemaOf(meta table.Metadata, snap *table.Snapshot) *ice.Schema {
	if snap.SchemaID == nil {
		return meta.CurrentSchema()
	}
	for _, s := range meta.Schemas() {
		if s.ID == *snap.SchemaID {
			return s
		}
	}
	return nil
}

// files lists a snapshot's live data files in the order of their paths.
func (t *Tables) files(name forge.TableName, snap *table.Snapshot) ([]lake.DataFile, error) {
	if snap == nil {
		return nil, nil
	}
	if l, ok := t.cache.list(snap.ManifestList); ok {
		return slices.Clone(l), nil
	}
	var out []lake.DataFile
	for df, err := range t.entries(name, snap) {
		if err != nil {
			return nil, err
		}
		out = append(out, lake.DataFile{Path: t.path(df.FilePath()), Rows: df.Count(), Size: df.FileSizeBytes()})
	}
	slices.SortFunc(out, func(a, b lake.DataFile) int { return strings.Compare(a.Path, b.Path) })
	out = slices.CompactFunc(out, func(a, b lake.DataFile) bool { return a.Path == b.Path })
	t.cache.putList(snap.ManifestList, out)
	return slices.Clone(out), nil
}

// entries yields a snapshot's live data files as Iceberg describes them. It reads
// the manifests and not a scan plan, which would name a file once per 128 MB of it.
func (t *Tables) entries(name forge.TableName, snap *table.Snapshot) func(yield func(ice.DataFile, error) bool) {
	return func(yield func(ice.DataFile, error) bool) {
		manifests, err := snap.Manifests(t.fs)
		if err != nil {
			yield(nil, forge.Errorf(forge.KindUnavailable, err, "table %s: the file list of snapshot %d cannot be read", name, snap.SnapshotID))
			return
		}
		for _, m := range manifests {
			if m.ManifestContent() != ice.ManifestContentData {
				yield(nil, forge.Errorf(forge.KindInvalid, nil, "table %s has row-level deletes that another program wrote; rewrite (compact) it there first", name))
				return
			}
			for e, err := range m.Entries(t.fs, true) {
				if err != nil {
					yield(nil, forge.Errorf(forge.KindUnavailable, err, "table %s: the file list of snapshot %d cannot be read", name, snap.SnapshotID))
					return
				}
				if !yield(e.DataFile(), nil) {
					return
				}
			}
		}
	}
}

// dataFile reads a file's footer and makes its manifest entry. It refuses what
// readers would silently see as NULL: a column without a field id, with an unknown
// one, or of another type; and any file outside the table's folder.
func (t *Tables) dataFile(name forge.TableName, meta table.Metadata, f lake.DataFile) (ice.DataFile, error) {
	if spec := meta.PartitionSpec(); !spec.IsUnpartitioned() {
		return nil, forge.Errorf(forge.KindInvalid, nil, "table %s was partitioned by another program, and only such can add rows to it: use that one, or write to another table", name)
	}
	dir := t.path(meta.Location())
	clean := filepath.Clean(f.Path)
	if !strings.HasPrefix(clean, dir+string(filepath.Separator)) {
		return nil, forge.Errorf(forge.KindInvalid, nil, "file %s is not below the folder of table %s", filepath.Base(f.Path), name)
	}
	info, err := os.Stat(clean)
	if err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "file %s of table %s cannot be read", filepath.Base(f.Path), name)
	}
	r, err := file.OpenParquetFile(clean, false)
	if err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "file %s of table %s is not a Parquet file", filepath.Base(f.Path), name)
	}
	defer r.Close() //nolint:errcheck // only read
	footer := r.MetaData()
	if err := checkColumns(footer, meta.CurrentSchema()); err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "file %s cannot become part of table %s: %s", filepath.Base(f.Path), name, err)
	}
	return table.DataFileFromMetadata(table.DataFileArgs{
		Schema: meta.CurrentSchema(), Spec: meta.PartitionSpec(), Format: ice.ParquetFile, Metadata: footer,
		FilePath: t.uri(clean), FileSize: info.Size(), Content: ice.EntryContentData,
		Properties: meta.Properties(), FormatVersion: meta.Version(),
	})
}

func checkColumns(footer *metadata.FileMetaData, schema *ice.Schema) error {
	as, err := pqarrow.FromParquet(footer.Schema, nil, nil)
	if err != nil {
		return forge.Errorf(forge.KindInvalid, err, "its columns are not understood")
	}
	root := footer.Schema.Root()
	for i, f := range as.Fields() {
		id := int(root.Field(i).FieldID())
		if id < 0 {
			return forge.Errorf(forge.KindInvalid, nil, "its column %q has no field id, so it would read as NULL: write it again through the engine", f.Name)
		}
		field, ok := schema.FindFieldByID(id)
		if !ok || field.Name != f.Name {
			return forge.Errorf(forge.KindInvalid, nil, "its column %q has the field id %d, which is not that column's in the table", f.Name, id)
		}
		if want := lakeType(field.Type); !readsAs(f.Type, want) {
			return forge.Errorf(forge.KindInvalid, nil, "its column %q is %s, and %s in the table", f.Name, f.Type, want)
		}
	}
	return nil
}

// readsAs reports whether a file's column of type have can be read as a table's
// column of type want: the same, or one of Iceberg's promotions.
func readsAs(have arrow.DataType, want lake.Type) bool {
	w, err := want.Arrow()
	if err != nil {
		return false
	}
	switch {
	case arrow.TypeEqual(have, w):
		return true
	case want == lake.Long:
		return have.ID() == arrow.INT32
	case want == lake.Double:
		return have.ID() == arrow.FLOAT32
	}
	h, ok1 := have.(*arrow.Decimal128Type)
	d, ok2 := w.(*arrow.Decimal128Type)
	return ok1 && ok2 && h.Scale == d.Scale && h.Precision <= d.Precision
}
