package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"aiforge.dev/forge/internal/jobs"
)

// Jobs shows and cancels long work.
type Jobs struct {
	List   JobsList   `cmd:"" default:"withargs" help:"List the newest jobs, or show one: state, progress, arguments, result."`
	Watch  JobsWatch  `cmd:"" help:"Follow a job until it is done."`
	Cancel JobsCancel `cmd:"" help:"Cancel a job."`
}

type JobsList struct {
	ID    string `arg:"" optional:"" names:"job" help:"Show this job."`
	Kind  string `help:"Only jobs of this kind, for example train."`
	Limit int    `default:"20" help:"How many."`
}

type jobList struct {
	Jobs []jobs.Job `json:"jobs"`
}

// Answer implements Answerer.
func (*JobsList) Answer() any { return jobList{} }

// Otherwise implements Otherwise.
func (*JobsList) Otherwise() (string, any) { return "With ID", jobs.Job{} }

func (c *JobsList) Run(e *Env) error {
	if c.ID != "" {
		return c.one(e)
	}
	var out jobList
	if err := e.call("GET", fmt.Sprintf("/api/jobs?limit=%d&kind=%s", c.Limit, url.QueryEscape(c.Kind)), nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	if len(out.Jobs) == 0 {
		e.printf("no jobs yet\n")
		return nil
	}
	var rows [][]string
	for _, j := range out.Jobs {
		rows = append(rows, []string{j.ID, string(j.State), j.Title, j.Created.Local().Format(time.DateTime), took(j, time.Now()), strings.TrimSpace(j.Error)})
	}
	e.Table([]string{"JOB", "STATE", "WHAT", "CREATED", "TOOK", "WHY IT FAILED"}, rows)
	return nil
}

// took is how long a job has worked, or how far it is.
func took(j jobs.Job, now time.Time) string {
	switch {
	case j.Started == nil:
		return ""
	case j.Finished != nil:
		return seconds(j.Finished.Sub(*j.Started))
	case j.Progress.Total > 0:
		return fmt.Sprintf("%s, %d%%", seconds(now.Sub(*j.Started)), j.Progress.Done*100/j.Progress.Total)
	}
	return seconds(now.Sub(*j.Started))
}

func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

func (c *JobsList) one(e *Env) error {
	var j jobs.Job
	if err := e.call("GET", path("api", "jobs", c.ID), nil, &j); err != nil {
		return err
	}
	if done, err := e.printJSON(j); done {
		return err
	}
	e.printf("%s\n%s, by %s, created %s", j.Title, j.State, j.By, j.Created.Local().Format(time.DateTime))
	if t := took(j, time.Now()); t != "" {
		e.printf(", took %s", t)
	}
	e.printf("\n")
	if j.State.Done() {
		if j.Error != "" {
			e.printf("%s\n", j.Error)
		}
	} else if line := progressLine(j.Progress); strings.TrimSpace(line) != "" {
		e.printf("%s\n", line)
	}
	for _, part := range []struct {
		name string
		json json.RawMessage
	}{{"asked for", j.Args}, {"result", j.Result}} {
		if len(part.json) > 0 {
			var b bytes.Buffer
			if json.Indent(&b, part.json, "", "  ") == nil {
				e.printf("%s: %s\n", part.name, b.Bytes())
			}
		}
	}
	return nil
}

type JobsWatch struct {
	ID string `arg:"" names:"livejob" help:"Job id, as forge jobs shows it."`
}

// Answer implements Answerer.
func (*JobsWatch) Answer() any { return jobs.Job{} }

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
	ID string `arg:"" names:"livejob" help:"Job id, as forge jobs shows it."`
}

// Answer implements Answerer.
func (*JobsCancel) Answer() any { return jobs.Job{} }

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
