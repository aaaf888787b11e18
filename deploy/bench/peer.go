package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// peer is a Python program that answers one line of JSON with another.
type peer struct {
	cmd *exec.Cmd
	in  *json.Encoder
	out *bufio.Reader
	log string
}

func (b *bench) python(env string) string {
	return filepath.Join(b.root, ".cache", "peers", env, "bin", "python")
}

// peer starts a program of deploy/bench/peers in one of the environments.
func (b *bench) peer(env, program string) (*peer, error) {
	p := &peer{log: filepath.Join(b.dir, program+".log")}
	p.cmd = exec.Command(b.python(env), filepath.Join(b.root, "deploy", "bench", "peers", program))
	p.cmd.Dir = b.dir
	p.cmd.Env = append(os.Environ(), "DO_NOT_TRACK=1", "FEAST_USAGE=False", "PYTHONDONTWRITEBYTECODE=1")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Stderr = log
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = json.NewEncoder(in), bufio.NewReader(out)
	return p, p.cmd.Start()
}

// ask sends a request and decodes the answer into out.
func (p *peer) ask(in, out any) error {
	if err := p.in.Encode(in); err != nil {
		return fmt.Errorf("%w: %s", err, tail(p.log))
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the peer ended: %w: %s", err, tail(p.log))
	}
	return json.Unmarshal(line, out)
}

func (p *peer) end() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// used is what a peer says of one piece of work.
type used struct {
	CPU    float64 `json:"cpu"`  // seconds, all threads
	Wall   float64 `json:"wall"` // seconds
	Peak   float64 `json:"peak"` // MB
	Rows   int64   `json:"rows"`
	Answer string  `json:"answer"`
}
