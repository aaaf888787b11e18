package servingtest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/router"
	"aiforge.dev/forge/serving/store"
)

// Scope of everything that NewRouter and Serve make.
var Scope = forge.Scope{Tenant: "acme", Project: "calls"}

// NewRouter returns a router over a fresh metadata store.
func NewRouter(t testing.TB, models serving.Models, loader router.Loader) *router.Router {
	t.Helper()
	db, err := sqldb.Open(context.Background(), filepath.Join(t.TempDir(), "meta.db"), make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	st, err := store.Open(context.Background(), db)
	if err != nil {
		t.Fatal(err)
	}
	r, err := router.New(context.Background(), router.Config{Models: models, Loader: loader, Store: st})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// gate knows a role per token and the usual permissions.
type gate struct{}

// Gate lets the tokens editor, viewer and predict in, as the roles of these names.
func Gate() httpapi.Gate { return gate{} }

func (gate) Authenticate(_ context.Context, token string) (forge.Principal, error) {
	switch role := forge.Role(token); role {
	case forge.RoleEditor, forge.RoleViewer, forge.RolePredict:
		return forge.Principal{User: "u1", Name: "ann", Kind: "person", Role: role, Scope: Scope}, nil
	}
	return forge.Principal{}, httpapi.Unauthenticated("token is not known")
}

func (gate) Allows(role forge.Role, perm forge.Permission) bool {
	switch role {
	case forge.RoleEditor:
		return perm != forge.PermAdmin
	case forge.RoleViewer:
		return perm == forge.PermRead || perm == forge.PermPredict
	}
	return perm == forge.PermPredict
}

func (gate) Audit(context.Context, httpapi.AuditEvent) {}

// Client asks a server that Serve has started. Its token is a role's name.
type Client struct {
	t     testing.TB
	URL   string
	Token string
}

// Serve starts the HTTP surface with what register adds; like the real server, it
// speaks HTTP/1.1 and HTTP/2 without TLS.
func Serve(t testing.TB, register func(*httpapi.Server)) Client {
	t.Helper()
	s := httpapi.New(gate{}, "test", nil)
	register(s)
	srv := httptest.NewUnstartedServer(s)
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	t.Cleanup(srv.Close)
	return Client{t, srv.URL, "editor"}
}

// As is the client with another token.
func (c Client) As(token string) Client { c.Token = token; return c }

// Do sends a request; headers are pairs.
func (c Client) Do(method, path, body string, headers ...string) (status int, answer string, header http.Header) {
	c.t.Helper()
	req, err := http.NewRequest(method, c.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

// Observations keeps what it is given.
type Observations struct {
	mu  sync.Mutex
	all []serving.Observation
}

// Observe implements serving.Observer.
func (o *Observations) Observe(scope forge.Scope, x serving.Observation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	x.FeaturesJSON = append([]byte(nil), x.FeaturesJSON...)
	o.all = append(o.all, x)
}

// All returns what has come so far.
func (o *Observations) All() []serving.Observation {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]serving.Observation(nil), o.all...)
}

// Features is a feature store in memory: call_id → age and job.
type Features map[string][2]any

// Lookup implements serving.Features.
func (f Features) Lookup(_ context.Context, _ forge.Scope, inputs []serving.Input, keys map[string]string) ([]serving.Value, time.Time, error) {
	row, ok := f[keys["call_id"]]
	if !ok {
		return nil, time.Time{}, forge.Errorf(forge.KindNotFound, nil, "view profile has no row for call_id %q", keys["call_id"])
	}
	out := make([]serving.Value, len(inputs))
	for i := range inputs {
		v, err := serving.ValueOf(inputs[i], row[i])
		if err != nil {
			return nil, time.Time{}, err
		}
		out[i] = v
	}
	return out, FeatureTime, nil
}

// FeatureTime is what every row of Features is about.
var FeatureTime = time.Date(2009, 6, 1, 0, 0, 3, 0, time.UTC)
