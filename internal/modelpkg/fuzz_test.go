package modelpkg_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
)

// FuzzRead: any forge.yaml and example.json give a manifest and rows that fit each
// other, or an error that says the package is invalid.
func FuzzRead(f *testing.F) {
	f.Add([]byte(manifest), []byte(example))
	f.Add([]byte("format: 1\nkind: tabular\ntask: regression\ninputs: [{name: a, type: float}]\noutputs: {value: value}"), []byte(`{"inputs": {"a": [1]}, "scores": [[0.5]]}`))
	f.Add([]byte("a: &a [x, x]\nb: [*a, *a]"), []byte(`{"inputs": {"age": [1e999]}}`))
	f.Add([]byte("inputs: {name: a}"), []byte(`null`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, yaml, rows []byte) {
		for name, b := range map[string][]byte{modelpkg.ManifestFile: yaml, modelpkg.ExampleFile: rows} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		m, err := modelpkg.Read(dir)
		if err != nil {
			if !errors.Is(err, forge.ErrInvalid) {
				t.Errorf("%q: %v", yaml, err)
			}
			return
		}
		if m.Format != modelpkg.Format || len(m.Inputs) == 0 || m.Task != modelpkg.Regression && len(m.Classes) < 2 {
			t.Errorf("%q: %+v", yaml, m)
		}
		e, err := modelpkg.ReadExample(dir, m)
		if err != nil {
			if !errors.Is(err, forge.ErrInvalid) {
				t.Errorf("%q: %v", rows, err)
			}
			return
		}
		for _, in := range m.Inputs {
			if len(e.Inputs[in.Name]) != e.Rows() || e.Rows() == 0 {
				t.Errorf("%q: %d values of %q in %d rows", rows, len(e.Inputs[in.Name]), in.Name, e.Rows())
			}
		}
	})
}
