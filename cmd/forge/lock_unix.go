//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"

	"aiforge.dev/forge"
)

// lockFolder makes sure that one server at a time works on a data folder.
func lockFolder(dir string) (unlock func() error, err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, forge.Errorf(forge.KindUnavailable, err, "another forge works on data folder %s: stop it (forge down), or use --data with another folder", dir)
	}
	return f.Close, nil
}
