package iceberg

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	icebergio "github.com/apache/iceberg-go/io"
	"golang.org/x/sync/errgroup"
)

// localFS is a warehouse in a folder: iceberg-go's file system with files that no other
// user of the machine can read. What was written is on disk after settle, which a
// commit calls before it moves its pointer: the disk takes many syncs at once in little
// more than the time of one.
type localFS struct {
	icebergio.LocalFS
	written *pending
	later   *removals
	root    string // of the warehouse, absolute
	dropped string // where folders go that are being removed
}

var _ storage = localFS{}

func (l localFS) Create(name string) (icebergio.FileWriter, error) {
	p := l.path(name)
	l.written.add(p)
	return makeFile(p)
}

func (l localFS) WriteFile(name string, data []byte) error {
	f, err := l.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// Open, ReadFile and Remove take names as other Iceberg clients write them.
func (l localFS) Open(name string) (icebergio.File, error) { return l.LocalFS.Open(l.path(name)) }

func (l localFS) ReadFile(name string) ([]byte, error) { return l.LocalFS.ReadFile(l.path(name)) }

func (l localFS) Remove(name string) error {
	p := l.path(name)
	l.written.forget(p)
	return l.later.do(func() error { return l.LocalFS.Remove(p) })
}

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

func (l localFS) put(_ context.Context, files []string) error {
	l.written.add(files...)
	return nil
}

func (l localFS) settle(dir string) error {
	files := l.written.take(dir)
	paths := map[string]bool{}
	for _, f := range files {
		paths[f], paths[filepath.Dir(f)] = true, true
	}
	var g errgroup.Group
	g.SetLimit(16)
	for p := range paths {
		g.Go(func() error { return syncPath(p) })
	}
	return g.Wait()
}

// pending are the files that were written and are not known to be on disk.
type pending struct {
	mu    sync.Mutex
	files map[string]bool
}

func (p *pending) add(files ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files == nil {
		p.files = map[string]bool{}
	}
	for _, f := range files {
		p.files[f] = true
	}
}

func (p *pending) forget(file string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.files, file)
}

// take hands out and forgets the files below a folder.
func (p *pending) take(dir string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for f := range p.files {
		if strings.HasPrefix(f, dir+string(filepath.Separator)) {
			out = append(out, f)
			delete(p.files, f)
		}
	}
	return out
}

func (localFS) get(context.Context, []lake.DataFile) error { return nil }

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
	return l.later.do(func() error { return l.dropNow(dir) })
}

func (l localFS) dropNow(dir string) error {
	gone := filepath.Join(l.dropped, forge.NewID(filepath.Base(dir)))
	if err := errors.Join(os.MkdirAll(l.dropped, 0o700), os.Rename(dir, gone)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.RemoveAll(gone)
}

// syncPath makes a file, or the names in a folder, durable. One that was removed again
// needs nothing.
func syncPath(p string) error {
	f, err := os.Open(p)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
