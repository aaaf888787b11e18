package jobs

import (
	"context"
	"time"
)

// renewing prolongs the leases of this process's jobs and learns of cancellations and
// losses. It is apart from the other loop so that nothing slow can delay it.
func (r *Runner) renewing() {
	tick := time.NewTicker(r.cfg.Lease / 4)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = r.renew() // it says so in the log
		case <-r.quit: // after the last handler has returned: until then leases must be kept
			return
		}
	}
}

func (r *Runner) renew() error {
	r.mu.Lock()
	mine := make([]*run, 0, len(r.running))
	for _, x := range r.running {
		mine = append(mine, x)
	}
	r.mu.Unlock()
	if len(mine) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Lease/4)
	defer cancel()
	now := r.rows.now()
	held, err := r.rows.renew(ctx, r.owner, now.Add(r.cfg.Lease))
	for _, x := range mine {
		cancelling, ours := held[x.c.address]
		switch {
		case err != nil: // the store does not answer: at the lease's end another process may go on
			if r.rows.now().Sub(x.lastSeen()) >= r.cfg.Lease {
				x.end(errLost)
			}
		case !ours:
			x.end(errLost)
		case cancelling:
			x.end(errCancelled)
		default:
			x.seen(now)
		}
	}
	if err != nil {
		r.cfg.Log.Warn("leases of jobs could not be renewed", "jobs", len(mine), "err", err)
	}
	return err
}

// sweeping gives lapsed jobs back and delivers what waits without a delivery. It
// compares wanted with seen, so missing or repeating a round is harmless.
func (r *Runner) sweeping() {
	tick := time.NewTicker(r.cfg.Poll)
	defer tick.Stop()
	for {
		if err := r.sweep(r.base); err != nil && r.base.Err() == nil {
			r.cfg.Log.Warn("job queue: reconcile", "err", err)
		}
		select {
		case <-tick.C:
		case <-r.base.Done():
			return
		}
	}
}

// longestWait is the longest time for which a waiting job is put off.
func (r *Runner) longestWait() time.Duration {
	longest := max(r.cfg.Lease, r.cfg.Poll)
	for _, s := range r.kinds {
		longest = max(longest, r.cfg.Back(s.attempts))
	}
	return longest
}

func (r *Runner) sweep(ctx context.Context) error {
	if err := r.renew(); err != nil {
		return err // a slow store must not make this process take its own jobs for dead
	}
	n, err := r.rows.lapse(ctx, r.cfg.MaxLapses)
	if err != nil {
		return err
	}
	if n > 0 {
		r.cfg.Log.Warn("jobs of a dead process were given back", "jobs", n)
		r.bell.ring()
	}
	due, err := r.rows.due(ctx, r.longestWait(), 500)
	if err != nil {
		return err
	}
	for _, w := range due {
		if r.onItsWay(ctx, w) {
			err = r.rows.delivered(ctx, w, w.delivery, r.rows.now().Add(r.cfg.Lease))
		} else {
			err = r.deliver(ctx, w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
