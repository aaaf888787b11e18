package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/internal/keyset"
	"aiforge.dev/forge/internal/sqldb"
)

// content is the rows of a table and a hash of them, whatever their order.
const content = "select count(*) || ' ' || md5(string_agg(t::varchar, '|' order by t::varchar)) from %s t"

func (f *forged) content(t *testing.T, table string) string {
	t.Helper()
	return fmt.Sprint(f.rows(t, fmt.Sprintf(content, table))[0][0])
}

// found is what deploy/fixtures/folder.sh saw in the folder that it made.
type found struct {
	Content        map[string]string
	PredictKey     string `json:"predict_key"`
	Entity, Fields answers
	Online         any
	Model          any
}

type answers struct {
	Model       string
	Version     int
	Predictions []struct {
		Label string
		Score float64
	}
}

// unpack puts the data folder of an earlier version at a place of its own, as somebody
// would who moves it to another machine.
func unpack(t *testing.T, archive string) (dir string, was found) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "deploy", "fixtures", archive))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "moved to")
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err == nil && h.FileInfo().IsDir() {
			err = os.MkdirAll(filepath.Join(dir, h.Name), 0o700)
		} else if err == nil {
			var b []byte
			if b, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(filepath.Join(dir, h.Name), b, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "found.json"))
	if err == nil {
		err = json.Unmarshal(b, &was)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, was
}

// TestUpgrade: the data folder of the first release opens with this program, at another
// place, with everything in it, and goes on.
func TestUpgrade(t *testing.T) {
	dir, was := unpack(t, "first.tar.gz")
	f := freshWith(t, embedded(dir))
	for table, want := range was.Content {
		if got := f.content(t, table); got != want {
			t.Errorf("%s: %s, want %s", table, got, want)
		}
	}
	var verdict struct{ OK bool }
	f.must(t, &verdict, "audit", "verify")
	if !verdict.OK {
		t.Error("the audit chain is broken")
	}
	var online, model any
	f.must(t, &online, "features", "get", "profile", "-e", "customer=7")
	f.must(t, &model, "models", "churn")
	if !reflect.DeepEqual(online, was.Online) || !reflect.DeepEqual(model, was.Model) {
		t.Errorf("online %v\nwant %v\nmodel %v\nwant %v", online, was.Online, model, was.Model)
	}
	for _, c := range []struct {
		want answers
		args []string
	}{{was.Entity, []string{"-e", "customer=7"}}, {was.Fields, []string{"-r", `{"months": 3, "plan": "basic", "tickets": 5}`}}} {
		var got answers
		f.must(t, &got, append([]string{"predict", "churn"}, c.args...)...)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("predict %v: %+v, want %+v", c.args, got, c.want)
		}
	}
	signsIn(t, f)
	if a := f.ask(was.PredictKey, "POST", "/v1/predict/churn", map[string]any{"entities": []any{map[string]any{"customer": "7"}}}); a.status != 200 {
		t.Errorf("the old key: %d %s", a.status, a.body)
	}
	if n := f.number(t, "select count(*) from monitoring.predictions"); n < 20 {
		t.Errorf("%d logged predictions are left, want more than 20", n)
	}
	f.goesOn(t)
}

// signsIn checks the account that the fixture has made.
func signsIn(t *testing.T, f *forged) {
	t.Helper()
	login := map[string]any{"email": "ann@example.org", "password": "fixture password 1"}
	if a := f.ask("", "POST", "/api/auth/login", login); a.status != 200 {
		t.Errorf("Ann signs in: %d %s", a.status, a.body)
	}
	login["password"] = "another"
	if a := f.ask("", "POST", "/api/auth/login", login); a.status == 200 {
		t.Error("Ann signs in with a wrong password")
	}
}

// goesOn takes a row in and has the old model score a table.
func (f *forged) goesOn(t *testing.T) {
	t.Helper()
	more := filepath.Join(t.TempDir(), "more.csv")
	text := "customer,seen,months,plan,tickets,email,churned\n9001,2026-07-01 10:00:00,3,basic,5,x@example.org,yes\n"
	if err := os.WriteFile(more, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f.must(t, nil, "ingest", more, "--table", "raw.customers")
	if n := f.number(t, "select count(*) from raw.customers"); n != 399 {
		t.Errorf("%d rows after one more", n)
	}
	f.must(t, nil, "batch-score", "churn@champion", "--in", "training.churn", "--out", "scored.churn")
	if n := f.number(t, "select count(*) from scored.churn"); n != 398 {
		t.Errorf("%d rows are scored", n)
	}
}

// TestOlderProgramRefuses: a folder, or a metadata store, that a newer program has worked
// on is left alone, and the refusal names both versions and the way out.
func TestOlderProgramRefuses(t *testing.T) {
	newer := func(t *testing.T) (dir string, db *sqldb.DB) {
		dir = t.TempDir()
		keys, err := keyset.Open(filepath.Join(dir, "forge.key"))
		if err == nil {
			db, err = sqldb.Open(t.Context(), "sqlite:"+filepath.Join(dir, "meta.db"), keys.Derive("metadata", 64))
		}
		if err != nil {
			t.Fatal(err)
		}
		return dir, db
	}
	for name, make := range map[string]func(t *testing.T) string{
		"folder": func(t *testing.T) string {
			dir := t.TempDir()
			if err := writeFormat(dir, format{dataFormat + 1, "9.1"}); err != nil {
				t.Fatal(err)
			}
			return dir
		},
		"store": func(t *testing.T) string {
			dir, db := newer(t)
			if err := errors.Join(db.Claim(t.Context(), dataFormat+1, "9.1"), db.Close()); err != nil {
				t.Fatal(err)
			}
			return dir
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := make(t)
			before := names(t, dir)
			app, err := Open(t.Context(), embedded(dir), slog.New(slog.DiscardHandler))
			if err == nil {
				_ = app.Close()
				t.Fatal("it was opened")
			}
			if cli.ExitCode(err) != cli.ExitUnavailable {
				t.Errorf("exit code %d", cli.ExitCode(err))
			}
			for _, word := range []string{"written by forge 9.1", "this is forge " + version, fmt.Sprintf("formats up to %d", dataFormat), "forge restore"} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q is not in %q", word, err)
				}
			}
			if name == "folder" && !reflect.DeepEqual(names(t, dir), append(before, "lock")) {
				t.Errorf("the folder was changed: %v, before %v", names(t, dir), before)
			}
		})
	}
	if err := claimFolder(t.TempDir(), dataFormat, version); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
	broken := t.TempDir()
	_ = os.WriteFile(filepath.Join(broken, formatFile), []byte("?"), 0o600)
	if err := claimFolder(broken, dataFormat, version); forge.KindOf(err) != forge.KindUnavailable {
		t.Errorf("a damaged format file: %v", err)
	}
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}
