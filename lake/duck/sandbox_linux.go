package duck

import (
	"os/exec"
	"syscall"

	"aiforge.dev/forge"
	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// uncounted is the memory that a query's process may have above its limit: what DuckDB
// does not count, such as long texts and deep plans, and Go's own.
const uncounted = 1 << 30

// stack is what each thread takes of the same limit, used or not.
const stack = 8 << 20

// sandbox is the third fence around a user's query, by the operating system and for
// the whole process, which ends with the query: it can read the tables' files, write
// to its folder for spilling, and open nothing else, no connection and no program
// among it; and it has limits on memory, CPU time and file size.
func sandbox(r request) error {
	files := map[string]bool{}
	for _, v := range r.Views {
		for _, f := range v.Files {
			files[f] = true
		}
	}
	rules := []landlock.Rule{landlock.RWDirs(r.TempDir)}
	for f := range files {
		rules = append(rules, landlock.ROFiles(f).IgnoreIfMissing()) // a missing one fails on reading, with its name
	}
	limits := map[int]uint64{
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_FSIZE:  uint64(r.MaxTemp),
		unix.RLIMIT_NOFILE: uint64(len(files) + 256),
		unix.RLIMIT_DATA:   uint64(r.Memory) + uncounted + uint64(max(1, r.Threads))*stack,
	}
	if r.Seconds > 0 {
		limits[unix.RLIMIT_CPU] = uint64(r.Seconds)*uint64(max(1, r.Threads)) + 10
	}
	for which, n := range limits {
		if err := lower(which, n); err != nil {
			return forge.Errorf(forge.KindUnavailable, err, "the query's process could not be limited")
		}
	}
	if err := landlock.V7.BestEffort().Restrict(rules...); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "the query's process could not be confined")
	}
	if err := forbid(); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "the query's process could not be confined")
	}
	return nil
}

// lower sets a resource limit, never above what the process has already.
func lower(which int, n uint64) error {
	var have unix.Rlimit
	if err := unix.Getrlimit(which, &have); err != nil {
		return err
	}
	n = min(n, have.Max)
	return unix.Setrlimit(which, &unix.Rlimit{Cur: n, Max: n})
}

// sandboxMissing says what a user's query is not protected by on this machine.
func sandboxMissing() string {
	if abi, err := ll.LandlockGetABIVersion(); err == nil && abi > 0 {
		return ""
	}
	return "this kernel has no Landlock: user SQL is confined by its gate and by DuckDB's settings, not by the operating system"
}

// separate keeps a worker from getting the terminal's Ctrl-C along with its parent,
// which ends its workers itself.
func separate(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
