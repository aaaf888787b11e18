package duck_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/laketest"
	"golang.org/x/sys/unix"
)

const endless = "SELECT count(*) AS n FROM range(10000000) a(i), range(10000000) b(j) WHERE hash(i, j) = 1"

// A worker that is killed fails its own query; one beside it and the next go on.
func TestKilledWorker(t *testing.T) {
	e := laketest.Engine(t, duck.Config{})
	for _, ask := range []func(context.Context, lake.Query) (lake.Result, error){e.Query, e.QueryUser} {
		beside := laketest.Must(e.Query(t.Context(), lake.Query{SQL: "SELECT i FROM range(2000000) r(i)"}))
		r := laketest.Must(ask(t.Context(), lake.Query{SQL: endless}))
		if err := syscall.Kill(duck.PID(r), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_, err := r.Next(t.Context())
		laketest.WantKind(t, err, forge.KindUnavailable)
		_ = r.Close()
		n := int64(0)
		for {
			b, err := beside.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			n += b.NumRows()
		}
		if n != 2000000 {
			t.Errorf("the query beside it got %d rows", n)
		}
		if rows := laketest.Select(t, e, lake.Query{SQL: "SELECT 1 AS x"}); len(rows.Rows) != 1 {
			t.Error("the engine does not recover")
		}
	}
}

// A worker that died while it was idle is replaced without anyone noticing.
func TestIdleWorkerDies(t *testing.T) {
	e := laketest.Engine(t, duck.Config{})
	laketest.Select(t, e, lake.Query{SQL: "SELECT 1 AS x"})
	for _, pid := range e.Processes() {
		fd := watch(t, pid)
		_ = syscall.Kill(pid, syscall.SIGKILL)
		fd.gone(t)
	}
	laketest.Select(t, e, lake.Query{SQL: "SELECT 1 AS x"})
}

// watched is a process of which the kernel tells when it has ended.
type watched int

func watch(t *testing.T, pid int) watched {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatalf("process %d: %v", pid, err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return watched(fd)
}

// gone waits until the process has ended.
func (w watched) gone(t *testing.T) {
	t.Helper()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(w), Events: unix.POLLIN}}, 20_000)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(w), Events: unix.POLLIN}}, 20_000)
	}
	if n != 1 || err != nil {
		t.Errorf("the process still runs after 20 s: %v", err)
	}
}

// When the server is killed its workers end, also in the middle of a query.
func TestParentDies(t *testing.T) {
	const mark = "FORGE_DUCK_PARENT"
	if os.Getenv(mark) != "" { // this is the server below
		e := laketest.Engine(t, duck.Config{})
		r := laketest.Must(e.Query(t.Context(), lake.Query{SQL: endless}))
		u := laketest.Must(e.QueryUser(t.Context(), lake.Query{SQL: endless}))
		fmt.Println("workers", duck.PID(r), duck.PID(u))
		_, _ = r.Next(t.Context())
		return
	}
	cmd := exec.Command(laketest.Must(os.Executable()), "-test.run=^TestParentDies$")
	cmd.Env = append(os.Environ(), mark+"=1")
	out := laketest.Must(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var trusted, user int
	if _, err := fmt.Fscanf(out, "workers %d %d\n", &trusted, &user); err != nil {
		t.Fatal(err)
	}
	a, b := watch(t, trusted), watch(t, user)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	a.gone(t)
	b.gone(t)
}

// A result many times larger than the memory limit streams through, and the process
// stays small while its reader is slow.
func TestResultLargerThanMemory(t *testing.T) {
	e := laketest.Engine(t, duck.Config{Memory: 100 << 20, Threads: 2})
	const rows = 6_000_000
	for name, ask := range map[string]func(context.Context, lake.Query) (lake.Result, error){"trusted": e.Query, "user": e.QueryUser} {
		r := laketest.Must(ask(t.Context(), lake.Query{SQL: fmt.Sprintf("SELECT i, 'some text to fill the memory with ' || i AS s FROM range(%d) r(i)", rows)}))
		n, peak := int64(0), 0
		for {
			b, err := r.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(name, err)
			}
			n += b.NumRows()
			peak = max(peak, residentMB(duck.PID(r)))
		}
		if n != rows {
			t.Errorf("%s: %d rows, want %d", name, n, rows)
		}
		if peak == 0 || peak > 450 { // 300 MB of rows; a test binary with all of Iceberg is 100 MB by itself
			t.Errorf("%s: the worker grew to %d MB", name, peak)
		}
	}
}

func residentMB(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident int
	_, _ = fmt.Sscan(string(data), &size, &resident)
	return resident * os.Getpagesize() >> 20
}

// More memory than allowed is a plain failure of that query, and no spill file stays.
func TestOutOfMemory(t *testing.T) {
	tmp := t.TempDir()
	e := laketest.Engine(t, duck.Config{Memory: 50 << 20, MaxTemp: 1 << 20, Threads: 1, TempDir: tmp})
	sql := "SELECT count(*) FROM (SELECT DISTINCT i, 'x' || i FROM range(20000000) r(i))"
	for _, ask := range []func(context.Context, lake.Query) (lake.Result, error){e.Query, e.QueryUser} {
		r, err := ask(t.Context(), lake.Query{SQL: sql})
		if err == nil {
			_, err = lake.Collect(t.Context(), r)
		}
		laketest.WantKind(t, err, forge.KindUnavailable)
	}
	laketest.Select(t, e, lake.Query{SQL: "SELECT 1 AS x"})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) != 0 {
		t.Errorf("spill folders are left: %v", left)
	}
}

// Values that the server would have to hold whole are refused; a megabyte each is fine.
func TestHugeValues(t *testing.T) {
	e := laketest.Engine(t, duck.Config{})
	r, err := e.QueryUser(t.Context(), lake.Query{SQL: "SELECT repeat('x', 200000) AS s FROM range(2048)"})
	if err == nil {
		_, err = lake.Collect(t.Context(), r)
	}
	laketest.WantKind(t, err, forge.KindInvalid)
	rows := laketest.Must(askUser(t, e, lake.Query{SQL: "SELECT repeat('x', 1000000 + i) AS s FROM range(20) r(i)"}))
	if len(rows.Rows) != 20 || len(rows.Rows[19][0].(string)) != 1000019 {
		t.Errorf("%d rows", len(rows.Rows))
	}
}

// With the slots taken, a query waits and honours its context; after Close none start
// and no process is left.
func TestFullAndClosed(t *testing.T) {
	e := laketest.Engine(t, duck.Config{MaxWorkers: 1})
	r := laketest.Must(e.Query(t.Context(), lake.Query{SQL: endless}))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := e.Query(ctx, lake.Query{SQL: "SELECT 1"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v", err)
	}
	pid := duck.PID(r)
	_ = r.Close()
	laketest.Select(t, e, lake.Query{SQL: "SELECT 1 AS x"})
	_ = e.Close()
	if syscall.Kill(pid, 0) == nil {
		t.Errorf("worker %d still runs", pid)
	}
	_, err := e.Query(t.Context(), lake.Query{SQL: "SELECT 1"})
	laketest.WantKind(t, err, forge.KindUnavailable)
}

func TestWorkerDoesNotStart(t *testing.T) {
	for _, command := range [][]string{nil, {"/nonexistent/worker"}, {"/bin/false"}, {"/bin/echo", "hello"}} {
		e := duck.NewEngine(duck.Config{Command: command, TempDir: t.TempDir()})
		_, err := e.Query(t.Context(), lake.Query{SQL: "SELECT 1"})
		if err == nil {
			t.Errorf("%v: a query ran", command)
		}
		_ = e.Close()
	}
}

// No folder of the server is in what users are told.
func TestErrorsHideFolders(t *testing.T) {
	e := laketest.Engine(t, duck.Config{})
	src, dir := userTables(t, e)
	if err := os.Remove(src[laketest.Name("raw.calls")].Files[0].Path); err != nil {
		t.Fatal(err)
	}
	_, err := askUser(t, e, lake.Query{SQL: "SELECT * FROM raw.calls", Sources: src})
	if err == nil || strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), os.TempDir()) {
		t.Errorf("error = %v", err)
	}
}
