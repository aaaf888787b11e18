package router

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/serving"
)

// Loader loads a model package.
type Loader interface {
	Load(dir string) (serving.Predictor, error)
}

// ident is a package of a project. The project is part of it: projects share nothing.
type ident struct {
	scope  forge.Scope
	digest string
}

// cache holds loaded predictors within a budget of bytes. A predictor in use is never
// closed. One that no deployment pins is closed when its last user lets go of it; of
// pinned ones the least recently used go when the budget is exceeded, and are loaded
// again when they are asked for.
type cache struct {
	loader Loader
	budget int64

	mu      sync.Mutex
	entries map[ident]*entry
	pins    map[ident]int
	bytes   int64
	clock   int64
}

type entry struct {
	id     ident
	bytes  int64
	refs   int
	used   int64
	ready  chan struct{} // closed when p or err is set
	p      serving.Predictor
	err    error
	closed bool
}

func newCache(loader Loader, budget int64) *cache {
	return &cache{loader: loader, budget: budget, entries: map[ident]*entry{}, pins: map[ident]int{}}
}

// acquire returns the predictor of a package and takes part in its use until release;
// it is loaded once however many ask at the same time.
func (c *cache) acquire(ctx context.Context, id ident, dir string) (*entry, error) {
	c.mu.Lock()
	e, ok := c.entries[id]
	if !ok {
		e = &entry{id: id, ready: make(chan struct{})}
		c.entries[id] = e
	}
	e.refs++
	c.clock++
	e.used = c.clock
	c.mu.Unlock()
	if !ok {
		c.load(e, dir)
	}
	select {
	case <-e.ready:
	case <-ctx.Done():
		c.release(e)
		return nil, ctx.Err()
	}
	if e.err != nil {
		c.release(e)
		return nil, e.err
	}
	return e, nil
}

func (c *cache) load(e *entry, dir string) {
	p, err := c.loader.Load(dir)
	size := sizeOf(dir)
	c.mu.Lock()
	e.p, e.err = p, err
	if err != nil {
		delete(c.entries, e.id)
	} else {
		e.bytes = size
		c.bytes += size
	}
	victims := c.evict()
	c.mu.Unlock()
	close(e.ready)
	closeAll(victims)
}

// sizeOf estimates what a loaded package costs: ONNX Runtime keeps the weights twice
// (as read and as prepared) and about half a megabyte per session.
func sizeOf(dir string) int64 {
	const session = 512 << 10
	st, err := os.Stat(filepath.Join(dir, modelpkg.ModelFile))
	if err != nil {
		return session
	}
	return 2*st.Size() + session
}

func (c *cache) release(e *entry) {
	c.mu.Lock()
	e.refs--
	victims := c.evict()
	if v := c.drop(e); v != nil {
		victims = append(victims, v)
	}
	c.mu.Unlock()
	closeAll(victims)
}

// pin says that one more deployment answers with the package; unpin the contrary.
func (c *cache) pin(id ident) {
	c.mu.Lock()
	c.pins[id]++
	c.mu.Unlock()
}

func (c *cache) unpin(id ident) {
	c.mu.Lock()
	if c.pins[id]--; c.pins[id] <= 0 {
		delete(c.pins, id)
	}
	var v *entry
	if e := c.entries[id]; e != nil {
		v = c.drop(e)
	}
	c.mu.Unlock()
	if v != nil {
		closeAll([]*entry{v})
	}
}

// drop takes e out if nobody uses or pins it and returns it to be closed.
func (c *cache) drop(e *entry) *entry {
	if e.refs > 0 || e.p == nil || e.closed || c.pins[e.id] > 0 {
		return nil
	}
	return c.remove(e)
}

func (c *cache) remove(e *entry) *entry {
	e.closed = true
	delete(c.entries, e.id)
	c.bytes -= e.bytes
	return e
}

// evict takes out idle predictors, oldest first, until the budget holds.
func (c *cache) evict() []*entry {
	var out []*entry
	for c.bytes > c.budget {
		var oldest *entry
		for _, e := range c.entries {
			if e.refs == 0 && e.p != nil && (oldest == nil || e.used < oldest.used) {
				oldest = e
			}
		}
		if oldest == nil {
			break // all in use: the budget is exceeded for as long as they are
		}
		out = append(out, c.remove(oldest))
	}
	return out
}

func closeAll(entries []*entry) {
	for _, e := range entries {
		_ = e.p.Close()
	}
}

// closeIdle closes everything that nobody uses.
func (c *cache) closeIdle() {
	c.mu.Lock()
	var out []*entry
	for _, e := range c.entries {
		if e.refs == 0 && e.p != nil {
			out = append(out, c.remove(e))
		}
	}
	c.pins = map[ident]int{}
	c.mu.Unlock()
	closeAll(out)
}
