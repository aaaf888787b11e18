// Package onnx runs model packages with ONNX Runtime. One runtime serves all models
// of the process: every session computes on the calling thread (intra-op threads 1,
// no spinning) and parallelism comes from concurrent calls, at most one per core, so
// that a hundred clients do not become a hundred threads. A row's score may differ in the
// last bit of its float32 with the number of rows asked together.
package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/serving"
	ort "github.com/yalue/onnxruntime_go"
)

// maxModel bounds a model file: larger graphs keep their weights outside, which a
// package of this format does not.
const maxModel = 2 << 30

// environment guards ONNX Runtime's own process-wide state. The library stays loaded
// until the process ends: unloading it under running threads is not safe.
var environment sync.Mutex

// Runtime is the opened library.
type Runtime struct {
	slots chan struct{} // one per concurrent run
}

// Open loads the ONNX Runtime library. Opening it again is harmless.
func Open(libPath string) (*Runtime, error) {
	environment.Lock()
	defer environment.Unlock()
	if !ort.IsInitialized() {
		if _, err := os.Stat(libPath); err != nil {
			return nil, forge.Errorf(forge.KindUnavailable, err, "the ONNX Runtime library is not at %s: run make setup, or set FORGE_ONNXRUNTIME", libPath)
		}
		ort.SetSharedLibraryPath(libPath)
		// Warnings would be written to stderr on each call of some models.
		if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
			return nil, forge.Errorf(forge.KindUnavailable, err, "%s is not a usable ONNX Runtime library: run make setup again", libPath)
		}
	}
	return &Runtime{slots: make(chan struct{}, runtime.GOMAXPROCS(0))}, nil
}

// Version of the library.
func (r *Runtime) Version() string { return ort.GetVersion() }

// Load reads the package in dir, checks that its graph is what its manifest says, and
// runs one row so that the first caller does not pay for it.
func (r *Runtime) Load(dir string) (serving.Predictor, error) {
	p, err := r.load(dir)
	if err != nil {
		return nil, err
	}
	if err := p.warm(); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

func (r *Runtime) load(dir string) (*predictor, error) {
	m, err := modelpkg.Read(dir)
	if err != nil {
		return nil, err
	}
	data, err := readModel(dir)
	if err != nil {
		return nil, err
	}
	if err := selfContained(data); err != nil {
		return nil, err
	}
	ins, outs := ports(data)
	if err := match(m, ins, outs); err != nil {
		return nil, err
	}
	session, err := newSession(data, m)
	if err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "%s of the model package is not an ONNX model that this runtime can load: an operator that it does not have, or a damaged file", modelpkg.ModelFile)
	}
	return newPredictor(r.slots, session, m), nil
}

func readModel(dir string) ([]byte, error) {
	path := filepath.Join(dir, modelpkg.ModelFile)
	st, err := os.Stat(path)
	if err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "model package has no %s", modelpkg.ModelFile)
	}
	if st.Size() == 0 || st.Size() > maxModel {
		return nil, forge.Errorf(forge.KindInvalid, nil, "%s of the model package has %d bytes; want 1 to %d", modelpkg.ModelFile, st.Size(), int64(maxModel))
	}
	return os.ReadFile(path)
}

func newSession(data []byte, m modelpkg.Manifest) (*ort.DynamicAdvancedSession, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer o.Destroy() //nolint:errcheck // frees memory only
	for _, set := range []func() error{
		func() error { return o.SetIntraOpNumThreads(1) },
		func() error { return o.SetInterOpNumThreads(1) },
		func() error { return o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") },
		func() error { return o.AddSessionConfigEntry("session.inter_op.allow_spinning", "0") },
		func() error { return o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll) },
	} {
		if err := set(); err != nil {
			return nil, fmt.Errorf("session options: %w", err)
		}
	}
	names := make([]string, len(m.Inputs))
	for i, in := range m.Inputs {
		names[i] = in.Name
	}
	return ort.NewDynamicAdvancedSessionWithONNXData(data, names, outputNames(m), o)
}

func outputNames(m modelpkg.Manifest) []string {
	if m.Task == modelpkg.Regression {
		return []string{m.Outputs.Value}
	}
	return []string{m.Outputs.Scores, m.Outputs.Label}
}
