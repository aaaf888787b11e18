package audit_test

import (
	"os"
	"path/filepath"
	"testing"

	"aiforge.dev/forge/catalog/audit"
)

// FuzzForeignFile: whatever somebody without the key puts into the folder, the log
// opens, goes on, and never calls itself whole.
func FuzzForeignFile(f *testing.F) {
	for _, s := range []string{"", "\n", "x", "x\n", "00 {}\n", `{"seq":1}` + "\n", string(make([]byte, 200)),
		"0000000000000000000000000000000000000000000000000000000000000000 {\"seq\":1}\n",
		"0000000000000000000000000000000000000000000000000000000000000000 {\"seq\":9223372036854775807}\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "000000000000001.log"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := audit.Open(dir, key, audit.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for range 2 {
			if v, err := l.Verify(t.Context()); err != nil || v.OK {
				t.Fatalf("%+v %v", v, err)
			}
			if _, err := l.Append(t.Context(), entry(demo, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := l.List(t.Context(), demo, -1, 10); err != nil || len(got) == 0 {
			t.Fatalf("%v %v", got, err)
		}
	})
}
