package iceberg

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	icebergio "github.com/apache/iceberg-go/io"
	"golang.org/x/sync/errgroup"
)

// localFS is a warehouse in a folder: iceberg-go's file system with files that are on
// disk when Close returns and that no other user of the machine can read.
type localFS struct {
	icebergio.LocalFS
	root    string // of the warehouse, absolute
	dropped string // where folders go that are being removed
}

var _ storage = localFS{}

func (l localFS) Create(name string) (icebergio.FileWriter, error) { return makeFile(l.path(name)) }

func (l localFS) WriteFile(name string, data []byte) error {
	f, err := makeFile(l.path(name))
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// Open, ReadFile and Remove take names as other Iceberg clients write them.
func (l localFS) Open(name string) (icebergio.File, error) { return l.LocalFS.Open(l.path(name)) }

func (l localFS) ReadFile(name string) ([]byte, error) { return l.LocalFS.ReadFile(l.path(name)) }

func (l localFS) Remove(name string) error { return l.LocalFS.Remove(l.path(name)) }

// plain reports whether the warehouse's path is the same with and without the escapes
// of a URI. Other Iceberg clients know no escapes: to them %20 is three characters, which
// partition folders have in their names. iceberg-go writes them, so that a warehouse at
// a path with a space works for us alone.
func (l localFS) plain() bool {
	return (&url.URL{Scheme: "file", Path: l.root}).String() == "file://"+l.root
}

func (l localFS) uri(p string) string {
	if l.plain() {
		return "file://" + p
	}
	return (&url.URL{Scheme: "file", Path: p}).String()
}

func (l localFS) path(u string) string {
	p, ok := strings.CutPrefix(u, "file:")
	if !ok {
		return u
	}
	if !l.plain() {
		if parsed, err := url.Parse(u); err == nil {
			return parsed.Path
		}
	}
	return "/" + strings.TrimLeft(p, "/")
}

// put syncs files and the names of their folder. The disk takes several syncs at once
// in little more than the time of one.
func (localFS) put(_ context.Context, dir string, files []string) error {
	var g errgroup.Group
	g.SetLimit(8)
	for _, f := range files {
		g.Go(func() error { return syncPath(f) })
	}
	g.Go(func() error { return syncPath(dir) })
	return g.Wait()
}

func (localFS) get(context.Context, []lake.DataFile) error { return nil }

func (localFS) synced(dir string) error { return syncPath(dir) }

func (localFS) unique() bool { return false }

func (localFS) walk(dir string, f func(string, fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil {
			return err
		}
		return f(p, info)
	})
}

// drop renames first: a table of the same name may be made at once.
func (l localFS) drop(dir string) error {
	gone := filepath.Join(l.dropped, forge.NewID(filepath.Base(dir)))
	if err := errors.Join(os.MkdirAll(l.dropped, 0o700), os.Rename(dir, gone)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.RemoveAll(gone)
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
