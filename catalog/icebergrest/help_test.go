package icebergrest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/catalog/icebergrest"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
)

// Tokens of the tests, and the project that each of them is for.
const (
	editor   = "editor-of-demo"
	viewer   = "viewer-of-demo"
	stranger = "editor-of-other"
	namesake = "editor-of-demo-of-another-tenant"
)

var principals = map[string]forge.Principal{
	editor:   {User: "u1", Name: "Ed", Kind: "key", Role: forge.RoleEditor, Scope: catalogtest.Demo},
	viewer:   {User: "u2", Name: "Vi", Kind: "key", Role: forge.RoleViewer, Scope: catalogtest.Demo},
	stranger: {User: "u3", Name: "Stan", Kind: "key", Role: forge.RoleEditor, Scope: catalogtest.Other},
	namesake: {User: "u4", Name: "Nat", Kind: "key", Role: forge.RoleEditor, Scope: forge.Scope{Tenant: "second", Project: catalogtest.Demo.Project}},
}

// gate knows the tokens above and keeps what is audited.
type gate struct {
	mu     sync.Mutex
	events []httpapi.AuditEvent
}

func (*gate) Authenticate(_ context.Context, token string) (forge.Principal, error) {
	if p, ok := principals[token]; ok {
		return p, nil
	}
	return forge.Principal{}, httpapi.Unauthenticated("this token is not known")
}

func (*gate) Allows(role forge.Role, perm forge.Permission) bool { return catalog.Allows(role, perm) }

func (g *gate) Audit(_ context.Context, e httpapi.AuditEvent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, e)
}

func (g *gate) last() httpapi.AuditEvent {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.events[len(g.events)-1]
}

// edges keeps lineage.
type edges struct {
	mu  sync.Mutex
	all []forge.Edge
}

func (e *edges) Link(_ context.Context, _ forge.Scope, more ...forge.Edge) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, more...)
	return nil
}

// world is a catalog that listens on loopback, and the lake that it serves.
type world struct {
	url     string
	tables  lake.Tables
	gate    *gate
	lineage *edges
}

func start(t *testing.T) *world {
	db := laketest.DB(t)
	return startOn(t, func() *sqldb.DB { return db })
}

// startOn starts it with the metadata store that open opens.
func startOn(t *testing.T, open func() *sqldb.DB) *world {
	t.Helper()
	w := &world{gate: &gate{}, lineage: &edges{}}
	tables := laketest.TablesOn(t, open())
	w.tables = tables
	svc, err := icebergrest.New(t.Context(), icebergrest.Config{
		DB: open(), Lineage: w.lineage,
		Catalog: func(s forge.Scope) icebergrest.Catalog { return tables.Catalog(s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	api := httpapi.New(w.gate, "test", nil)
	icebergrest.Register(api, svc)
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	w.url = srv.URL + "/iceberg"
	return w
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answer) failure() (kind, message string) {
	e, _ := a.body["error"].(map[string]any)
	kind, _ = e["type"].(string)
	message, _ = e["message"].(string)
	return kind, message
}

func (w *world) call(t *testing.T, token, method, path string, body any, headers ...string) answer {
	t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, w.url+path, in)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := answer{status: resp.StatusCode, header: resp.Header, text: string(data)}
	_ = json.Unmarshal(data, &out.body)
	return out
}

// want calls and fails the test unless the status, and the type of an error, are right.
func (w *world) want(t *testing.T, status int, kind, token, method, path string, body any, headers ...string) answer {
	t.Helper()
	a := w.call(t, token, method, path, body, headers...)
	got, _ := a.failure()
	if a.status != status || got != kind {
		t.Errorf("%s %s: %d %s, want %d %s: %s", method, path, a.status, got, status, kind, a.text)
	}
	return a
}

const base = "/v1/forge/namespaces"

// pairs makes raw.calls with rows through the lake, as ingest does.
func (w *world) pairs(t *testing.T, scope forge.Scope, name string, rows int) lake.Snapshot {
	t.Helper()
	n := laketest.Name(name)
	if _, err := w.tables.Load(t.Context(), scope, n); err != nil {
		laketest.Must(w.tables.Create(t.Context(), scope, n, laketest.Pairs, nil))
	}
	f := laketest.WritePairs(t, w.tables, scope, n, 0, rows)
	return laketest.Must(w.tables.Commit(t.Context(), scope, n, lake.Change{Add: []lake.DataFile{f}}))
}
