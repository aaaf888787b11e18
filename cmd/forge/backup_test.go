package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/internal/archive"
	"filippo.io/age"
	"golang.org/x/sync/errgroup"
)

// pair is a key pair of age and its identity file.
func pair(t *testing.T) (recipient, file string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id.Recipient().String(), write(t, "identity", []byte(id.String()+"\n"))
}

// TestBackupWhileWriting: files come in, tables are made anew and dropped, models answer,
// while a backup is made; what is restored from it elsewhere is one moment of all that.
func TestBackupWhileWriting(t *testing.T) {
	dir, was := unpack(t, "first.tar.gz")
	f := freshWith(t, embedded(dir))
	recipient, identity := pair(t)
	var before struct{ Entries int64 }
	f.must(t, &before, "audit", "verify")
	file := filepath.Join(t.TempDir(), "now.backup")

	w := writers{f: f, dir: t.TempDir(), key: was.PredictKey}
	stop := w.start(t)
	eventually(t, "all are writing", 60e9, func() bool { return w.loaded.Load() >= 2 && w.asked.Load() >= 5 })
	loaded, asked := w.loaded.Load(), w.asked.Load()
	f.must(t, nil, "backup", file, "--recipient", recipient)
	after := w.loaded.Load()
	stop()

	there := filepath.Join(t.TempDir(), "there")
	if o := command("--data", there, "restore", file, "--identity", identity); o.code != cli.ExitOK {
		t.Fatalf("restore: exit %d %s%s", o.code, o.out, o.errs)
	}
	if o := command("--data", there, "verify"); o.code != cli.ExitOK {
		t.Errorf("verify: exit %d %s%s", o.code, o.out, o.errs)
	}
	r := freshWith(t, embedded(there))
	w.checkLoads(t, r, loaded, after)
	for table, want := range was.Content {
		if table == "raw.customers" || table == "raw.customers__rejects" {
			continue // these were written to
		}
		if got := r.content(t, table); got != want {
			t.Errorf("%s: %s, want %s", table, got, want)
		}
	}
	// 21 or more from before; every answer before the backup is logged, none twice.
	r.must(t, nil, "drift", "churn")
	rows, ids := r.number(t, "select count(*) from monitoring.predictions"), r.number(t, "select count(distinct prediction_id) from monitoring.predictions")
	if rows != ids || rows < 20+asked || rows > 30+w.asked.Load() {
		t.Errorf("%d logged predictions with %d ids; %d were asked before the backup, %d in all", rows, ids, asked, w.asked.Load())
	}
	var whole struct {
		OK      bool
		Entries int64
	}
	r.must(t, &whole, "audit", "verify")
	if !whole.OK || whole.Entries < before.Entries {
		t.Errorf("audit: %+v, before %d", whole, before.Entries)
	}
	signsIn(t, r)
	var online any
	r.must(t, &online, "features", "get", "profile", "-e", "customer=7")
	if fmt.Sprint(online) != fmt.Sprint(was.Online) {
		t.Errorf("online %v, want %v", online, was.Online)
	}
	if a := r.ask(was.PredictKey, "POST", "/v1/predict/churn", map[string]any{"entities": []any{map[string]any{"customer": "7"}}}); a.status != 200 {
		t.Errorf("the key: %d %s", a.status, a.body)
	}
	// And it goes on, with files of its own.
	more := writers{f: r, dir: w.dir, key: was.PredictKey}
	if err := more.load(after + 1000); err != nil {
		t.Error(err)
	}
}

// writers do to a forge what users do.
type writers struct {
	f             *forged
	dir, key      string
	loaded, asked atomic.Int64
}

const rowsPerLoad = 50

// load takes file i in: its rows are known by their customer's number.
func (w *writers) load(i int64) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, "customer,seen,months,plan,tickets,email,churned")
	for k := range int64(rowsPerLoad) {
		fmt.Fprintf(&b, "%d,2026-07-01 10:00:00,%d,basic,1,x%d@example.org,no\n", 10_000+i*rowsPerLoad+k, k, k)
	}
	p := filepath.Join(w.dir, fmt.Sprintf("more-%d.csv", i))
	if err := os.WriteFile(p, b.Bytes(), 0o600); err != nil {
		return err
	}
	return w.f.do(nil, "ingest", p, "--table", "raw.customers")
}

func (w *writers) start(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var g errgroup.Group
	until := func(do func(i int64) error) {
		g.Go(func() error {
			for i := int64(0); ctx.Err() == nil; i++ {
				if err := do(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	until(func(i int64) error {
		err := w.load(i)
		w.loaded.Add(1)
		return err
	})
	until(func(int64) error {
		a := w.f.ask(w.key, "POST", "/v1/predict/churn", map[string]any{"entities": []any{map[string]any{"customer": "7"}}})
		w.asked.Add(1)
		if a.status != 200 {
			return errors.Join(a.err, fmt.Errorf("predict: %d %s", a.status, a.body))
		}
		return nil
	})
	until(func(i int64) error { // a table that comes and goes
		if i%2 == 0 {
			return w.f.do(nil, "batch-score", "churn@champion", "--in", "training.churn", "--out", "scored.passing")
		}
		return w.f.do(nil, "drop", "scored.passing", "--yes")
	})
	return func() {
		cancel()
		if err := g.Wait(); err != nil {
			t.Error("while the backup was made:", err)
		}
	}
}

// checkLoads: every file that had been taken when the backup began is there, no row is
// there twice, and of the one that was on its way there is all after its load is over.
func (w *writers) checkLoads(t *testing.T, r *forged, before, after int64) {
	t.Helper()
	per := "select (customer - 10000) // %d as part, count(*) n, count(distinct customer) d from raw.customers where customer >= 10000 group by 1 order by 1"
	eventually(t, "loads that were on their way are whole", 60e9, func() bool {
		rows := r.rows(t, fmt.Sprintf(per, rowsPerLoad))
		for _, row := range rows {
			if row[1].(float64) != rowsPerLoad {
				return false
			}
		}
		return int64(len(rows)) >= before
	})
	for i, row := range r.rows(t, fmt.Sprintf(per, rowsPerLoad)) {
		if int64(row[0].(float64)) != int64(i) || row[1] != row[2] {
			t.Errorf("load %d: %v", i, row)
		}
		if int64(i) > after {
			t.Errorf("load %d began after the backup had ended", i)
		}
	}
}

// TestBackupIsRefused: to whom it is not due, without something that opens it, and where
// it would be half a one.
func TestBackupIsRefused(t *testing.T) {
	f := fresh(t)
	neighbour := f.neighbour(t, "next")
	good, _ := pair(t)
	ask := map[string]any{"recipients": []string{good}}
	f.ask(f.key(t, forge.RoleEditor), "POST", "/api/backup", ask).problem(t, "an editor", 403, forge.KindDenied, "admin")
	f.ask(neighbour, "POST", "/api/backup", ask).problem(t, "an owner of another project", 403, forge.KindDenied, "every project", "main/demo")
	f.ask(f.owner(t), "POST", "/api/backup", "{").problem(t, "no JSON", 422, forge.KindInvalid, "passphrase")
	f.ask(f.owner(t), "POST", "/api/backup", map[string]any{}).problem(t, "no key", 422, forge.KindInvalid, "always encrypted", "--passphrase-file")
	f.refused(t, cli.ExitInvalid, []string{"at least 12"}, "backup", t.TempDir(), "--passphrase-file", write(t, "pass", []byte("short\n")))
	f.refused(t, cli.ExitNotFound, []string{"passphrase file"}, "backup", t.TempDir(), "--passphrase-file", "/nosuch")
	taken := write(t, "taken", []byte("x"))
	f.refused(t, cli.ExitFailed, []string{"exists already"}, "backup", taken, "--recipient", good)
	if b, _ := os.ReadFile(taken); string(b) != "x" {
		t.Error("a file was written over")
	}
	into := t.TempDir()
	f.must(t, nil, "backup", into, "--recipient", good)
	if got := names(t, into); len(got) != 1 || !strings.HasPrefix(got[0], "forge-2") || !strings.HasSuffix(got[0], ".backup") {
		t.Errorf("in the folder: %v", got)
	}
	if left := names(t, filepath.Join(f.data, "tmp")); strings.Contains(fmt.Sprint(left), "backup") {
		t.Errorf("left in tmp: %v", left)
	}
	var list struct {
		Entries []struct{ Action, Outcome string }
	}
	f.get(t, &list, "GET", "/api/audit?limit=1000", nil)
	seen := map[string]int{}
	for _, e := range list.Entries {
		if e.Action == "backup" {
			seen[e.Outcome]++
		}
	}
	if seen["ok"] != 1 || seen["denied"] != 1 || seen["failed"] < 3 { // the neighbour's is in its own project's list
		t.Errorf("audited: %v", seen)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Metadata = "postgres://u:secret@db/x" }, func(c *Config) { c.Log = "kafka://k:9092" },
		func(c *Config) { c.Warehouse = "s3://b/x" }, func(c *Config) { c.Online = "redis://r:6379" },
	} {
		c := embedded(t.TempDir())
		change(&c)
		err := c.allEmbedded()
		if forge.KindOf(err) != forge.KindConflict || !strings.Contains(err.Error(), "docs/operations.md") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}

// TestRestoreIsWholeOrNothing: a damaged backup, a wrong key, a newer format or a folder
// in use leave nothing behind, and what was cut off is not started.
func TestRestoreIsWholeOrNothing(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	_, other := pair(t)
	identity := write(t, "id", []byte(id.String()))
	make := func(format int) []byte {
		src := write(t, "x", []byte("content"))
		var b bytes.Buffer
		err := archive.Write(&b, archive.Head{Format: format, Forge: "9.1"}, []archive.File{{Name: "lake/x", Path: src, Size: 7}, {Name: "forge.key", Path: src, Size: 7}}, id.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good := make(dataFormat)
	for name, c := range map[string]struct {
		raw      []byte
		identity string
		code     int
		words    []string
	}{
		"cut":       {good[:len(good)-20], identity, cli.ExitInvalid, []string{"damaged", "another copy"}},
		"altered":   {append(bytes.Clone(good[:len(good)-5]), "12345"...), identity, cli.ExitInvalid, []string{"damaged"}},
		"wrong key": {good, other, cli.ExitDenied, []string{"cannot be opened"}},
		"newer":     {make(dataFormat + 1), identity, cli.ExitUnavailable, []string{"written by forge 9.1", "this is forge " + version}},
		"no backup": {[]byte("hello"), identity, cli.ExitInvalid, []string{"no backup"}},
	} {
		dir := t.TempDir()
		o := command("--data", dir, "restore", write(t, "b", c.raw), "--identity", c.identity)
		if o.code != c.code {
			t.Errorf("%s: exit %d, want %d: %s", name, o.code, c.code, o.errs)
		}
		says(t, name, o.errs, c.words...)
		if got := names(t, dir); len(got) != 0 {
			t.Errorf("%s: left %v", name, got)
		}
	}
	dir, file := t.TempDir(), write(t, "b", good)
	if o := command("--data", dir, "restore", file); o.code != cli.ExitInvalid {
		t.Errorf("without a key: exit %d %s", o.code, o.errs)
	}
	if o := command("--data", dir, "restore", file, "--identity", identity); o.code != cli.ExitOK || len(names(t, dir)) != 2 {
		t.Errorf("exit %d %s, %v", o.code, o.errs, names(t, dir))
	}
	o := command("--data", dir, "restore", file, "--identity", identity)
	if o.code != cli.ExitFailed {
		t.Errorf("into a folder that is not empty: exit %d", o.code)
	}
	says(t, "not empty", o.errs, "not empty", "--data")
	half := t.TempDir()
	if err := os.Mkdir(filepath.Join(half, restoring), 0o700); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"start": claimFolder(half, dataFormat, version), "restore": emptyFolder(half)} {
		if err == nil || !strings.Contains(err.Error(), "interrupted") {
			t.Errorf("%s after a cut-off restore: %v", what, err)
		}
	}
}
