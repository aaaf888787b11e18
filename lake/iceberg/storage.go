package iceberg

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"

	"aiforge.dev/forge/lake"
	icebergio "github.com/apache/iceberg-go/io"
)

// storage keeps the files of a warehouse. Each has two names: a URI, which metadata
// holds and other clients use, and a local path, which the engine reads and writes. In
// a local warehouse they are the same file; in an object store the path is that of a
// copy, which is there after put or get. No file ever changes under its name.
type storage interface {
	icebergio.WriteFileIO

	// uri and path translate between the names. path gives what is not below the
	// warehouse back as it is.
	uri(path string) string
	path(uri string) string

	// put makes files that were written at their local paths part of the warehouse.
	put(ctx context.Context, files []string) error
	// settle makes everything durable that was put or created below a table's folder.
	settle(dir string) error
	// get makes the local copies of files.
	get(ctx context.Context, files []lake.DataFile) error
	// walk calls f with the local path of every file of a table.
	walk(dir string, f func(path string, info fs.FileInfo) error) error
	// drop removes a table's folder. A table of the same name may be made meanwhile.
	drop(dir string) error
	// unique reports whether each table needs a folder of a new name, because looking
	// for an old one is slow and removing it takes time.
	unique() bool
}

// makeFile creates a local file that no other user of the machine can read.
func makeFile(p string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}
