package forge_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"aiforge.dev/forge"
)

// FuzzTableName: a name that is taken is safe as part of a path, a topic and a key, and
// is the same after JSON.
func FuzzTableName(f *testing.F) {
	for _, s := range []string{"raw.calls", "", ".", "a.b.c", "../x.y", "raw.calls\n", "RAW.calls", "a.b__rejects", "ä.b", "a.b\x00", strings.Repeat("a", 64) + ".b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := forge.ParseTableName(s)
		if err != nil {
			if !errors.Is(err, forge.ErrInvalid) || n != (forge.TableName{}) {
				t.Errorf("%q: %v, %v", s, n, err)
			}
			return
		}
		if n.String() != s || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_.") != "" || strings.Count(s, ".") != 1 || len(s) > 127 {
			t.Errorf("%q became %q", s, n)
		}
		b, err := json.Marshal(n)
		var again forge.TableName
		if err != nil || json.Unmarshal(b, &again) != nil || again != n {
			t.Errorf("%q as JSON is %s and reads back as %q", s, b, again)
		}
		if forge.Ident("table", n.Name) != nil || !(forge.Scope{Tenant: "t", Project: "p"}).Valid() {
			t.Errorf("%q has a name that is none", s)
		}
	})
}

// YAML gives a TableName only as a text: nothing gets past the check of names.
func TestTableNameInYAML(t *testing.T) {
	var n forge.TableName
	text := func(s string) func(any) error {
		return func(into any) error { *into.(*string) = s; return nil }
	}
	if err := n.UnmarshalYAML(text("raw.calls")); err != nil || n.String() != "raw.calls" {
		t.Errorf("%q, %v", n, err)
	}
	if err := n.UnmarshalYAML(text("../raw.calls")); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("%q, %v", n, err)
	}
	noText := errors.New("a map")
	if err := n.UnmarshalYAML(func(any) error { return noText }); !errors.Is(err, noText) {
		t.Errorf("%q, %v", n, err)
	}
}
