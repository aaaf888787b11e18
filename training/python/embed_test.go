package python_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge/training/python"
)

func TestUnpack(t *testing.T) {
	dir := t.TempDir()
	one, err := python.Unpack(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"__init__.py", "__main__.py", "recipe.py"} {
		have, err := os.ReadFile(filepath.Join(one, "forge_trainer", name))
		want, _ := os.ReadFile(filepath.Join("forge_trainer", name))
		if err != nil || string(have) != string(want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	two, err := python.Unpack(dir)
	if err != nil || two != one {
		t.Errorf("a second time: %s, %v; want %s", two, err, one)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRequirementsArePinned(t *testing.T) {
	for _, line := range strings.Split(python.Requirements(), "\n") {
		name := strings.TrimSpace(line)
		if name == "" || strings.HasPrefix(name, "#") || strings.HasPrefix(name, "--hash=sha256:") {
			continue
		}
		if !strings.Contains(name, "==") || !strings.HasSuffix(name, `\`) {
			t.Errorf("not pinned with a hash: %s", line)
		}
	}
}
