// Package diskio is what the standard library leaves to everybody: making a change of a
// folder durable, and copying a file.
package diskio

import (
	"errors"
	"io"
	"os"
)

// SyncDir makes what was created, renamed or removed in a folder survive a power cut.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// All copies a whole file, however long it is.
const All int64 = -1

// Copy copies the first most bytes of a file, or All, to one that must not exist yet, and
// returns how many. A file that has fewer is an error.
func Copy(from, to string, most int64) (n int64, err error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	if most == All {
		n, err = io.Copy(out, in)
	} else {
		n, err = io.CopyN(out, in, most)
	}
	return n, errors.Join(err, out.Close())
}
