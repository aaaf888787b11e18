package predlog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/diskio"
)

// batch is rows of one project, in memory and in a file.
type batch struct {
	id    BatchID
	scope forge.Scope
	lines []byte
	rows  int

	path  string
	file  *os.File // nil until the first row is kept
	saved int      // bytes of lines that are in the file
}

// keep writes the rows that are not in the file yet. It always writes at the place
// where they belong, so that what a failed write left is written over.
func (b *batch) keep() error {
	if b.file == nil {
		f, err := os.OpenFile(b.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			if err = os.MkdirAll(filepath.Dir(b.path), 0o700); err == nil {
				f, err = os.OpenFile(b.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			}
		}
		if err != nil {
			return err
		}
		b.file = f
	}
	n, err := b.file.WriteAt(b.lines[b.saved:], int64(b.saved))
	if err == nil {
		b.saved += n
	}
	return err
}

// store puts the whole batch on disk for good.
func (b *batch) store() error {
	err := b.keep()
	if err == nil {
		err = b.file.Sync()
	}
	if err == nil {
		err = diskio.SyncDir(filepath.Dir(b.path))
	}
	if err == nil {
		_ = b.file.Close() // it is on disk
		b.file = nil
	}
	return err
}

// drop forgets the file of a batch that the sink has taken.
func (b *batch) drop() {
	if b.file == nil {
		return
	}
	_ = b.file.Close()
	_ = os.Remove(b.path) // if it stays, its rows come again under the same id
	b.file = nil
}
