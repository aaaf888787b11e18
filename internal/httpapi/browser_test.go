package httpapi_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"aiforge.dev/forge/internal/httpapi"
)

// TestHosts: a server on this machine answers under its own names only.
func TestHosts(t *testing.T) {
	_, api, ran := open(t)
	call := func(h http.Handler, host string) int {
		r := httptest.NewRequest("POST", "/api/things", strings.NewReader(`{"n":1}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer owner")
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	local := httpapi.Hosts([]string{"Forge.Example"}, api)
	for _, host := range []string{"127.0.0.1", "127.0.0.1:8040", "127.8.9.1:80", "[::1]:8040", "[::1]", "::1", "localhost", "LOCALHOST:1", "localhost.", "localhost.:8040", "forge.example", "forge.example:443", "192.168.1.7:8040", ""} {
		if got := call(local, host); got != 200 {
			t.Errorf("host %q: %d", host, got)
		}
	}
	*ran = 0
	for _, host := range []string{"evil.example", "evil.example:8040", "127.0.0.1.evil.example", "localhost.evil.example", "evil-localhost", "2130706433", "0x7f.1", "127.1", "forge.example.evil", "localhost:8040:evil", "a@localhost", "localhost/", "\u0131ocalhost"} {
		if got := call(local, host); got != http.StatusMisdirectedRequest {
			t.Errorf("host %q: %d", host, got)
		}
	}
	if *ran != 0 {
		t.Errorf("%d refused requests were carried out", *ran)
	}
	if got := call(httpapi.Hosts(nil, api), "forge.corp.example"); got != 200 {
		t.Errorf("an open server: %d", got)
	}
}

// TestOtherSites: what a page of another site could make a browser send does nothing,
// whatever content type it gives it; programs, which are no browsers, are not touched.
func TestOtherSites(t *testing.T) {
	g, api, ran := open(t)
	for _, c := range []struct {
		name   string
		header http.Header
		status int
	}{
		{"a program", nil, 200},
		{"our page", http.Header{"Origin": {"http://example.com"}, "Sec-Fetch-Site": {"same-origin"}}, 200},
		{"our page, older browser", http.Header{"Origin": {"http://example.com"}}, 200},
		{"typed by the user", http.Header{"Sec-Fetch-Site": {"none"}}, 200},
		{"another site", http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}, 403},
		{"another site, older browser", http.Header{"Origin": {"https://evil.example"}}, 403},
		{"a sandboxed frame", http.Header{"Origin": {"null"}}, 403},
		{"another port", http.Header{"Origin": {"http://example.com:8041"}}, 403},
		{"a sister name", http.Header{"Origin": {"http://www.example.com"}, "Sec-Fetch-Site": {"same-site"}}, 403},
		{"a form", http.Header{"Origin": {"https://evil.example"}, "Content-Type": {"text/plain"}}, 403},
		{"no origin told", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"two origins", http.Header{"Origin": {"https://evil.example", "http://example.com"}}, 403},
	} {
		for _, path := range []string{"/api/things", "/api/raw"} {
			*ran = 0
			g.take()
			r := httptest.NewRequest("POST", path, strings.NewReader(`{"n":1}`))
			r.Header.Set("Content-Type", "application/json")
			for k, v := range c.header {
				r.Header[k] = v
			}
			r.Header.Set("Authorization", "Bearer owner") // even with a token
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			if w.Code != c.status || c.status != 200 && *ran != 0 {
				t.Errorf("%s, %s: %d, %d runs: %s", c.name, path, w.Code, *ran, w.Body)
			}
			if e := g.take(); c.status == 403 && (len(e) != 1 || e[0].Outcome != "denied") {
				t.Errorf("%s, %s: audited %+v", c.name, path, e)
			}
		}
	}
	for _, method := range []string{"OPTIONS", "GET", "POST"} {
		r := httptest.NewRequest(method, "/api/things", strings.NewReader("{}"))
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "authorization")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		for name := range w.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: another site is given %s", method, name)
			}
		}
		if w.Code < 400 {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// TestNamesThatCannotBe: a zero byte, or bytes that are no text, get no further.
func TestNamesThatCannotBe(t *testing.T) {
	_, api, ran := open(t)
	for _, path := range []string{"/api/raw?x=%00", "/api/%00", "/api/things/a%00b", "/api/%ff%fe", "/api/raw?x=a&y=b%00c"} {
		if w := ask(api, "GET", path, "viewer", ""); w.Code != 400 || *ran != 0 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := ask(api, "GET", "/api/raw?x=%20%F0%9F%A6%8A", "viewer", ""); w.Code != 200 {
		t.Errorf("a name like others: %d", w.Code)
	}
}

// TestHeaders: answers are data for browsers, never pages, whatever they are.
func TestHeaders(t *testing.T) {
	_, api, _ := open(t)
	for _, c := range []struct{ method, path, token string }{
		{"GET", "/api/raw", "viewer"}, {"GET", "/api/raw", ""}, {"GET", "/api/raw", "<script>alert(1)</script>"}, {"POST", "/api/things", "owner"},
		{"GET", "/api/<script>alert(1)</script>", ""}, {"DELETE", "/api/raw", ""}, {"GET", "/api/openapi.json", ""},
	} {
		h := ask(api, c.method, c.path, c.token, `{"n":4}`).Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
			"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
			"Strict-Transport-Security": "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", c.method, c.path, name, got, want)
			}
		}
		if t1 := h.Get("Content-Type"); strings.Contains(t1, "html") {
			t.Errorf("%s %s: %s", c.method, c.path, t1)
		}
	}
	r := httptest.NewRequest("GET", "https://forge.example/api/raw", nil)
	r.TLS = &tls.ConnectionState{}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	if got := w.Header().Get("Strict-Transport-Security"); !strings.HasPrefix(got, "max-age=") {
		t.Errorf("over TLS: %q", got)
	}
	w = httptest.NewRecorder()
	api.(*httpapi.Server).Wrap(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'self'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(strings.ReplaceAll(csp, "style-src 'self' 'unsafe-inline'", ""), "unsafe") {
		t.Errorf("pages: %s", csp)
	}
	if w.Header().Get("Cross-Origin-Opener-Policy") != "same-origin" || w.Header().Get("Permissions-Policy") == "" {
		t.Errorf("pages: %v", w.Header())
	}
}
