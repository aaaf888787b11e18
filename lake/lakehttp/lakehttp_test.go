package lakehttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/httpapi/gatetest"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/lakehttp"
	"aiforge.dev/forge/lake/laketest"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

func TestMain(m *testing.M) { laketest.Main(m) }

const acme, viewer, rival = "editor@acme/bank", "viewer@acme/bank", "editor@rival/bank"

func server(t *testing.T) (*httptest.Server, *lake.House) {
	t.Helper()
	house := laketest.House(t)
	s := httpapi.New(gatetest.Gate{}, "test", nil)
	lakehttp.Register(s, house, someViews)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	sql := `SELECT i AS id, CASE WHEN i % 4 = 0 THEN NULL ELSE 'c' || i % 3 END AS kind, CASE WHEN i = 7 THEN 'nan'::DOUBLE ELSE i / 2 END AS rate,
		TIMESTAMP '2026-01-01 00:00:00' + to_hours(i) AS at, 'x'::BLOB AS raw, i * 1.5 AS amount FROM range(100) r(i)`
	if _, err := house.Write(t.Context(), laketest.Scope, laketest.Name("raw.calls"), lake.Query{SQL: sql}, nil, lake.Append, lake.Change{}); err != nil {
		t.Fatal(err)
	}
	return srv, house
}

func call(t *testing.T, srv *httptest.Server, token, method, path, accept string, body any) (int, []byte) {
	t.Helper()
	data, raw := body.([]byte)
	if !raw {
		data = laketest.Must(json.Marshal(body))
	}
	req := laketest.Must(http.NewRequestWithContext(t.Context(), method, srv.URL+path, bytes.NewReader(data)))
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // read below
	out, err := io.ReadAll(res.Body)
	if err != nil {
		t.Logf("body: %v", err)
	}
	return res.StatusCode, out
}

// ask calls and decodes a JSON answer.
func ask(t *testing.T, srv *httptest.Server, token, method, path string, body any) (int, map[string]any) {
	t.Helper()
	code, data := call(t, srv, token, method, path, "", body)
	var out map[string]any
	if len(data) > 0 {
		if err := json.Unmarshal(data, &out); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, data)
		}
	}
	return code, out
}

func TestTables(t *testing.T) {
	srv, _ := server(t)
	code, out := ask(t, srv, acme, "GET", "/api/tables", nil)
	if tables, _ := out["tables"].([]any); code != 200 || len(tables) != 1 || tables[0].(map[string]any)["name"] != "raw.calls" {
		t.Errorf("list: %d %v", code, out)
	}
	if code, out = ask(t, srv, acme, "GET", "/api/tables/raw.calls", nil); code != 200 || out["rows"] != 100.0 || len(out["schema"].(map[string]any)["columns"].([]any)) != 6 {
		t.Errorf("get: %d %v", code, out)
	}
	if strings.Contains(string(laketest.Must(json.Marshal(out))), "/tmp/") {
		t.Errorf("a server path is shown: %v", out)
	}
	code, out = ask(t, srv, acme, "GET", "/api/tables/raw.calls/snapshots", nil)
	snaps, _ := out["snapshots"].([]any)
	if code != 200 || len(snaps) != 1 {
		t.Fatalf("snapshots: %d %v", code, out)
	}
	id := snaps[0].(map[string]any)["id"].(string)
	for _, query := range []string{"", "&snapshot=" + id} {
		code, out = ask(t, srv, acme, "GET", "/api/tables/raw.calls/rows?limit=3"+query, nil)
		if code != 200 || len(out["rows"].([]any)) != 3 || out["truncated"] != true || out["columns"].([]any)[0].(map[string]any)["id"] != 1.0 {
			t.Errorf("rows: %d %v", code, out)
		}
	}
	for path, want := range map[string]int{
		"/api/tables/raw.nope": 404, "/api/tables/nope": 422, "/api/tables/raw.nope/rows": 404, "/api/tables/raw.calls/rows?limit=-1": 422,
		"/api/tables/raw.calls/rows?snapshot=5": 404, "/api/tables/raw.calls/rows?snapshot=x": 422, "/api/tables/raw.nope/profile": 404, "/api/tables/raw.nope/snapshots": 404,
	} {
		if code, out := ask(t, srv, acme, "GET", path, nil); code != want {
			t.Errorf("%s: %d %v, want %d", path, code, out, want)
		}
	}
	if code, out = ask(t, srv, rival, "GET", "/api/tables", nil); code != 200 || len(out["tables"].([]any)) != 0 {
		t.Errorf("another tenant's list: %d %v", code, out)
	}
	for _, path := range []string{"", "/rows", "/snapshots", "/profile"} {
		if code, _ := ask(t, srv, rival, "GET", "/api/tables/raw.calls"+path, nil); code != 404 {
			t.Errorf("another tenant's %s: %d, want 404", path, code)
		}
	}
	if code, _ := ask(t, srv, viewer, "DELETE", "/api/tables/raw.calls", nil); code != 403 {
		t.Errorf("a viewer's delete: %d", code)
	}
	if code, _ := ask(t, srv, rival, "DELETE", "/api/tables/raw.calls", nil); code != 404 {
		t.Errorf("another tenant's delete: %d", code)
	}
	if code, _ := ask(t, srv, acme, "DELETE", "/api/tables/raw.calls", nil); code != 204 {
		t.Errorf("delete: %d", code)
	}
	if code, _ := ask(t, srv, acme, "GET", "/api/tables/raw.calls", nil); code != 404 {
		t.Errorf("after delete: %d", code)
	}
}

func TestProfile(t *testing.T) {
	srv, house := server(t)
	code, out := ask(t, srv, acme, "GET", "/api/tables/raw.calls/profile", nil)
	if code != 200 {
		t.Fatalf("%d %v", code, out)
	}
	byName := map[string]map[string]any{}
	for _, c := range out["columns"].([]any) {
		byName[c.(map[string]any)["name"].(string)] = c.(map[string]any)
	}
	id := byName["id"]
	if id["min"] != 0.0 || id["max"] != 99.0 || id["mean"] != 49.5 || id["nulls"] != 0.0 || id["rows"] != 100.0 {
		t.Errorf("id: %v", id)
	}
	counts, total := id["histogram"].(map[string]any)["counts"].([]any), 0.0
	for _, n := range counts {
		total += n.(float64)
	}
	if edges := id["histogram"].(map[string]any)["edges"].([]any); len(counts) != 20 || len(edges) != 21 || total != 100 || edges[20] != 99.0 {
		t.Errorf("histogram: %v", id["histogram"])
	}
	kind := byName["kind"]
	top, _ := kind["top"].([]any)
	if kind["nulls"] != 25.0 || kind["distinct"] != 3.0 || len(top) != 3 || top[0].(map[string]any)["count"] != 25.0 {
		t.Errorf("kind: %v", kind)
	}
	if rate := byName["rate"]; rate["max"] != nil && rate["max"] != 49.5 || rate["mean"] == nil {
		t.Errorf("rate: %v", rate)
	}
	// A table without rows, and one with a single value.
	ctx := t.Context()
	laketest.Must(house.Tables.Create(ctx, laketest.Scope, laketest.Name("raw.empty"), laketest.Calls, nil))
	if code, out = ask(t, srv, acme, "GET", "/api/tables/raw.empty/profile", nil); code != 200 || len(out["columns"].([]any)) != len(laketest.Calls.Columns) {
		t.Errorf("empty: %d %v", code, out)
	}
	if _, err := house.Write(ctx, laketest.Scope, laketest.Name("raw.one"), lake.Query{SQL: `SELECT 5 AS "odd ""name", NULL::DOUBLE AS gone`}, nil, lake.Append, lake.Change{}); err != nil {
		t.Fatal(err)
	}
	if code, out = ask(t, srv, acme, "GET", "/api/tables/raw.one/profile", nil); code != 200 {
		t.Errorf("one: %d %v", code, out)
	}
}

func TestSQL(t *testing.T) {
	srv, _ := server(t)
	code, out := ask(t, srv, viewer, "POST", "/api/sql", map[string]any{"sql": "SELECT id, kind, \"at\", raw, rate FROM raw.calls WHERE id IN (4, 5, 7) ORDER BY id"})
	rows := string(laketest.Must(json.Marshal(out["rows"])))
	if want := `[[4,null,"2026-01-01T04:00:00Z","eA==",2],[5,"c2","2026-01-01T05:00:00Z","eA==",2.5],[7,"c1","2026-01-01T07:00:00Z","eA==",null]]`; code != 200 || rows != want || out["truncated"] != false || out["ms"] == nil {
		t.Errorf("%d %v\nrows %s\nwant %s", code, out, rows, want)
	}
	if code, out = ask(t, srv, acme, "POST", "/api/sql", map[string]any{"sql": "SELECT * FROM raw.calls", "limit": 7, "timeout": "10s"}); code != 200 || len(out["rows"].([]any)) != 7 || out["truncated"] != true {
		t.Errorf("limit: %d %v", code, out)
	}
	if code, out = ask(t, srv, acme, "POST", "/api/sql", map[string]any{"sql": "SELECT 1 AS x WHERE false", "timeout": 2.5}); code != 200 || len(out["rows"].([]any)) != 0 || len(out["columns"].([]any)) != 1 {
		t.Errorf("no rows: %d %v", code, out)
	}
	code, data := call(t, srv, acme, "POST", "/api/sql", "application/x-ndjson", map[string]any{"sql": "SELECT id, kind FROM raw.calls ORDER BY id LIMIT 2"})
	if want := "{\"id\":0,\"kind\":null}\n{\"id\":1,\"kind\":\"c1\"}\n"; code != 200 || string(data) != want {
		t.Errorf("lines: %d %s", code, data)
	}
	code, data = call(t, srv, acme, "POST", "/api/sql", "application/vnd.apache.arrow.stream", map[string]any{"sql": "SELECT * FROM raw.calls"})
	r, err := ipc.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(code, err)
	}
	n := int64(0)
	for r.Next() {
		n += r.RecordBatch().NumRows()
	}
	if code != 200 || n != 100 || r.Err() != nil {
		t.Errorf("arrow: %d, %d rows, %v", code, n, r.Err())
	}
	for body, want := range map[string]int{
		`{"sql": "SELECT * FROM raw.nope"}`: 422, `{"sql": ""}`: 422, `{"sql": "DROP TABLE raw.calls"}`: 422, `{}`: 422, `{"sql": "SELECT 1", "limit": -1}`: 422,
		`{"sql": "SELECT 1", "timeout": "soon"}`: 422, `{"sql": "SELECT 1", "more": 1}`: 422, `[`: 422, `{"sql": "SELECT * FROM read_text('/etc/passwd')"}`: 403,
		`{"sql": "` + strings.Repeat("x", 2<<20) + `"}`: 413, `{"sql": "SELECT count(*) FROM range(10000000) a, range(10000000) b", "timeout": 0.2}`: 422,
	} {
		if code, out := call(t, srv, acme, "POST", "/api/sql", "", []byte(body)); code != want {
			t.Errorf("%s: %d %s, want %d", body[:min(len(body), 80)], code, out, want)
		}
	}
	// What another tenant has looks like what nobody has.
	code, out = ask(t, srv, rival, "POST", "/api/sql", map[string]any{"sql": "SELECT * FROM raw.calls"})
	if _, none := ask(t, srv, rival, "POST", "/api/sql", map[string]any{"sql": "SELECT * FROM raw.nope"}); code != 422 || strings.ReplaceAll(none["detail"].(string), "nope", "calls") != out["detail"] {
		t.Errorf("another tenant's query: %d %v, and of nothing: %v", code, out, none)
	}
}

func TestSQLFailsLate(t *testing.T) {
	srv, _ := server(t)
	sql := map[string]any{"sql": "SELECT CASE WHEN i = 900000 THEN error('late') ELSE i END AS x FROM range(1000000) r(i)", "limit": 1000000}
	code, out := ask(t, srv, acme, "POST", "/api/sql", sql)
	if p, _ := out["error"].(map[string]any); code != 200 || p["kind"] != "invalid" || !strings.Contains(p["detail"].(string), "late") {
		t.Errorf("json: %d %v", code, out["error"])
	}
	_, data := call(t, srv, acme, "POST", "/api/sql", "application/x-ndjson", sql)
	if last := data[bytes.LastIndexByte(bytes.TrimSpace(data), '\n')+1:]; !bytes.HasPrefix(last, []byte(`{"error":{`)) {
		t.Errorf("lines end with %s", last)
	}
	req := laketest.Must(http.NewRequestWithContext(t.Context(), "POST", srv.URL+"/api/sql", bytes.NewReader(laketest.Must(json.Marshal(sql)))))
	req.Header.Set("Authorization", "Bearer "+acme)
	req.Header.Set("Accept", "application/vnd.apache.arrow.stream")
	res := laketest.Must(http.DefaultClient.Do(req))
	defer res.Body.Close() //nolint:errcheck // read here
	if _, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Error("a broken Arrow stream ends like a whole one")
	}
}

func TestDisconnectCancels(t *testing.T) {
	srv, house := server(t)
	for range 10 { // more than there are workers: each must come free
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		body := `{"sql": "SELECT count(*) FROM range(10000000) a, range(10000000) b"}`
		req := laketest.Must(http.NewRequestWithContext(ctx, "POST", srv.URL+"/api/sql", strings.NewReader(body)))
		req.Header.Set("Authorization", "Bearer "+acme)
		if _, err := http.DefaultClient.Do(req); !errors.Is(err, context.DeadlineExceeded) { //nolint:bodyclose // there is none
			t.Errorf("error = %v", err)
		}
		cancel()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := house.Engine.Describe(ctx, lake.Query{SQL: "SELECT 1 AS x"}); err != nil {
		t.Errorf("the engine is stuck: %v", err)
	}
}
