package ingesthttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/broker"
	"aiforge.dev/forge/ingest/csv"
	"aiforge.dev/forge/ingest/ingesthttp"
	"aiforge.dev/forge/ingest/load"
	"aiforge.dev/forge/ingest/logkafka"
	"aiforge.dev/forge/ingest/sink"
	"aiforge.dev/forge/ingest/store"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/httpapi/gatetest"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
)

func TestMain(m *testing.M) { laketest.Main(m) }

// server is all of ingest on embedded parts.
type server struct {
	t     *testing.T
	http  *httptest.Server
	house *lake.House
	dir   string
	token string
	free  int64
	edges []forge.Edge
}

func (s *server) Link(_ context.Context, _ forge.Scope, e ...forge.Edge) error {
	s.edges = append(s.edges, e...)
	return nil
}

func start(t *testing.T) *server {
	t.Helper()
	ctx := t.Context()
	b, err := broker.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	log, err := logkafka.Open(ctx, b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	db := laketest.DB(t)
	st, err := store.Open(ctx, db, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, house: laketest.House(t), dir: t.TempDir(), token: "editor@t1/p1", free: 100 << 30}
	sk, err := sink.Open(ctx, sink.Config{Log: log, Tables: s.house.Tables, Engine: s.house.Engine, Store: st, Dir: t.TempDir(), Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sk.Close() })
	loads, err := load.New(ctx, load.Config{
		Dir: s.dir, Store: st, Log: log, Sink: sk, Tables: s.house.Tables, Lineage: s,
		Free: func(string) (int64, error) { return s.free, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	runner := jobstest.Start(t, db, jobstest.Config(), func(r *jobs.Runner) { r.Register(load.Kind, loads.HandleCSV) })
	api := httpapi.New(gatetest.Gate{}, "test", nil)
	ingesthttp.Register(api, ingesthttp.Services{Loads: loads, Store: st, Queue: runner, House: s.house})
	httpapi.Handle(api, httpapi.Op{ID: "get-job", Method: http.MethodGet, Path: "/api/jobs/{id}", Perm: forge.PermRead}, func(ctx context.Context, in *struct {
		ID string `path:"id"`
	}) (*struct{ Body jobs.Job }, error) {
		j, err := runner.Wait(ctx, in.ID)
		return &struct{ Body jobs.Job }{j}, err
	})
	s.http = httptest.NewServer(api)
	t.Cleanup(s.http.Close)
	return s
}

// call sends JSON (or bytes as they are) and decodes the answer into out.
func (s *server) call(method, path string, body, out any, want int) *http.Response {
	s.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		r = bytes.NewReader(j)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.http.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != want {
		s.t.Fatalf("%s %s: %d %s, want %d", method, path, res.StatusCode, text, want)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			s.t.Fatalf("%s: %v", text, err)
		}
	}
	return res
}

func (s *server) upload(name string, data []byte) load.Upload {
	s.t.Helper()
	var u load.Upload
	s.call(http.MethodPost, "/api/uploads", map[string]any{"name": name, "size": len(data)}, &u, 200)
	for u.Offset < u.Size {
		s.call(http.MethodPatch, fmt.Sprintf("/api/uploads/%s?offset=%d", u.ID, u.Offset), data[u.Offset:min(u.Offset+u.PartSize, u.Size)], &u, 200)
	}
	return u
}

func (s *server) ingest(body map[string]any) jobs.Job {
	s.t.Helper()
	var j jobs.Job
	s.call(http.MethodPost, "/api/ingest", body, &j, 202)
	s.call(http.MethodGet, "/api/jobs/"+j.ID, nil, &j, 200)
	return j
}

func (s *server) loadFile(name, table string, data []byte) ingest.Load {
	s.t.Helper()
	u := s.upload(name, data)
	j := s.ingest(map[string]any{"upload": u.ID, "table": table})
	if j.State != jobs.Succeeded {
		s.t.Fatalf("job %s: %s", j.State, j.Error)
	}
	var l ingest.Load
	if err := json.Unmarshal(j.Result, &l); err != nil {
		s.t.Fatal(err)
	}
	return l
}

func (s *server) rejects(table string) (out []ingest.Reject, total int64) {
	s.t.Helper()
	var body struct {
		Rejects []ingest.Reject
		Total   int64
	}
	s.call(http.MethodGet, "/api/rejects/"+table+"?limit=10000", nil, &body, 200)
	return body.Rejects, body.Total
}

func (s *server) rows(table string) int64 {
	s.t.Helper()
	t, err := s.house.Tables.Load(s.t.Context(), forge.Scope{Tenant: "t1", Project: "p1"}, laketest.Name(table))
	if err != nil {
		s.t.Fatal(err)
	}
	return t.Rows
}

// Every row of the shipped files is in the table or among the rejects, with the types
// that a person would choose; the same file again adds nothing.
func TestExamples(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		file, table string
		records     int64
		rejected    int64
		types       string
	}{
		{"calls/marketing_bank_calls.csv", "raw.calls", 41188, 0,
			"call_id long call_month string age long job string marital string education string default string housing string loan string contact string month string day_of_week string duration long campaign long pdays long previous long emp.var.rate double cons.price.idx double cons.conf.idx double euribor3m double nr.employed double subscribed string"},
		{"glucose/healthcare_glucose_events.csv", "raw.glucose", 29330, 19, // 0Hi, 0Lo, 3A and the like
			"patient_id string date date time string code long value double"},
		{"orders/ecommerce_orders.csv", "raw.orders", 20131, 95, // dates with the day first
			"InvoiceNo string StockCode string Description string Quantity long InvoiceDate timestamp UnitPrice double CustomerID long Country string"},
	} {
		data, err := os.ReadFile(filepath.Join("../../examples", c.file))
		if err != nil {
			t.Fatal(err)
		}
		l := s.loadFile(filepath.Base(c.file), c.table, data)
		if l.Rows+l.Rejected != c.records || l.Rejected != c.rejected || l.Already || s.rows(c.table) != l.Rows || l.Bytes != int64(len(data)) || l.Snapshot == 0 {
			t.Errorf("%s: %+v, %d rows in the table", c.file, l, s.rows(c.table))
		}
		rejects, total := s.rejects(c.table)
		if int64(len(rejects)) != l.Rejected || total != l.Rejected {
			t.Errorf("%s: %d rejects of %d", c.file, len(rejects), l.Rejected)
		}
		lines := strings.Split(string(data), "\n")
		for _, r := range rejects {
			if want := strings.TrimSuffix(lines[r.Line-1], "\r"); r.Text != want || !strings.Contains(want, r.Value) || r.Source != filepath.Base(c.file) {
				t.Errorf("%s line %d: %q is not %q", c.file, r.Line, r.Text, want)
			}
		}
		tab, err := s.house.Tables.Load(t.Context(), forge.Scope{Tenant: "t1", Project: "p1"}, laketest.Name(c.table))
		if err != nil {
			t.Fatal(err)
		}
		var types []string
		for _, col := range tab.Schema.Columns {
			types = append(types, col.Name+" "+string(col.Type))
		}
		if have := strings.Join(types, " "); have != c.types {
			t.Errorf("%s types\nhave %s\nwant %s", c.file, have, c.types)
		}
		again := s.loadFile("other name.csv", c.table, data)
		if !again.Already || again.ID != l.ID || s.rows(c.table) != l.Rows {
			t.Errorf("%s again: %+v, %d rows", c.file, again, s.rows(c.table))
		}
		var list struct{ Loads []ingest.Load }
		s.call(http.MethodGet, "/api/loads?table="+c.table, nil, &list, 200)
		if len(list.Loads) != 1 || list.Loads[0].ID != l.ID {
			t.Errorf("loads: %+v", list)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "*/*/*")); len(left) != 0 {
		t.Errorf("uploads left: %v", left)
	}
	if len(s.edges) != 6 || s.edges[0].From.Kind != "file" || s.edges[0].To != s.edges[1].From || s.edges[1].To.Kind != "snapshot" {
		t.Errorf("lineage %v", s.edges)
	}
}

func TestUpload(t *testing.T) {
	s := start(t)
	var u load.Upload
	s.call(http.MethodPost, "/api/uploads", map[string]any{"name": "../../etc/a\x01.csv", "size": 8}, &u, 200)
	if u.Name != "a.csv" || u.Offset != 0 || u.PartSize != load.PartSize {
		t.Errorf("%+v", u)
	}
	path := "/api/uploads/" + u.ID
	s.call(http.MethodPatch, path+"?offset=0", []byte("a,b\n"), &u, 200)
	var p httpapi.Problem
	res := s.call(http.MethodPatch, path+"?offset=0", []byte("a,b\n"), &p, 409)
	if res.Header.Get(ingesthttp.OffsetHeader) != "4" || !strings.Contains(p.Detail, "offset 4") {
		t.Errorf("wrong offset: %+v", p)
	}
	s.call(http.MethodPost, path+"/sniff", nil, &p, 409)
	s.call(http.MethodPost, "/api/ingest", map[string]any{"upload": u.ID, "table": "raw.x"}, &p, 409)
	s.call(http.MethodPatch, path+"?offset=4", []byte("1,2\n5"), &p, 422)
	s.call(http.MethodGet, path, nil, &u, 200)
	if u.Offset != 4 {
		t.Errorf("a part that is too long moved the offset to %d", u.Offset)
	}
	s.call(http.MethodPatch, path+"?offset=x", []byte("1"), &p, 422)
	s.call(http.MethodPatch, path+"?offset=4", []byte("1,2\n"), &u, 200)
	var sn csv.Sniffed
	s.call(http.MethodPost, path+"/sniff", nil, &sn, 200)
	if sn.Delimiter != "," || len(sn.Columns) != 2 || sn.Columns[0].Type != lake.Long || sn.RowsSampled != 1 {
		t.Errorf("%+v", sn)
	}
	s.token = "editor@t1/p2"
	for _, c := range []struct{ method, path string }{{http.MethodGet, path}, {http.MethodDelete, path}, {http.MethodPost, path + "/sniff"}, {http.MethodPatch, path + "?offset=8"}} {
		s.call(c.method, c.path, nil, &p, 404)
	}
	s.token = "viewer@t1/p1"
	s.call(http.MethodPost, "/api/uploads", map[string]any{"name": "a", "size": 1}, &p, 403)
	s.token = "editor@t1/p1"
	s.call(http.MethodDelete, path, nil, nil, 204)
	s.call(http.MethodGet, path, nil, &p, 404)
	s.call(http.MethodGet, "/api/uploads/..%2f..%2fmeta", nil, &p, 404)
}

func TestRefusedSizes(t *testing.T) {
	s := start(t)
	s.free = 1 << 30
	for size, want := range map[int64]string{10 << 30: "make room", 1 << 50: "largest file", 0: "empty", -5: "length in bytes"} {
		var p httpapi.Problem
		s.call(http.MethodPost, "/api/uploads", map[string]any{"name": "big.csv", "size": size}, &p, 422)
		if !strings.Contains(p.Detail, want) || p.Kind != forge.KindInvalid {
			t.Errorf("size %d: %+v", size, p)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "*/*/*")); len(left) != 0 {
		t.Errorf("refused uploads left files: %v", left)
	}
	// What is announced counts.
	var u load.Upload
	s.call(http.MethodPost, "/api/uploads", map[string]any{"name": "a.csv", "size": 300 << 20}, &u, 200)
	s.call(http.MethodPost, "/api/uploads", map[string]any{"name": "b.csv", "size": 300 << 20}, nil, 422)
	s.call(http.MethodDelete, "/api/uploads/"+u.ID, nil, nil, 204)
	s.call(http.MethodPost, "/api/uploads", map[string]any{"name": "b.csv", "size": 300 << 20}, &u, 200)
}

func TestBadFiles(t *testing.T) {
	s := start(t)
	for name, c := range map[string]struct{ data, want string }{
		"a.pdf":   {"%PDF-1.7 ...", "a.pdf is not a CSV; it looks like a PDF"},
		"a.xlsx":  {"PK\x03\x04....", "Excel"},
		"a.bin":   {strings.Repeat("\x00\x01\x02\x03", 300), "binary"},
		"a.blank": {"\n\n \n", "holds no text"},
		"a.json":  {"{\"a\":1}\n", "JSON"},
	} {
		u := s.upload(name, []byte(c.data))
		var p httpapi.Problem
		s.call(http.MethodPost, "/api/ingest", map[string]any{"upload": u.ID, "table": "raw.bad"}, &p, 422)
		if !strings.Contains(p.Detail, c.want) {
			t.Errorf("%s: %s", name, p.Detail)
		}
	}
	u := s.upload("a.csv", []byte("a,b\n1,2\n"))
	for _, body := range []map[string]any{
		{"upload": u.ID, "table": "Raw.Bad"},
		{"upload": u.ID, "table": "raw.a" + strings.Repeat("b", 60)},
		{"upload": u.ID, "table": "raw.bad", "types": map[string]string{"z": "long"}},
		{"upload": u.ID, "table": "raw.bad", "types": map[string]string{"a": "number"}},
	} {
		s.call(http.MethodPost, "/api/ingest", body, nil, 422)
	}
	s.call(http.MethodPost, "/api/ingest", map[string]any{"upload": "up_none", "table": "raw.bad"}, nil, 404)
	if tables, err := s.house.Tables.List(t.Context(), forge.Scope{Tenant: "t1", Project: "p1"}); err != nil || len(tables) != 0 {
		t.Errorf("refused loads left tables: %v, %v", tables, err)
	}
	s.call(http.MethodGet, "/api/rejects/raw.bad", nil, nil, 404)
}

func TestDirtyFile(t *testing.T) {
	s := start(t)
	var b strings.Builder
	b.WriteString("id;name;v;when\r\n")
	want := int64(0)
	for i := range 3000 {
		switch i {
		case 1500:
			b.WriteString("1500;too;many;fields;here\r\n")
		case 1600:
			b.WriteString("\r\n")
			want--
		case 1700:
			b.WriteString("1700;\"line\nbreak; quoted\";1;31.12.2024\r\n")
		case 1800:
			b.WriteString("1800;\"open;1;31.12.2024\r\n")
		case 1900:
			b.WriteString("1900;bad number;x;31.12.2024\r\n")
		case 2000:
			b.WriteString("2000;bad day;1;31.02.2024\r\n")
		default:
			fmt.Fprintf(&b, "%d;M\xFCller;%d.5;%02d.12.2024\r\n", i, i, i%31+1)
		}
		want++
	}
	l := s.loadFile("dirty.csv", "raw.dirty", []byte(b.String()))
	if l.Rows != want-4 || l.Rejected != 4 {
		t.Errorf("%+v, want %d records", l, want)
	}
	rejects, _ := s.rejects("raw.dirty")
	var have []string
	for _, r := range rejects {
		have = append(have, fmt.Sprintf("%d %s %s", r.Line, r.Column, r.Value))
	}
	if fmt.Sprint(have) != "[1502   1803   1903 v x 2003 when 31.02.2024]" {
		t.Errorf("rejects %q", have)
	}
	if s.rows("raw.dirty") != l.Rows {
		t.Error("rows")
	}
	// Header only, and a file without header whose names are given none.
	if l := s.loadFile("h.csv", "raw.h", []byte("a,b,c\n")); l.Rows != 0 || l.Rejected != 0 || s.rows("raw.h") != 0 {
		t.Errorf("header only: %+v", l)
	}
	if l := s.loadFile("n.csv", "raw.n", []byte("1,2\n3,4\n")); l.Rows != 2 {
		t.Errorf("no header: %+v", l)
	}
	// A second file with a column more.
	if l := s.loadFile("n2.csv", "raw.n", []byte("column_2,extra,COLUMN_1\n5,x,6\n7.5,y,8\n")); l.Rows != 1 || l.Rejected != 1 || s.rows("raw.n") != 3 {
		t.Errorf("second file: %+v", l)
	}
}

// A load that stopped half way and is asked for again with other settings is
// finished with the first ones; nothing is there twice.
func TestInterrupted(t *testing.T) {
	s := start(t)
	var b strings.Builder
	for i := range 200_000 {
		b.WriteString(strconv.Itoa(i) + ",x,y\n")
	}
	data := []byte(b.String())
	u := s.upload("big.csv", data)
	var j jobs.Job
	no := false
	s.call(http.MethodPost, "/api/ingest", map[string]any{"upload": u.ID, "table": "raw.big", "has_header": no}, &j, 202)
	for range 3 { // the same upload again is the same job
		var k jobs.Job
		s.call(http.MethodPost, "/api/ingest", map[string]any{"upload": u.ID, "table": "raw.big", "has_header": no}, &k, 202)
	}
	v := s.upload("big2.csv", data)
	second := s.ingest(map[string]any{"upload": v.ID, "table": "raw.big", "has_header": true})
	s.call(http.MethodGet, "/api/jobs/"+j.ID, nil, &j, 200)
	if j.State != jobs.Succeeded || second.State != jobs.Succeeded {
		t.Fatalf("%s %s, %s %s", j.State, j.Error, second.State, second.Error)
	}
	if n := s.rows("raw.big"); n != 200_000 && n != 199_999 {
		t.Errorf("%d rows", n)
	}
}
