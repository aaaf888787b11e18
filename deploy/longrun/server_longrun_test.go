//go:build longrun

package longrun_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// settings let the server forget within minutes what it keeps for days by default, so
// that a run of hours sees each of these things come and go many times.
var settings = []string{
	"FORGE_LISTEN=127.0.0.1:0",
	"FORGE_UPKEEP_EVERY=5s",
	"FORGE_UPKEEP_GRACE=2m",
	"FORGE_UPKEEP_ORPHANS=1h",
	"FORGE_KEEP_JOBS=5m",
}

// server is the built forge at work.
type server struct {
	t            *testing.T
	binary, data string
	base, token  string
	pid          int
}

func start(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, binary: os.Getenv("FORGE_TEST_BINARY"), data: t.TempDir()}
	if s.binary == "" {
		t.Fatal("FORGE_TEST_BINARY is not set: run make longrun")
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.command(context.Background(), "serve", "--log-level", "warn")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	began, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the signal comes when the thread ends that started the process
		err := cmd.Start()
		began <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-began; err != nil {
		t.Fatal(err)
	}
	s.pid = cmd.Process.Pid
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil && t.Context().Err() == nil {
			t.Errorf("the server ended with %v", err)
		}
		text, _ := os.ReadFile(log.Name())
		if len(text) > 20_000 {
			text = text[len(text)-20_000:]
		}
		t.Logf("the server's log:\n%s", text)
	})
	s.ready(ended)
	return s
}

func (s *server) ready(ended <-chan error) {
	s.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			s.t.Fatalf("the server ended: %v", err)
		case <-tick.C:
		}
		var where struct{ Addr string }
		text, err := os.ReadFile(filepath.Join(s.data, "server.json"))
		if err == nil && json.Unmarshal(text, &where) == nil {
			token, err := os.ReadFile(filepath.Join(s.data, "owner.token"))
			if err != nil {
				s.t.Fatal(err)
			}
			s.base, s.token = where.Addr, strings.TrimSpace(string(token))
			return
		}
	}
}

func (s *server) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Dir = filepath.Join("..", "..") // where make setup has put ONNX Runtime and Python
	cmd.Env = append(os.Environ(), append(settings, "FORGE_DATA="+s.data)...)
	return cmd
}

// run runs a command that must succeed.
func (s *server) run(args ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := s.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("forge %s: %v\n%s", strings.Join(args, " "), err, &out)
	}
}
