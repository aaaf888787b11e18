package iceberg

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/uuid"
)

// NewWriter starts a data file of the table's present schema.
func (t *Tables) NewWriter(ctx context.Context, scope forge.Scope, name forge.TableName) (lake.Writer, error) {
	p, meta, err := t.load(ctx, scope, name)
	if err != nil {
		return nil, err
	}
	schema, err := lakeSchema(meta.CurrentSchema(), nil).Arrow()
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7() // newer files sort later, which makes listings readable
	if err != nil {
		return nil, err
	}
	dest := filepath.Join(t.path(p.location), "data", id.String()+".parquet")
	out, err := makeFile(dest)
	if err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "table %s: no file can be written below its folder", name)
	}
	w, err := pqarrow.NewFileWriter(schema, out, parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithMaxRowGroupLength(122_880), // DuckDB's row group
	), pqarrow.DefaultWriterProps())
	if err != nil {
		_ = out.Close()
		_ = os.Remove(dest)
		return nil, err
	}
	return &writer{name: name, path: dest, schema: schema, w: w}, nil
}

type writer struct {
	name   forge.TableName
	path   string
	schema *arrow.Schema
	w      *pqarrow.FileWriter
	rows   int64
	done   bool
}

// Write appends a batch; columns that it lacks are NULL.
func (w *writer) Write(batch arrow.RecordBatch) error {
	for _, f := range batch.Schema().Fields() {
		if !w.schema.HasField(f.Name) {
			return forge.Errorf(forge.KindInvalid, nil, "table %s has no column %q", w.name, f.Name)
		}
	}
	columns := make([]arrow.Array, w.schema.NumFields())
	for i, f := range w.schema.Fields() {
		at := batch.Schema().FieldIndices(f.Name)
		switch {
		case len(at) == 0:
			columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, int(batch.NumRows()))
			defer columns[i].Release()
		case !arrow.TypeEqual(batch.Column(at[0]).DataType(), f.Type):
			return forge.Errorf(forge.KindInvalid, nil, "table %s: column %q is %s, and %s in these rows", w.name, f.Name, f.Type, batch.Column(at[0]).DataType())
		default:
			columns[i] = batch.Column(at[0])
		}
	}
	full := array.NewRecordBatch(w.schema, columns, batch.NumRows())
	defer full.Release()
	if err := w.w.WriteBuffered(full); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "table %s: its new file cannot be written", w.name)
	}
	w.rows += batch.NumRows()
	return nil
}

func (w *writer) Close() (lake.DataFile, error) {
	if w.done {
		return lake.DataFile{}, errors.New("iceberg: Close after Close or Abort")
	}
	w.done = true
	if err := w.w.Close(); err != nil {
		_ = os.Remove(w.path)
		return lake.DataFile{}, forge.Errorf(forge.KindUnavailable, err, "table %s: its new file cannot be written", w.name)
	}
	info, err := os.Stat(w.path)
	if err != nil {
		return lake.DataFile{}, err
	}
	return lake.DataFile{Path: w.path, Rows: w.rows, Size: info.Size()}, nil
}

func (w *writer) Abort() {
	if !w.done {
		w.done = true
		_ = w.w.Close()
		_ = os.Remove(w.path)
	}
}
