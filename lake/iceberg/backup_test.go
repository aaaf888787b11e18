package iceberg_test

import (
	"os"
	"path/filepath"
	"testing"

	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
)

// TestHold: while the files are held nothing of one moment goes, whatever is done to the
// tables; afterwards it does.
func TestHold(t *testing.T) {
	db, root := laketest.DB(t), filepath.Join(t.TempDir(), "lake")
	tables := laketest.Must(iceberg.New(db, root, iceberg.Config{}))
	fillWarehouse(t, tables)
	release, err := tables.Hold()
	must(t, err)
	again, err := tables.Hold() // two at once
	must(t, err)
	var files []string
	must(t, tables.Reachable(t.Context(), db, func(p string) error {
		files = append(files, p)
		return nil
	}))
	ctx, s, calls := t.Context(), laketest.Scope, laketest.Name("raw.calls")
	for range 30 { // more than the history of metadata files
		laketest.Must(tables.Commit(ctx, s, laketest.Name("raw.orders"), lake.Change{Properties: map[string]string{"offset": "x"}, Add: []lake.DataFile{}}))
	}
	dropped := laketest.Must(tables.Load(ctx, s, calls)).Location
	must(t, tables.Drop(ctx, s, calls))
	laketest.Must(tables.Create(ctx, s, calls, laketest.Pairs, nil)) // the same name at once
	fresh := laketest.Must(tables.Commit(ctx, s, calls, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, tables, s, calls, 0, 5)}}))
	again()
	for _, f := range files {
		if _, err := os.Stat(f); err != nil {
			t.Errorf("while held: %v", err)
		}
	}
	if len(files) < 15 {
		t.Errorf("%d files are named; the test needs more", len(files))
	}
	release()
	if _, err := os.Stat(dropped); err == nil {
		t.Error("the dropped table's folder is still there")
	}
	gone := 0
	for _, f := range files {
		if _, err := os.Stat(f); err != nil {
			gone++
		}
	}
	if gone == 0 || fresh.Rows != 5 {
		t.Errorf("%d files went after all; the new table has %d rows", gone, fresh.Rows)
	}
	if got, _, err := tables.Files(ctx, s, calls, 0); err != nil || laketest.RowsOf(got) != 5 {
		t.Errorf("the new table: %v, %v", got, err)
	} else if _, err := os.Stat(got[0].Path); err != nil {
		t.Errorf("the new table's file: %v", err)
	}
}
