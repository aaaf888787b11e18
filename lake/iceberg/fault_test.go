package iceberg_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go/table"
)

// open makes two stores over one metadata store and one warehouse, as two processes
// would have.
func open(t *testing.T, cfg iceberg.Config) (a, b *iceberg.Tables, warehouse string, db *sqldb.DB) {
	t.Helper()
	db, warehouse = laketest.DB(t), filepath.Join(t.TempDir(), "a lake")
	return laketest.Must(iceberg.New(db, warehouse, cfg)), laketest.Must(iceberg.New(db, warehouse, cfg)), warehouse, db
}

// An answer that is lost after the commit landed is no failure, and writes nothing
// twice.
func TestLostAnswer(t *testing.T) {
	a, b, _, _ := open(t, iceberg.Config{})
	ctx, name := t.Context(), laketest.Name("raw.calls")
	laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, nil))
	file := laketest.WritePairs(t, a, laketest.Scope, name, 0, 5)
	a.LoseAnswers(func() error { return errors.New("connection reset") })
	snap, err := a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{file}, Tag: "v1"})
	if err != nil || snap.Rows != 5 {
		t.Fatalf("%+v, %v", snap, err)
	}
	// Even when another process has committed on top before we look.
	a.LoseAnswers(func() error {
		_, err := b.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, b, laketest.Scope, name, 10, 13)}})
		return errors.Join(errors.New("connection reset"), err)
	})
	if _, err := a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, a, laketest.Scope, name, 5, 7)}}); err != nil {
		t.Fatal(err)
	}
	if got := laketest.Must(b.Load(ctx, laketest.Scope, name)); got.Rows != 10 || got.Files != 3 {
		t.Errorf("%d rows in %d files, want 10 in 3", got.Rows, got.Files)
	}
}

// Two processes race: every commit lands once, and an expectation lets one through.
func TestTwoProcesses(t *testing.T) {
	a, b, _, _ := open(t, iceberg.Config{})
	ctx, name := t.Context(), laketest.Name("raw.calls")
	laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, nil))
	const each = 12
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i, tables := range []*iceberg.Tables{a, b, a, b} {
		wg.Go(func() {
			for j := range each {
				f := laketest.WritePairs(t, tables, laketest.Scope, name, i*100+j, i*100+j+1)
				if _, err := tables.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{f}}); err != nil {
					t.Error(err)
				}
			}
			_, err := tables.Commit(ctx, laketest.Scope, name, lake.Change{Properties: map[string]string{"leader": "me"}, Expect: map[string]string{"leader": ""}})
			if err != nil {
				laketest.WantKind(t, err, forge.KindConflict)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			won++
		})
	}
	wg.Wait()
	files, _, err := b.Files(ctx, laketest.Scope, name, 0)
	if err != nil || len(files) != 4*each || laketest.RowsOf(files) != 4*each || won != 1 {
		t.Errorf("%d files, %d rows, %v, %d leaders; want %d, %d, 1", len(files), laketest.RowsOf(files), err, won, 4*each, 4*each)
	}
}

// The library's own transactions work through the catalog view, and lose properly.
func TestCatalogConflict(t *testing.T) {
	a, b, _, _ := open(t, iceberg.Config{})
	ctx, name := t.Context(), laketest.Name("raw.calls")
	laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, map[string]string{"commit.retry.num-retries": "0"}))
	cat := a.Catalog(laketest.Scope)
	tbl, err := cat.LoadTable(ctx, []string{"raw", "calls"})
	if err != nil {
		t.Fatal(err)
	}
	laketest.Must(b.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, b, laketest.Scope, name, 0, 1)}}))
	batch := pairs(t)
	defer batch.Release()
	rdr, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tbl.Append(ctx, rdr, nil); !errors.Is(err, table.ErrCommitFailed) {
		t.Errorf("a stale commit: %v, want ErrCommitFailed", err)
	}
	if _, err := a.Catalog(laketest.Other).LoadTable(ctx, []string{"raw", "calls"}); forge.KindOf(err) != forge.KindNotFound {
		t.Errorf("another tenant's catalog: %v", err)
	}
}

func pairs(t *testing.T) arrow.RecordBatch {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, laketest.Must(laketest.Pairs.Arrow()))
	defer b.Release()
	b.Field(0).(*array.Int64Builder).Append(1)
	b.Field(1).(*array.StringBuilder).Append("x")
	return b.NewRecordBatch()
}

// Files whose rows would read as NULL, or that are not the table's, are refused, and
// the table stays as it was.
func TestForeignFiles(t *testing.T) {
	a, _, _, _ := open(t, iceberg.Config{})
	ctx, name := t.Context(), laketest.Name("raw.calls")
	tab := laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, nil))
	laketest.Must(a.Create(ctx, laketest.Scope, laketest.Name("raw.other"), lake.Schema{Columns: []lake.Column{{Name: "text", Type: lake.String}, {Name: "n", Type: lake.Long}}}, nil))
	write := func(dir, file string, schema *arrow.Schema) string {
		p := filepath.Join(dir, "data", file)
		f := laketest.Must(os.Create(p))
		w := laketest.Must(pqarrow.NewFileWriter(schema, f, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps()))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return p
	}
	field := func(name string, typ arrow.DataType, id string) arrow.Field {
		f := arrow.Field{Name: name, Type: typ, Nullable: true}
		if id != "" {
			f.Metadata = arrow.NewMetadata([]string{lake.FieldID}, []string{id})
		}
		return f
	}
	text := filepath.Join(tab.Location, "data", "text.parquet")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, path := range map[string]string{
		"no ids":      write(tab.Location, "a.parquet", arrow.NewSchema([]arrow.Field{field("n", arrow.PrimitiveTypes.Int64, "")}, nil)),
		"unknown id":  write(tab.Location, "b.parquet", arrow.NewSchema([]arrow.Field{field("n", arrow.PrimitiveTypes.Int64, "9")}, nil)),
		"swapped id":  write(tab.Location, "c.parquet", arrow.NewSchema([]arrow.Field{field("n", arrow.PrimitiveTypes.Int64, "2")}, nil)),
		"other type":  write(tab.Location, "d.parquet", arrow.NewSchema([]arrow.Field{field("n", arrow.PrimitiveTypes.Float64, "1")}, nil)),
		"not Parquet": text,
		"outside":     write(strings.TrimSuffix(tab.Location, "calls")+"other", "e.parquet", arrow.NewSchema([]arrow.Field{field("n", arrow.PrimitiveTypes.Int64, "1")}, nil)),
		"dots":        tab.Location + "/data/../../other/data/e.parquet",
		"the folder":  tab.Location,
	} {
		_, err := a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{{Path: path}}, Properties: map[string]string{"landed": "yes"}})
		if err == nil || forge.KindOf(err) != forge.KindInvalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{{Path: tab.Location + "/data/gone.parquet"}}})
	laketest.WantKind(t, err, forge.KindUnavailable)
	if got := laketest.Must(a.Load(ctx, laketest.Scope, name)); got.Snapshot != nil || got.Properties["landed"] != "" {
		t.Errorf("a refused change left a mark: %+v", got)
	}
	// An int file in a long column is Iceberg's own promotion.
	ok := write(tab.Location, "f.parquet", arrow.NewSchema([]arrow.Field{field("n", arrow.PrimitiveTypes.Int32, "1")}, nil))
	laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{{Path: ok}}}))
}

// A long history is thinned: tags and the newest stay readable, the files of what is
// gone are removed, and metadata files do not pile up.
func TestHistoryIsThinned(t *testing.T) {
	a, b, warehouse, _ := open(t, iceberg.Config{MaxSnapshots: 6, KeepFor: time.Nanosecond})
	ctx, name := t.Context(), laketest.Name("raw.calls")
	tab := laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, map[string]string{"history.expire.min-snapshots-to-keep": "1"}))
	tagged := laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, a, laketest.Scope, name, 0, 3)}, Tag: "v1"}))
	for i := range 40 {
		f := laketest.WritePairs(t, a, laketest.Scope, name, i, i+1)
		laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{f}, ReplaceAll: true}))
	}
	snaps := laketest.Must(b.Snapshots(ctx, laketest.Scope, name))
	if len(snaps) > 7 {
		t.Errorf("%d snapshots are left", len(snaps))
	}
	for _, s := range append(snaps, tagged) {
		files, _, err := b.Files(ctx, laketest.Scope, name, s.ID)
		if err != nil || laketest.RowsOf(files) != s.Rows {
			t.Errorf("snapshot %d: %v, %v", s.ID, files, err)
		}
		for _, f := range files {
			if _, err := os.Stat(f.Path); err != nil {
				t.Errorf("snapshot %d lost a file: %v", s.ID, err)
			}
		}
	}
	if n := laketest.Must(a.Collect(ctx, time.Hour, 1000)); n != 0 {
		t.Errorf("%d files were removed that a query may still read", n)
	}
	laketest.Must(a.Collect(ctx, 0, 1000))
	data, _ := filepath.Glob(filepath.Join(tab.Location, "data", "*"))
	meta, _ := filepath.Glob(filepath.Join(tab.Location, "metadata", "*.metadata.json"))
	if len(data) > 9 || len(meta) > 22 {
		t.Errorf("%d data and %d metadata files are left", len(data), len(meta))
	}
	if err := a.Drop(ctx, laketest.Scope, name); err != nil {
		t.Fatal(err)
	}
	left := 0
	_ = filepath.WalkDir(warehouse, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left++
		}
		return nil
	})
	if left != 0 {
		t.Errorf("%d files are left after the drop", left)
	}
}

func TestWriterChecks(t *testing.T) {
	a, _, _, _ := open(t, iceberg.Config{})
	ctx, name := t.Context(), laketest.Name("raw.calls")
	tab := laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, nil))
	w := laketest.Must(a.NewWriter(ctx, laketest.Scope, name))
	batch := func(f arrow.Field, n int) arrow.RecordBatch {
		return array.NewRecordBatch(arrow.NewSchema([]arrow.Field{f}, nil), []arrow.Array{array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, n)}, int64(n))
	}
	laketest.WantKind(t, w.Write(batch(arrow.Field{Name: "nope", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, 1)), forge.KindInvalid)
	laketest.WantKind(t, w.Write(batch(arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, 1)), forge.KindInvalid)
	if err := w.Write(batch(arrow.Field{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true}, 3)); err != nil {
		t.Fatal(err) // n is missing, so NULL
	}
	if f := laketest.Must(w.Close()); f.Rows != 3 {
		t.Errorf("file = %+v", f)
	}
	w = laketest.Must(a.NewWriter(ctx, laketest.Scope, name))
	w.Abort()
	if left, _ := filepath.Glob(filepath.Join(tab.Location, "data", "*")); len(left) != 1 {
		t.Errorf("after Abort: %v", left)
	}
}
