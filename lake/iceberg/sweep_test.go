package iceberg_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
)

// A sweep removes what a crash left, and nothing that any snapshot needs or that a
// running write is about to commit.
func TestSweep(t *testing.T) {
	now := time.Now()
	a, _, _, _ := open(t, iceberg.Config{Now: func() time.Time { return now }})
	ctx, name := t.Context(), laketest.Name("raw.calls")
	tab := laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, nil))
	one := laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, a, laketest.Scope, name, 0, 3)}}))
	laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, a, laketest.Scope, name, 3, 4)}, ReplaceAll: true}))
	left := laketest.WritePairs(t, a, laketest.Scope, name, 9, 10) // never committed
	old := now.Add(-2 * time.Hour)
	for _, dir := range []string{"data", "metadata"} {
		files, _ := filepath.Glob(filepath.Join(tab.Location, dir, "*"))
		for _, f := range files {
			if err := os.Chtimes(f, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	fresh := laketest.WritePairs(t, a, laketest.Scope, name, 10, 11)
	_, err := a.Sweep(ctx, laketest.Scope, name, time.Minute)
	laketest.WantKind(t, err, forge.KindInvalid)
	if n, err := a.Sweep(ctx, laketest.Scope, name, time.Hour); n != 1 || err != nil {
		t.Errorf("removed %d, %v; want 1", n, err)
	}
	if _, err := os.Stat(left.Path); err == nil {
		t.Error("the file that was left is still there")
	}
	for _, s := range []int64{one.ID, 0} {
		files, _, err := a.Files(ctx, laketest.Scope, name, s)
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		if _, err := os.Stat(files[0].Path); err != nil {
			t.Errorf("a file in use is gone: %v", err)
		}
	}
	laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{fresh}}))
}
