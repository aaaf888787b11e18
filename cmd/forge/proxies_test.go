package main

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"aiforge.dev/forge"
)

// TestTrustedProxies: the audit log has the client's address behind a proxy that the
// settings name, and nobody else's word for it; the limits use the same address.
func TestTrustedProxies(t *testing.T) {
	f := shared(t)
	behind := &App{cfg: f.app.cfg, server: f.app.server}
	behind.cfg.TrustedProxies = []string{"10.7.0.0/16"}
	token := f.owner(t)
	ask := func(a *App, peer string) {
		r := httptest.NewRequest("GET", "http://localhost/api/tables/nosuch.behind", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", "192.0.2.66, 203.0.113.77")
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		if a.handler().ServeHTTP(w, r); w.Code != 404 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	remotes := func() (out []string) {
		var log struct {
			Entries []struct{ Remote, Target string }
		}
		decode(t, f.ask(token, "GET", "/api/audit?limit=20", nil), &log)
		for _, e := range log.Entries {
			if strings.HasSuffix(e.Target, "nosuch.behind") {
				out = append(out, e.Remote)
			}
		}
		return out
	}
	ask(f.app, "10.7.0.1:5")
	ask(behind, "10.8.0.1:5")
	ask(behind, "10.7.0.2:5")
	got := remotes()
	for remote, want := range map[string]bool{"10.7.0.1": true, "10.8.0.1": true, "203.0.113.77": true, "10.7.0.2": false, "192.0.2.66": false} {
		if slices.Contains(got, remote) != want {
			t.Errorf("the audit log has %v: %s there should be %v", got, remote, want)
		}
	}
	cfg := embedded(t.TempDir())
	cfg.TrustedProxies = []string{"0.0.0.0/0"}
	if err := cfg.Validate(); forge.KindOf(err) != forge.KindInvalid || !strings.Contains(err.Error(), "everybody") {
		t.Errorf("everybody as a proxy: %v", err)
	}
}
