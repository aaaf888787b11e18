package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/internal/keyset"
	"aiforge.dev/forge/internal/sqldb"
)

// one is the only file, or the first of many, that a pattern in a folder names.
func one(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: no %s (%v)", dir, pattern, err)
	}
	return found[0]
}

// sums are the digests of all files but those that the verification may make.
func sums(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	out := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lock" {
			return err
		}
		b, err := os.ReadFile(path)
		out[path] = sha256.Sum256(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// edit changes a file's bytes.
func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(b), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func verified(t *testing.T, dir string) (o output, out verdict) {
	t.Helper()
	o = command("--json", "--data", dir, "verify")
	if err := json.Unmarshal([]byte(o.out), &out); err != nil {
		t.Fatalf("exit %d, %v: %s%s", o.code, err, o.out, o.errs)
	}
	return o, out
}

// TestVerify: a folder of the first release that has been moved verifies, and nothing in
// it is changed, not even where a start would bring it up to date.
func TestVerify(t *testing.T) {
	dir, _ := unpack(t, "first.tar.gz")
	before := sums(t, dir)
	o, out := verified(t, dir)
	if o.code != cli.ExitOK || !out.OK {
		t.Errorf("exit %d: %s%s", o.code, o.out, o.errs)
	}
	saw := map[string]string{}
	for _, c := range out.Checks {
		saw[c.What] = c.State + " " + c.Text
	}
	for what, words := range map[string][]string{
		"format": {"ok", "1"}, "metadata": {"ok"}, "audit": {"ok", "unbroken"}, "predictions": {"ok"}, "uploads": {"ok"},
		"tables": {"ok", "data files"}, "models": {"ok", "1 versions"},
	} {
		says(t, what, saw[what], words...)
	}
	if strings.Contains(saw["tables"], "0 tables") || strings.Contains(saw["tables"], " 0 data files") {
		t.Error(saw["tables"])
	}
	if !maps.Equal(before, sums(t, dir)) {
		t.Error("the folder was changed")
	}
	says(t, "as text", command("--data", dir, "verify").out, "STATE", "ok", "tables")
}

// TestVerifyNamesDamage: each kind of damage is named, with its file.
func TestVerifyNamesDamage(t *testing.T) {
	const parquet = "lake/main/demo/raw/customers/data/*.parquet"
	cut := func(b []byte) []byte { return b[:len(b)-10] }
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string) (file string)
		words  []string // of one line
	}{
		"a data file removed": {func(t *testing.T, dir string) string {
			p := one(t, dir, parquet)
			_ = os.Remove(p)
			return p
		}, []string{"table raw.customers of main/demo", "not there", "restore a backup"}},
		"a data file cut": {func(t *testing.T, dir string) string {
			p := one(t, dir, parquet)
			edit(t, p, cut)
			return p
		}, []string{"table raw.customers of main/demo", "bytes, written were"}},
		"a data file whose end was never written": {func(t *testing.T, dir string) string {
			p := one(t, dir, parquet)
			edit(t, p, func(b []byte) []byte { return append(cut(b), make([]byte, 10)...) })
			return p
		}, []string{"table raw.customers of main/demo", "no Parquet file any more"}},
		"a manifest cut": {func(t *testing.T, dir string) string {
			p := one(t, dir, "lake/main/demo/raw/customers/metadata/*-m1.avro")
			edit(t, p, func(b []byte) []byte { return b[:len(b)/2] })
			return p
		}, []string{"table raw.customers of main/demo", "cannot be read"}},
		"a manifest list removed": {func(t *testing.T, dir string) string {
			p := one(t, dir, "lake/main/demo/raw/customers/metadata/snap-*.avro")
			_ = os.Remove(p)
			return p
		}, []string{"table raw.customers of main/demo", "manifest list", "not there"}},
		"a model file altered": {func(t *testing.T, dir string) string {
			p := one(t, dir, "models/main/demo/churn/*/model.onnx")
			edit(t, p, func(b []byte) []byte { b[100] ^= 1; return b })
			return filepath.Dir(p)
		}, []string{"model churn/1 of main/demo", "not the one that was registered", "model.onnx", "train the model again"}},
		"a model removed": {func(t *testing.T, dir string) string {
			p := filepath.Dir(one(t, dir, "models/main/demo/churn/*/model.onnx"))
			_ = os.RemoveAll(p)
			return p
		}, []string{"model churn/1 of main/demo", "is not there"}},
		"an audit entry edited": {func(t *testing.T, dir string) string {
			edit(t, one(t, dir, "audit/*.log"), func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"action":"`), []byte(`"action":"x`), 1)
			})
			return "entry 1"
		}, []string{"audit", "broken at entry 1", "was changed"}},
		"the audit log removed": {func(t *testing.T, dir string) string {
			_ = os.RemoveAll(filepath.Join(dir, "audit"))
			return "audit"
		}, []string{"cannot be read"}},
		"a waiting prediction damaged": {func(t *testing.T, dir string) string {
			p := filepath.Join(dir, "predictions/main/demo/0000000000000000007-x.ndjson")
			if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, []byte("{}\n{\"a\n{\"unfinished"), 0o600)); err != nil {
				t.Fatal(err)
			}
			return p
		}, []string{"row 2 is damaged"}},
		"metadata overwritten": {func(t *testing.T, dir string) string {
			edit(t, filepath.Join(dir, "meta.db"), func(b []byte) []byte {
				copy(b[8192:], bytes.Repeat([]byte("x"), 40_000))
				return b
			})
			return "meta.db"
		}, []string{"metadata", "cannot be read", "restore a backup"}},
		"an offset behind what was loaded": {func(t *testing.T, dir string) string {
			change(t, dir, "UPDATE ingest_loads SET offset_end = 1000000")
			return "customers.csv"
		}, []string{"table raw.customers of main/demo", "load", "1000000"}},
		"an upload that is too long": {func(t *testing.T, dir string) string {
			change(t, dir, "INSERT INTO ingest_uploads (tenant, project, id, name, size, created) VALUES ('main', 'demo', 'up_x', 'big.csv', 10, 1)")
			p := filepath.Join(dir, "uploads/main/demo/up_x")
			if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, make([]byte, 11), 0o600)); err != nil {
				t.Fatal(err)
			}
			return "up_x"
		}, []string{"upload up_x of main/demo", "11 bytes", "big.csv again"}},
		"the audit log emptied": {func(t *testing.T, dir string) string {
			_ = os.RemoveAll(filepath.Join(dir, "audit"))
			_ = os.Mkdir(filepath.Join(dir, "audit"), 0o700)
			return "audit"
		}, []string{"cannot be read", "empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := unpack(t, "first.tar.gz")
			file := c.damage(t, dir)
			o, out := verified(t, dir)
			if o.code != cli.ExitFailed || out.OK {
				t.Errorf("exit %d, ok %v", o.code, out.OK)
			}
			says(t, "the error", o.errs, dir, "does not verify")
			found := false
			for _, x := range out.Checks {
				line := x.State + " " + x.What + " " + x.Text
				all := x.State == "wrong" && strings.Contains(line, file)
				for _, w := range c.words {
					all = all && strings.Contains(line, w)
				}
				found = found || all
			}
			if !found {
				t.Errorf("%s is not named with %q:\n%s", file, c.words, o.out)
			}
		})
	}
}

// change runs a statement on a stopped folder's metadata.
func change(t *testing.T, dir, statement string) {
	t.Helper()
	keys, err := keyset.Open(filepath.Join(dir, "forge.key"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(dir, "meta.db"), keys.Derive("metadata", 64))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), statement)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestVerifyIsRefused: while a server works on the folder, and where there is none.
func TestVerifyIsRefused(t *testing.T) {
	dir, _ := unpack(t, "first.tar.gz")
	unlock, err := lockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args  []string
		code  int
		words []string
	}{
		{[]string{"--data", dir, "verify"}, cli.ExitUnavailable, []string{"another forge works on", "forge down"}},
		{[]string{"--data", t.TempDir(), "verify"}, cli.ExitNotFound, []string{"no data folder"}},
		{[]string{"--data", dir, "verify", "--metadata", "postgres://u:secret@db/x"}, cli.ExitInvalid, []string{"PostgreSQL"}},
	} {
		o := command(c.args...)
		if o.code != c.code || o.out != "" || strings.Contains(o.errs, "secret") {
			t.Errorf("%v: exit %d: %s%s", c.args, o.code, o.out, o.errs)
		}
		says(t, fmt.Sprint(c.args), o.errs, c.words...)
	}
	if err := errors.Join(unlock(), os.Remove(filepath.Join(dir, "forge.key"))); err != nil {
		t.Fatal(err)
	}
	if o := command("--data", dir, "verify"); o.code != cli.ExitNotFound || !strings.Contains(o.errs, "forge.key") {
		t.Errorf("without the key: exit %d %s", o.code, o.errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "forge.key")); err == nil {
		t.Error("another key was made")
	}
}
