package iceberg_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
)

// aged runs a test in a bubble whose time it moves by sleeping: the library takes the
// time of a snapshot from the clock.
func aged(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

// history makes a table that is replaced n times, a minute apart.
func history(t *testing.T, a *iceberg.Tables, n int, properties map[string]string) []lake.Snapshot {
	t.Helper()
	ctx, name := t.Context(), laketest.Name("raw.calls")
	laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, properties))
	var out []lake.Snapshot
	for i := range n {
		time.Sleep(time.Minute)
		f := laketest.WritePairs(t, a, laketest.Scope, name, i, i+2)
		out = append(out, laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{f}, ReplaceAll: true})))
	}
	return out
}

func ids(snaps []lake.Snapshot) (out []int64) {
	for _, s := range snaps {
		out = append(out, s.ID)
	}
	slices.Sort(out)
	return out
}

// What expires is old and not among the newest; tags stay, and what somebody reads.
func TestExpire(t *testing.T) { aged(t, expire) }

func expire(t *testing.T) {
	a, b, _, _ := open(t, iceberg.Config{})
	ctx, name := t.Context(), laketest.Name("raw.calls")
	made := history(t, a, 10, map[string]string{"history.expire.max-snapshot-age-ms": "300000", "history.expire.min-snapshots-to-keep": "2"})
	laketest.Must(b.Commit(ctx, laketest.Scope, name, lake.Change{Tag: "set:x"})) // the newest
	if n := laketest.Must(a.Expire(ctx, laketest.Scope, name)); n != 5 {
		t.Errorf("%d expired, want the 5 that are older than five minutes", n)
	}
	time.Sleep(time.Hour)
	if _, _, err := b.Files(ctx, laketest.Scope, name, made[6].ID); err != nil { // another process reads
		t.Fatal(err)
	}
	laketest.Must(a.Expire(ctx, laketest.Scope, name))
	want := ids([]lake.Snapshot{made[6], made[8], made[9]})
	if got := ids(laketest.Must(b.Snapshots(ctx, laketest.Scope, name))); !slices.Equal(got, want) {
		t.Errorf("left %v, want the one that is read and the two newest %v", got, want)
	}
	time.Sleep(4 * time.Hour)
	laketest.Must(a.Expire(ctx, laketest.Scope, name))
	if got := ids(laketest.Must(b.Snapshots(ctx, laketest.Scope, name))); !slices.Equal(got, ids(made[8:])) {
		t.Errorf("left %v after nobody read any more, want %v", got, ids(made[8:]))
	}
	laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{ReplaceAll: true}))
	laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{ReplaceAll: true}))
	time.Sleep(4 * time.Hour)
	laketest.Must(a.Expire(ctx, laketest.Scope, name))
	if got := laketest.Must(b.Snapshots(ctx, laketest.Scope, name)); len(got) != 3 || !slices.Contains(ids(got), made[9].ID) {
		t.Errorf("left %v, want the tagged one and the two newest", got)
	}
}

// A table that is committed to all the time keeps a history that is bounded and reaches
// over the whole time that it should.
func TestExpireThinsOut(t *testing.T) { aged(t, expireThinsOut) }

func expireThinsOut(t *testing.T) {
	a, _, _, _ := open(t, iceberg.Config{MaxSnapshots: 20})
	began := time.Now()
	history(t, a, 80, map[string]string{"history.expire.max-snapshot-age-ms": "9000000"}) // two and a half hours, three minutes a part
	snaps := laketest.Must(a.Snapshots(t.Context(), laketest.Scope, laketest.Name("raw.calls")))
	if len(snaps) > 20+25 {
		t.Errorf("%d snapshots", len(snaps))
	}
	if oldest := snaps[len(snaps)-1].At; oldest.Sub(began) > 4*time.Minute {
		t.Errorf("the oldest is of %s, the table of %s", oldest, began)
	}
	for i := 1; i < len(snaps); i++ {
		if gap := snaps[i-1].At.Sub(snaps[i].At); gap > 7*time.Minute {
			t.Errorf("a gap of %s at %s", gap, snaps[i].At)
		}
	}
}

// A file outlives its last snapshot by the grace, also under the eyes of a sweep.
func TestCollect(t *testing.T) { aged(t, collect) }

func collect(t *testing.T) {
	a, _, _, db := open(t, iceberg.Config{})
	ctx, name := t.Context(), laketest.Name("raw.calls")
	made := history(t, a, 6, map[string]string{"history.expire.max-snapshot-age-ms": "1", "history.expire.min-snapshots-to-keep": "1"})
	files, _, err := a.Files(ctx, laketest.Scope, name, 0)
	if err != nil {
		t.Fatal(err)
	}
	tab := laketest.Must(a.Load(ctx, laketest.Scope, name))
	all := func() int {
		data, _ := filepath.Glob(filepath.Join(tab.Location, "data", "*"))
		return len(data)
	}
	time.Sleep(30 * time.Hour)
	if n := laketest.Must(a.Expire(ctx, laketest.Scope, name)); n != len(made)-1 {
		t.Errorf("%d expired", n)
	}
	if n := laketest.Must(a.Sweep(ctx, laketest.Scope, name, time.Hour)); n != 0 || all() != 6 {
		t.Errorf("the sweep removed %d files that a query may still read; %d data files are there", n, all())
	}
	time.Sleep(time.Hour)
	if n := laketest.Must(a.Collect(ctx, 2*time.Hour, 1000)); n != 0 || all() != 6 {
		t.Errorf("%d files were removed within their grace", n)
	}
	if n := laketest.Must(a.Collect(ctx, time.Hour, 3)); n != 3 {
		t.Errorf("%d files removed, want the 3 that were asked for", n)
	}
	laketest.Must(a.Collect(ctx, time.Hour, 1000))
	if _, err := os.Stat(files[0].Path); err != nil || all() != 1 {
		t.Errorf("%d data files are left, the live one: %v", all(), err)
	}
	if n := laketest.Must(a.Waiting(ctx, laketest.Scope)); n != 0 {
		t.Errorf("%d files still wait", n)
	}
	// A note from before the data folder was moved removes nothing elsewhere.
	elsewhere := filepath.Join(t.TempDir(), "x.parquet")
	if err := os.WriteFile(elsewhere, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	laketest.Must(db.ExecContext(ctx, "INSERT INTO lake_garbage (tenant, project, location, file, since) VALUES ($1, $2, 'l', $3, 0)", laketest.Scope.Tenant, laketest.Scope.Project, "file://"+elsewhere))
	laketest.Must(a.Collect(ctx, time.Hour, 1000))
	if _, err := os.Stat(elsewhere); err != nil {
		t.Error("a file of another folder was removed")
	}
	// A table's notes go with it.
	laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{ReplaceAll: true}))
	time.Sleep(time.Hour)
	laketest.Must(a.Expire(ctx, laketest.Scope, name))
	if n := laketest.Must(a.Waiting(ctx, laketest.Scope)); n == 0 {
		t.Error("nothing waits: this test shows nothing")
	}
	if err := a.Drop(ctx, laketest.Scope, name); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM lake_garbage").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d notes of a dropped table, %v", n, err)
	}
}

// A crash on the way leaves nothing that the next run does not finish.
func TestExpireCrash(t *testing.T) { aged(t, expireCrash) }

func expireCrash(t *testing.T) {
	crash := errors.New("crash")
	var at string
	a, b, _, _ := open(t, iceberg.Config{Fault: func(point string) error {
		if point == at {
			return crash
		}
		return nil
	}})
	ctx, name := t.Context(), laketest.Name("raw.calls")
	history(t, a, 6, map[string]string{"history.expire.max-snapshot-age-ms": "1", "history.expire.min-snapshots-to-keep": "1"})
	tab := laketest.Must(a.Load(ctx, laketest.Scope, name))
	time.Sleep(time.Hour)
	at = "expiry planned"
	if _, err := a.Expire(ctx, laketest.Scope, name); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	if got := laketest.Must(b.Snapshots(ctx, laketest.Scope, name)); len(got) != 6 {
		t.Errorf("%d snapshots after the crash", len(got))
	}
	// Now the answer to the commit is lost: it landed all the same
	at, crash = "moved", errors.New("connection reset")
	if n := laketest.Must(a.Expire(ctx, laketest.Scope, name)); n != 5 {
		t.Errorf("%d expired", n)
	}
	at = "file removed"
	time.Sleep(time.Hour)
	if _, err := a.Collect(ctx, time.Minute, 1000); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	at = ""
	laketest.Must(b.Collect(ctx, time.Minute, 1000))
	data, _ := filepath.Glob(filepath.Join(tab.Location, "data", "*"))
	avro, _ := filepath.Glob(filepath.Join(tab.Location, "metadata", "*.avro"))
	if len(data) != 1 || len(avro) > 3 {
		t.Errorf("%d data files and %d of metadata are left", len(data), len(avro))
	}
	if files, _, err := b.Files(ctx, laketest.Scope, name, 0); err != nil || laketest.RowsOf(files) != 2 {
		t.Errorf("%v, %v", files, err)
	}
}

// Files change places with others of the same rows, on top of what was committed
// meanwhile; a file that is gone, or other rows, stop it.
func TestReplace(t *testing.T) {
	a, b, _, _ := open(t, iceberg.Config{})
	ctx, name := t.Context(), laketest.Name("raw.calls")
	laketest.Must(a.Create(ctx, laketest.Scope, name, laketest.Pairs, map[string]string{"offset": "7"}))
	var old []lake.DataFile
	for i := range 3 {
		old = append(old, laketest.WritePairs(t, a, laketest.Scope, name, i, i+1))
	}
	first := laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Add: old}))
	joined := laketest.WritePairs(t, a, laketest.Scope, name, 0, 3)
	// Another process commits between the writing and the commit.
	laketest.Must(b.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{laketest.WritePairs(t, b, laketest.Scope, name, 3, 5)}, Properties: map[string]string{"offset": "9"}, Expect: map[string]string{"offset": "7"}}))
	second := laketest.Must(b.Load(ctx, laketest.Scope, name)).Snapshot
	snap := laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Replace: old, Add: []lake.DataFile{joined}}))
	got := laketest.Must(b.Load(ctx, laketest.Scope, name))
	if got.Rows != 5 || got.Files != 2 || got.Properties["offset"] != "9" || snap.Operation != "replace" {
		t.Errorf("%d rows in %d files, offset %q, %s", got.Rows, got.Files, got.Properties["offset"], snap.Operation)
	}
	if snap.Content() != second.ID || snap.Content() == first.ID || first.Content() != first.ID {
		t.Errorf("the content of %d is %d, want that of %d", snap.ID, snap.Content(), second.ID)
	}
	files, _, err := a.Files(ctx, laketest.Scope, name, 0)
	if fresh, _, err2 := b.Files(ctx, laketest.Scope, name, 0); err != nil || err2 != nil || !slices.Equal(files, fresh) || len(files) != 2 {
		t.Errorf("the list from memory %v, from the files %v", files, fresh)
	}
	if was, _, err := b.Files(ctx, laketest.Scope, name, first.ID); err != nil || !slices.Equal(was, sorted(old)) {
		t.Errorf("the old snapshot has %v, %v", was, err)
	}
	// The same again: the answer was lost.
	if again := laketest.Must(a.Commit(ctx, laketest.Scope, name, lake.Change{Replace: old, Add: []lake.DataFile{joined}})); again.ID != snap.ID {
		t.Errorf("again: %d, want %d", again.ID, snap.ID)
	}
	_, err = a.Commit(ctx, laketest.Scope, name, lake.Change{Replace: old, Add: []lake.DataFile{laketest.WritePairs(t, a, laketest.Scope, name, 0, 3)}})
	laketest.WantKind(t, err, forge.KindConflict)
	_, err = a.Commit(ctx, laketest.Scope, name, lake.Change{Replace: []lake.DataFile{joined}, Add: []lake.DataFile{laketest.WritePairs(t, a, laketest.Scope, name, 0, 2)}})
	laketest.WantKind(t, err, forge.KindInternal)
	if got := laketest.Must(b.Load(ctx, laketest.Scope, name)); got.Rows != 5 || got.Snapshot.ID != snap.ID {
		t.Errorf("a refused change left %+v", got)
	}
}

func sorted(files []lake.DataFile) []lake.DataFile {
	out := slices.Clone(files)
	slices.SortFunc(out, func(a, b lake.DataFile) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	return out
}
