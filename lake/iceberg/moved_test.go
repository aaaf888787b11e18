package iceberg_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
	"github.com/apache/iceberg-go/table"
)

// TestMovedFolder: a warehouse that was moved, copied or restored elsewhere is the same
// at its new place, names nothing at the old one, and goes on. Paths with a space are
// written with escapes, those without are not.
func TestMovedFolder(t *testing.T) {
	for name, places := range map[string][2]string{
		"plain": {"a", "b"}, "to a space": {"a", "b c"}, "from a space": {"b c", "a"}, "deeper": {"a", "x/y/z"}, "with a percent": {"50%20", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			moves(t, laketest.DB(t), places[0], places[1])
		})
	}
}

func moves(t *testing.T, db *sqldb.DB, from, to string) {
	base := t.TempDir()
	old, now := filepath.Join(base, from, "lake"), filepath.Join(base, to, "lake")
	fillWarehouse(t, laketest.Must(iceberg.New(db, old, iceberg.Config{})))
	want := look(t, laketest.Must(iceberg.New(db, old, iceberg.Config{})), old)
	must(t, os.MkdirAll(filepath.Dir(now), 0o700))
	must(t, os.Rename(old, now))
	for range 2 { // the second time nothing is left to do
		moved, err := iceberg.New(db, now, iceberg.Config{})
		must(t, err)
		if got := look(t, moved, now); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
	moved := laketest.Must(iceberg.New(db, now, iceberg.Config{}))
	goOn(t, moved)
	if _, err := os.Stat(old); err == nil {
		t.Error("something was written at the old place")
	}
}

// TestCopiedFolder: what is done in a copy leaves the original as it is.
func TestCopiedFolder(t *testing.T) {
	base := t.TempDir()
	dbs := [2]string{filepath.Join(base, "a.db"), filepath.Join(base, "b.db")}
	first := openDB(t, dbs[0])
	old, now := filepath.Join(base, "a"), filepath.Join(base, "b")
	fillWarehouse(t, laketest.Must(iceberg.New(first, old, iceberg.Config{})))
	want := look(t, laketest.Must(iceberg.New(first, old, iceberg.Config{})), old)
	must(t, first.Close())
	must(t, os.CopyFS(now, os.DirFS(old)))
	raw, err := os.ReadFile(dbs[0])
	must(t, err)
	must(t, os.WriteFile(dbs[1], raw, 0o600))

	dup := laketest.Must(iceberg.New(openDB(t, dbs[1]), now, iceberg.Config{}))
	if got := look(t, dup, now); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	goOn(t, dup)
	must(t, dup.Drop(t.Context(), laketest.Scope, laketest.Name("raw.calls")))
	if got := look(t, laketest.Must(iceberg.New(openDB(t, dbs[0]), old, iceberg.Config{})), old); !reflect.DeepEqual(got, want) {
		t.Errorf("the original: %v\nwant %v", got, want)
	}
}

// TestMoveIsWholeOrNot: when the rows cannot be changed, the next start does it.
func TestMoveIsWholeOrNot(t *testing.T) {
	db, base := laketest.DB(t), t.TempDir()
	old, now := filepath.Join(base, "a"), filepath.Join(base, "b")
	fillWarehouse(t, laketest.Must(iceberg.New(db, old, iceberg.Config{})))
	want := look(t, laketest.Must(iceberg.New(db, old, iceberg.Config{})), old)
	must(t, os.Rename(old, now))
	exec := func(sql string) {
		_, err := db.ExecContext(t.Context(), sql)
		must(t, err)
	}
	exec("CREATE TRIGGER stop BEFORE UPDATE ON lake_table WHEN old.name = 'orders' BEGIN SELECT RAISE(ABORT, 'stop'); END")
	if _, err := iceberg.New(db, now, iceberg.Config{}); err == nil {
		t.Fatal("the rows could not be changed, and nothing says so")
	}
	exec("DROP TRIGGER stop")
	if got := look(t, laketest.Must(iceberg.New(db, now, iceberg.Config{})), now); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestFilesAreMissing: a data folder without its lake is refused, and is in order again
// when the lake is put back.
func TestFilesAreMissing(t *testing.T) {
	db, base := laketest.DB(t), t.TempDir()
	old, now := filepath.Join(base, "a"), filepath.Join(base, "b")
	fillWarehouse(t, laketest.Must(iceberg.New(db, old, iceberg.Config{})))
	must(t, os.Rename(old, filepath.Join(base, "c")))
	_, err := iceberg.New(db, now, iceberg.Config{})
	laketest.WantKind(t, err, forge.KindUnavailable)
	if err == nil || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("it does not say what to do: %v", err)
	}
	must(t, os.RemoveAll(now))
	must(t, os.Rename(filepath.Join(base, "c"), now))
	look(t, laketest.Must(iceberg.New(db, now, iceberg.Config{})), now)
}

func openDB(t *testing.T, path string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), path, make([]byte, 64))
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fillWarehouse makes tables with history, a tag, other columns and another name.
func fillWarehouse(t *testing.T, tables *iceberg.Tables) {
	ctx, s := t.Context(), laketest.Scope
	calls, orders := laketest.Name("raw.calls"), laketest.Name("raw.orders")
	for _, name := range []forge.TableName{calls, laketest.Name("raw.before")} {
		laketest.Must(tables.Create(ctx, s, name, laketest.Pairs, map[string]string{"forge.note": "stays"}))
		for i := range 3 {
			f := laketest.WritePairs(t, tables, s, name, i*10, i*10+10)
			laketest.Must(tables.Commit(ctx, s, name, lake.Change{Add: []lake.DataFile{f}, Properties: map[string]string{"offset": string(rune('1' + i))}, Tag: []string{"", "kept", ""}[i]}))
		}
	}
	must(t, tables.Catalog(s).RenameTable(ctx, table.Identifier{"raw", "before"}, table.Identifier{"raw", "orders"}))
	laketest.Must(tables.Commit(ctx, s, orders, lake.Change{AddColumns: []lake.Column{{Name: "more", Type: lake.Double}}}))
	laketest.Must(tables.Create(ctx, s, laketest.Name("raw.empty"), laketest.Pairs, nil))
}

// TestMovedGarbage: what waits to be removed is removed at its new place, and never where
// the folder was copied from.
func TestMovedGarbage(t *testing.T) {
	base := t.TempDir()
	dbs := [2]string{filepath.Join(base, "a.db"), filepath.Join(base, "b.db")}
	first := openDB(t, dbs[0])
	old, now := filepath.Join(base, "a"), filepath.Join(base, "b")
	tables := laketest.Must(iceberg.New(first, old, iceberg.Config{}))
	fillWarehouse(t, tables)
	ctx, s := t.Context(), laketest.Scope
	tab := laketest.Must(tables.Load(ctx, s, laketest.Name("raw.calls")))
	for _, g := range [][2]string{{tab.Location, "waste"}, {filepath.Join(old, "main", "demo", "raw", "dropped"), "left"}} {
		file := filepath.Join(g[0], "data", g[1])
		must(t, os.MkdirAll(filepath.Dir(file), 0o700))
		must(t, os.WriteFile(file, nil, 0o600))
		_, err := first.ExecContext(ctx, "INSERT INTO lake_garbage (tenant, project, location, file, since) VALUES ($1, $2, $3, $4, 1)", s.Tenant, s.Project, tables.URI(g[0]), tables.URI(file))
		must(t, err)
	}
	must(t, first.Close())
	must(t, os.CopyFS(now, os.DirFS(old)))
	raw, err := os.ReadFile(dbs[0])
	must(t, err)
	must(t, os.WriteFile(dbs[1], raw, 0o600))
	dup := laketest.Must(iceberg.New(openDB(t, dbs[1]), now, iceberg.Config{}))
	if n, err := dup.Collect(ctx, time.Hour, 100); n != 1 || err != nil {
		t.Errorf("%d removed, %v; want 1", n, err)
	}
	rel := laketest.Must(filepath.Rel(old, filepath.Join(tab.Location, "data", "waste")))
	if _, err := os.Stat(filepath.Join(now, rel)); err == nil {
		t.Error("the copy's waste is still there")
	}
	for _, f := range []string{rel, "main/demo/raw/dropped/data/left"} {
		if _, err := os.Stat(filepath.Join(old, f)); err != nil {
			t.Errorf("the original has lost %s", f)
		}
	}
}

// goOn commits, replaces and sweeps.
func goOn(t *testing.T, tables *iceberg.Tables) {
	ctx, s, name := t.Context(), laketest.Scope, laketest.Name("raw.calls")
	laketest.Must(tables.Commit(ctx, s, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, tables, s, name, 30, 40)}, Expect: map[string]string{"offset": "3"}}))
	if n, err := tables.Sweep(ctx, s, name, time.Hour); err != nil || n != 0 {
		t.Errorf("sweep: %d, %v", n, err)
	}
	files, _, err := tables.Files(ctx, s, name, 0)
	if err != nil || laketest.RowsOf(files) != 40 {
		t.Errorf("%d rows afterwards, %v", laketest.RowsOf(files), err)
	}
}

// look is everything that a reader sees: tables, their history and files, with paths
// below the warehouse only.
func look(t *testing.T, tables *iceberg.Tables, root string) map[string]any {
	t.Helper()
	out := map[string]any{}
	all, err := tables.List(t.Context(), laketest.Scope)
	must(t, err)
	for _, tab := range all {
		snaps, err := tables.Snapshots(t.Context(), laketest.Scope, tab.Name)
		must(t, err)
		other, err := tables.Catalog(laketest.Scope).LoadTable(t.Context(), table.Identifier{tab.Name.Namespace, tab.Name.Name})
		must(t, err)
		for _, uri := range []string{other.Location(), other.MetadataLocation()} { // as other programs see it
			if !strings.HasPrefix(uri, tables.URI(root)+"/") {
				t.Errorf("table %s is at %s, not below %s", tab.Name, uri, root)
			}
		}
		out[tab.Name.String()] = []any{tab.Rows, tab.Schema, tab.Properties, snaps}
		for _, s := range append(snaps, lake.Snapshot{}) {
			files, schema, err := tables.Files(t.Context(), laketest.Scope, tab.Name, s.ID)
			must(t, err)
			for i, f := range files {
				rel, ok := strings.CutPrefix(f.Path, root+"/")
				if _, err := os.Stat(f.Path); err != nil || !ok {
					t.Errorf("table %s: file %s: %v", tab.Name, f.Path, err)
				}
				files[i].Path = rel
			}
			out[tab.Name.String()+"@"+s.At.String()] = []any{files, schema}
		}
	}
	if len(all) != 3 {
		t.Errorf("%d tables, want 3", len(all))
	}
	return out
}
