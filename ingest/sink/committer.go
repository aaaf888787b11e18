package sink

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/lake"
)

const (
	leaseTTL     = 30 * time.Second
	exclusiveTTL = time.Hour
	attempts     = 3
	maxBackoff   = 30 * time.Second
	obstacleTime = 5 * time.Minute
)

// committer feeds one table.
type committer struct {
	s     *Sink
	scope forge.Scope
	table forge.TableName
	topic string
	wake  chan struct{}

	mu        sync.Mutex
	contracts map[string]ingest.Contract // by fingerprint
	latest    ingest.Contract
	waiters   []*waiter

	// Only the committer's own goroutine uses what follows.
	epoch   int64
	renewed time.Time
	failed  int // attempts in a row
	stopped obstacle
	dirty   map[string]bool // contracts, by fingerprint, whose last batch had cells that do not fit
}

// obstacle is why the table cannot take what is in the topic, whoever tries: it was
// partitioned by another program, say. Another try costs a batch of files and ends the
// same way, so none is made until the table has changed, or a good while has passed.
type obstacle struct {
	err   error
	table time.Time // of its last change
	since time.Time
}

func (o obstacle) holds(t lake.Table) bool {
	return o.err != nil && t.Updated.Equal(o.table) && time.Since(o.since) < obstacleTime
}

// waiter is one Flush.
type waiter struct {
	target int64
	seen   bool // an attempt has begun since it came
	done   chan error
}

func newCommitter(s *Sink, scope forge.Scope, table forge.TableName) *committer {
	return &committer{
		s: s, scope: scope, table: table, topic: ingest.TableTopic(scope, table),
		wake: make(chan struct{}, 1), contracts: map[string]ingest.Contract{}, dirty: map[string]bool{},
	}
}

func (c *committer) learn(contracts ...ingest.Contract) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range contracts {
		c.contracts[k.Fingerprint()] = k
		c.latest = k
	}
}

// contract finds the contract of a record; a record without one follows the newest.
func (c *committer) contract(fingerprint string) (ingest.Contract, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if fingerprint == "" {
		return c.latest, true
	}
	k, ok := c.contracts[fingerprint]
	return k, ok
}

func (c *committer) add(w *waiter) {
	c.mu.Lock()
	c.waiters = append(c.waiters, w)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// begin marks the waiters that the coming attempt is for.
func (c *committer) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiters {
		w.seen = true
	}
}

// reached answers the waiters whose records are committed.
func (c *committer) reached(next int64) {
	c.answer(func(w *waiter) (bool, error) { return w.target <= next, nil })
}

// fail answers the waiters that an attempt was for.
func (c *committer) fail(err error) {
	c.answer(func(w *waiter) (bool, error) { return w.seen, err })
}

func (c *committer) answer(f func(*waiter) (bool, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := c.waiters[:0]
	for _, w := range c.waiters {
		if ok, err := f(w); ok {
			w.done <- err
		} else {
			rest = append(rest, w)
		}
	}
	c.waiters = rest
}

// run looks at the topic when a Flush waits and every MaxWait.
func (c *committer) run() {
	defer c.release()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.s.ctx.Done():
			return
		case <-c.wake:
		case <-timer.C:
		}
		wait := c.s.cfg.MaxWait
		if err := c.attempt(c.s.ctx); err != nil && c.s.ctx.Err() == nil {
			c.failed++
			wait = min(c.s.cfg.MaxWait<<min(c.failed, 8), maxBackoff)
			level := slog.LevelError
			if err == c.stopped.err && c.failed > 1 {
				level = slog.LevelDebug // it has been said
			}
			c.s.cfg.Logger.Log(c.s.ctx, level, "commit failed", "table", c.table, "scope", c.scope, "attempt", c.failed, "again_in", wait, "err", err, "cause", errors.Unwrap(err))
			c.fail(err)
		} else {
			c.failed = 0
		}
		timer.Reset(wait)
	}
}

// attempt commits everything that is in the topic. What may pass by itself is tried
// again a few times before anyone hears of it.
func (c *committer) attempt(ctx context.Context) error {
	c.begin()
	for try := 1; ; try++ {
		err := c.drain(ctx)
		if err == nil || try == attempts || !errors.Is(err, forge.ErrConflict) && !errors.Is(err, forge.ErrUnavailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * 50 * time.Millisecond):
		}
	}
}

func (c *committer) drain(ctx context.Context) error {
	t, err := c.s.cfg.Tables.Load(ctx, c.scope, c.table)
	if errors.Is(err, forge.ErrNotFound) {
		c.fail(forge.Errorf(forge.KindNotFound, err, "table %s was dropped", c.table))
		return nil // until it is wanted again
	}
	if err != nil {
		return err
	}
	if c.stopped.holds(t) {
		return c.stopped.err
	}
	c.stopped = obstacle{}
	for {
		st, err := parseState(t.Properties[stateProperty])
		if err != nil {
			return err
		}
		// Records are looked at before the lease is asked for: an idle table costs one
		// fetch and nothing else. A topic that ends before the offset fails here, so that
		// nobody is told that the records of a replaced log are committed.
		recs, err := c.s.cfg.Log.Read(ctx, c.topic, st.Next, readBytes)
		if errors.Is(err, forge.ErrNotFound) {
			return c.outOfReach(ctx, st, err)
		}
		if err != nil {
			return err
		}
		c.reached(st.Next)
		if len(recs) == 0 {
			return nil
		}
		ok, err := c.lease(ctx)
		if err != nil || !ok {
			return err // someone else commits; the waiters are answered at a later look
		}
		if t, err = c.commit(ctx, t, st, recs); err != nil {
			return c.obstructed(ctx, err)
		}
	}
}

// obstructed remembers an error that will come again as long as the table is as it is.
func (c *committer) obstructed(ctx context.Context, err error) error {
	if !errors.Is(err, forge.ErrInvalid) {
		return err
	}
	if t, lerr := c.s.cfg.Tables.Load(ctx, c.scope, c.table); lerr == nil {
		c.stopped = obstacle{err: err, table: t.Updated, since: time.Now()}
	}
	return err
}

// outOfReach explains an offset that the topic no longer has.
func (c *committer) outOfReach(ctx context.Context, st state, cause error) error {
	first, end, err := c.s.cfg.Log.Bounds(ctx, c.topic)
	if err != nil {
		return err
	}
	return forge.Errorf(forge.KindInternal, cause, "table %s goes on at offset %d of topic %s, which holds %d to %d: records were lost before they were committed; load their sources again", c.table, st.Next, c.topic, first, end)
}

// commit makes one batch of the given first records and what follows them.
func (c *committer) commit(ctx context.Context, t lake.Table, st state, recs []ingest.Record) (lake.Table, error) {
	select {
	case c.s.slots <- struct{}{}:
		defer func() { <-c.s.slots }()
	case <-ctx.Done():
		return t, ctx.Err()
	}
	if err := c.s.cfg.Fault.At("read"); err != nil {
		return t, err
	}
	b, err := c.gather(ctx, t.Properties[stateProperty], st, recs)
	if err != nil {
		return t, err
	}
	defer b.remove()
	if err := c.s.cfg.Fault.At("spooled"); err != nil {
		return t, err
	}
	t, snap, err := c.write(ctx, t, b)
	if err != nil {
		return t, err
	}
	if err := c.s.cfg.Fault.At("committed"); err != nil {
		return t, err
	}
	c.link(ctx, b, snap)
	// A topic that is trimmed later costs space and nothing else.
	if err := c.s.cfg.Log.Trim(ctx, c.topic, b.next); err != nil && ctx.Err() == nil {
		c.s.cfg.Logger.Warn("trim failed", "topic", c.topic, "err", err)
	}
	return t, c.s.cfg.Fault.At("trimmed")
}

// lease makes sure that this process commits to the table, and nobody else.
func (c *committer) lease(ctx context.Context) (bool, error) {
	ttl := leaseTTL
	if c.s.cfg.Exclusive {
		ttl = exclusiveTTL
	}
	if c.epoch != 0 && time.Since(c.renewed) < ttl/3 {
		return true, nil
	}
	epoch, ok, err := c.s.cfg.Store.Acquire(ctx, c.scope, c.table.String(), c.s.holder, ttl, c.s.cfg.Exclusive)
	if err != nil || !ok {
		c.epoch = 0
		return false, err
	}
	c.epoch, c.renewed = epoch, time.Now()
	return true, nil
}

func (c *committer) release() {
	if c.epoch != 0 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.s.ctx), 2*time.Second)
		defer cancel()
		_ = c.s.cfg.Store.Release(ctx, c.scope, c.table.String(), c.s.holder)
	}
}
