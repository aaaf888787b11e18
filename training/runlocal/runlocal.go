// Package runlocal starts the trainer as a child process: in a process group of its
// own, with a small environment (no secret of the server is in it), pinned threads, and
// its output in the job directory. What it starts never outlives the server.
package runlocal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"aiforge.dev/forge"
)

// Files of a job directory.
const (
	jobFile    = "job.json"
	eventsFile = "events.jsonl"
	logFile    = "trainer.log"
	packageDir = "package"
)

// Exit codes of the trainer.
const (
	exitBadJob    = 64
	exitPreempted = 75
)

// Config says how to start the trainer.
type Config struct {
	Python  string   // interpreter that has the trainer's packages
	Path    string   // folder that holds the package forge_trainer
	Command []string // instead of both: command and arguments, the job directory is added
	Threads int      // of numerical libraries; 0: the number of processors, at most 8
	Memory  int64    // bytes of data that the trainer may hold; 0: no limit
	Grace   time.Duration
}

// Launcher implements training.Launcher with child processes.
type Launcher struct {
	cfg Config
}

// New makes a launcher; it starts nothing.
func New(cfg Config) *Launcher {
	if cfg.Threads <= 0 {
		cfg.Threads = min(runtime.NumCPU(), 8)
	}
	if cfg.Grace <= 0 {
		cfg.Grace = 10 * time.Second
	}
	if len(cfg.Command) == 0 {
		// -P: the job directory is no place to import from. -s: nor is the user's home.
		cfg.Command = []string{cfg.Python, "-P", "-s", "-m", "forge_trainer"}
	}
	return &Launcher{cfg: cfg}
}

// Launch carries out the job directory. See training.Launcher.
func (l *Launcher) Launch(ctx context.Context, dir string, emit func(event json.RawMessage)) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, jobFile)); err != nil {
		return forge.Errorf(forge.KindInternal, err, "the job directory has no %s", jobFile)
	}
	if err := clear(dir); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(l.cfg.Command[0], append(l.cfg.Command[1:len(l.cfg.Command):len(l.cfg.Command)], dir)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, l.env(dir), log, log
	t := newTail(filepath.Join(dir, eventsFile), emit)
	err = l.run(ctx, cmd, t)
	return l.explain(ctx, err, dir, t)
}

// clear removes what an earlier attempt left, so that it is not taken for this one's.
func clear(dir string) error {
	for _, name := range []string{eventsFile, packageDir, "tmp"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return os.Mkdir(filepath.Join(dir, "tmp"), 0o700)
}

func (l *Launcher) env(dir string) []string {
	n := strconv.Itoa(l.cfg.Threads)
	env := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + dir, "TMPDIR=" + filepath.Join(dir, "tmp"), "LANG=C.UTF-8", "TZ=UTC",
		"PYTHONPATH=" + l.cfg.Path, "PYTHONUNBUFFERED=1", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1",
		"MPLCONFIGDIR=" + filepath.Join(dir, "tmp"),
	}
	for _, name := range []string{"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"} {
		env = append(env, name+"="+n)
	}
	// Threads that wait must not spin: on a busy machine that costs ten times the time.
	return append(env, "OMP_WAIT_POLICY=passive", "GOMP_SPINCOUNT=0", "KMP_BLOCKTIME=0")
}

// run starts cmd and returns when it has ended, with all its children.
func (l *Launcher) run(ctx context.Context, cmd *exec.Cmd, t *tail) error {
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		// The child is told to die with the thread that started it; see isolate. The
		// thread must therefore stay until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		isolate(cmd)
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "the trainer cannot be started with %s: %s", cmd.Path, cure)
	}
	limitMemory(cmd.Process.Pid, l.cfg.Memory)
	defer killGroup(cmd.Process.Pid) // what the trainer left behind
	err := l.wait(ctx, cmd.Process.Pid, ended, t)
	t.drain()
	return err
}

func (l *Launcher) wait(ctx context.Context, pid int, ended <-chan error, t *tail) error {
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	done, kill := ctx.Done(), (<-chan time.Time)(nil)
	for {
		select {
		case err := <-ended:
			return err
		case <-look.C:
			t.read()
		case <-done:
			done = nil
			stopGroup(pid)
			kill = time.After(l.cfg.Grace)
		case <-kill:
			killGroup(pid)
		}
	}
}

const cure = "run make setup, or set FORGE_PYTHON to a Python with the trainer's packages; forge doctor says what is missing"

// explain turns the end of the process into an error for the user.
func (l *Launcher) explain(ctx context.Context, err error, dir string, t *tail) error {
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("trainer stopped: %w", context.Cause(ctx))
	case err == nil:
		return nil
	case !errors.As(err, &exit):
		return err
	}
	switch code := exit.ExitCode(); {
	case code == exitBadJob:
		return forge.Errorf(forge.KindInvalid, err, "%s", t.text("the trainer refused the job without saying why; its log is "+logFile+" of the run"))
	case code == exitPreempted:
		return forge.Errorf(forge.KindUnavailable, err, "the trainer was stopped from outside before its end: start the run again")
	case killed(exit):
		return forge.Errorf(forge.KindUnavailable, err, "the trainer was killed, most likely since memory ran out: train on fewer rows or columns, or give the machine more memory")
	default:
		return forge.Errorf(forge.KindInternal, err, "%s (exit code %d). Last lines of its log:\n%s", t.text("the trainer failed"), code, lastLines(filepath.Join(dir, logFile), 12))
	}
}
