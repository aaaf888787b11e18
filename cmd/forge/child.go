package main

import (
	"context"
	"encoding/json"

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
