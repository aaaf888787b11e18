package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
)

// Wait is the flag of every command that starts a job.
type Wait struct {
	NoWait bool `help:"Start the job, print its id and return at once."`
}

// follow shows a job's progress until it is done and decodes its result into out.
// onEvent, if not nil, sees every event beside progress. An interruption ends the
// watching and not the job.
func (e *Env) follow(j jobs.Job, out any, onEvent func(jobs.Event)) (jobs.Job, error) {
	done, err := e.watch(j, onEvent)
	if e.Ctx.Err() != nil && !done.State.Done() {
		return done, &Detached{j}
	}
	if err != nil {
		return done, err
	}
	return done, jobResult(done, out)
}

// watch returns the job when it is done. When the stream of events ends before, because
// the server restarts, it looks again until the server answers or patience ends.
func (e *Env) watch(j jobs.Job, onEvent func(jobs.Event)) (jobs.Job, error) {
	c, err := e.Client()
	if err != nil {
		return j, err
	}
	line := progressBar{e: e}
	err = c.events(e.Ctx, path("api", "jobs", j.ID, "events"), func(ev event) bool {
		switch ev.Type {
		case "done":
			return json.Unmarshal(ev.Data, &j) == nil
		case "progress":
			var pe struct {
				Data jobs.Progress `json:"data"`
			}
			if json.Unmarshal(ev.Data, &pe) == nil {
				line.show(pe.Data)
			}
		default:
			var je jobs.Event
			if onEvent != nil && json.Unmarshal(ev.Data, &je) == nil {
				je.Type = ev.Type
				onEvent(je)
			}
		}
		return false
	})
	line.clear()
	for lost := 0; !j.State.Done(); {
		if e.Ctx.Err() != nil {
			return j, e.Ctx.Err()
		}
		if err != nil && (forge.KindOf(err) != forge.KindUnavailable && forge.KindOf(err) != forge.KindInternal || lost == lookAgain) {
			return j, err
		}
		select {
		case <-e.Ctx.Done():
			return j, e.Ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
		if err = e.call("GET", path("api", "jobs", j.ID), nil, &j); err != nil {
			lost++
		} else {
			lost = 0
		}
	}
	return j, nil
}

// lookAgain is how often a server that does not answer is asked again: 30 s.
const lookAgain = 100

// progressBar rewrites one line of a terminal.
type progressBar struct {
	e     *Env
	width int
}

func (b *progressBar) show(p jobs.Progress) {
	if !b.e.TTY || b.e.JSON {
		return
	}
	line := progressLine(p)
	fmt.Fprintf(b.e.Err, "\r%-*s", b.width, line)
	b.width = len(line)
}

func (b *progressBar) clear() {
	if b.width > 0 {
		fmt.Fprintf(b.e.Err, "\r%-*s\r", b.width, "")
	}
}

func jobResult(j jobs.Job, out any) error {
	switch j.State {
	case jobs.Succeeded:
		if out == nil || len(j.Result) == 0 {
			return nil
		}
		return json.Unmarshal(j.Result, out)
	case jobs.Cancelled:
		return forge.Errorf(forge.KindConflict, nil, "%s was cancelled", j.Title)
	}
	kind := j.ErrorKind
	if kind == "" {
		kind = forge.KindInternal
	}
	return forge.Errorf(kind, nil, "%s", j.Error)
}

func progressLine(p jobs.Progress) string {
	line := "  " + p.Step
	if p.Total > 0 {
		line += fmt.Sprintf("  %d%%", p.Done*100/p.Total)
	}
	if p.Done > 0 {
		line += fmt.Sprintf("  %s %s", count(p.Done), p.Unit)
	}
	return line
}

// start posts a request that answers with a job, and follows it.
func (e *Env) start(w Wait, path string, in, out any, onEvent func(jobs.Event)) (jobs.Job, error) {
	var j jobs.Job
	if err := e.call("POST", path, in, &j); err != nil {
		return j, err
	}
	if w.NoWait {
		return j, &Started{j}
	}
	return e.follow(j, out, onEvent)
}
