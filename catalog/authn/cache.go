package authn

import (
	"crypto/sha256"
	"sync"
	"time"

	"aiforge.dev/forge"
)

// maxCached bounds the cache; when it is full it starts anew, which costs a look-up
// per live token and no more.
const maxCached = 10_000

// cache remembers verified tokens by their SHA-256, never by themselves.
type cache struct {
	mu  sync.RWMutex
	m   map[[32]byte]cached
	gen uint64
}

type cached struct {
	who   forge.Principal
	until time.Time
}

func newCache() *cache { return &cache{m: map[[32]byte]cached{}} }

func (c *cache) get(token string, now time.Time) (forge.Principal, bool) {
	h := sha256.Sum256([]byte(token))
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.m[h]
	return e.who, ok && now.Before(e.until)
}

// epoch changes whenever the cache is cleared.
func (c *cache) epoch() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.gen
}

// put remembers who, unless the cache was cleared since epoch: what was verified
// before a revocation must not outlive it.
func (c *cache) put(token string, who forge.Principal, until time.Time, epoch uint64) {
	h := sha256.Sum256([]byte(token))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen != epoch {
		return
	}
	if len(c.m) >= maxCached {
		clear(c.m)
	}
	c.m[h] = cached{who, until}
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.m)
	c.gen++
}
