package maintain_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
	"aiforge.dev/forge/lake/maintain"
)

func TestMain(m *testing.M) { laketest.Main(m) }

var calls = laketest.Name("raw.calls")

// yard is a lake with a keeper.
type yard struct {
	db     *sqldb.DB
	tables *iceberg.Tables
	house  *lake.House
	keeper *maintain.Keeper
}

func newYard(t *testing.T, cfg maintain.Config) *yard {
	t.Helper()
	db := laketest.DB(t)
	y := &yard{db: db, tables: laketest.TablesOn(t, db)}
	y.house = &lake.House{Tables: y.tables, Engine: laketest.Engine(t, duck.Config{MaxWorkers: 2})}
	cfg.DB, cfg.Store, cfg.Engine = db, y.tables, y.house.Engine
	y.keeper = laketest.Must(maintain.New(t.Context(), cfg))
	return y
}

// append commits n files of two rows each, as a stream does; row i has the number i.
func (y *yard) append(t *testing.T, from, n int) {
	t.Helper()
	for i := range n {
		f := laketest.WritePairs(t, y.tables, laketest.Scope, calls, from+2*i, from+2*i+2)
		laketest.Must(y.tables.Commit(t.Context(), laketest.Scope, calls, lake.Change{
			Add: []lake.DataFile{f}, Properties: map[string]string{"forge.offsets": fmt.Sprint(from + 2*i + 2)},
		}))
	}
}

// rows reads the table as a query without ORDER BY sees it.
func (y *yard) rows(t *testing.T, at lake.At) []string {
	t.Helper()
	res := laketest.Must(y.house.Query(t.Context(), laketest.Scope, lake.Query{SQL: "SELECT n, text FROM raw.calls"}, at))
	all := laketest.Must(lake.Collect(t.Context(), res))
	var out []string
	for _, r := range all.Rows {
		out = append(out, fmt.Sprint(r...))
	}
	return out
}

func (y *yard) load(t *testing.T) lake.Table {
	t.Helper()
	return laketest.Must(y.tables.Load(t.Context(), laketest.Scope, calls))
}

func look(t *testing.T, y *yard) {
	t.Helper()
	if err := y.keeper.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A stream of small files ends in few; rows, their order, older snapshots and the
// stream's offset stay as they are.
func TestStreamOfSmallFiles(t *testing.T) {
	y := newYard(t, maintain.Config{})
	laketest.Must(y.tables.Create(t.Context(), laketest.Scope, calls, laketest.Pairs, nil))
	y.append(t, 0, 7)
	look(t, y)
	if got := y.load(t); got.Files != 7 {
		t.Errorf("%d files: seven are not worth it", got.Files)
	}
	before := *y.load(t).Snapshot
	for i := range 5 {
		y.append(t, 14+i*16, 8)
		want := y.rows(t, nil)
		look(t, y)
		look(t, y)
		if got := y.rows(t, nil); !slices.Equal(got, want) {
			t.Fatalf("rows or their order changed:\n%v\n%v", got, want)
		}
	}
	got := y.load(t)
	if got.Files > 7 || got.Rows != 94 || got.Properties["forge.offsets"] != "94" {
		t.Errorf("%d files with %d rows, offset %s", got.Files, got.Rows, got.Properties["forge.offsets"])
	}
	if c := got.Schema.Columns; len(c) != 2 || c[0].ID != 1 || c[1].ID != 2 {
		t.Errorf("columns %+v", got.Schema.Columns)
	}
	if old := y.rows(t, lake.At{calls: before.ID}); len(old) != 14 {
		t.Errorf("the snapshot from before has %d rows", len(old))
	}
	last := laketest.Must(y.keeper.Last(t.Context(), laketest.Scope, calls))
	if last == nil || last.Joined < 8 || last.Made != 1 || last.Files != got.Files {
		t.Errorf("the last report is %+v", last)
	}
}

// Columns that came, went and came again between the files keep their meaning.
func TestColumnsKeepTheirIDs(t *testing.T) {
	y := newYard(t, maintain.Config{})
	ctx := t.Context()
	laketest.Must(y.tables.Create(ctx, laketest.Scope, calls, laketest.Pairs, nil))
	y.append(t, 0, 8)
	laketest.Must(y.tables.Commit(ctx, laketest.Scope, calls, lake.Change{DropColumns: []string{"text"}}))
	laketest.Must(y.tables.Commit(ctx, laketest.Scope, calls, lake.Change{AddColumns: []lake.Column{{Name: "text", Type: lake.String}}}))
	y.append(t, 16, 2)
	want := y.rows(t, nil)
	look(t, y)
	got := y.load(t)
	if rows := y.rows(t, nil); got.Files != 1 || !slices.Equal(rows, want) || !strings.HasPrefix(rows[0], "0 <nil>") || !strings.HasPrefix(rows[17], "17row") {
		t.Errorf("%d files:\n%v\n%v", got.Files, rows, want)
	}
}

// A crash at any point leaves every row once; the next look goes on.
func TestCrash(t *testing.T) {
	for _, point := range []string{"joined", "replaced"} {
		t.Run(point, func(t *testing.T) {
			crash, at := errors.New("crash"), point
			y := newYard(t, maintain.Config{Fault: func(p string) error {
				if p == at {
					return crash
				}
				return nil
			}})
			laketest.Must(y.tables.Create(t.Context(), laketest.Scope, calls, laketest.Pairs, nil))
			y.append(t, 0, 9)
			want := y.rows(t, nil)
			look(t, y) // says it in the log
			if got := y.rows(t, nil); !slices.Equal(got, want) {
				t.Errorf("rows after the crash:\n%v\n%v", got, want)
			}
			at = ""
			look(t, y)
			if got := y.rows(t, nil); !slices.Equal(got, want) || y.load(t).Files != 1 {
				t.Errorf("%d files, rows:\n%v\n%v", y.load(t).Files, got, want)
			}
		})
	}
}

// Commits go on while files are joined: none is lost and none fails. Two keepers do not
// do the same work twice.
func TestBesideCommits(t *testing.T) {
	var y *yard
	landed := 0
	y = newYard(t, maintain.Config{Fault: func(p string) error {
		if p == "joined" { // a commit between the writing and the commit of the join
			y.append(t, 1000+2*landed, 1)
			landed++
		}
		return nil
	}})
	other := laketest.Must(maintain.New(t.Context(), maintain.Config{DB: y.db, Store: y.tables, Engine: y.house.Engine}))
	laketest.Must(y.tables.Create(t.Context(), laketest.Scope, calls, laketest.Pairs, nil))
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, k := range []*maintain.Keeper{y.keeper, other} {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := k.Look(ctx); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	y.append(t, 0, 60)
	stop()
	wg.Wait()
	look(t, y)
	got := y.rows(t, nil)
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != 120+2*landed || landed == 0 {
		t.Errorf("%d rows, want %d; %d commits came between", n, 120+2*landed, landed)
	}
	files, _, err := y.tables.Contents(t.Context(), laketest.Scope, calls)
	if err != nil || laketest.RowsOf(files) != int64(120+2*landed) {
		t.Errorf("%d rows in the files, %v", laketest.RowsOf(files), err)
	}
}

// What an owner switched off, and what only another program can write, stays.
func TestLeftAlone(t *testing.T) {
	y := newYard(t, maintain.Config{})
	ctx := t.Context()
	off := lake.UpkeepOf(nil)
	off.Off = true
	props := off.Properties()
	maps.DeleteFunc(props, func(_, v string) bool { return v == "" })
	laketest.Must(y.tables.Create(ctx, laketest.Scope, calls, laketest.Pairs, props))
	y.append(t, 0, 9)
	look(t, y)
	if got := y.load(t); got.Files != 9 {
		t.Errorf("%d files of a table without upkeep", got.Files)
	}
	off.Off = false
	laketest.Must(y.tables.Commit(ctx, laketest.Scope, calls, lake.Change{Properties: off.Properties()}))
	look(t, y)
	if got := y.load(t); got.Files != 1 {
		t.Errorf("%d files after it was switched on", got.Files)
	}
}

// While another table tells new rows by the files, they stay, and the snapshot from which
// it goes on; when that table is gone, or never comes, they are joined.
func TestHeld(t *testing.T) {
	y := newYard(t, maintain.Config{})
	ctx, reader := t.Context(), laketest.Name("curated.calls")
	laketest.Must(y.tables.Create(ctx, laketest.Scope, calls, laketest.Pairs, map[string]string{"history.expire.max-snapshot-age-ms": "1", "history.expire.min-snapshots-to-keep": "1"}))
	hold := func(p map[string]string) {
		laketest.Must(y.tables.Commit(ctx, laketest.Scope, calls, lake.Change{Properties: p}))
	}
	hold(lake.Announce(reader, time.Now()))
	y.append(t, 0, 9)
	first := y.load(t).Snapshot.ID
	if look(t, y); y.load(t).Files != 9 {
		t.Errorf("%d files of an announced reader", y.load(t).Files)
	}
	laketest.Must(y.tables.Create(ctx, laketest.Scope, reader, laketest.Pairs, nil))
	hold(lake.Hold(reader, first))
	y.append(t, 18, 9)
	if look(t, y); y.load(t).Files != 18 {
		t.Errorf("%d files of a reader", y.load(t).Files)
	}
	if files, _, err := y.tables.Files(ctx, laketest.Scope, calls, first); err != nil || len(files) != 9 {
		t.Errorf("the snapshot to go on from: %v, %v", files, err)
	}
	if last := laketest.Must(y.keeper.Last(ctx, laketest.Scope, calls)); last == nil || !strings.Contains(last.Skipped, "curated.calls") {
		t.Errorf("the report %+v does not say who holds it", last)
	}
	if err := y.tables.Drop(ctx, laketest.Scope, reader); err != nil {
		t.Fatal(err)
	}
	y.append(t, 36, 1)
	if look(t, y); y.load(t).Files != 1 {
		t.Errorf("%d files after the reader was dropped", y.load(t).Files)
	}
	hold(lake.Announce(reader, time.Now().Add(-4*time.Hour)))
	y.append(t, 38, 9)
	if look(t, y); y.load(t).Files > 2 {
		t.Errorf("%d files of a reader that never came", y.load(t).Files)
	}
}

// The job does everything at once, orphans included, and says what it did.
func TestJob(t *testing.T) {
	y := newYard(t, maintain.Config{})
	ctx := t.Context()
	tab := laketest.Must(y.tables.Create(ctx, laketest.Scope, calls, laketest.Pairs, nil))
	y.append(t, 0, 3)
	lost := laketest.WritePairs(t, y.tables, laketest.Scope, calls, 90, 91) // of a crash
	old := time.Now().Add(-30 * time.Hour)
	if err := os.Chtimes(lost.Path, old, old); err != nil {
		t.Fatal(err)
	}
	want := y.rows(t, nil)
	out, err := y.keeper.Job(ctx, jobstest.NewRun(t, laketest.Scope, maintain.Args{Table: calls}))
	if err != nil {
		t.Fatal(err)
	}
	r := out.(maintain.Report)
	if r.Joined != 3 || r.Made != 1 || r.Orphans != 1 || r.Files != 1 || r.Snapshots != 4 {
		t.Errorf("%+v", r)
	}
	if got := y.rows(t, nil); !slices.Equal(got, want) {
		t.Errorf("rows\n%v\n%v", got, want)
	}
	if data, _ := filepath.Glob(filepath.Join(tab.Location, "data", "*")); len(data) != 4 {
		t.Errorf("%d data files: the joined one and three for the older snapshots", len(data))
	}
	_, err = y.keeper.Job(ctx, jobstest.NewRun(t, laketest.Scope, maintain.Args{Table: laketest.Name("raw.none")}))
	laketest.WantKind(t, err, forge.KindNotFound)
}
