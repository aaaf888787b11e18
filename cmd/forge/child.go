package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
)

// await waits for a job that another job has started and decodes its result. When
// the waiting one is cancelled, so is the other.
func await(ctx context.Context, q jobs.Queue, j jobs.Job, into any) error {
	done, err := q.Wait(ctx, j.ID)
	if err != nil {
		if ctx.Err() != nil {
			_ = q.Cancel(context.WithoutCancel(ctx), j.ID) // best effort: its own lease ends it otherwise
		}
		return err
	}
	if done.State != jobs.Succeeded {
		kind := done.ErrorKind
		if kind == "" {
			kind = forge.KindConflict
		}
		text := done.Error
		if text == "" {
			text = done.Title + " was cancelled"
		}
		return forge.Errorf(kind, nil, "%s", text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(done.Result, into)
}

// child starts a job for a job and waits for it.
func (a *App) child(ctx context.Context, kind, title string, args, into any) error {
	j, err := a.jobs.Enqueue(ctx, kind, title, "", args)
	if err != nil {
		return err
	}
	return await(ctx, a.jobs, j, into)
}

const tellEvery = 500 * time.Millisecond

// tellTrials waits for a training job and tells its trials meanwhile.
func (a *App) tellTrials(ctx context.Context, j jobs.Job, report func(rows int64, message string)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- await(ctx, a.jobs, j, nil) }()
	var seen int64
	trials := 0
	for {
		select {
		case err := <-ended:
			return err
		case <-time.After(tellEvery):
		}
		events, err := a.jobs.Events(ctx, j.ID, seen)
		if err != nil {
			continue // await has the error that counts
		}
		before := trials
		for _, e := range events {
			seen = e.Seq
			if e.Type == "trial" {
				trials++
			}
		}
		if trials == 1 && before == 0 {
			report(0, "1 model tried so far")
		} else if trials > before {
			report(0, fmt.Sprintf("%d models tried so far", trials))
		}
	}
}
