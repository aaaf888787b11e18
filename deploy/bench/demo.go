package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// demo is a data folder with the demo of the bank's calls up to the deployed model; it
// is made once a run.
func (b *bench) demo() (string, error) {
	data := filepath.Join(b.dir, "demo")
	if _, err := os.Stat(data); err == nil {
		return data, nil
	}
	s, err := b.serve(data)
	if err != nil {
		return "", err
	}
	defer s.stop()
	fmt.Println("   the demo of the bank's calls, up to the deployed model")
	if _, err := s.cli("demo", "calls", "--until", "2009-05", "--budget", "10s"); err != nil {
		_ = os.RemoveAll(data)
		return "", err
	}
	return data, nil
}

// serveDemo starts forge on that folder.
func (b *bench) serveDemo() (*server, error) {
	data, err := b.demo()
	if err != nil {
		return nil, err
	}
	return b.serve(data)
}

// tensor is an input as the Open Inference Protocol has it.
type tensor struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
	Data     []any  `json:"data"`
}

// model unpacks the deployed model's package and returns its graph's path and one row
// of its example, for the peers.
func (s *server) model() (graph string, row []tensor, err error) {
	var m struct{ Aliases map[string]int }
	b, err := s.call("GET", "/api/models/calls", nil)
	if err != nil {
		return "", nil, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return "", nil, err
	}
	if b, err = s.call("GET", fmt.Sprintf("/api/models/calls/versions/%d/package", m.Aliases["champion"]), nil); err != nil {
		return "", nil, err
	}
	archive := filepath.Join(s.b.dir, "package.tar.gz")
	if err := os.WriteFile(archive, b, 0o600); err != nil {
		return "", nil, err
	}
	dir := filepath.Join(s.b.dir, "package")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	if out, err := exec.Command("tar", "xzf", archive, "-C", dir, "--strip-components", "1").CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("tar: %w: %s", err, out)
	}
	var meta struct{ Inputs []tensor }
	if b, err = s.call("GET", "/v2/models/calls", nil); err != nil {
		return "", nil, err
	}
	if err := json.Unmarshal(b, &meta); err != nil {
		return "", nil, err
	}
	var example struct{ Inputs map[string][]any }
	if b, err = os.ReadFile(filepath.Join(dir, "example.json")); err != nil {
		return "", nil, err
	}
	if err := json.Unmarshal(b, &example); err != nil {
		return "", nil, err
	}
	for _, in := range meta.Inputs {
		row = append(row, tensor{in.Name, in.Datatype, []int{1, 1}, example.Inputs[in.Name][:1]})
	}
	return filepath.Join(dir, "model.onnx"), row, nil
}
