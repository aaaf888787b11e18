package iceberg

import (
	"io"
	"os"
	"path/filepath"

	icebergio "github.com/apache/iceberg-go/io"
)

// localFS is iceberg-go's file system with files that are on disk when Close
// returns and that no other user of the machine can read.
type localFS struct{ icebergio.LocalFS }

func (localFS) Create(name string) (icebergio.FileWriter, error) {
	p := path(name)
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &syncedFile{File: f}, nil
}

func (l localFS) WriteFile(name string, data []byte) error {
	f, err := l.Create(name)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

type syncedFile struct {
	*os.File
	closed bool
}

func (f *syncedFile) ReadFrom(r io.Reader) (int64, error) { return io.Copy(f.File, r) }

func (f *syncedFile) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	if err := f.Sync(); err != nil {
		_ = f.File.Close()
		return err
	}
	return f.File.Close()
}

// syncPath makes a file that another process wrote, or the names in a folder, durable.
func syncPath(p string) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
