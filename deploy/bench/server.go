package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// server is a forge that this run started on a folder of its own.
type server struct {
	b          *bench
	data       string
	base       string
	token      string
	cmd        *exec.Cmd
	ended      chan error
	http       http.Client
	readyAfter time.Duration
}

// serve starts forge on data and waits until it is ready. It ends with this process:
// its parent's death is a signal to it.
func (b *bench) serve(data string) (*server, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	_ = os.Remove(filepath.Join(data, "server.json"))
	log, err := os.OpenFile(data+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &server{b: b, data: data, ended: make(chan error, 1)}
	s.cmd = exec.Command(b.forge, "serve", "--data", data, "--listen", "127.0.0.1:0")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.ended <- s.cmd.Wait() }()
	for {
		if s.isReady() {
			s.readyAfter = time.Since(began)
			break
		}
		select {
		case err := <-s.ended:
			return nil, fmt.Errorf("forge ended at once: %v: see %s", err, tail(data+".log"))
		case <-b.ctx.Done():
			s.stop()
			return nil, b.ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
		if time.Since(began) > time.Minute {
			s.stop()
			return nil, fmt.Errorf("forge is not ready after a minute: %s", tail(data+".log"))
		}
	}
	token, err := os.ReadFile(filepath.Join(data, "owner.token"))
	s.token = strings.TrimSpace(string(token))
	return s, err
}

func tail(path string) string {
	b, _ := os.ReadFile(path)
	return string(b[max(0, len(b)-2000):])
}

func (s *server) isReady() bool {
	b, err := os.ReadFile(filepath.Join(s.data, "server.json"))
	var f struct {
		Addr string `json:"addr"`
		PID  int    `json:"pid"`
	}
	if err != nil || json.Unmarshal(b, &f) != nil || f.PID != s.cmd.Process.Pid {
		return false
	}
	s.base = f.Addr
	resp, err := s.http.Get(s.base + "/readyz")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// cpu is the processor time of the server and all its children so far.
func (s *server) cpu() float64 { return cpuOf(s.pid()) }

// cli runs a command of forge and returns what it prints.
func (s *server) cli(args ...string) (string, error) {
	cmd := exec.CommandContext(s.b.ctx, s.b.forge, args...)
	cmd.Env = append(os.Environ(), "FORGE_ADDR="+s.base, "FORGE_TOKEN="+s.token, "FORGE_DATA="+s.data)
	cmd.Dir = s.b.root
	var errs bytes.Buffer
	cmd.Stderr = &errs
	b, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("forge %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return string(b), nil
}

// call sends JSON (nil: nothing) and returns the answer's body.
func (s *server) call(method, path string, in any) ([]byte, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	return s.send(method, path, "application/json", body)
}

func (s *server) send(method, path, kind string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(s.b.ctx, method, s.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, b)
	}
	return b, err
}

// job starts a job and waits for its end, by looking often: the wall time counts.
func (s *server) job(path string, in any) (result json.RawMessage, err error) {
	b, err := s.call("POST", path, in)
	if err != nil {
		return nil, err
	}
	var j struct {
		ID, State string
		Error     json.RawMessage
		Result    json.RawMessage
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return nil, err
	}
	for {
		if b, err = s.call("GET", "/api/jobs/"+j.ID, nil); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &j); err != nil {
			return nil, err
		}
		switch j.State {
		case "succeeded", "done":
			return j.Result, nil
		case "failed", "cancelled":
			return nil, fmt.Errorf("job %s %s: %s", j.ID, j.State, j.Error)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// settle waits until the server's own work after something is done: its processor
// time stands still for a second.
func (s *server) settle() {
	last, since := s.cpu(), time.Now()
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(100 * time.Millisecond) {
		if now := s.cpu(); now > last+0.05 {
			last, since = now, time.Now()
		} else if time.Since(since) > time.Second {
			return
		}
	}
}
