package audit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"aiforge.dev/forge/catalog/audit"
)

// TestIndex: whatever became of the index files, the list is that of the log, also in a
// log that was written before there were any.
func TestIndex(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 2048)
	for i := range 100 {
		scope := demo
		if i%7 == 0 {
			scope = other
		}
		if _, err := l.Append(t.Context(), entry(scope, i)); err != nil {
			t.Fatal(err)
		}
	}
	want := lists(t, l)
	must(t, l.Close())
	files := func() []string {
		names, err := filepath.Glob(filepath.Join(dir, "*.idx"))
		must(t, err)
		return names
	}
	if len(files()) < 5 {
		t.Fatalf("%d index files; the test needs several", len(files()))
	}
	elsewhere := files()[0]
	for name, change := range map[string]func(file string, raw []byte) error{
		"untouched": func(string, []byte) error { return nil },
		"removed":   func(file string, _ []byte) error { return os.Remove(file) },
		"empty":     func(file string, _ []byte) error { return os.WriteFile(file, nil, 0o600) },
		"cut":       func(file string, raw []byte) error { return os.WriteFile(file, raw[:len(raw)/2], 0o600) },
		"edited": func(file string, raw []byte) error { // to hide a project's entries
			return os.WriteFile(file, bytes.Replace(raw, []byte("main/other"), []byte("main/ether"), 1), 0o600)
		},
		"another's": func(file string, _ []byte) error {
			raw, err := os.ReadFile(elsewhere)
			return errorsFirst(err, os.WriteFile(file, raw, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range files() {
				raw, err := os.ReadFile(f)
				must(t, err)
				must(t, change(f, raw))
			}
			l := open(t, dir, 2048)
			if got := lists(t, l); !reflect.DeepEqual(got, want) {
				t.Errorf("another list: %d and %d entries, want %d and %d", len(got[0]), len(got[1]), len(want[0]), len(want[1]))
			}
			if v := verify(t, l); !v.OK {
				t.Errorf("%+v", v)
			}
			must(t, l.Close())
		})
	}
}

func errorsFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func lists(t *testing.T, l *audit.Log) [2][]audit.Entry {
	t.Helper()
	newest, err := l.List(t.Context(), other, -1, 1000)
	must(t, err)
	from, err := l.List(t.Context(), demo, 0, 1000)
	must(t, err)
	return [2][]audit.Entry{newest, from}
}
