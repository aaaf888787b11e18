//go:build !linux

package duck

import "os/exec"

func sandbox(request) error { return nil }

func sandboxMissing() string {
	return "this system has no Landlock: user SQL is confined by its gate and by DuckDB's settings, not by the operating system"
}

func separate(*exec.Cmd) {}
