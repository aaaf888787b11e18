package runlocal_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge/training/runlocal"
)

// parentMark makes the test binary play a server that launches the script it names.
const parentMark = "FORGE_RUNLOCAL_PARENT"

func TestMain(m *testing.M) {
	if script := os.Getenv(parentMark); script != "" {
		l := runlocal.New(runlocal.Config{Command: []string{"/bin/sh", script}})
		_ = l.Launch(context.Background(), filepath.Dir(script), func(e json.RawMessage) { os.Stdout.Write(append(e, '\n')) })
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A server that is killed takes its trainer with it.
func TestTrainerDoesNotOutliveTheServer(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "trainer.sh")
	write(t, script, `echo "{\"type\":\"log\",\"pid\":\"$$\"}" >> "$1/events.jsonl"; while :; do sleep 0.05; done`)
	write(t, filepath.Join(dir, "job.json"), `{}`)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(self)
	server.Env = append(os.Environ(), parentMark+"="+script)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var e struct{ PID string }
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.PID == "" {
		t.Fatalf("%s: %v", line, err)
	}
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait()
	for deadline := time.Now().Add(10 * time.Second); running(e.PID); {
		if time.Now().After(deadline) {
			t.Fatalf("the trainer %s still runs", e.PID)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

func running(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(state, "Z")
}
