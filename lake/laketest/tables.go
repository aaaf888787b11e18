package laketest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Scope and Other are two tenants that must never see each other.
var (
	Scope = forge.Scope{Tenant: "acme", Project: "bank"}
	Other = forge.Scope{Tenant: "rival", Project: "bank"}
)

// Calls is a schema with one column of every type.
var Calls = lake.Schema{Columns: []lake.Column{
	{Name: "id", Type: lake.Long, Doc: "the call"},
	{Name: "email", Type: lake.String, Tags: []string{"pii:email", "leakage"}},
	{Name: "ok", Type: lake.Boolean},
	{Name: "age", Type: lake.Int},
	{Name: "ratio", Type: lake.Float},
	{Name: "rate", Type: lake.Double},
	{Name: "amount", Type: lake.Decimal(12, 2)},
	{Name: "day", Type: lake.Date},
	{Name: "at", Type: lake.Time},
	{Name: "seen", Type: lake.Timestamp},
	{Name: "seen_tz", Type: lake.Timestamptz},
	{Name: "token", Type: lake.UUID},
	{Name: "raw", Type: lake.Binary},
}}

// TestTables checks what every lake.Tables must keep.
func TestTables(t *testing.T, open func(t testing.TB) lake.Tables) {
	tests := map[string]func(t *testing.T, tables lake.Tables){
		"create and load":          createAndLoad,
		"append, replace, history": history,
		"columns added":            columnsAdded,
		"columns replaced":         columnsReplaced,
		"expectations":             expectations,
		"tags stay":                tagsStay,
		"commit twice":             commitTwice,
		"eight writers":            eightWriters,
		"tenants":                  tenants,
		"drop":                     drop,
		"refusals":                 refusals,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func createAndLoad(t *testing.T, tables lake.Tables) {
	ctx, name := t.Context(), Name("raw.calls")
	made := Must(tables.Create(ctx, Scope, name, Calls, map[string]string{"owner": "ops"}))
	got := Must(tables.Load(ctx, Scope, name))
	for _, tab := range []lake.Table{made, got} {
		if len(tab.Schema.Columns) != len(Calls.Columns) || tab.Snapshot != nil || tab.Rows != 0 || tab.Created.IsZero() || tab.Properties["owner"] != "ops" {
			t.Fatalf("table = %+v", tab)
		}
		for i, c := range tab.Schema.Columns {
			want := Calls.Columns[i]
			if c.ID == 0 || c.Name != want.Name || c.Type != want.Type || c.Doc != want.Doc || !slices.Equal(c.Tags, want.Tags) {
				t.Errorf("column %d = %+v, want %+v", i, c, want)
			}
		}
	}
	if files, _, err := tables.Files(ctx, Scope, name, 0); err != nil || len(files) != 0 {
		t.Errorf("files of a new table: %v, %v", files, err)
	}
	_, err := tables.Create(ctx, Scope, name, Calls, nil)
	WantKind(t, err, forge.KindConflict)
	if list := Must(tables.List(ctx, Scope)); len(list) != 1 || list[0].Name != name {
		t.Errorf("list = %+v", list)
	}
}

func history(t *testing.T, tables lake.Tables) {
	ctx, name := t.Context(), Name("raw.calls")
	Must(tables.Create(ctx, Scope, name, Pairs, nil))
	one := Must(tables.Commit(ctx, Scope, name, lake.Change{Add: []lake.DataFile{WritePairs(t, tables, Scope, name, 0, 10)}, Summary: map[string]string{"why": "first"}}))
	two := Must(tables.Commit(ctx, Scope, name, lake.Change{Add: []lake.DataFile{WritePairs(t, tables, Scope, name, 10, 15), WritePairs(t, tables, Scope, name, 15, 17)}}))
	three := Must(tables.Commit(ctx, Scope, name, lake.Change{Add: []lake.DataFile{WritePairs(t, tables, Scope, name, 0, 3)}, ReplaceAll: true}))
	four := Must(tables.Commit(ctx, Scope, name, lake.Change{ReplaceAll: true}))
	for i, want := range []struct {
		snap  lake.Snapshot
		rows  int64
		files int
	}{{one, 10, 1}, {two, 17, 3}, {three, 3, 1}, {four, 0, 0}} {
		if want.snap.Rows != want.rows || want.snap.ID == 0 || want.snap.At.IsZero() {
			t.Errorf("snapshot %d = %+v, want %d rows", i, want.snap, want.rows)
		}
		files, schema, err := tables.Files(ctx, Scope, name, want.snap.ID)
		if err != nil || len(files) != want.files || RowsOf(files) != want.rows || len(schema.Columns) != 2 {
			t.Errorf("snapshot %d: files %v, %v", i, files, err)
		}
	}
	if one.Summary["why"] != "first" || two.Parent != one.ID || two.Added != 7 {
		t.Errorf("summary %v, parent %d of %d, added %d", one.Summary, two.Parent, one.ID, two.Added)
	}
	snaps := Must(tables.Snapshots(ctx, Scope, name))
	if len(snaps) != 4 || snaps[0].ID != four.ID || snaps[3].ID != one.ID {
		t.Errorf("snapshots = %+v", snaps)
	}
	_, _, err := tables.Files(ctx, Scope, name, 12345)
	WantKind(t, err, forge.KindNotFound)
}

func columnsAdded(t *testing.T, tables lake.Tables) {
	ctx, name := t.Context(), Name("raw.calls")
	Must(tables.Create(ctx, Scope, name, Pairs, nil))
	one := Must(tables.Commit(ctx, Scope, name, lake.Change{Add: []lake.DataFile{WritePairs(t, tables, Scope, name, 0, 2)}}))
	Must(tables.Commit(ctx, Scope, name, lake.Change{AddColumns: []lake.Column{{Name: "score", Type: lake.Double, Doc: "0 to 1", Tags: []string{"derived"}}}, Properties: map[string]string{"a": "1"}}))
	got := Must(tables.Load(ctx, Scope, name))
	c, ok := got.Schema.Column("score")
	if !ok || c.ID != 3 || c.Doc != "0 to 1" || !slices.Equal(c.Tags, []string{"derived"}) || got.Properties["a"] != "1" {
		t.Fatalf("table = %+v", got)
	}
	if got.Snapshot == nil || got.Snapshot.ID != one.ID || got.Rows != 2 {
		t.Errorf("adding a column changed the rows: %+v", got.Snapshot)
	}
	// The same again adds nothing; another type is a conflict and changes nothing.
	Must(tables.Commit(ctx, Scope, name, lake.Change{AddColumns: []lake.Column{{Name: "score", Type: lake.Double}}}))
	_, err := tables.Commit(ctx, Scope, name, lake.Change{AddColumns: []lake.Column{{Name: "score", Type: lake.Date}}, Properties: map[string]string{"a": "2"}})
	WantKind(t, err, forge.KindConflict)
	got = Must(tables.Load(ctx, Scope, name))
	if len(got.Schema.Columns) != 3 || got.Properties["a"] != "1" {
		t.Errorf("after the refusal: %+v", got)
	}
	if _, schema, _ := tables.Files(ctx, Scope, name, one.ID); len(schema.Columns) != 3 {
		t.Errorf("the current snapshot reads with %d columns, want 3", len(schema.Columns))
	}
}

func columnsReplaced(t *testing.T, tables lake.Tables) {
	ctx, name := t.Context(), Name("raw.calls")
	Must(tables.Create(ctx, Scope, name, Pairs, nil))
	one := Must(tables.Commit(ctx, Scope, name, lake.Change{Add: []lake.DataFile{WritePairs(t, tables, Scope, name, 0, 2)}}))
	// text goes, n becomes another type, more comes; the rows are replaced by none.
	ch := lake.Change{
		ReplaceAll: true, DropColumns: []string{"text", "n", "never there"}, Summary: map[string]string{"why": "types"},
		AddColumns: []lake.Column{{ID: 3, Name: "n", Type: lake.String, Tags: []string{"key"}}, {ID: 4, Name: "more", Type: lake.Double}},
	}
	for range 2 { // the second time everything is so already
		two := Must(tables.Commit(ctx, Scope, name, ch))
		if two.Rows != 0 {
			t.Errorf("rows = %d", two.Rows)
		}
		got := Must(tables.Load(ctx, Scope, name))
		if n, _ := got.Schema.Column("n"); len(got.Schema.Columns) != 2 || n.ID != 3 || n.Type != lake.String || !slices.Equal(n.Tags, []string{"key"}) || got.LastColumn != 4 {
			t.Errorf("table = %+v", got)
		}
	}
	files, schema, err := tables.Files(ctx, Scope, name, one.ID)
	if n, _ := schema.Column("n"); err != nil || RowsOf(files) != 2 || len(schema.Columns) != 2 || n.ID != 1 || n.Type != lake.Long {
		t.Errorf("the older snapshot reads as %+v, %v", schema, err)
	}
	// An id that is not free means that someone else was first.
	for _, id := range []int{4, 6} {
		_, err = tables.Commit(ctx, Scope, name, lake.Change{AddColumns: []lake.Column{{ID: id, Name: "late", Type: lake.Int}}})
		WantKind(t, err, forge.KindConflict)
	}
	// Without its column a file is not the table's.
	_, err = tables.Commit(ctx, Scope, name, lake.Change{DropColumns: []string{"n", "more"}})
	WantKind(t, err, forge.KindInvalid)
	stale := writeOne(t, tables, name)
	_, err = tables.Commit(ctx, Scope, name, lake.Change{Add: []lake.DataFile{stale}, DropColumns: []string{"more"}})
	WantKind(t, err, forge.KindInvalid)
	if got := Must(tables.Load(ctx, Scope, name)); len(got.Schema.Columns) != 2 {
		t.Errorf("a refused change left %+v", got.Schema)
	}
}

// writeOne writes a row of NULLs as a data file of the table as it is now.
func writeOne(t *testing.T, tables lake.Tables, name forge.TableName) lake.DataFile {
	schema := Must(Must(tables.Load(t.Context(), Scope, name)).Schema.Arrow())
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range schema.Fields() {
		b.Field(i).AppendNull()
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	w := Must(tables.NewWriter(t.Context(), Scope, name))
	if err := w.Write(batch); err != nil {
		t.Fatal(err)
	}
	return Must(w.Close())
}

func expectations(t *testing.T, tables lake.Tables) {
	ctx, name := t.Context(), Name("raw.calls")
	Must(tables.Create(ctx, Scope, name, Pairs, nil))
	move := func(from, to string) error {
		_, err := tables.Commit(ctx, Scope, name, lake.Change{
			Add:        []lake.DataFile{WritePairs(t, tables, Scope, name, 0, 1)},
			Properties: map[string]string{"offset": to}, Expect: map[string]string{"offset": from},
		})
		return err
	}
	if err := errors.Join(move("", "5"), move("5", "9")); err != nil {
		t.Fatal(err)
	}
	WantKind(t, move("5", "10"), forge.KindConflict)
	WantKind(t, move("", "10"), forge.KindConflict)
	if got := Must(tables.Load(ctx, Scope, name)); got.Rows != 2 || got.Properties["offset"] != "9" {
		t.Errorf("rows %d, offset %q: want 2 and 9", got.Rows, got.Properties["offset"])
	}
	if err := move("9", ""); err != nil { // "" removes
		t.Fatal(err)
	}
	if err := move("", "1"); err != nil {
		t.Fatal(err)
	}
}

func tagsStay(t *testing.T, tables lake.Tables) {
	ctx, name := t.Context(), Name("kept.calls")
	Must(tables.Create(ctx, Scope, name, Pairs, nil))
	one := Must(tables.Commit(ctx, Scope, name, lake.Change{Add: []lake.DataFile{WritePairs(t, tables, Scope, name, 0, 4)}, Tag: "v1"}))
	if !slices.Equal(one.Tags, []string{"v1"}) {
		t.Errorf("tags = %v", one.Tags)
	}
	_, err := tables.Commit(ctx, Scope, name, lake.Change{Add: []lake.DataFile{WritePairs(t, tables, Scope, name, 4, 5)}, Tag: "v1"})
	WantKind(t, err, forge.KindConflict)
	if got := Must(tables.Load(ctx, Scope, name)); got.Rows != 4 {
		t.Errorf("rows after the refusal = %d, want 4", got.Rows)
	}
	for _, bad := range []string{"main", "a b", "../x", "é"} {
		_, err := tables.Commit(ctx, Scope, name, lake.Change{ReplaceAll: true, Tag: bad})
		WantKind(t, err, forge.KindInvalid)
	}
	two := Must(tables.Commit(ctx, Scope, name, lake.Change{Tag: "v2"})) // marks what is there
	if two.ID != one.ID || !slices.Equal(two.Tags, []string{"v1", "v2"}) {
		t.Errorf("second tag: %+v", two)
	}
	empty := Name("kept.empty")
	Must(tables.Create(ctx, Scope, empty, Pairs, nil))
	if s := Must(tables.Commit(ctx, Scope, empty, lake.Change{Tag: "v1"})); s.ID == 0 || s.Rows != 0 {
		t.Errorf("tag on an empty table: %+v", s)
	}
}

func commitTwice(t *testing.T, tables lake.Tables) {
	ctx, name := t.Context(), Name("raw.calls")
	Must(tables.Create(ctx, Scope, name, Pairs, nil))
	ch := lake.Change{Add: []lake.DataFile{WritePairs(t, tables, Scope, name, 0, 4)}}
	one := Must(tables.Commit(ctx, Scope, name, ch))
	Must(tables.Commit(ctx, Scope, name, lake.Change{Add: []lake.DataFile{WritePairs(t, tables, Scope, name, 4, 6)}}))
	if again := Must(tables.Commit(ctx, Scope, name, ch)); again.ID != one.ID {
		t.Errorf("the same files again made snapshot %d, want the old %d", again.ID, one.ID)
	}
	if got := Must(tables.Load(ctx, Scope, name)); got.Rows != 6 {
		t.Errorf("rows = %d, want 6", got.Rows)
	}
	mixed := lake.Change{Add: append(ch.Add, WritePairs(t, tables, Scope, name, 6, 7))}
	_, err := tables.Commit(ctx, Scope, name, mixed)
	WantKind(t, err, forge.KindInvalid)
}

func eightWriters(t *testing.T, tables lake.Tables) {
	const writers, each = 8, 6
	ctx, name := t.Context(), Name("raw.calls")
	Must(tables.Create(ctx, Scope, name, Pairs, nil))
	errs := make(chan error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				f := WritePairs(t, tables, Scope, name, w*1000+i, w*1000+i+1)
				if _, err := tables.Commit(ctx, Scope, name, lake.Change{Add: []lake.DataFile{f}, Properties: map[string]string{fmt.Sprint("w", w): fmt.Sprint(i)}}); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
	got := Must(tables.Load(ctx, Scope, name))
	files, _, err := tables.Files(ctx, Scope, name, 0)
	if err != nil || got.Rows != writers*each || RowsOf(files) != writers*each || len(files) != writers*each {
		t.Errorf("%d rows, %d files with %d rows, %v; want %d of each", got.Rows, len(files), RowsOf(files), err, writers*each)
	}
	if snaps := Must(tables.Snapshots(ctx, Scope, name)); len(snaps) != writers*each {
		t.Errorf("%d snapshots, want %d", len(snaps), writers*each)
	}
}

func tenants(t *testing.T, tables lake.Tables) {
	ctx, name := t.Context(), Name("raw.calls")
	Must(tables.Create(ctx, Scope, name, Pairs, nil))
	Must(tables.Commit(ctx, Scope, name, lake.Change{Add: []lake.DataFile{WritePairs(t, tables, Scope, name, 0, 4)}}))
	_, err := tables.Load(ctx, Other, name)
	WantKind(t, err, forge.KindNotFound)
	_, _, err = tables.Files(ctx, Other, name, 0)
	WantKind(t, err, forge.KindNotFound)
	WantKind(t, tables.Drop(ctx, Other, name), forge.KindNotFound)
	_, err = tables.NewWriter(ctx, Other, name)
	WantKind(t, err, forge.KindNotFound)
	if list := Must(tables.List(ctx, Other)); len(list) != 0 {
		t.Errorf("the other tenant sees %v", list)
	}
	Must(tables.Create(ctx, Other, name, Pairs, nil))
	files, _, _ := tables.Files(ctx, Scope, name, 0)
	_, err = tables.Commit(ctx, Other, name, lake.Change{Add: files}) // a file of another tenant
	WantKind(t, err, forge.KindInvalid)
	for _, s := range []forge.Scope{{}, {Tenant: "acme"}, {Tenant: "..", Project: "bank"}, {Tenant: "acme/../rival", Project: "bank"}} {
		_, err := tables.Load(ctx, s, name)
		WantKind(t, err, forge.KindDenied)
		_, err = tables.Create(ctx, s, Name("raw.x"), Pairs, nil)
		WantKind(t, err, forge.KindDenied)
	}
}

func drop(t *testing.T, tables lake.Tables) {
	ctx, name := t.Context(), Name("raw.calls")
	Must(tables.Create(ctx, Scope, name, Pairs, nil))
	Must(tables.Commit(ctx, Scope, name, lake.Change{Add: []lake.DataFile{WritePairs(t, tables, Scope, name, 0, 4)}}))
	if err := tables.Drop(ctx, Scope, name); err != nil {
		t.Fatal(err)
	}
	_, err := tables.Load(ctx, Scope, name)
	WantKind(t, err, forge.KindNotFound)
	WantKind(t, tables.Drop(ctx, Scope, name), forge.KindNotFound)
	if tab := Must(tables.Create(ctx, Scope, name, Calls, nil)); tab.Rows != 0 || len(tab.Schema.Columns) != len(Calls.Columns) {
		t.Errorf("made again: %+v", tab)
	}
}

func refusals(t *testing.T, tables lake.Tables) {
	ctx := t.Context()
	for _, s := range []lake.Schema{
		{},
		{Columns: []lake.Column{{Name: "", Type: lake.Int}}},
		{Columns: []lake.Column{{Name: "a", Type: lake.Int}, {Name: "A", Type: lake.Int}}},
		{Columns: []lake.Column{{Name: "a", Type: "varchar"}}},
		{Columns: []lake.Column{{Name: "a", Type: "decimal(40,2)"}}},
		{Columns: []lake.Column{{Name: "a", Type: lake.Int, Tags: []string{"a,b"}}}},
	} {
		_, err := tables.Create(ctx, Scope, Name("raw.bad"), s, nil)
		WantKind(t, err, forge.KindInvalid)
	}
	if list := Must(tables.List(ctx, Scope)); len(list) != 0 {
		t.Errorf("refused tables are there: %v", list)
	}
	for _, n := range []forge.TableName{{}, {Namespace: "raw"}, {Namespace: "..", Name: "x"}, {Namespace: "raw", Name: "a/b"}, {Namespace: lake.ViewSchema, Name: "x"}} {
		_, err := tables.Create(ctx, Scope, n, Pairs, nil)
		WantKind(t, err, forge.KindInvalid)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := tables.Load(gone, Scope, Name("raw.x")); err == nil {
		t.Error("a cancelled Load succeeded")
	}
}
