package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
)

// follow shows a job's progress until it is done and decodes its result into out.
// onEvent, if not nil, sees every event beside progress.
func (e *Env) follow(j jobs.Job, out any, onEvent func(jobs.Event)) (jobs.Job, error) {
	c, err := e.Client()
	if err != nil {
		return j, err
	}
	var width int
	show := func(p jobs.Progress) {
		if !e.TTY || e.JSON {
			return
		}
		line := progressLine(p)
		fmt.Fprintf(e.Err, "\r%-*s", width, line)
		width = len(line)
	}
	err = c.events(e.Ctx, path("api", "jobs", j.ID, "events"), func(ev event) bool {
		switch ev.Type {
		case "done":
			return json.Unmarshal(ev.Data, &j) == nil
		case "progress":
			var pe struct {
				Data jobs.Progress `json:"data"`
			}
			if json.Unmarshal(ev.Data, &pe) == nil {
				show(pe.Data)
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
	if width > 0 {
		fmt.Fprintf(e.Err, "\r%-*s\r", width, "")
	}
	if err != nil {
		return j, err
	}
	for !j.State.Done() { // the stream ended before the job: the server restarted
		if err := e.call("GET", path("api", "jobs", j.ID), nil, &j); err != nil {
			return j, err
		}
		select {
		case <-e.Ctx.Done():
			return j, e.Ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
	return j, jobResult(j, out)
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
func (e *Env) start(path string, in, out any, onEvent func(jobs.Event)) (jobs.Job, error) {
	var j jobs.Job
	if err := e.call("POST", path, in, &j); err != nil {
		return j, err
	}
	return e.follow(j, out, onEvent)
}

// Jobs shows and cancels long work.
type Jobs struct {
	List   JobsList   `cmd:"" default:"1" help:"List the newest jobs."`
	Watch  JobsWatch  `cmd:"" help:"Follow a job until it is done."`
	Cancel JobsCancel `cmd:"" help:"Cancel a job."`
}

type JobsList struct {
	Kind  string `help:"Only jobs of this kind."`
	Limit int    `default:"20" help:"How many."`
}

func (c *JobsList) Run(e *Env) error {
	var out struct {
		Jobs []jobs.Job `json:"jobs"`
	}
	if err := e.call("GET", fmt.Sprintf("/api/jobs?limit=%d&kind=%s", c.Limit, c.Kind), nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	var rows [][]string
	for _, j := range out.Jobs {
		rows = append(rows, []string{j.ID, string(j.State), j.Title, j.Created.Local().Format(time.DateTime), strings.TrimSpace(j.Error)})
	}
	e.table([]string{"JOB", "STATE", "WHAT", "CREATED", ""}, rows)
	return nil
}

type JobsWatch struct {
	ID string `arg:"" help:"Job id."`
}

func (c *JobsWatch) Run(e *Env) error {
	var j jobs.Job
	if err := e.call("GET", path("api", "jobs", c.ID), nil, &j); err != nil {
		return err
	}
	var result json.RawMessage
	j, err := e.follow(j, &result, nil)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(j); done {
		return err
	}
	e.printf("%s: %s\n", j.Title, j.State)
	return nil
}

type JobsCancel struct {
	ID string `arg:"" help:"Job id."`
}

func (c *JobsCancel) Run(e *Env) error {
	var j jobs.Job
	if err := e.call("POST", path("api", "jobs", c.ID, "cancel"), nil, &j); err != nil {
		return err
	}
	if done, err := e.printJSON(j); done {
		return err
	}
	e.printf("%s: cancelling\n", j.Title)
	return nil
}
