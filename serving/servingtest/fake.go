package servingtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/serving"
)

// Fake answers as the model of Binary does, without a runtime. Using it after Close
// is an error, as with a real one.
type Fake struct {
	Shift  float32
	Gate   chan struct{} // if set, every call takes one from it first
	inUse  atomic.Int64
	closed atomic.Bool
}

// Signature of the model of Binary.
func (f *Fake) Signature() serving.Signature {
	return serving.Signature{Task: modelpkg.Binary, Classes: []string{"no", "yes"}, Positive: "yes", Inputs: []serving.Input{
		{Name: "age", Type: serving.Float, View: "profile", Version: 1, Feature: "age"},
		{Name: "job", Type: serving.String, View: "profile", Version: 1, Feature: "job"},
	}}
}

// Predict answers with BinaryScore.
func (f *Fake) Predict(ctx context.Context, in serving.Batch, out *serving.Output) error {
	f.inUse.Add(1)
	defer f.inUse.Add(-1)
	if f.Gate != nil {
		select {
		case <-f.Gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if f.closed.Load() {
		return forge.Errorf(forge.KindUnavailable, nil, "used after Close")
	}
	out.Reset(in.N, 2, true)
	for i := range in.N {
		var age any
		if a := in.Columns[0].Floats[i]; a == a {
			age = float64(a)
		}
		p := BinaryScore(age, in.Columns[1].Strings[i], f.Shift)
		out.Scores[2*i], out.Scores[2*i+1], out.Labels[i] = 1-p, p, "no"
		if p > 0.5 {
			out.Labels[i] = "yes"
		}
	}
	return nil
}

// Close ends it; closing it while it is in use panics, since a runtime would crash.
func (f *Fake) Close() error {
	if f.inUse.Load() > 0 {
		panic("closed while in use")
	}
	f.closed.Store(true)
	return nil
}

// Closed reports whether Close was called.
func (f *Fake) Closed() bool { return f.closed.Load() }

// Models are packages and aliases in memory, and the loader that makes a Fake of
// each package. Version n's model file has Size bytes and its scores are moved by
// n/64.
type Models struct {
	dir  string
	Size int

	mu      sync.Mutex
	aliases map[string]int
	broken  map[int]bool
	loaded  []*Fake
}

// NewModels returns models without aliases.
func NewModels(t testing.TB) *Models {
	return &Models{dir: t.TempDir(), Size: 1, aliases: map[string]int{}, broken: map[int]bool{}}
}

// Alias moves an alias of every model.
func (m *Models) Alias(alias string, version int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.aliases[alias] = version
}

// Break makes a version fail to load, or mends it.
func (m *Models) Break(version int, broken bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken[version] = broken
}

// Loaded returns every predictor that was ever loaded.
func (m *Models) Loaded() []*Fake {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*Fake(nil), m.loaded...)
}

// Resolve implements serving.Models.
func (m *Models) Resolve(_ context.Context, scope forge.Scope, ref string) (serving.Package, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	model, version := strings.TrimPrefix(ref, "models:/"), 0
	if name, alias, ok := strings.Cut(model, "@"); ok {
		model, version = name, m.aliases[alias]
	} else if name, number, ok := strings.Cut(model, "/"); ok {
		model = name
		_, _ = fmt.Sscan(number, &version)
	}
	if version == 0 {
		return serving.Package{}, forge.Errorf(forge.KindNotFound, nil, "model reference %q names nothing", ref)
	}
	dir := filepath.Join(m.dir, scope.String(), model, fmt.Sprint(version))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return serving.Package{}, err
	}
	err := os.WriteFile(filepath.Join(dir, modelpkg.ModelFile), make([]byte, m.Size), 0o644)
	return serving.Package{Model: model, Version: version, Digest: fmt.Sprintf("%s-%d", model, version), Dir: dir}, err
}

// Load implements the router's Loader.
func (m *Models) Load(dir string) (serving.Predictor, error) {
	var version int
	if _, err := fmt.Sscan(filepath.Base(dir), &version); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken[version] {
		return nil, forge.Errorf(forge.KindInvalid, nil, "model.onnx is broken")
	}
	f := &Fake{Shift: Shift(version)}
	m.loaded = append(m.loaded, f)
	return f, nil
}

// Shift is what version n's scores are moved by.
func Shift(version int) float32 { return float32(version) / 64 }
