package runlocal

import (
	"os/exec"
	"syscall"
)

// isolate puts the child into a process group of its own, so that it can be ended with
// all its children.
func isolate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// limitMemory does nothing here: the limit of another process cannot be set.
func limitMemory(int, int64) {}

func stopGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGTERM) }
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

func killed(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
