package ui_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"aiforge.dev/forge/ui"
)

func get(t *testing.T, method, path, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	ui.Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestStartPageForEveryRouteOfTheStudio(t *testing.T) {
	for _, path := range []string{"/", "/data/raw.calls", "/models/calls", "/flow/../data"} {
		res := get(t, "GET", path, "")
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != 200 || !strings.Contains(string(body), "<title>AI Forge") {
			t.Errorf("GET %s: %d %.60s", path, res.StatusCode, body)
		}
		if c := res.Header.Get("Cache-Control"); c != "no-cache" {
			t.Errorf("GET %s: Cache-Control %q", path, c)
		}
	}
}

func TestNothingOfTheAPIFallsIntoTheStudio(t *testing.T) {
	for _, path := range []string{"/api/nothing", "/api", "/v1/predict/x", "/v2/models", "/iceberg/v1/config", "/metrics", "/healthz", "/assets/gone.js"} {
		if res := get(t, "GET", path, ""); res.StatusCode != 404 {
			t.Errorf("GET %s: %d, want 404", path, res.StatusCode)
		}
	}
	if res := get(t, "POST", "/data", ""); res.StatusCode != 405 {
		t.Errorf("POST /data: %d, want 405", res.StatusCode)
	}
}

func TestCompressed(t *testing.T) {
	plain, _ := io.ReadAll(get(t, "GET", "/", "").Body)
	res := get(t, "GET", "/", "br, gzip")
	if res.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("not compressed: %v", res.Header)
	}
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(z); string(text) != string(plain) {
		t.Error("compressed and plain page differ")
	}
	if body, _ := io.ReadAll(get(t, "HEAD", "/", "").Body); len(body) != 0 {
		t.Errorf("HEAD sent %d bytes", len(body))
	}
}
