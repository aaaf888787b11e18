package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
)

// gate knows one token per role: "owner", "viewer", ….
type gate struct {
	mu     sync.Mutex
	events []httpapi.AuditEvent
}

func (g *gate) Authenticate(_ context.Context, token string) (forge.Principal, error) {
	if token != "owner" && token != "viewer" {
		return forge.Principal{}, httpapi.Unauthenticated("the token is no good")
	}
	return forge.Principal{Name: token, Role: forge.Role(token), Scope: forge.Scope{Tenant: "main", Project: "demo"}}, nil
}

func (g *gate) Allows(role forge.Role, perm forge.Permission) bool {
	return role == forge.RoleOwner || perm == forge.PermRead
}

func (g *gate) Audit(_ context.Context, e httpapi.AuditEvent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, e)
}

func (g *gate) take() []httpapi.AuditEvent {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := g.events
	g.events = nil
	return out
}

type input struct {
	Body struct {
		N int `json:"n" minimum:"1"`
	}
}

type output struct {
	Body struct {
		N int `json:"n"`
	}
}

func open(t *testing.T) (*gate, http.Handler, *int) {
	t.Helper()
	g, ran := &gate{}, new(int)
	s := httpapi.New(g, "test", nil)
	op := func(id, method, path string, perm forge.Permission) httpapi.Op {
		return httpapi.Op{ID: id, Method: method, Path: path, Perm: perm, MaxBody: 64}
	}
	httpapi.Handle(s, op("write-thing", "POST", "/api/things", forge.PermWrite), func(ctx context.Context, in *input) (*output, error) {
		*ran++
		if _, err := forge.ScopeFrom(ctx); err != nil {
			return nil, err
		}
		switch in.Body.N {
		case 2:
			return nil, forge.Errorf(forge.KindConflict, errors.New("row 7"), "thing 2 is there already")
		case 3:
			return nil, errors.New("password=hunter2")
		case 4:
			panic("boom")
		}
		out := &output{}
		out.Body.N = in.Body.N
		return out, nil
	})
	s.HandleRaw(op("read-raw", "GET", "/api/raw", forge.PermRead), func(w http.ResponseWriter, _ *http.Request) error {
		_, err := io.WriteString(w, "raw")
		return err
	})
	s.HandleRaw(op("break-raw", "DELETE", "/api/raw", forge.PermRead), func(w http.ResponseWriter, r *http.Request) error {
		if r.URL.RawQuery == "" {
			panic("boom")
		}
		_, _ = io.WriteString(w, "half an answer")
		panic(http.ErrAbortHandler)
	})
	s.HandleRaw(op("write-raw", "POST", "/api/raw", forge.PermWrite), func(_ http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		return err
	})
	return g, s, ran
}

func TestGateAndProblems(t *testing.T) {
	g, h, ran := open(t)
	cases := []struct {
		name, method, path, token, body string
		status, runs                    int
		kind                            forge.Kind
		text, outcome                   string
	}{
		{"ok", "POST", "/api/things", "owner", `{"n":1}`, 200, 1, "", `"n":1`, "ok"},
		{"no token", "POST", "/api/things", "", `{"n":1}`, 401, 0, forge.KindDenied, "needs a token", "denied"},
		{"wrong token", "POST", "/api/things", "forged", `{"n":1}`, 401, 0, forge.KindDenied, "no good", "denied"},
		{"not allowed", "POST", "/api/things", "viewer", `{"n":1}`, 403, 0, forge.KindDenied, `needs the permission \"write\"`, "denied"},
		{"allowed", "GET", "/api/raw", "viewer", "", 200, 0, "", "raw", "ok"},
		{"raw not allowed", "POST", "/api/raw", "viewer", "", 403, 0, forge.KindDenied, "write", "denied"},
		{"field", "POST", "/api/things", "owner", `{"n":0}`, 422, 0, forge.KindInvalid, "body.n", "failed"},
		{"unknown field", "POST", "/api/things", "owner", `{"n":1,"m":2}`, 422, 0, forge.KindInvalid, "body.m", "failed"},
		{"too large", "POST", "/api/things", "owner", `{"n":1,"s":"` + strings.Repeat("x", 99) + `"}`, 413, 0, forge.KindInvalid, "", "failed"},
		{"our error", "POST", "/api/things", "owner", `{"n":2}`, 409, 1, forge.KindConflict, "thing 2 is there already", "failed"},
		{"a fault", "POST", "/api/things", "owner", `{"n":3}`, 500, 1, forge.KindInternal, "its log has the cause", "failed"},
		{"unknown path", "GET", "/api/nothing", "owner", "", 404, 0, forge.KindNotFound, "is not part of the API", ""},
		{"unknown method", "PATCH", "/api/things", "owner", "", 405, 0, forge.KindInvalid, "is not allowed", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			*ran = 0
			g.take()
			res := ask(h, c.method, c.path, c.token, c.body)
			if res.Code != c.status || *ran != c.runs || !strings.Contains(res.Body.String(), c.text) {
				t.Fatalf("status %d, %d runs: %s", res.Code, *ran, res.Body)
			}
			if strings.Contains(res.Body.String(), "hunter2") || strings.Contains(res.Body.String(), "row 7") {
				t.Errorf("a cause is shown: %s", res.Body)
			}
			checkProblem(t, res, c.kind)
			events := g.take()
			if c.outcome == "" {
				if len(events) != 0 {
					t.Errorf("audited %+v", events)
				}
			} else if len(events) != 1 || events[0].Outcome != c.outcome || events[0].Status != c.status {
				t.Errorf("audited %+v, want %s", events, c.outcome)
			}
		})
	}
}

// TestTwoTokens: of two Authorization headers a proxy may have looked at the other one.
func TestTwoTokens(t *testing.T) {
	g, h, ran := open(t)
	for _, tokens := range [][]string{{"Bearer owner", "Bearer viewer"}, {"Bearer viewer", "Bearer owner"}, {"Bearer owner", "Bearer owner"}, {"Bearer owner", ""}} {
		r := httptest.NewRequest("POST", "/api/things", strings.NewReader(`{"n":1}`))
		r.Header["Authorization"] = tokens
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 401 || *ran != 0 || !strings.Contains(w.Body.String(), "2 Authorization headers") {
			t.Errorf("%q: %d, %d runs: %s", tokens, w.Code, *ran, w.Body)
		}
		checkProblem(t, w, forge.KindDenied)
		if events := g.take(); len(events) != 1 || events[0].Outcome != "denied" || events[0].Principal.User != "" {
			t.Errorf("%q: audited %+v", tokens, events)
		}
	}
}

func checkProblem(t *testing.T, res *httptest.ResponseRecorder, kind forge.Kind) {
	t.Helper()
	if kind == "" {
		return
	}
	var p httpapi.Problem
	if err := json.Unmarshal(res.Body.Bytes(), &p); err != nil || p.Kind != kind || p.Status != res.Code {
		t.Errorf("problem %s (%v)", res.Body, err)
	}
	if ct := res.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("content type %s", ct)
	}
	if res.Code == http.StatusUnauthorized && res.Header().Get("WWW-Authenticate") == "" {
		t.Error("401 without WWW-Authenticate")
	}
}

func TestPanicIsOneRequestsEnd(t *testing.T) {
	_, h, _ := open(t)
	if res := ask(h, "POST", "/api/things", "owner", `{"n":4}`); res.Code != 500 || strings.Contains(res.Body.String(), "boom") {
		t.Errorf("status %d: %s", res.Code, res.Body)
	}
	if res := ask(h, "GET", "/api/raw", "owner", ""); res.Code != 200 {
		t.Errorf("afterwards: %d", res.Code)
	}
}

// TestPanicIsAudited: who makes a handler fail leaves a trace all the same.
func TestPanicIsAudited(t *testing.T) {
	g, h, _ := open(t)
	for _, c := range []struct{ method, path, body, action string }{
		{"POST", "/api/things", `{"n":4}`, "write-thing"},
		{"DELETE", "/api/raw", "", "break-raw"},
		{"DELETE", "/api/raw?half", "", "break-raw"},
	} {
		func() {
			defer func() {
				if v := recover(); v != nil && v != http.ErrAbortHandler { // net/http ends the connection by it
					t.Errorf("%s: panic %v", c.path, v)
				}
			}()
			ask(h, c.method, c.path, "owner", c.body)
		}()
		events := g.take()
		if len(events) != 1 || events[0].Outcome != "failed" || events[0].Status != 500 || events[0].Action != c.action || events[0].Principal.Name != "owner" {
			t.Errorf("%s %s: audited %+v", c.method, c.path, events)
		}
	}
}

func ask(h http.Handler, method, path, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
