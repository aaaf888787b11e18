package registry

import (
	"context"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
)

// freshFor is how long another process's change may stay unseen; changes of this
// process are seen at once.
const freshFor = 5 * time.Second

// entry is what a look-up needs to know of a view version.
type entry struct {
	version features.Version
	group   string
	ttl     time.Duration
	index   map[string]int // feature → place in a row
	loaded  time.Time
}

type cacheKey struct {
	scope forge.Scope
	ref   features.ViewRef
}

// cache holds entries of all projects. gen keeps an entry that was loaded before a
// change from being stored after it.
type cache struct {
	mu      sync.RWMutex
	gen     uint64
	entries map[cacheKey]*entry
}

func (c *cache) get(k cacheKey) (*entry, uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.entries[k], c.gen
}

func (c *cache) put(k cacheKey, e *entry, gen uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen != gen {
		return
	}
	if c.entries == nil {
		c.entries = map[cacheKey]*entry{}
	}
	c.entries[k] = e
}

// renew replaces an entry by a younger one of the same version.
func (c *cache) renew(k cacheKey, old, e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[k] == old {
		c.entries[k] = e
	}
}

// forget drops what is known of a project.
func (c *cache) forget(scope forge.Scope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	for k := range c.entries {
		if k.scope == scope {
			delete(c.entries, k)
		}
	}
}

// entry returns what is known of a version, at most maxAge old.
func (s *Service) entry(ctx context.Context, scope forge.Scope, ref features.ViewRef, maxAge time.Duration) (*entry, error) {
	k := cacheKey{scope, ref}
	e, gen := s.cache.get(k)
	if e != nil && time.Since(e.loaded) < maxAge {
		return e, nil
	}
	loaded := time.Now()
	v, err := s.store.Version(ctx, scope, ref)
	if err != nil {
		return nil, err
	}
	m, err := s.store.Materialized(ctx, scope, v.Ref())
	if err != nil {
		return nil, err
	}
	e = &entry{version: v, group: m.Group, ttl: v.TTL(), index: make(map[string]int, len(v.Features)), loaded: loaded}
	for i, f := range v.Features {
		e.index[f.Name] = i
	}
	s.cache.put(k, e, gen)
	return e, nil
}
