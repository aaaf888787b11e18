package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asBinaryFor is the process for which this binary is forge. A server that forge up has
// put into the background outlives the shell that called it, so it watches that process
// and ends after it, even when the tests are killed.
const asBinaryFor = "FORGE_TEST_FOR"

func endAfterTests() {
	pid, err := strconv.Atoi(os.Getenv(asBinaryFor))
	if err != nil {
		return
	}
	go func() {
		for range time.Tick(300 * time.Millisecond) {
			if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
				_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
			}
		}
	}()
}

// wrapper writes a script named forge that runs this binary as forge for a process.
func wrapper(dir string, pid int) error {
	exe, err := self()
	if err != nil {
		return err
	}
	script := fmt.Sprintf("#!/bin/sh\n%s=1 %s=%d exec '%s' \"$@\"\n", asBinary, asBinaryFor, pid, exe)
	return os.WriteFile(filepath.Join(dir, "forge"), []byte(script), 0o700)
}

func TestServerEndsWithTheTestsThatStartedIt(t *testing.T) {
	tests := exec.Command("cat") // stands for the tests
	in, err := tests.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := tests.Start(); err != nil {
		t.Fatal(err)
	}
	dir, data := t.TempDir(), t.TempDir()
	if err := wrapper(dir, tests.Process.Pid); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + dir + ":/usr/bin:/bin", "HOME=" + dir, "FORGE_DATA=" + data, "FORGE_LISTEN=127.0.0.1:0"}
	out, err := sh(env, dir, "forge up --no-demo")
	if err != nil || !strings.Contains(out, "ready after") || !works(data) {
		t.Fatalf("%v: %s", err, out)
	}
	_ = tests.Process.Kill()
	_ = in.Close()
	_ = tests.Wait() // it says that it was killed
	eventually(t, "the server has ended", 30*time.Second, func() bool { return !works(data) })
}
