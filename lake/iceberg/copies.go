package iceberg

import (
	"container/list"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// partial begins the names of files that are still being fetched.
const partial = ".part-"

// copies counts the local copies of an object store's files and removes those that
// were not used for longest when there are too many bytes. What was used within keep
// stays, so that a query can open what it was promised: the bound gives way before a
// reader does.
type copies struct {
	max  int64
	keep time.Duration
	now  func() time.Time

	mu    sync.Mutex
	known map[string]*list.Element // by path
	order *list.List               // of *fileCopy, last used first
	bytes int64
}

type fileCopy struct {
	path string
	size int64
	used time.Time
	put  bool // the object store has it, as far as this process knows
}

// openCopies takes over what an earlier process left below dir.
func openCopies(dir string, max int64, keep time.Duration, now func() time.Time) (*copies, error) {
	c := &copies{max: max, keep: keep, now: now, known: map[string]*list.Element{}, order: list.New()}
	var found []fileCopy
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasPrefix(d.Name(), partial) {
			return os.Remove(p)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		found = append(found, fileCopy{path: p, size: info.Size(), used: info.ModTime()})
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b fileCopy) int { return a.used.Compare(b.used) })
	for i := range found {
		c.known[found[i].path] = c.order.PushFront(&found[i])
		c.bytes += found[i].size
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shrink()
	return c, nil
}

// have reports whether there is a copy of the size (0: any), and notes its use. A
// broken one is removed.
func (c *copies) have(path string, size int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.known[path]
	if !ok {
		return false
	}
	f := e.Value.(*fileCopy)
	if size > 0 && f.size != size {
		c.forget(e)
		return false
	}
	if _, err := os.Stat(path); err != nil {
		c.forget(e)
		return false
	}
	f.used = c.now()
	c.order.MoveToFront(e)
	return true
}

// stored reports whether this process has put the file into the object store.
func (c *copies) stored(path string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.known[path]
	return ok && e.Value.(*fileCopy).put
}

// add notes a copy that the object store has too.
func (c *copies) add(path string, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.known[path]; ok {
		c.bytes -= e.Value.(*fileCopy).size
		c.order.Remove(e)
	}
	c.known[path] = c.order.PushFront(&fileCopy{path, size, c.now(), true})
	c.bytes += size
	c.shrink()
}

// remove drops the copy of one file, or of all files below a folder.
func (c *copies) remove(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.known[path]; ok {
		c.forget(e)
		return
	}
	for p, e := range c.known {
		if strings.HasPrefix(p, path+string(filepath.Separator)) {
			c.forget(e)
		}
	}
}

// shrink removes old copies until the rest fits, but never the newest; c.mu is held.
func (c *copies) shrink() {
	before := c.now().Add(-c.keep)
	for e := c.order.Back(); e != nil && e != c.order.Front() && c.bytes > c.max; e = c.order.Back() {
		if e.Value.(*fileCopy).used.After(before) {
			return
		}
		c.forget(e)
	}
}

func (c *copies) forget(e *list.Element) {
	f := e.Value.(*fileCopy)
	_ = os.Remove(f.path)
	c.order.Remove(e)
	delete(c.known, f.path)
	c.bytes -= f.size
}
