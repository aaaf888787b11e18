package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"aiforge.dev/forge"
	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/training"
)

// What people do wrong, on the running forge. After each: nothing half-done stays.

func (f *forged) noTable(t *testing.T, name string) {
	t.Helper()
	a := f.ask(f.owner(t), "GET", "/api/tables/"+name, nil)
	a.problem(t, "the table of a refused file", 404, forge.KindNotFound, name)
	a = f.ask(f.owner(t), "GET", "/api/tables/"+name+"__rejects", nil)
	a.problem(t, "its rejects table", 404, forge.KindNotFound, name)
}

// uploads lists what lies in the uploads folder.
func (f *forged) uploads(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(f.app.cfg.path("uploads"), func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, p)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return out
}

func TestFilesThatAreNoCSV(t *testing.T) {
	f := shared(t)
	for name, c := range map[string]struct {
		content []byte
		words   []string
	}{
		"picture.csv": {append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{0, 7, 200}, 300)...), []string{"picture.csv", "not a CSV", "PNG"}},
		"archive.csv": {append([]byte("PK\x03\x04"), bytes.Repeat([]byte{0, 7, 200}, 300)...), []string{"archive.csv", "ZIP", "unpack"}},
		"empty.csv":   {nil, []string{"empty.csv", "empty"}},
		"blank.csv":   {[]byte("\n \n\n"), []string{"blank.csv", "nothing to take in"}},
		"noise.csv":   {bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 14, 15}, 500), []string{"noise.csv", "binary"}},
	} {
		f.refused(t, cli.ExitInvalid, c.words, "ingest", write(t, name, c.content), "--table", "bad.no_csv")
		f.noTable(t, "bad.no_csv")
	}
	f.refused(t, cli.ExitNotFound, []string{"nowhere.csv"}, "ingest", "/nowhere.csv", "--table", "bad.no_csv")
	f.refused(t, cli.ExitInvalid, []string{"not a file"}, "ingest", t.TempDir(), "--table", "bad.no_csv")
	f.refused(t, cli.ExitInvalid, []string{"Bad Name", "NAMESPACE.NAME"}, "ingest", write(t, "ok.csv", []byte("a,b\n1,2\n")), "--table", "Bad Name")
	f.refused(t, cli.ExitInvalid, []string{`"nosuch"`, "a, b"}, "ingest", write(t, "ok.csv", []byte("a,b\n1,2\n")), "--table", "bad.no_csv", "--types", "nosuch=long")
	f.noTable(t, "bad.no_csv")
}

// TestHeaderOnly: a file may have no rows today; its table has its columns.
func TestHeaderOnly(t *testing.T) {
	f := shared(t)
	var load ingest.Load
	f.must(t, &load, "ingest", write(t, "header.csv", []byte("call_id,age\n")), "--table", "bad.header_only")
	if load.Rows != 0 || load.Rejected != 0 {
		t.Errorf("%d rows and %d rejects out of nothing", load.Rows, load.Rejected)
	}
	if rows := f.rows(t, "select call_id, age from bad.header_only"); len(rows) != 0 {
		t.Errorf("the table has %v", rows)
	}
}

func TestRaggedRowsAreRejects(t *testing.T) {
	f := shared(t)
	var load ingest.Load
	f.must(t, &load, "ingest", write(t, "ragged.csv", []byte("id,name,amount\n1,ann,2.5\n2,bob\n3,cy,1.5,extra\n4,dee,3.5\n5,\"e\nf\",4.5\n")), "--table", "bad.ragged")
	if load.Rows != 3 || load.Rejected != 2 {
		t.Errorf("%d rows, %d rejects; want 3 and 2", load.Rows, load.Rejected)
	}
	if n := f.number(t, "select cast(sum(amount) * 10 as bigint) from bad.ragged"); n != 105 {
		t.Errorf("the amounts add to %d tenths, want 105", n)
	}
	var out struct {
		Rejects []ingest.Reject
		Total   int64
	}
	f.must(t, &out, "rejects", "bad.ragged")
	if out.Total != 2 || len(out.Rejects) != 2 || out.Rejects[0].Line != 3 || out.Rejects[1].Line != 4 || out.Rejects[0].Text == "" || out.Rejects[0].Reason == "" || out.Rejects[0].Source != "ragged.csv" {
		t.Errorf("the rejects are %+v", out)
	}
}

func TestEncodings(t *testing.T) {
	f := shared(t)
	const text = "id,name\n1,Zoë\n2,Ångström\n3,naïve café\n"
	var utf16le bytes.Buffer
	utf16le.WriteString("\xff\xfe")
	for _, u := range utf16.Encode([]rune(text)) {
		utf16le.Write([]byte{byte(u), byte(u >> 8)})
	}
	var latin1 []byte
	for _, r := range text {
		latin1 = append(latin1, byte(r))
	}
	for table, content := range map[string][]byte{"utf8": []byte(text), "bom": []byte("\xef\xbb\xbf" + text), "utf16": utf16le.Bytes(), "latin1": latin1} {
		f.must(t, nil, "ingest", write(t, table+".csv", content), "--table", "bad.enc_"+table)
		rows := f.rows(t, "select id, name from bad.enc_"+table+" order by id")
		if got := fmt.Sprint(rows); got != "[[1 Zoë] [2 Ångström] [3 naïve café]]" {
			t.Errorf("%s was read as %s", table, got)
		}
	}
	// Bytes that are no text in a file that is UTF-8 elsewhere: that row alone goes.
	broken := "id,name\n1,Zoë\n2,bro\xffken\n3,Åsa\n" + strings.Repeat("4,Łódź\n", 200)
	var load ingest.Load
	f.must(t, &load, "ingest", write(t, "broken.csv", []byte(broken)), "--table", "bad.enc_broken")
	if load.Rows+load.Rejected != 203 || load.Rejected != 1 {
		t.Errorf("%d rows, %d rejects; want 202 and 1", load.Rows, load.Rejected)
	}
	if n := f.number(t, "select count(*) from bad.enc_broken where id = 2 or name like '%Ã%'"); n != 0 {
		t.Errorf("%d rows of broken text are in the table", n)
	}
}

func TestClaimedSizes(t *testing.T) {
	f := shared(t)
	before := len(f.uploads(t))
	token := f.owner(t)
	a := f.ask(token, "POST", "/api/uploads", map[string]any{"name": "huge.csv", "size": int64(10) << 30})
	a.problem(t, "10 GB where 8 are taken", 422, forge.KindInvalid, "huge.csv", "GB")
	a = f.ask(token, "POST", "/api/uploads", map[string]any{"name": "less.csv", "size": -1})
	a.problem(t, "a negative size", 422, forge.KindInvalid, "less.csv")
	if n := len(f.uploads(t)); n != before {
		t.Errorf("%d files lie in uploads, %d before", n, before)
	}
	var up struct {
		ID string `json:"id"`
	}
	decode(t, f.ask(token, "POST", "/api/uploads", map[string]any{"name": "short.csv", "size": 1000}), &up)
	a = f.ask(token, "PATCH", "/api/uploads/"+up.ID+"?offset=0", "a,b\n1,2\n")
	if a.status != 200 {
		t.Errorf("a first part: %d %s", a.status, a.body)
	}
	a = f.ask(token, "PATCH", "/api/uploads/"+up.ID+"?offset=500", "x")
	a.problem(t, "a part in the wrong place", 409, forge.KindConflict, "offset 8")
	a = f.ask(token, "POST", "/api/ingest", map[string]any{"upload": up.ID, "table": "bad.short"})
	a.problem(t, "a load of half an upload", 409, forge.KindConflict, "short.csv", "not complete")
	f.noTable(t, "bad.short")
	if a = f.ask(token, "DELETE", "/api/uploads/"+up.ID, nil); a.status != 204 {
		t.Errorf("forgetting an upload: %d %s", a.status, a.body)
	}
	if n := len(f.uploads(t)); n != before {
		t.Errorf("%d files lie in uploads, %d before", n, before)
	}
}

// smallSet makes a table and a training set of its own columns.
func (f *forged) smallSet(t *testing.T, name string, rows int, line func(i int) string) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("id,at,x,empty,one,y\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,2024-01-01 00:%02d:%02d,%s\n", i, i/60%60, i%60, line(i))
	}
	f.must(t, nil, "ingest", write(t, name+".csv", b.Bytes()), "--table", "bad."+name, "--types", "empty=double")
	f.must(t, nil, "features", "training-set", name, "--labels", "bad."+name, "--time", "at", "--label", "y")
}

func TestTrainingThatCannotWork(t *testing.T) {
	f := shared(t)
	f.smallSet(t, "small", 200, func(i int) string { return fmt.Sprintf("%d,,same,%s", i%7, []string{"no", "yes"}[i/3%2]) })
	before := f.counts(t)
	f.refused(t, cli.ExitInvalid, []string{`"nosuch"`, "not a column", "small", "x"}, "train", "small", "--training-set", "small", "--target", "nosuch")
	f.refused(t, cli.ExitInvalid, []string{`"one"`, "only one value", "same", "two classes"}, "train", "small", "--training-set", "small", "--target", "one")
	f.refused(t, cli.ExitInvalid, []string{`"empty"`, "NULL in all 200 rows"}, "train", "small", "--training-set", "small", "--target", "empty")
	f.refused(t, cli.ExitNotFound, []string{"nosuchset"}, "train", "small", "--training-set", "nosuchset")
	f.refused(t, cli.ExitInvalid, []string{"budget", "soon"}, "train", "small", "--training-set", "small", "--budget", "soon")
	f.refused(t, cli.ExitInvalid, []string{"Small!"}, "train", "Small!", "--training-set", "small")
	f.refused(t, cli.ExitUsage, []string{"task"}, "train", "small", "--training-set", "small", "--task", "guess")
	f.refused(t, cli.ExitInvalid, []string{"label", `"one"`, "one class"}, "features", "training-set", "bad_one", "--labels", "bad.small", "--time", "at", "--label", "one")
	f.refused(t, cli.ExitInvalid, []string{"nosuch"}, "features", "training-set", "bad_label", "--labels", "bad.small", "--time", "at", "--label", "nosuch")
	f.refused(t, cli.ExitNotFound, []string{"bad.nosuch"}, "features", "training-set", "bad_table", "--labels", "bad.nosuch", "--time", "at", "--label", "y")
	if after := f.counts(t); after != before {
		t.Errorf("runs, models, sets: %s before, %s after", before, after)
	}
}

// counts says how many runs, models and training sets there are.
func (f *forged) counts(t *testing.T) string {
	t.Helper()
	var r struct{ Runs, Models, TrainingSets []any }
	f.get(t, &r, "GET", "/api/runs?limit=500", nil)
	f.get(t, &r, "GET", "/api/models", nil)
	var s struct {
		Sets []any `json:"training_sets"`
	}
	f.get(t, &s, "GET", "/api/features/training-sets", nil)
	return fmt.Sprint(len(r.Runs), len(r.Models), len(s.Sets))
}

// TestAFeatureThatIsAlwaysNULL is left out or taken as missing; the model is served.
func TestAFeatureThatIsAlwaysNULL(t *testing.T) {
	f := shared(t)
	f.smallSet(t, "hollow", 200, func(i int) string {
		return fmt.Sprintf("%d,,same,%s", i%7, []string{"no", "yes"}[min((i%7+i*37%11)/9, 1)])
	})
	var run training.Run
	f.must(t, &run, "train", "hollow", "--training-set", "hollow", "--budget", "2s", "--families", "logistic_regression", "--drop", "id")
	events := f.ask(f.owner(t), "GET", "/api/jobs/"+run.Job+"/events", nil)
	if run.Version != 1 || !strings.Contains(string(events.body), "all values are missing") {
		t.Errorf("version %d; nothing is said of the column that is always NULL: %s", run.Version, events.body)
	}
	f.must(t, nil, "deploy", "hollow/1")
	var out struct {
		Predictions []struct{ Scores map[string]float64 }
	}
	f.must(t, &out, "predict", "hollow", "-r", `{"x": 6}`, "-r", `{"x": 0}`)
	if len(out.Predictions) != 2 || out.Predictions[0].Scores["yes"] <= out.Predictions[1].Scores["yes"] {
		t.Errorf("predictions: %+v", out)
	}
}

func TestPredictionsThatCannotWork(t *testing.T) {
	b := builtFor(t)
	token := b.owner(t)
	b.refused(t, cli.ExitNotFound, []string{"99999999", "call_profile", "forge features materialize"}, "predict", "calls", "-e", "call_id=99999999")
	b.refused(t, cli.ExitInvalid, []string{"call_id"}, "predict", "calls", "-e", "phone=7")
	b.refused(t, cli.ExitNotFound, []string{"nosuch"}, "predict", "nosuch", "-e", "call_id=7")
	b.refused(t, cli.ExitInvalid, []string{"either", "call_id=7"}, "predict", "calls")
	b.refused(t, cli.ExitInvalid, []string{"not a JSON object"}, "predict", "calls", "-r", "{")
	for what, c := range map[string]struct {
		body  string
		words []string
	}{
		"NaN":             {`{"rows": [{"age": NaN}]}`, []string{"NaN"}},
		"a huge number":   {`{"rows": [{"age": 1e999}]}`, nil},
		"a quoted number": {`{"rows": [{"age": "41"}]}`, []string{"age", "without quotes"}},
		"a number's text": {`{"rows": [{"job": 7}]}`, []string{"job", "quotes"}},
		"an unknown one":  {`{"rows": [{"salary": 7}]}`, []string{"salary", "age"}},
		"no rows":         {`{"rows": []}`, []string{"no rows"}},
		"nothing":         {``, []string{"empty"}},
		"half a request":  {`{"rows": [{"age": 41`, nil},
		"both":            {`{"rows": [{}], "entities": [{"call_id": "7"}]}`, []string{"either"}},
		"more":            {`{"rows": [{}], "extra": 1}`, []string{"extra"}},
	} {
		b.ask(token, "POST", "/v1/predict/calls", c.body).problem(t, what, 422, forge.KindInvalid, c.words...)
	}
	if a := b.ask(token, "POST", "/v1/predict/calls", `{"rows": [{}]}`); a.status != 200 {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
}

func TestSQLThatIsRefused(t *testing.T) {
	b := builtFor(t)
	before := b.number(t, "select count(*) from raw.calls")
	for sql, c := range map[string]struct {
		code  int
		words []string
	}{
		"select * from raw.nosuch":                      {cli.ExitInvalid, []string{"raw.nosuch", "does not exist"}},
		"select nosuch from raw.calls":                  {cli.ExitInvalid, []string{"nosuch"}},
		"drop table raw.calls":                          {cli.ExitInvalid, []string{"SELECT"}},
		"delete from raw.calls":                         {cli.ExitInvalid, []string{"SELECT"}},
		"create table x as select 1":                    {cli.ExitInvalid, []string{"SELECT"}},
		"insert into raw.calls select * from raw.calls": {cli.ExitInvalid, []string{"SELECT"}},
		"attach '/etc/passwd'":                          {cli.ExitInvalid, []string{"SELECT"}},
		"copy raw.calls to '/tmp/x'":                    {cli.ExitInvalid, []string{"SELECT"}},
		"select 1; drop table raw.calls":                {cli.ExitInvalid, []string{"statement"}},
		"select * from read_csv('/etc/passwd')":         {cli.ExitDenied, []string{"read_csv"}},
		"select * from '/etc/passwd'":                   {cli.ExitInvalid, []string{"passwd"}},
		"select getenv('HOME')":                         {cli.ExitDenied, []string{"getenv"}},
		"selec 1":                                       {cli.ExitInvalid, []string{"selec"}},
		"":                                              {cli.ExitInvalid, []string{"no SQL"}},
		"select count(*) from range(100000000000) t(i)": {cli.ExitInvalid, []string{"longer than its limit"}},
		"select count(*) from raw.calls a, raw.calls b, raw.calls c where a.age + b.age + c.age < 0": {cli.ExitInvalid, []string{"longer than its limit"}},
	} {
		b.refused(t, c.code, c.words, "sql", "--timeout", "2s", sql)
	}
	if n := b.number(t, "select count(*) from raw.calls"); n != before {
		t.Errorf("%d rows before, %d after", before, n)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	f := shared(t)
	token := f.owner(t)
	for _, c := range []struct {
		what, token, method, path string
		body                      any
		status                    int
		kind                      forge.Kind
		words                     []string
	}{
		{"an unknown field", token, "POST", "/api/sql", `{"sql": "select 1", "tenant": "other"}`, 422, forge.KindInvalid, []string{"tenant"}},
		{"a project in the body", token, "POST", "/api/runs", `{"model": "m", "training_set": "s", "project": "other"}`, 422, forge.KindInvalid, []string{"project"}},
		{"no JSON", token, "POST", "/api/sql", `select 1`, 422, forge.KindInvalid, nil},
		{"no token", "", "GET", "/api/tables", nil, 401, forge.KindDenied, []string{"token"}},
		{"a wrong token", "fk_wrong", "GET", "/api/tables", nil, 401, forge.KindDenied, nil},
		{"another's signature", "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.AAAA", "GET", "/api/tables", nil, 401, forge.KindDenied, nil},
		{"an unknown path", token, "GET", "/api/nosuch", nil, 404, forge.KindNotFound, []string{"/api/openapi.json"}},
		{"a wrong method", token, "PUT", "/api/tables", nil, 405, forge.KindInvalid, nil},
		{"an unknown model", token, "GET", "/api/models/nosuch", nil, 404, forge.KindNotFound, []string{"nosuch"}},
		{"an unknown job", token, "GET", "/api/jobs/nosuch", nil, 404, forge.KindNotFound, []string{"nosuch"}},
		{"an unknown deployment", token, "PUT", "/api/deployments/x", map[string]any{"ref": "nosuch@champion"}, 404, forge.KindNotFound, []string{"nosuch"}},
		{"a large body", token, "POST", "/api/sql", `{"sql": "` + strings.Repeat("x", 2<<20) + `"}`, 413, forge.KindInvalid, nil},
	} {
		f.ask(c.token, c.method, c.path, c.body).problem(t, c.what, c.status, c.kind, c.words...)
	}
	o := command("--data", f.data, "--token", "fk_wrong", "tables")
	if o.code != cli.ExitDenied {
		t.Errorf("a wrong token on the command line: exit %d: %s", o.code, o.errs)
	}
}

func TestAddressAndFolderInUse(t *testing.T) {
	f := shared(t)
	cfg := f.app.cfg
	cfg.Listen = "127.0.0.1:0"
	if _, err := Open(context.Background(), cfg, f.app.log); forge.KindOf(err) != forge.KindUnavailable || cli.ExitCode(err) != cli.ExitUnavailable {
		t.Errorf("a second forge on the data folder: %v", err)
	} else {
		says(t, "it", err.Error(), f.data, "forge down")
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	other := t.TempDir()
	o := command("--data", other, "serve", "--listen", taken.Addr().String())
	if o.code != cli.ExitUnavailable {
		t.Errorf("a port in use: exit %d: %s", o.code, o.errs)
	}
	says(t, "a port in use", o.errs, taken.Addr().String(), "--listen")
	if _, err := os.Stat(filepath.Join(other, "server.json")); err == nil {
		t.Error("the server that did not start left its address")
	}
	unlock, err := lockFolder(other) // it must be free again
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
	if !ready(context.Background(), f.app.Base()) {
		t.Error("the first forge is not ready any more")
	}
}
