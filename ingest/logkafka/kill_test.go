package logkafka_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/broker"
	"aiforge.dev/forge/ingest/ingesttest"
)

// brokerDir in the environment makes this test binary a broker over that folder.
const brokerDir = "FORGE_TEST_BROKER_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(brokerDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	b, err := broker.Open(dir, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(b.Addr())
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until it is killed
}

// process starts a broker in a process of its own.
func process(t *testing.T, dir string) (addr string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), brokerDir+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe() // stays open: its end would stop the process
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Process.Kill()
		t.Fatal(err)
	}
	return strings.TrimSpace(line), func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = in.Close()
	}
}

// Whatever was acknowledged is there after kill -9, at its offset, and offsets go on
// where they were, also in a topic that was trimmed.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	const kept, trimmed = "forge.t.p.kept", "forge.t.p.trimmed"
	end := int64(0)
	for round := range 3 {
		addr, kill := process(t, dir)
		l := open(t, addr)
		for _, name := range []string{kept, trimmed} {
			if err := l.Create(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		for i := range int64(20) {
			for _, name := range []string{kept, trimmed} {
				off, err := l.Append(t.Context(), name, ingest.Record{Value: fmt.Appendf(nil, "%d", end+i)})
				if err != nil || off != end+i {
					t.Fatalf("round %d: %s offset %d, want %d (%v)", round, name, off, end+i, err)
				}
			}
		}
		end += 20
		if err := l.Trim(t.Context(), trimmed, end); err != nil {
			t.Fatal(err)
		}
		kill()
		_ = l.Close()
	}
	l := open(t, start(t, dir).Addr())
	defer l.Close()
	all := ingesttest.ReadAll(t, l, kept, 0, 1<<20)
	if int64(len(all)) != end {
		t.Fatalf("%d records, want %d", len(all), end)
	}
	for i, r := range all {
		if string(r.Value) != fmt.Sprint(i) {
			t.Fatalf("record %d: %q", i, r.Value)
		}
	}
	if _, got, err := l.Bounds(t.Context(), trimmed); err != nil || got != end {
		t.Errorf("the trimmed topic ends at %d, want %d (%v)", got, end, err)
	}
}
