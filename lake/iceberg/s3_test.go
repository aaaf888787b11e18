package iceberg_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
	icebergio "github.com/apache/iceberg-go/io"
)

// folder stands in for an object store: it keeps objects in a folder, counts what is
// asked of it and fails on demand.
type folder struct {
	icebergio.LocalFS
	dir         string
	opens, puts atomic.Int64
	broken      atomic.Bool
}

var errBroken = errors.New("503 slow down")

func (f *folder) at(uri string) string { return f.dir + uri[len("s3://"):] }

func (f *folder) Open(uri string) (icebergio.File, error) {
	f.opens.Add(1)
	if f.broken.Load() {
		return nil, errBroken
	}
	return f.LocalFS.Open(f.at(uri))
}

func (f *folder) Create(uri string) (icebergio.FileWriter, error) {
	f.puts.Add(1)
	if f.broken.Load() {
		return nil, errBroken
	}
	return f.LocalFS.Create(f.at(uri))
}

func (f *folder) WriteFile(uri string, b []byte) error { return f.LocalFS.WriteFile(f.at(uri), b) }
func (f *folder) Remove(uri string) error              { return f.LocalFS.Remove(f.at(uri)) }
func (f *folder) RemoveAll(uri string) error           { return os.RemoveAll(f.at(uri)) }

func (f *folder) WalkDir(root string, fn fs.WalkDirFunc) error {
	return filepath.WalkDir(f.at(root), func(p string, d fs.DirEntry, err error) error {
		return fn("s3://"+p[len(f.dir):], d, err)
	})
}

func newFolder(t testing.TB) *folder { return &folder{dir: t.TempDir() + "/"} }

func filesOf(t testing.TB, a *iceberg.Tables, name forge.TableName) []lake.DataFile {
	t.Helper()
	files, _, err := a.Files(t.Context(), laketest.Scope, name, 0)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func openMirror(t testing.TB, f *folder, copies string, s iceberg.S3, now func() time.Time) *iceberg.Tables {
	t.Helper()
	s.Copies = copies
	return laketest.Must(iceberg.NewMirror(laketest.DB(t), "s3://lake/prod", f, iceberg.Config{S3: s, Now: now}))
}

// The promises hold with an object store behind local copies.
func TestTablesMirror(t *testing.T) {
	laketest.TestTables(t, func(t testing.TB) lake.Tables {
		return openMirror(t, newFolder(t), t.TempDir(), iceberg.S3{}, nil)
	})
}

// While its copy lasts a file is fetched once, and what was written is not fetched at
// all; a copy that was cut short is fetched again.
func TestCopies(t *testing.T) {
	ctx, name, f, copies := t.Context(), laketest.Name("raw.calls"), newFolder(t), t.TempDir()
	a := openMirror(t, f, copies, iceberg.S3{}, nil)
	laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, nil))
	for i := range 3 {
		laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, a, laketest.Scope, name, i, i+1)}}))
	}
	files := filesOf(t, a, name)
	if n := f.opens.Load(); n != 0 {
		t.Errorf("%d files were fetched that this server wrote", n)
	}
	if err := os.Truncate(files[0].Path, 10); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(files[1].Path); err != nil {
		t.Fatal(err)
	}
	a.Reopen(t)
	for range 2 {
		files = filesOf(t, a, name)
		for _, file := range files {
			if info, err := os.Stat(file.Path); err != nil || info.Size() != file.Size {
				t.Errorf("copy of %s: %v", file.Path, err)
			}
		}
	}
	if n := f.opens.Load(); n != 2 {
		t.Errorf("%d files were fetched, want the two that were damaged", n)
	}
}

// Copies beyond the bound go, the one used longest ago first, but none that was used a
// moment ago.
func TestCopiesAreBounded(t *testing.T) {
	ctx, name, f, copies := t.Context(), laketest.Name("raw.calls"), newFolder(t), t.TempDir()
	now := time.Now()
	a := openMirror(t, f, copies, iceberg.S3{Bytes: 1, Keep: time.Hour}, func() time.Time { return now })
	laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, nil))
	one := laketest.WritePairs(t, a, laketest.Scope, name, 0, 1)
	laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{one}}))
	if _, err := os.Stat(one.Path); err != nil {
		t.Errorf("a copy went at once: %v", err)
	}
	now = now.Add(2 * time.Hour)
	two := laketest.WritePairs(t, a, laketest.Scope, name, 1, 2)
	laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{two}}))
	if _, err := os.Stat(one.Path); err == nil {
		t.Error("an old copy stayed beyond the bound")
	}
	files := filesOf(t, a, name)
	for _, file := range files {
		if _, err := os.Stat(file.Path); err != nil {
			t.Errorf("a file that was asked for is not there: %v", err)
		}
	}
}

// A store that does not answer fails the commit, the table stays as it was, and the
// same change lands when it answers again, each file sent once.
func TestStoreFails(t *testing.T) {
	ctx, name, f := t.Context(), laketest.Name("raw.calls"), newFolder(t)
	a := openMirror(t, f, t.TempDir(), iceberg.S3{}, nil)
	laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, nil))
	ch := lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, a, laketest.Scope, name, 0, 5)}}
	f.broken.Store(true)
	_, err := a.Commit(ctx, laketest.Scope, name, ch)
	laketest.WantKind(t, err, forge.KindUnavailable)
	if got := laketest.Must(a.Load(ctx, laketest.Scope, name)); got.Snapshot != nil {
		t.Errorf("the failed change left %+v", got.Snapshot)
	}
	f.broken.Store(false)
	if snap := laketest.Must(a.Commit(ctx, laketest.Scope, name, ch)); snap.Rows != 5 {
		t.Errorf("the change made again: %+v", snap)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := a.Commit(gone, laketest.Scope, name, ch); err == nil {
		t.Error("a cancelled commit succeeded")
	}
}

// After a drop nothing is left, neither in the store nor here.
func TestDropMirror(t *testing.T) {
	ctx, name, f, copies := t.Context(), laketest.Name("raw.calls"), newFolder(t), t.TempDir()
	a := openMirror(t, f, copies, iceberg.S3{}, nil)
	laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, nil))
	laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, a, laketest.Scope, name, 0, 5)}}))
	if err := a.Drop(ctx, laketest.Scope, name); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{f.dir, copies} {
		_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				t.Errorf("%s is left", p)
			}
			return nil
		})
	}
}

// What a crash left in the store is swept, and nothing that is in use.
func TestSweepMirror(t *testing.T) {
	ctx, name, f := t.Context(), laketest.Name("raw.calls"), newFolder(t)
	now := time.Now().Add(3 * time.Hour)
	a := openMirror(t, f, t.TempDir(), iceberg.S3{}, func() time.Time { return now })
	tab := laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, nil))
	laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, a, laketest.Scope, name, 0, 5)}}))
	stray := f.at(a.URI(tab.Location) + "/data/stray.parquet")
	if err := os.WriteFile(stray, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := a.Sweep(ctx, laketest.Scope, name, 2*time.Hour); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if _, err := os.Stat(stray); err == nil {
		t.Error("the stray file is still there")
	}
	a.Reopen(t)
	if got := laketest.Must(a.Load(ctx, laketest.Scope, name)); got.Rows != 5 {
		t.Errorf("rows = %d", got.Rows)
	}
}

func TestWarehouseAddresses(t *testing.T) {
	for _, test := range []struct {
		warehouse string
		s3        iceberg.S3
	}{
		{"s3://", iceberg.S3{Copies: "c"}},
		{"s3:///x", iceberg.S3{Copies: "c"}},
		{"s3://lake/x", iceberg.S3{}},
		{"s3://lake/x?y=1", iceberg.S3{Copies: "c"}},
		{"s3://lake/x", iceberg.S3{Copies: "c", AccessKey: "a"}},
		{"s3://lake/x", iceberg.S3{Copies: "c", Endpoint: "127.0.0.1:9"}},
		{"gs://lake/x", iceberg.S3{Copies: "c"}},
	} {
		if test.s3.Copies != "" {
			test.s3.Copies = t.TempDir()
		}
		_, err := iceberg.New(laketest.DB(t), test.warehouse, iceberg.Config{S3: test.s3})
		laketest.WantKind(t, err, forge.KindInvalid)
	}
}
