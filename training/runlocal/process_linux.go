package runlocal

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolate puts the child into a process group of its own, so that it can be ended with
// all its children, and asks the kernel to kill it when the thread that starts it ends,
// so that it does not outlive a server that crashed.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// limitMemory bounds the data of a process; its children inherit the bound.
func limitMemory(pid int, bytes int64) {
	if bytes > 0 {
		limit := &unix.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)}
		_ = unix.Prlimit(pid, unix.RLIMIT_DATA, limit, nil) // gone already, or a kernel without it
	}
}

func stopGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGTERM) }
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

func killed(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
