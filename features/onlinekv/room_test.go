package onlinekv

import (
	"log/slog"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fullFS is a disk that has no room for a first file.
type fullFS struct {
	vfs.FS
	full bool
}

func (f *fullFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if f.full {
		return nil, syscall.ENOSPC
	}
	return f.FS.Create(name, c)
}

func TestWritesWaitForRoom(t *testing.T) {
	disk, asked := &fullFS{FS: vfs.NewMem(), full: true}, 0
	fs := roomy(disk, func() uint64 {
		if asked++; asked < 3 {
			return 0
		}
		disk.full = false
		return enoughRoom
	}, make(chan struct{}), slog.New(slog.DiscardHandler))
	f, err := fs.Create("wal", vfs.WriteCategoryUnspecified)
	if err != nil || asked != 3 {
		t.Fatalf("%v after %d looks at the disk", err, asked)
	}
	_ = f.Close()
}

// A store that is being closed does not wait for a disk that stays full.
func TestClosingEndsTheWait(t *testing.T) {
	closing := make(chan struct{})
	close(closing)
	fs := roomy(&fullFS{FS: vfs.NewMem(), full: true}, func() uint64 { return 0 }, closing, slog.New(slog.DiscardHandler))
	if _, err := fs.Create("wal", vfs.WriteCategoryUnspecified); err == nil {
		t.Error("a full disk took a file")
	}
}
