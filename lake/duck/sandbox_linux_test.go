package duck_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/laketest"
)

const probeMark = "FORGE_DUCK_PROBE"

// probe confines itself and says what it still can do.
func probe(dir string) {
	say := func(what string, err error) { fmt.Println(what, err == nil) }
	say("confine", duck.Confine([]string{filepath.Join(dir, "table")}, filepath.Join(dir, "tmp")))
	_, err := os.ReadFile(filepath.Join(dir, "table"))
	say("read table", err)
	_, err = os.OpenFile(filepath.Join(dir, "table"), os.O_WRONLY, 0)
	say("write table", err)
	say("spill", os.WriteFile(filepath.Join(dir, "tmp", "x"), []byte("x"), 0o600))
	_, err = os.ReadFile(filepath.Join(dir, "secret"))
	say("read secret", err)
	say("write beside", os.WriteFile(filepath.Join(dir, "new"), nil, 0o600))
	_, err = os.ReadDir("/etc")
	say("list /etc", err)
	_, err = os.ReadFile("/proc/self/environ")
	say("read environ", err)
	say("run a program", exec.Command("/bin/true").Run())
	_, err = net.Dial("tcp", os.Getenv("PROBE_ADDR"))
	say("connect", err)
	_, err = net.Listen("tcp", "127.0.0.1:0")
	say("listen", err)
	_, err = net.Dial("udp", os.Getenv("PROBE_ADDR"))
	say("udp", err)
	say("big file", os.WriteFile(filepath.Join(dir, "tmp", "y"), make([]byte, 2<<20), 0o600))
}

// The operating system's fence holds by itself, whatever gets past the others.
func TestSandbox(t *testing.T) {
	if dir := os.Getenv(probeMark); dir != "" { // this is the process below
		probe(dir)
		os.Exit(0)
	}
	dir := t.TempDir()
	for _, f := range []string{"table", "secret"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte(f), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test's listener
	cmd := exec.Command(laketest.Must(os.Executable()), "-test.run=^TestSandbox$")
	cmd.Env = []string{probeMark + "=" + dir, "PROBE_ADDR=" + l.Addr().String()}
	out, err := cmd.CombinedOutput()
	want := `confine true
read table true
write table false
spill true
read secret false
write beside false
list /etc false
read environ false
run a program false
connect false
listen false
udp false
big file false`
	if got := strings.TrimSpace(string(out)); got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}
