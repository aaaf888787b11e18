package watch

import (
	"context"
	"errors"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/monitoring"
)

const (
	scheduleEvery = 5 * time.Second  // how often due checks are looked for
	claimFor      = 30 * time.Second // a server that claimed a check and died loses it then
)

// Schedule starts due checks until ctx ends. Every server does; a due check is one row,
// and only the server whose compare-and-swap claims it starts it.
func (s *Service) Schedule(ctx context.Context) error {
	tick := time.NewTicker(scheduleEvery)
	defer tick.Stop()
	for {
		if _, err := s.StartDue(ctx); err != nil && ctx.Err() == nil && s.Log != nil {
			s.Log.Warn("scheduled checks could not be started", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// StartDue starts the checks that are due now and returns how many.
func (s *Service) StartDue(ctx context.Context) (int, error) {
	due, err := s.Store.DueChecks(ctx, s.now())
	if err != nil {
		return 0, err
	}
	started := 0
	var failed []error
	for i := range due {
		d := &due[i]
		mine, err := s.Store.Claim(ctx, d, s.now().Add(claimFor))
		if err != nil || !mine {
			failed = append(failed, err)
			continue
		}
		rule, err := monitoring.ParseSchedule(d.Rule)
		if err == nil {
			_, err = s.Enqueue(forge.WithPrincipal(ctx, d.Who), d.Deployment) // one that still runs counts as this one
		}
		if err == nil {
			_, err = s.Store.Checked(ctx, d, rule.Next(d.At, s.now()))
			started++
		}
		failed = append(failed, err) // the claim lapses, and the check is tried again
	}
	return started, errors.Join(failed...)
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}
