package cataloghttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/audit"
	"aiforge.dev/forge/catalog/cataloghttp"
	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/catalog/gate"
	"aiforge.dev/forge/catalog/lineage"
	"aiforge.dev/forge/internal/httpapi"
)

type server struct {
	*catalogtest.Catalog
	t   *testing.T
	url string
	log *audit.Log
	lin *lineage.Store
	api *httpapi.Server
}

func serve(t *testing.T) *server {
	t.Helper()
	db := catalogtest.SQLite(t)
	s := &server{Catalog: catalogtest.New(t, db), t: t}
	var err error
	if s.log, err = audit.Open(t.TempDir(), bytes.Repeat([]byte{1}, 32), audit.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.log.Close() })
	if s.lin, err = lineage.New(context.Background(), db, s.Clock.Now); err != nil {
		t.Fatal(err)
	}
	s.api = httpapi.New(gate.New(s.Auth, s.log, nil), "test", nil)
	cataloghttp.Register(s.api, cataloghttp.Services{Auth: s.Auth, Audit: s.log, Lineage: s.lin})
	srv := httptest.NewServer(s.api)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// call sends a request; change may add headers. The answer's body goes into into.
func (s *server) call(method, path, token string, body, into any, change ...func(*http.Request)) *http.Response {
	s.t.Helper()
	var r io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for _, f := range change {
		f(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if into != nil && len(raw) > 0 {
		if err := json.Unmarshal(raw, into); err != nil {
			s.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, raw)
		}
	}
	return res
}

func (s *server) want(code int, res *http.Response) {
	s.t.Helper()
	if res.StatusCode != code {
		s.t.Errorf("%s %s: %d, want %d", res.Request.Method, res.Request.URL.Path, res.StatusCode, code)
	}
}

type session struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Expires int    `json:"expires_in"`
	Project string `json:"project"`
	Role    string `json:"role"`
	User    string `json:"user"`
}

func (s *server) login() (session, *http.Cookie) {
	s.t.Helper()
	var out session
	res := s.call("POST", "/api/auth/login", "", map[string]string{"email": "owner@example.org", "password": s.Owner.Password}, &out)
	s.want(200, res)
	if len(res.Cookies()) != 1 {
		s.t.Fatalf("%d cookies", len(res.Cookies()))
	}
	return out, res.Cookies()[0]
}

// token makes an API key of a role.
func (s *server) token(role forge.Role) string {
	s.t.Helper()
	key, _, err := s.Auth.CreateKey(s.As(s.t.Context(), catalogtest.Demo), "test "+string(role), role, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

func TestSignIn(t *testing.T) {
	s := serve(t)
	in, cookie := s.login()
	if in.Access == "" || in.Refresh != "" || in.Expires != 900 || in.Project != "demo" || in.Role != "owner" || in.User == "" {
		t.Errorf("%+v", in)
	}
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/api/auth" || cookie.Secure {
		t.Errorf("cookie %+v", cookie)
	}
	var me struct {
		User, Name, Email, Role, Project, Title string
		Permissions                             []string
	}
	s.want(200, s.call("GET", "/api/me", in.Access, nil, &me))
	if me.Email != "owner@example.org" || me.Title != "Demo" || me.Name != "Olga" || strings.Join(me.Permissions, " ") != "read write predict admin" {
		t.Errorf("%+v", me)
	}
	with := func(c *http.Cookie) func(*http.Request) { return func(r *http.Request) { r.AddCookie(c) } }
	var next session
	res := s.call("POST", "/api/auth/refresh", "", map[string]string{}, &next, with(cookie))
	s.want(200, res)
	s.want(200, s.call("GET", "/api/me", next.Access, nil, nil))
	newer := res.Cookies()[0]

	cross := func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }
	s.want(403, s.call("POST", "/api/auth/refresh", "", nil, nil, with(newer), cross))
	s.want(403, s.call("POST", "/api/auth/logout", "", nil, nil, with(newer), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }))
	s.want(401, s.call("GET", "/api/me", "", nil, nil, with(newer))) // the cookie alone opens nothing
	s.want(200, s.call("GET", "/api/me", next.Access, nil, nil))     // and the refused ones ended nothing

	res = s.call("POST", "/api/auth/logout", "", nil, nil, with(newer))
	s.want(204, res)
	if gone := res.Cookies(); len(gone) != 1 || gone[0].MaxAge >= 0 || gone[0].Path != "/api/auth" {
		t.Errorf("cookie after sign-out: %v", gone)
	}
	s.want(401, s.call("GET", "/api/me", next.Access, nil, nil))
	s.want(401, s.call("POST", "/api/auth/refresh", "", nil, nil, with(newer)))
	s.want(401, s.call("POST", "/api/auth/refresh", "", nil, nil))
	s.want(204, s.call("POST", "/api/auth/logout", "", nil, nil)) // signing out twice is no error
	var problem httpapi.Problem
	s.want(401, s.call("POST", "/api/auth/login", "", map[string]string{"email": "owner@example.org", "password": "wrong"}, &problem))
	if problem.Kind != forge.KindDenied || problem.Detail == "" {
		t.Errorf("%+v", problem)
	}
}

func TestRefreshInBody(t *testing.T) {
	s := serve(t)
	_, cookie := s.login()
	body := map[string]string{"refresh_token": cookie.Value}
	var next session
	res := s.call("POST", "/api/auth/refresh", "", body, &next)
	s.want(200, res)
	if next.Refresh == "" || len(res.Cookies()) != 0 {
		t.Errorf("%+v, %d cookies", next, len(res.Cookies()))
	}
	s.want(401, s.call("POST", "/api/auth/refresh", "", body, nil)) // replayed
	s.want(401, s.call("GET", "/api/me", next.Access, nil, nil))    // and so everything of it has ended
}

// TestRoles calls every operation with every role: who may not, is refused, and a
// refused request changes nothing.
func TestRoles(t *testing.T) {
	s := serve(t)
	key, kept, err := s.Auth.CreateKey(s.As(t.Context(), catalogtest.Demo), "kept", forge.RoleViewer, nil)
	if err != nil {
		t.Fatal(err)
	}
	ref := forge.Edge{From: forge.Ref{Kind: "file", ID: "a"}, To: forge.Ref{Kind: "snapshot", ID: "b@1"}, By: "ingest"}
	if err := s.lin.Link(t.Context(), catalogtest.Demo, ref); err != nil {
		t.Fatal(err)
	}
	bodies := map[string]any{
		"add-member": map[string]string{"email": "new@example.org", "role": "owner", "password": "long enough!"},
		"create-key": map[string]string{"name": "x", "role": "owner"}, "change-member": map[string]string{"role": "viewer"},
	}
	tokens := map[forge.Role]string{}
	for _, role := range []forge.Role{forge.RoleOwner, forge.RoleEditor, forge.RoleViewer, forge.RolePredict} {
		tokens[role] = s.token(role)
	}
	state := func() string {
		members, err1 := s.Auth.Members(s.As(t.Context(), catalogtest.Demo))
		keys, err2 := s.Auth.Keys(s.As(t.Context(), catalogtest.Demo))
		for i := range keys {
			keys[i].Used = nil
		}
		raw, err3 := json.Marshal([]any{members, keys})
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		return string(raw)
	}
	before, refused := state(), int64(0)
	for _, op := range s.api.Ops() {
		if op.Perm == forge.PermPublic {
			continue
		}
		path := strings.NewReplacer("{user}", string(s.Owner.User), "{id}", kept.ID).Replace(op.Path)
		if op.ID == "lineage" {
			path += "?ref=file:a&direction=down"
		}
		for _, token := range []string{"", "fk_nonsense", s.Owner.Password} {
			s.want(401, s.call(op.Method, path, token, bodies[op.ID], nil))
			refused++
		}
		for role, token := range tokens {
			if op.ID == "change-me" {
				continue // for people; TestChangeMe
			}
			allowed := op.Perm == forge.PermSelf || catalog.Allows(role, op.Perm)
			if allowed && op.Method != "GET" {
				continue // what is allowed would change something: other tests do it
			}
			want := 200
			if !allowed {
				want = 403
				refused++
			}
			s.want(want, s.call(op.Method, path, token, bodies[op.ID], nil))
		}
	}
	if after := state(); after != before {
		t.Errorf("refused requests changed something:\n%s\n%s", before, after)
	}
	if _, err := s.Auth.Authenticate(t.Context(), key); err != nil {
		t.Errorf("a refused request revoked a key: %v", err)
	}
	entries, err := s.log.List(t.Context(), catalogtest.Demo, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var denied int64
	for _, e := range entries {
		if e.Outcome == "denied" {
			denied++
		}
	}
	if denied == 0 || s.log.Head() < refused {
		t.Errorf("%d entries for %d refusals, %d of them with a person", s.log.Head(), refused, denied)
	}
}

func TestMembersAndKeys(t *testing.T) {
	s := serve(t)
	in, _ := s.login()
	var m catalog.Member
	s.want(201, s.call("POST", "/api/members", in.Access, map[string]string{"email": "vic@example.org", "name": "Vic", "role": "viewer", "password": "long enough!"}, &m))
	s.want(422, s.call("POST", "/api/members", in.Access, map[string]string{"email": "x@example.org", "role": "god", "password": "long enough!"}, nil))
	m.Role = forge.RoleEditor
	s.want(200, s.call("PUT", "/api/members/"+string(m.User), in.Access, m, &m)) // as the studio sends it: the member as read, changed
	if m.Role != forge.RoleEditor || m.Name != "Vic" {
		t.Errorf("%+v", m)
	}
	var list struct{ Members []catalog.Member }
	s.want(200, s.call("GET", "/api/members", in.Access, nil, &list))
	if len(list.Members) != 2 {
		t.Errorf("%+v", list)
	}
	s.want(204, s.call("DELETE", "/api/members/"+string(m.User), in.Access, nil, nil))
	s.want(404, s.call("DELETE", "/api/members/"+string(m.User), in.Access, nil, nil))
	s.want(409, s.call("DELETE", "/api/members/"+in.User, in.Access, nil, nil))

	var made struct {
		Key   catalog.Key
		Token string
	}
	res := s.call("POST", "/api/keys", in.Access, map[string]string{"name": "app", "role": "predict"}, &made)
	s.want(201, res)
	if res.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(made.Token, made.Key.Prefix) {
		t.Errorf("%+v", made)
	}
	s.want(200, s.call("GET", "/api/me", made.Token, nil, nil))
	s.want(403, s.call("GET", "/api/keys", made.Token, nil, nil))
	var keys struct{ Keys []map[string]any }
	s.want(200, s.call("GET", "/api/keys", in.Access, nil, &keys))
	if raw, _ := json.Marshal(keys); len(keys.Keys) != 1 || bytes.Contains(raw, []byte(made.Token)) {
		t.Errorf("%v", keys)
	}
	s.want(204, s.call("DELETE", "/api/keys/"+made.Key.ID, in.Access, nil, nil))
	s.want(401, s.call("GET", "/api/me", made.Token, nil, nil))
}

func TestChangeMe(t *testing.T) {
	s := serve(t)
	mine, _ := s.login()
	other, cookie := s.login()
	put := func(token string, body map[string]string) *http.Response {
		return s.call("PUT", "/api/me", token, body, nil)
	}
	s.want(403, put(s.token(forge.RoleOwner), map[string]string{"name": "Key"}))
	s.want(422, put(mine.Access, map[string]string{"password": "a new password"}))
	s.want(422, put(mine.Access, map[string]string{"password": "a new password", "current": "wrong"}))
	s.want(422, put(mine.Access, map[string]string{"password": "short", "current": s.Owner.Password}))
	s.want(200, s.call("GET", "/api/me", other.Access, nil, nil)) // refused, and so nothing has ended
	var me struct{ Name string }
	s.want(200, s.call("PUT", "/api/me", mine.Access, map[string]string{"name": "Olga O.", "password": "a new password", "current": s.Owner.Password}, &me))
	if me.Name != "Olga O." {
		t.Errorf("%+v", me)
	}
	s.want(200, s.call("GET", "/api/me", mine.Access, nil, &me))
	s.want(401, s.call("GET", "/api/me", other.Access, nil, nil))
	s.want(401, s.call("POST", "/api/auth/refresh", "", map[string]string{"refresh_token": cookie.Value}, nil))
	s.want(401, s.call("POST", "/api/auth/login", "", map[string]string{"email": "owner@example.org", "password": s.Owner.Password}, nil))
	s.Owner.Password = "a new password"
	s.login()
}

func TestRecords(t *testing.T) {
	s := serve(t)
	in, cookie := s.login()
	s.want(401, s.call("POST", "/api/auth/login", "", map[string]string{"email": "owner@example.org", "password": "wrong"}, nil))
	s.want(401, s.call("POST", "/api/auth/login", "", map[string]string{"email": "nobody@example.org", "password": "wrong"}, nil))
	s.call("GET", "/api/members", in.Access, nil, nil)
	s.call("GET", "/api/members", s.token(forge.RoleViewer), nil, nil)
	var list struct {
		Entries []struct {
			audit.Entry
			Principal struct{ Name string }
		}
	}
	s.want(200, s.call("GET", "/api/audit", in.Access, nil, &list))
	if len(list.Entries) != 4 {
		t.Fatalf("%+v", list)
	}
	for i, want := range []struct{ action, by, outcome string }{{"sign-in", "Olga", "ok"}, {"sign-in", "Olga", "denied"}, {"list-members", "Olga", "ok"}, {"list-members", "test viewer", "denied"}} {
		e := list.Entries[i]
		if e.Action != want.action || e.By != want.by || e.Principal.Name != want.by || e.Outcome != want.outcome || e.Remote != "127.0.0.1" || e.RequestID == "" {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	for range 2 { // the second is a replay, and the owner can see it
		s.call("POST", "/api/auth/refresh", "", map[string]string{"refresh_token": cookie.Value}, nil)
	}
	in, _ = s.login()
	s.want(200, s.call("GET", "/api/audit?limit=3", in.Access, nil, &list))
	if e := list.Entries[0]; e.Action != "refresh" && list.Entries[1].Action != "refresh" {
		t.Errorf("no entry about the replay: %+v", list.Entries)
	}
	var verdict audit.Verdict
	s.want(200, s.call("GET", "/api/audit/verify", in.Access, nil, &verdict))
	if !verdict.OK || verdict.Entries < 4 {
		t.Errorf("%+v", verdict)
	}
	edge := forge.Edge{From: forge.Ref{Kind: "run", ID: "r1"}, To: forge.Ref{Kind: "model", ID: "calls/3"}, By: "train", At: s.Clock.Now()}
	if err := s.lin.Link(t.Context(), catalogtest.Demo, edge); err != nil {
		t.Fatal(err)
	}
	var g lineage.Graph
	s.want(200, s.call("GET", "/api/lineage?ref=model:calls/3&direction=up&depth=3", in.Access, nil, &g))
	if len(g.Nodes) != 2 || len(g.Edges) != 1 || g.Nodes[0].Title != "calls, version 3" || g.Edges[0].By != "train" {
		t.Errorf("%+v", g)
	}
	s.want(404, s.call("GET", "/api/lineage?ref=model:none", in.Access, nil, nil))
	s.want(422, s.call("GET", "/api/lineage?ref=model", in.Access, nil, nil))
	s.want(422, s.call("GET", "/api/lineage?ref=model:x&direction=left", in.Access, nil, nil))
}
