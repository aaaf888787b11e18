package forge_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMap: the map in docs/architecture.md names every package below a folder, and
// nothing that is not there.
func TestMap(t *testing.T) {
	doc, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z/]+)/` \\|[^|]*\\|([^|]*)\\|$")
	name := regexp.MustCompile("`([a-z0-9]+)/?`")
	rows := row.FindAllStringSubmatch(string(doc), -1)
	if len(rows) < 10 {
		t.Fatalf("only %d rows of folders found", len(rows))
	}
	on := map[string]bool{}
	for _, r := range rows {
		on[r[1]] = true
		for _, n := range name.FindAllStringSubmatch(r[2], -1) {
			dir := path.Join(r[1], n[1])
			on[dir] = true
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				t.Errorf("the map names %s, which is not there", dir)
			}
		}
	}
	for _, s := range parseAll(t) {
		dir := s.dir
		if strings.Count(dir, "/") > 1 && path.Dir(dir) != "cmd/forge" {
			continue // parts of a package that is on the map
		}
		if dir != "" && !s.test() && !on[filepath.ToSlash(dir)] {
			t.Errorf("the map does not name %s", dir)
			on[dir] = true
		}
	}
}
