package mlflowhttp_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func testArtifacts(t *testing.T, s *site) {
	run := s.run("0", "r")
	base := "/0/" + run + "/artifacts"
	names := []string{"a.txt", "deep/er/b.bin", "with%20space.txt", "%C3%BC%2B%25.txt"}
	for _, name := range names {
		s.put(base+"/"+name, "content of "+name)
	}
	for _, name := range names {
		if status, b := s.send(editor, "GET", files+base+"/"+name, ""); status != 200 || string(b) != "content of "+name {
			t.Errorf("%s: %d %s", name, status, b)
		}
	}
	if _, err := os.Stat(filepath.Join(s.dir, "mlflow", "acme", "bank", "0", run, "artifacts", "ü+%.txt")); err != nil {
		t.Error(err)
	}
	_, b := s.send(editor, "GET", files+"?path="+url.QueryEscape(strings.TrimPrefix(base, "/")), "")
	if want := `{"files":[{"path":"a.txt","is_dir":false,"file_size":16},{"path":"deep","is_dir":true},{"path":"with space.txt","is_dir":false,"file_size":27},{"path":"ü+%.txt","is_dir":false,"file_size":27}]}`; string(b) != want {
		t.Errorf("list %s", b)
	}
	l := s.do("GET", "artifacts/list?run_id="+run+"&path=deep/er", "")
	if at(l, "files", 0, "path") != "deep/er/b.bin" || at(l, "root_uri") != "mlflow-artifacts:"+base {
		t.Errorf("list of a run %v", l)
	}
	if l := s.do("GET", "artifacts/list?run_id="+run+"&path=a.txt", ""); len(l["files"].([]any)) != 0 {
		t.Errorf("list of a file %v", l)
	}
	s.put(base+"/a.txt", "new")
	if _, b := s.send(editor, "GET", files+base+"/a.txt", ""); string(b) != "new" {
		t.Errorf("replaced by %s", b)
	}
	for _, path := range []string{base + "/none.txt", base + "/deep/none", "/77/x"} {
		if status, b := s.send(editor, "GET", files+path, ""); status != 404 || !strings.Contains(string(b), "RESOURCE_DOES_NOT_EXIST") {
			t.Errorf("%s: %d %s", path, status, b)
		}
	}
	if status, _ := s.send(editor, "GET", files+base+"/deep", ""); status != 400 {
		t.Errorf("a folder as a file: %d", status)
	}
	if status, _ := s.send(editor, "PUT", files+base+"/a.txt/below", "x"); status != 400 {
		t.Errorf("below a file: %d", status)
	}
	if status, _ := s.send(editor, "PUT", files+base+"/deep", "x"); status != 400 {
		t.Errorf("over a folder: %d", status)
	}
	for _, path := range []string{base + "/deep", base + "/a.txt"} {
		if status, b := s.send(editor, "DELETE", files+path, ""); status != 200 {
			t.Errorf("delete %s: %d %s", path, status, b)
		}
		if status, _ := s.send(editor, "GET", files+path, ""); status != 404 {
			t.Errorf("%s after it: %d", path, status)
		}
	}
	if status, _ := s.send(editor, "DELETE", files+base+"/deep", ""); status != 404 {
		t.Errorf("deleted twice: %d", status)
	}
	if status, b := s.send(editor, "POST", "/api/2.0/mlflow-artifacts/mpu/create/0/x", `{"path": "x"}`); status != 501 || !strings.Contains(string(b), "Multipart upload is not supported") {
		t.Errorf("multipart %d %s", status, b)
	}
}

// TestArtifactHeaders: what someone stored is never a page of this server, and parts of
// it can be asked for.
func TestArtifactHeaders(t *testing.T) {
	s := open(t)
	s.put("/0/x/page.html", "<script>alert(1)</script>")
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/mlflow"+files+"/0/x/page.html", nil)
	req.Header.Set("Authorization", "Bearer "+editor)
	req.Header.Set("Range", "bytes=1-6")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if h := res.Header; res.StatusCode != 206 || h.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v", res.StatusCode, h)
	}
}

// TestArtifactPaths: no path leads out of the project's folder.
func TestArtifactPaths(t *testing.T) {
	s := open(t)
	secret := filepath.Join(s.dir, "forge.key")
	if err := os.WriteFile(secret, []byte("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.put("/0/r/x", "x")
	place := filepath.Join(s.dir, "mlflow", "acme", "bank")
	for name, to := range map[string]string{"link": secret, "dir": s.dir, "rel": "../../../.."} { // as if someone had got them there
		if err := os.Symlink(to, filepath.Join(place, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/../../../forge.key", "/%2e%2e/%2e%2e/%2e%2e/forge.key", "/0/..%2f..%2f..%2f..%2fforge.key", "/..%5c..%5cforge.key", "/%2fetc%2fpasswd", "//etc/passwd", "/0/./x", "/0//x", "/0/%00x", "/link", "/dir/forge.key", "/rel/forge.key",
		"/.forge-x", "/0/.forge-x", "/forge/models/calls/1/../../../../x", "/forge/models/..%2f..%2fx/1/y", "/forge/models/calls/1/..%2f..%2fd1%2fMLmodel", "/" + strings.Repeat("a", 251), "/" + strings.Repeat("a/", 1100), "/forge/models/calls/x/y", "/forge/other/calls/1"} {
		for _, method := range []string{"GET", "PUT"} {
			req, err := http.NewRequestWithContext(t.Context(), method, s.url+"/mlflow"+files+path, strings.NewReader("owned"))
			if err != nil {
				continue // Go's client does not even send it
			}
			req.Header.Set("Authorization", "Bearer "+editor)
			res, err := (&http.Transport{}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			_, _ = b.ReadFrom(res.Body)
			res.Body.Close()
			if path == "/link" && method == "PUT" {
				continue // replaces the link itself by a file of the project
			}
			if res.StatusCode < 400 || res.StatusCode >= 500 || b.String() == "key" {
				t.Errorf("%s %s: %d %.100s", method, path, res.StatusCode, b.String())
			}
		}
	}
	for _, p := range []string{"../..", "/etc", "0/../..", "dir", "rel", "a\x00b"} {
		if status, b := s.send(editor, "GET", files+"?path="+url.QueryEscape(p), ""); status < 400 || status >= 500 {
			t.Errorf("list %q: %d %s", p, status, b)
		}
	}
	if b, err := os.ReadFile(secret); err != nil || string(b) != "key" {
		t.Errorf("the key file is %q, %v", b, err)
	}
	if out, _ := filepath.Glob(filepath.Join(s.dir, "*")); len(out) != 3 { // forge.key, mlflow, models
		t.Errorf("something was written outside: %v", out)
	}
}

func TestArtifactSize(t *testing.T) {
	s := open(t) // at most 4 MiB
	s.put("/0/r/fits", strings.Repeat("x", 4<<20))
	status, b := s.send(editor, "PUT", files+"/0/r/big", strings.Repeat("x", 4<<20+1))
	if status != 413 || !strings.Contains(string(b), "INVALID_PARAMETER_VALUE") {
		t.Errorf("%d %.200s", status, b)
	}
	if _, b := s.send(editor, "GET", files+"?path=0/r", ""); strings.Contains(string(b), "big") {
		t.Errorf("left behind: %s", b)
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, "mlflow", "acme", "bank"))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestArtifactAtOnce: whoever reads while others write sees one whole file.
func TestArtifactAtOnce(t *testing.T) {
	s := open(t)
	s.put("/0/r/x", strings.Repeat("a", 100000))
	var wg sync.WaitGroup
	for _, c := range []string{"a", "b", "c"} {
		wg.Go(func() {
			for range 5 {
				if status, b := s.send(editor, "PUT", files+"/0/r/x", strings.Repeat(c, 100000)); status != 200 {
					t.Errorf("%d %s", status, b)
				}
			}
		})
		wg.Go(func() {
			for range 5 {
				if _, b := s.send(editor, "GET", files+"/0/r/x", ""); len(b) != 100000 || string(b) != strings.Repeat(string(b[0]), len(b)) {
					t.Errorf("a mixture of %d bytes", len(b))
				}
			}
		})
	}
	wg.Wait()
}

func testLoggedModels(t *testing.T, s *site) {
	run := s.run("0", "r")
	create := func(name, depth string) string {
		m := s.do("POST", "logged-models", `{"experiment_id": "0", "name": "`+name+`", "model_type": "trees", "source_run_id": "`+run+`", "params": [{"key": "depth", "value": "`+depth+`"}], "tags": [{"key": "k/1", "value": "v"}]}`)
		if at(m, "model", "info", "status") != "LOGGED_MODEL_PENDING" || at(m, "model", "info", "source_run_id") != run {
			t.Errorf("made %v", m)
		}
		return at(m, "model", "info", "model_id").(string)
	}
	a, b := create("a", "3"), create("b", "5")
	if m := s.do("PATCH", "logged-models/"+a, `{"model_id": "`+a+`", "status": "LOGGED_MODEL_READY"}`); at(m, "model", "info", "status") != "LOGGED_MODEL_READY" {
		t.Errorf("complete: %v", m)
	}
	s.do("PATCH", "logged-models/"+b, `{"status": 3}`)
	s.do("POST", "logged-models/"+a+"/params", `{"params": [{"key": "more", "value": "1"}, {"key": "depth", "value": "3"}]}`)
	s.do("PATCH", "logged-models/"+a+"/tags", `{"tags": [{"key": "new", "value": "x"}]}`)
	s.do("DELETE", "logged-models/"+a+"/tags/k/1", "")
	for i, m := range []string{a, b} {
		s.do("POST", "runs/log-metric", `{"run_id": "`+run+`", "key": "f1", "value": `+[]string{"0.5", "0.8"}[i]+`, "timestamp": 1, "model_id": "`+m+`", "dataset_name": "d", "dataset_digest": "9"}`)
	}
	m := at(s.do("GET", "logged-models/"+a, ""), "model")
	if len(at(m, "data", "params").([]any)) != 2 || len(at(m, "info", "tags").([]any)) != 1 || at(m, "data", "metrics", 0, "value") != 0.5 || at(m, "data", "metrics", 0, "dataset_name") != "d" || at(m, "data", "metrics", 0, "run_id") != run {
		t.Errorf("read back %v", m)
	}
	for body, want := range map[string]string{
		`"filter": "metrics.f1 > 0.6"`: "b", `"filter": "params.depth = '3' and tags.new = 'x'"`: "a", `"filter": "status = 'UPLOAD_FAILED'"`: "b", `"filter": "name LIKE '%'", "order_by": [{"field_name": "metrics.f1", "ascending": false}]`: "ba",
		`"order_by": [{"field_name": "name"}]`: "ab", `"filter": "metrics.f1 > 0.1", "datasets": [{"dataset_name": "other"}]`: "", `"filter": "metrics.f1 > 0.1", "datasets": [{"dataset_name": "d", "dataset_digest": "9"}], "order_by": [{"field_name": "name"}]`: "ab",
		`"max_results": 1, "order_by": [{"field_name": "metrics.f1", "dataset_name": "d"}, {"field_name": "name"}]`: "a",
	} {
		got := ""
		for _, n := range col(s.do("POST", "logged-models/search", `{"experiment_ids": ["0"], `+body+`}`)["models"], "info", "name") {
			got += n.(string)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
	s.put("/0/models/"+a+"/artifacts/MLmodel", "x")
	if l := s.do("GET", "logged-models/"+a+"/artifacts/directories", ""); at(l, "files", 0, "path") != "MLmodel" {
		t.Errorf("files %v", l)
	}
	s.do("POST", "registered-models/create", `{"name": "mine"}`)
	if v := s.register("mine", "models:/"+a, ""); at(v, "run_id") != run || at(v, "model_id") != a {
		t.Errorf("registered %v", v)
	}
	s.do("DELETE", "logged-models/"+b, "")
	s.no(editor, "GET", "logged-models/"+b, "", 404, "RESOURCE_DOES_NOT_EXIST")
	if m := s.do("GET", "logged-models/"+b+"?allow_deleted=true", ""); at(m, "model", "info", "name") != "b" {
		t.Errorf("deleted one %v", m)
	}
	for path, body := range map[string]string{"logged-models": `{"experiment_id": "0", "name": "a/b"}`, "logged-models/" + a + "/params": `{"params": [{"key": "depth", "value": "4"}]}`, "logged-models/search": `{"experiment_ids": ["0"], "filter": "x"}`} {
		s.no(editor, "POST", path, body, 400, "INVALID_PARAMETER_VALUE")
	}
	s.no(editor, "PATCH", "logged-models/"+a, `{"status": "FINE"}`, 400, "INVALID_PARAMETER_VALUE")
	s.no(editor, "POST", "logged-models", `{"experiment_id": "99", "name": "a"}`, 404, "RESOURCE_DOES_NOT_EXIST")
	s.no(editor, "POST", "logged-models", `{"experiment_id": "0", "name": "a", "source_run_id": "none"}`, 404, "RESOURCE_DOES_NOT_EXIST")
}
