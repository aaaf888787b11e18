package iceberg_test

import (
	"os"
	"testing"
	"time"

	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
)

// In an object store, too, files go with the last snapshot that needs them, and with
// their local copies; listing a table's files fetches none of them.
func TestExpireMirror(t *testing.T) {
	ctx, name, f, copies := t.Context(), laketest.Name("raw.calls"), newFolder(t), t.TempDir()
	a := openMirror(t, f, copies, iceberg.S3{}, nil)
	laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, map[string]string{"history.expire.max-snapshot-age-ms": "1", "history.expire.min-snapshots-to-keep": "1"}))
	var old []lake.DataFile
	for i := range 3 {
		old = append(old, laketest.WritePairs(t, a, laketest.Scope, name, i, i+1))
	}
	laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: old}))
	joined := laketest.WritePairs(t, a, laketest.Scope, name, 0, 3)
	laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Replace: old, Add: []lake.DataFile{joined}}))
	for n := 0; n == 0; { // the first snapshot is a millisecond old at some moment
		n = laketest.Must(a.Expire(ctx, laketest.Scope, name))
	}
	if _, err := os.Stat(f.at(a.URI(old[0].Path))); err != nil {
		t.Errorf("a file is gone before its time: %v", err)
	}
	if err := os.Remove(f.at(a.URI(old[1].Path))); err != nil { // by another program
		t.Fatal(err)
	}
	for laketest.Must(a.Waiting(ctx, laketest.Scope)) > 0 {
		laketest.Must(a.Collect(ctx, time.Millisecond, 1000))
	}
	for _, file := range old {
		for _, at := range []string{file.Path, f.at(a.URI(file.Path))} {
			if _, err := os.Stat(at); err == nil {
				t.Errorf("%s is still there", at)
			}
		}
	}
	if err := os.RemoveAll(copies); err != nil {
		t.Fatal(err)
	}
	a.Reopen(t)
	files, _, err := a.Contents(ctx, laketest.Scope, name)
	if err != nil || len(files) != 1 || files[0].Path != joined.Path {
		t.Fatalf("%v, %v", files, err)
	}
	if _, err := os.Stat(joined.Path); err == nil {
		t.Error("listing the files fetched them")
	}
	if err := a.Fetch(ctx, name, files); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(joined.Path); err != nil {
		t.Errorf("not fetched: %v", err)
	}
}
