package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"aiforge.dev/forge/cmd/forge/cli"
)

// soakServer is the server under test: it is started and killed again and again on one
// data folder.
type soakServer struct {
	data string
	ctl  control
	log  string // file that all starts write to

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{} // closed when cmd has ended
	asked bool          // its end was the test's doing
	pid   int
}

// command is a forge serve on the data folder, which ends with this process.
func (s *soakServer) command() (*exec.Cmd, *os.File, error) {
	exe, err := self()
	if err != nil {
		return nil, nil, err
	}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(exe, "--data", s.data, "serve", "--listen", "127.0.0.1:0", "--log-level", "warn", "--memory", fmt.Sprint(512<<20))
	cmd.Env = append(os.Environ(), asVictim+"="+s.ctl.dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, log, nil
}

// spawn starts the process and returns at once.
func (s *soakServer) spawn() error {
	cmd, log, err := s.command()
	if err != nil {
		return err
	}
	defer log.Close()
	ended, started := make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread() // a child with Pdeathsig lives as long as the thread that made it
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd, s.ended, s.asked, s.pid = cmd, ended, false, cmd.Process.Pid
	return nil
}

// start starts the server and waits until it is ready.
func (s *soakServer) start() error {
	if err := s.spawn(); err != nil {
		return err
	}
	for until := time.Now().Add(60 * time.Second); ; {
		f, err := cli.ReadServerFile(s.data)
		if err == nil && f.PID == s.pid && ready(context.Background(), f.Addr) {
			u, err := url.Parse(f.Addr)
			if err != nil {
				return err
			}
			return os.WriteFile(s.ctl.path("http"), []byte(u.Port()), 0o600)
		}
		select {
		case <-s.ended:
			return fmt.Errorf("the server ended at its start: %s", tail(s.log, 8))
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(until) {
			return errors.New("the server is not ready after a minute")
		}
	}
}

// kill ends the process as a crash does and waits for its end.
func (s *soakServer) kill() {
	s.expect()
	_ = syscall.Kill(s.pid, syscall.SIGKILL)
	<-s.ended
}

// expect notes that the test is about to end the process.
func (s *soakServer) expect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = true
}

// died says whether the process has ended although nobody asked it to.
func (s *soakServer) died() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ended:
		return !s.asked
	default:
		return false
	}
}

// stop ends the server in good order.
func (s *soakServer) stop() error {
	s.expect()
	_ = syscall.Kill(s.pid, syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(45 * time.Second):
		s.kill()
		return errors.New("the server has not ended 45 s after SIGTERM")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("stopped by SIGTERM the server exits with %d: %s", code, tail(s.log, 5))
	}
	return nil
}

// second tries to start another server on the same folder; it must be turned away.
func (s *soakServer) second() error {
	cmd, log, err := s.command()
	if err != nil {
		return err
	}
	defer log.Close()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	timer := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err = cmd.Run()
	if err == nil || !strings.Contains(said.String(), "another forge works on data folder") {
		return fmt.Errorf("a second server on the folder was not turned away: %v: %s", err, said.String())
	}
	return nil
}

// children are the server's child processes whose command line has a word in it.
func (s *soakServer) children(word string) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		stat, err := os.ReadFile(filepath.Join(d, "stat"))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) < 2 || f[0] == "Z" || f[1] != strconv.Itoa(s.pid) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(d, "cmdline"))
		if strings.Contains(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})), word) {
			if pid, err := strconv.Atoi(filepath.Base(d)); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// forgive takes expect back.
func (s *soakServer) forgive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = false
}
