package modelpkg_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
)

const manifest = `format: 1
kind: tabular
task: binary
family: lightgbm
target: subscribed
classes: ["no", "yes"]
positive: "yes"
inputs:
  - {name: age, type: float, view: profile, version: 2, feature: age}
  - {name: job, type: string}
outputs: {label: label, scores: scores}
training_set: {id: ts_1, table: training.calls, snapshot: "8123456789012345678"}
run: run_1
metrics: {roc_auc: 0.71}
trainer: {lightgbm: 4.7.0}
`

const example = `{"inputs": {"age": [41, null], "job": ["admin.", null]}, "labels": ["no", "yes"], "scores": [[0.9, 0.1], [0.2, 0.8]]}`

// pack writes a package and its checksums.
func pack(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, dir, name, text)
	}
	list, err := modelpkg.Listing(dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, modelpkg.ChecksumsFile, list)
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func whole() map[string]string {
	return map[string]string{"forge.yaml": manifest, "example.json": example, "model.onnx": "graph", "a/b": "1", "a-b": "2"}
}

func TestRead(t *testing.T) {
	dir := pack(t, whole())
	m, err := modelpkg.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if m.Positive != "yes" || m.Inputs[0] != (modelpkg.Input{Name: "age", Type: "float", View: "profile", Version: 2, Feature: "age"}) || m.TrainingSet.Snapshot != "8123456789012345678" {
		t.Errorf("read %+v", m)
	}
	e, err := modelpkg.ReadExample(dir, m)
	if err != nil {
		t.Fatal(err)
	}
	if e.Rows() != 2 || e.Inputs["age"][1] != nil || e.Inputs["job"][0] != "admin." {
		t.Errorf("read %+v", e)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"format":   {"format: 1", "format: 2"},
		"kind":     {"kind: tabular", "kind: picture"},
		"task":     {"task: binary", "task: ranking"},
		"classes":  {`["no", "yes"]`, `["no"]`},
		"positive": {`positive: "yes"`, `positive: maybe`},
		"type":     {"type: string", "type: date"},
		"double":   {"name: job", "name: age"},
		"outputs":  {"label: label, ", ""},
		"yaml":     {"format: 1", "format: [1"},
	} {
		files := whole()
		files["forge.yaml"] = strings.Replace(manifest, change[0], change[1], 1)
		if files["forge.yaml"] == manifest {
			t.Fatalf("%s: the case changes nothing", name)
		}
		if _, err := modelpkg.Read(pack(t, files)); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := modelpkg.Read(t.TempDir()); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("no manifest: %v", err)
	}
}

func TestExampleRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no rows":       `{"inputs": {"age": [], "job": []}, "labels": [], "scores": []}`,
		"wrong type":    strings.Replace(example, "41", `"41"`, 1),
		"short column":  strings.Replace(example, "41, null", "41", 1),
		"no column":     strings.Replace(example, `"job"`, `"jop"`, 1),
		"few labels":    strings.Replace(example, `["no", "yes"]`, `["no"]`, 1),
		"few scores":    strings.Replace(example, "[0.2, 0.8]", "[0.2]", 1),
		"not even JSON": "{",
	} {
		files := whole()
		files["example.json"] = text
		dir := pack(t, files)
		m, err := modelpkg.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := modelpkg.ReadExample(dir, m); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDigest(t *testing.T) {
	dir := pack(t, whole())
	one, err := modelpkg.Digest(dir)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(dir, "checksums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if s := sha256.Sum256(sums); hex.EncodeToString(s[:]) != one {
		t.Error("the digest is not the SHA-256 of checksums.txt")
	}
	if two, _ := modelpkg.Digest(pack(t, whole())); two != one {
		t.Error("equal packages have different digests")
	}
	renamed := whole()
	renamed["a/c"] = renamed["a/b"]
	delete(renamed, "a/b")
	if two, _ := modelpkg.Digest(pack(t, renamed)); two == one {
		t.Error("a renamed file does not change the digest")
	}
	if _, err := modelpkg.Digest(t.TempDir()); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("empty folder: %v", err)
	}
}

func TestVerifyChecksums(t *testing.T) {
	for name, harm := range map[string]func(dir string){
		"":        func(string) {},
		"changed": func(dir string) { write(t, dir, "model.onnx", "Graph") },
		"added":   func(dir string) { write(t, dir, "more", "x") },
		"missing": func(dir string) { os.Remove(filepath.Join(dir, "a-b")) },
		"no list": func(dir string) { os.Remove(filepath.Join(dir, "checksums.txt")) },
		"link":    func(dir string) { os.Symlink("/etc/passwd", filepath.Join(dir, "link")) },
	} {
		dir := pack(t, whole())
		harm(dir)
		if err := modelpkg.VerifyChecksums(dir); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
