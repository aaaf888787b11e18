package iceberg

import (
	"sync"

	"aiforge.dev/forge/lake"
	"github.com/apache/iceberg-go/table"
)

// cache keeps parsed metadata files and the file lists of snapshots. Both never
// change under their key, so nothing is ever stale; when a map is full it is emptied,
// which costs one reading each.
type cache struct {
	mu    sync.Mutex
	max   int
	metas map[string]table.Metadata
	lists map[string][]lake.DataFile // by manifest list
}

func newCache(max int) cache {
	return cache{max: max, metas: map[string]table.Metadata{}, lists: map[string][]lake.DataFile{}}
}

func (c *cache) meta(loc string) table.Metadata {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.metas[loc]
}

func (c *cache) putMeta(loc string, m table.Metadata) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.metas) >= c.max {
		clear(c.metas)
	}
	c.metas[loc] = m
}

func (c *cache) list(key string) ([]lake.DataFile, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.lists[key]
	return l, ok
}

func (c *cache) putList(key string, l []lake.DataFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lists) >= c.max {
		clear(c.lists)
	}
	c.lists[key] = l
}

// nextMeta keeps the metadata that took the place of another: who reads the pointer now
// does not ask for the old one, which is as long as the table's history.
func (c *cache) nextMeta(from, to string, m table.Metadata) {
	c.putMeta(to, m)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.metas, from)
}
