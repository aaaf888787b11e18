package maintain

import (
	"context"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// collectAtOnce bounds the files that one look removes, so that it stays short.
const collectAtOnce = 2000

// Run looks at all tables again and again until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(k.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if err := k.Look(ctx); err != nil && ctx.Err() == nil {
			k.cfg.Log.Warn("upkeep of tables", "err", err)
		}
	}
}

// Look does what is worth doing now: for tables that have changed since the last look,
// for those whose turn has come to be searched for orphans, and for files whose time is
// over. It may be called at any moment, by several processes at once.
func (k *Keeper) Look(ctx context.Context) error {
	places, err := k.cfg.Store.Places(ctx)
	if err != nil {
		return err
	}
	swept, err := k.swept(ctx)
	if err != nil {
		return err
	}
	now := k.cfg.Now()
	k.forget(places)
	for _, pl := range places {
		p := place{pl.Scope, pl.Name}
		last, known := swept[p]
		sweep := known && now.Sub(last) >= k.cfg.SweepEach
		if !sweep && k.done(p, pl.Updated) {
			continue
		}
		if err := k.turn(ctx, p, pl.Updated, sweep); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			k.cfg.Log.Warn("upkeep of a table failed; it is tried again", "scope", p.scope, "table", p.name, "err", err)
		}
	}
	n, err := k.cfg.Store.Collect(ctx, k.cfg.Grace, collectAtOnce)
	if n > 0 {
		k.cfg.Log.Debug("files that no snapshot needs were removed", "files", n)
	}
	return err
}

func (k *Keeper) done(p place, updated time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seen[p].Equal(updated)
}

// forget drops the memory of tables that are gone.
func (k *Keeper) forget(places []lake.Place) {
	there := make(map[place]bool, len(places))
	for _, pl := range places {
		there[place{pl.Scope, pl.Name}] = true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for p := range k.seen {
		if !there[p] {
			delete(k.seen, p)
		}
	}
}

// turn maintains one table, unless another process does or its owner wants none.
func (k *Keeper) turn(ctx context.Context, p place, updated time.Time, sweep bool) error {
	t, err := k.cfg.Store.Load(ctx, p.scope, p.name)
	if forge.KindOf(err) == forge.KindNotFound && err != nil {
		return nil // dropped meanwhile
	}
	if err != nil {
		return err
	}
	if lake.UpkeepOf(t.Properties).Off {
		k.settled(p, updated)
		return nil
	}
	return k.alone(ctx, p, func(ctx context.Context) error {
		r, err := k.work(ctx, p, false, sweep)
		if err != nil {
			return err
		}
		if !r.did() { // else there may be more to do
			k.settled(p, updated)
		}
		return nil
	})
}

func (k *Keeper) settled(p place, updated time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen[p] = updated
}

// work does everything for one table whose turn this process holds. every joins all
// small files, not only what is worth it.
func (k *Keeper) work(ctx context.Context, p place, every, sweep bool) (Report, error) {
	began := k.cfg.Now()
	r := Report{Table: p.name, At: began.UTC()}
	if err := k.join(ctx, p, every, &r); err != nil {
		return r, err
	}
	var err error
	if r.Expired, err = k.cfg.Store.Expire(ctx, p.scope, p.name); err != nil {
		return r, err
	}
	if sweep {
		if r.Orphans, err = k.cfg.Store.Sweep(ctx, p.scope, p.name, k.cfg.OrphanAge); err != nil {
			return r, err
		}
	}
	t, err := k.cfg.Store.Load(ctx, p.scope, p.name)
	if err != nil {
		return r, err
	}
	r.Files, r.Snapshots, r.Seconds = t.Files, t.Snapshots, k.cfg.Now().Sub(began).Seconds()
	if r.did() {
		k.cfg.Log.Debug("table maintained", "scope", p.scope, "table", p.name, "joined", r.Joined, "made", r.Made, "expired", r.Expired, "orphans", r.Orphans)
	}
	return r, k.record(ctx, p, r, sweep)
}
