package onnx_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/depend"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/onnx"
	"aiforge.dev/forge/serving/servingtest"
)

func open(t testing.TB) *onnx.Runtime {
	t.Helper()
	lib, err := depend.ONNXRuntime("")
	if err != nil {
		t.Fatal(err)
	}
	rt, err := onnx.Open(lib)
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

func load(t testing.TB, dir string) serving.Predictor {
	t.Helper()
	p, err := open(t).Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPredictor(t *testing.T) { servingtest.TestPredictor(t, load) }

func TestVerify(t *testing.T) {
	rt := open(t)
	for name, dir := range map[string]string{
		"binary":     servingtest.Binary(t, t.TempDir(), 0),
		"multiclass": servingtest.Multiclass(t, t.TempDir()),
		"regression": servingtest.Regression(t, t.TempDir()),
	} {
		if err := rt.Verify(t.Context(), dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// edit changes a JSON or text file of a package.
func edit(t *testing.T, dir, name string, f func(string) string) string {
	t.Helper()
	p := filepath.Join(dir, name)
	b, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(f(string(b))), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestVerifyNamesTheDifference(t *testing.T) {
	rt := open(t)
	change := func(f func(*modelpkg.Example)) string {
		return edit(t, servingtest.Binary(t, t.TempDir(), 0), modelpkg.ExampleFile, func(s string) string {
			var e modelpkg.Example
			if err := json.Unmarshal([]byte(s), &e); err != nil {
				t.Fatal(err)
			}
			f(&e)
			b, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		})
	}
	for _, c := range []struct {
		name string
		dir  string
		want []string
	}{
		{"score", change(func(e *modelpkg.Example) { e.Scores[3][1] += 0.001 }), []string{"row 3", "class yes"}},
		{"label", change(func(e *modelpkg.Example) { e.Labels[1] = "yes" }), []string{"row 1", `"no"`, `"yes"`}},
		{"value", edit(t, servingtest.Regression(t, t.TempDir()), modelpkg.ExampleFile, func(s string) string { return strings.Replace(s, "20.5", "20.6", 1) }), []string{"row 0", "value", "20.6"}},
	} {
		err := rt.Verify(t.Context(), c.dir)
		if forge.KindOf(err) != forge.KindInvalid {
			t.Errorf("%s: %v, want invalid", c.name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", c.name, err, w)
			}
		}
	}
	within := change(func(e *modelpkg.Example) { e.Scores[3][1] += 0.00005 })
	if err := rt.Verify(t.Context(), within); err != nil {
		t.Errorf("a difference within the tolerance: %v", err)
	}
}

// A package whose parts do not fit is refused, and the error says which part.
func TestLoadRefuses(t *testing.T) {
	rt := open(t)
	manifest := func(old, new string) string {
		return edit(t, servingtest.Binary(t, t.TempDir(), 0), modelpkg.ManifestFile, func(s string) string {
			if !strings.Contains(s, old) {
				t.Fatalf("manifest has no %q:\n%s", old, s)
			}
			return strings.Replace(s, old, new, 1)
		})
	}
	model := func(f func(string) string) string {
		return edit(t, servingtest.Binary(t, t.TempDir(), 0), modelpkg.ModelFile, f)
	}
	for _, c := range []struct{ name, dir, want string }{
		{"no manifest", t.TempDir(), "forge.yaml"},
		{"input renamed", manifest("name: age", "name: years"), `no input "years"; it has age, job`},
		{"input of another type", manifest("type: float", "type: string"), `input "age" has the type float32, want string`},
		{"output renamed", manifest("scores: scores", "scores: probs"), `no output "probs"`},
		{"another number of classes", manifest("- \"no\"", "- \"no\"\n    - maybe"), `output "scores" has the shape`},
		{"regression", manifest("task: binary", "task: regression\noutputs: {value: value}\nold: x"), ""},
		{"not ONNX", model(func(string) string { return "not a model" }), "not"},
		{"empty", model(func(string) string { return "" }), "0 bytes"},
		{"half", model(func(s string) string { return s[:len(s)/2] }), "complete"},
		{"unknown operator", model(func(s string) string { return strings.Replace(s, "Concat", "Nonsns", 1) }), "model.onnx"},
	} {
		p, err := rt.Load(c.dir)
		if err == nil {
			_ = p.Close()
			t.Errorf("%s: loaded", c.name)
			continue
		}
		if forge.KindOf(err) != forge.KindInvalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (%s), want invalid with %q", c.name, err, forge.KindOf(err), c.want)
		}
	}
}

func TestOpen(t *testing.T) {
	if v := open(t).Version(); !strings.HasPrefix(v, "1.") {
		t.Errorf("version %q", v)
	}
}

func TestZeroByteIsRefused(t *testing.T) {
	p := load(t, servingtest.Binary(t, t.TempDir(), 0))
	defer p.Close()
	var out serving.Output
	err := p.Predict(t.Context(), servingtest.AgeJob([]any{1.0, 1.0}, []any{"student", "student\x00x"}), &out)
	if forge.KindOf(err) != forge.KindInvalid || !strings.Contains(err.Error(), `"job", row 1`) {
		t.Errorf("got %v", err)
	}
}

// resident is the process's memory in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// Loading and unloading a model again and again gives its memory back. One load of
// this model takes about two megabytes, so a leak would be forty of them.
func TestUnloadGivesMemoryBack(t *testing.T) {
	rt := open(t)
	dir := servingtest.Forest(t, t.TempDir(), 50, 6, 20)
	cycle := func(n int) {
		for range n {
			p, err := rt.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			var out serving.Output
			if err := p.Predict(t.Context(), serving.NewBatch(p.Signature().Inputs, 100), &out); err != nil {
				t.Fatal(err)
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
		}
		debug.FreeOSMemory()
	}
	cycle(3)
	before := resident(t)
	cycle(20)
	if grown := resident(t) - before; grown > 16<<20 {
		t.Errorf("20 loads and unloads grew the process by %d MB", grown>>20)
	}
}

// Every truncation of a model is refused, or at least harmless.
func TestTruncated(t *testing.T) {
	rt := open(t)
	dir := servingtest.Binary(t, t.TempDir(), 0)
	p := filepath.Join(dir, modelpkg.ModelFile)
	whole, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(whole); n += 7 {
		if err := os.WriteFile(p, whole[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := rt.Load(dir); err == nil {
			_ = got.Close()
			t.Errorf("the first %d of %d bytes loaded", n, len(whole))
		}
	}
}

// A model with any byte changed is refused or runs; it never takes the process down.
func FuzzLoad(f *testing.F) {
	rt := open(f)
	dir := servingtest.Binary(f, f.TempDir(), 0)
	p := filepath.Join(dir, modelpkg.ModelFile)
	whole, err := os.ReadFile(p)
	if err != nil {
		f.Fatal(err)
	}
	for i := 0; i < len(whole); i += 11 {
		f.Add(uint16(i), byte(0x81))
	}
	f.Fuzz(func(t *testing.T, at uint16, flip byte) {
		b := append([]byte(nil), whole...)
		b[int(at)%len(b)] ^= flip
		if err := os.WriteFile(p, b, 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := rt.Load(dir)
		if err != nil {
			return
		}
		var out serving.Output
		if err := m.Predict(t.Context(), servingtest.AgeJob([]any{41.0}, []any{"student"}), &out); err == nil && len(out.Scores) != 2 {
			t.Errorf("%d scores", len(out.Scores))
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkOneRow(b *testing.B) {
	for _, c := range []struct {
		name string
		dir  string
	}{
		{"mixed", servingtest.Binary(b, b.TempDir(), 0)},
		{"forest100x6", servingtest.Forest(b, b.TempDir(), 100, 6, 20)},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := load(b, c.dir)
			defer p.Close()
			in := serving.NewBatch(p.Signature().Inputs, 1)
			var out serving.Output
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Predict(b.Context(), in, &out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
