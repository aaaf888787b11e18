// Package depend finds the things that forge needs beside its own binary: the ONNX
// Runtime library and the trainer's Python. `make setup` puts both, pinned and
// checksummed, into the repository's .cache folder; an installed forge has them
// beside the binary.
package depend

import (
	"os"
	"path/filepath"

	"aiforge.dev/forge"
)

// Places to look in, each relative to a root: the folder above the binary's, and the
// nearest folder upwards from the working directory that holds a go.mod.
const (
	onnxRuntime = ".cache/ort/libonnxruntime.so"
	python      = ".cache/venv/bin/python"
)

// ONNXRuntime returns the path of the ONNX Runtime library. given, if not empty, is
// what the configuration says and is not second-guessed.
func ONNXRuntime(given string) (string, error) {
	return find(given, onnxRuntime, "the ONNX Runtime library", "run make setup, or set FORGE_ONNXRUNTIME to the path of libonnxruntime.so")
}

// Python returns the path of the Python interpreter that has the trainer's packages.
func Python(given string) (string, error) {
	return find(given, python, "the trainer's Python environment", "run make setup, or set FORGE_PYTHON to a Python with the packages of training/python/requirements.txt")
}

func find(given, rel, what, cure string) (string, error) {
	if given != "" {
		if _, err := os.Stat(given); err != nil {
			return "", forge.Errorf(forge.KindUnavailable, err, "%s is not at %s: %s", what, given, cure)
		}
		return given, nil
	}
	for _, root := range roots() {
		p := filepath.Join(root, rel)
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", forge.Errorf(forge.KindUnavailable, nil, "%s is not installed: %s", what, cure)
}

func roots() []string {
	var out []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		out = append(out, filepath.Dir(filepath.Dir(exe)))
	}
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			return append(out, dir)
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	return out
}
