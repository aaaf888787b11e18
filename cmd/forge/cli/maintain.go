package cli

import (
	"fmt"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake/maintain"
	"aiforge.dev/forge/lake/maintainhttp"
)

// Maintain keeps a table in order by hand, or changes how the server does it by itself.
type Maintain struct {
	Table      string        `arg:"" names:"table" help:"Table: NAMESPACE.NAME."`
	Show       bool          `help:"Only show how the table is kept in order, and what was done last."`
	Auto       *bool         `help:"Let the server do it by itself, or not." negatable:""`
	KeepFor    time.Duration `help:"Keep snapshots that are younger than this." placeholder:"TIME"`
	KeepNewest int           `help:"Keep so many of the newest snapshots, whatever their age." placeholder:"N"`
	Target     int64         `help:"Size of the files that small ones are joined to, in bytes." placeholder:"BYTES"`
	Wait
}

// Answer implements Answerer.
func (*Maintain) Answer() any { return maintain.Report{} }

// Otherwise implements Otherwise.
func (*Maintain) Otherwise() (string, any) { return "With --show or a change", upkeep{} }

// upkeep is what the server says of a table.
type upkeep struct {
	Policy    maintainhttp.Policy `json:"policy"`
	Files     int                 `json:"files"`
	Bytes     int64               `json:"bytes"`
	Snapshots int                 `json:"snapshots"`
	Tagged    int                 `json:"tagged"`
	Last      *maintain.Report    `json:"last,omitempty"`
}

func (c *Maintain) Run(e *Env) error {
	at := path("api", "tables", c.Table, "upkeep")
	changes := c.Auto != nil || c.KeepFor != 0 || c.KeepNewest != 0 || c.Target != 0
	if c.Show && changes {
		return forge.Errorf(forge.KindInvalid, nil, "--show changes nothing: leave it out, or the other flags")
	}
	if c.Show || changes {
		return c.policy(e, at, changes)
	}
	var r maintain.Report
	if _, err := e.start(c.Wait, at, nil, &r, nil); err != nil {
		return err
	}
	if done, err := e.printJSON(r); done {
		return err
	}
	e.printf("%s: %s; now %s files and %s snapshots\n", c.Table, did(r), count(int64(r.Files)), count(int64(r.Snapshots)))
	if r.Skipped != "" {
		e.printf("its files were left as they are: %s\n", r.Skipped)
	}
	return nil
}

func did(r maintain.Report) string {
	if r.Joined+r.Expired+r.Orphans == 0 {
		return "nothing to do"
	}
	return fmt.Sprintf("%d files joined to %d, %d snapshots expired, %d orphans removed", r.Joined, r.Made, r.Expired, r.Orphans)
}

// policy shows, and before that changes, how the server keeps the table in order.
func (c *Maintain) policy(e *Env, at string, changes bool) error {
	var u upkeep
	if err := e.call("GET", at, nil, &u); err != nil {
		return err
	}
	if changes {
		p := u.Policy
		if c.Auto != nil {
			p.Auto = *c.Auto
		}
		if c.KeepFor != 0 {
			p.KeepFor = c.KeepFor.String()
		}
		if c.KeepNewest != 0 {
			p.KeepNewest = c.KeepNewest
		}
		if c.Target != 0 {
			p.TargetBytes = c.Target
		}
		if err := e.call("PUT", at, p, &u); err != nil {
			return err
		}
	}
	if done, err := e.printJSON(u); done {
		return err
	}
	by := "by itself"
	if !u.Policy.Auto {
		by = "only by forge maintain"
	}
	e.printf("%s is kept in order %s: files of %s bytes, snapshots of the last %s and at least the %d newest\n", c.Table, by, count(u.Policy.TargetBytes), u.Policy.KeepFor, u.Policy.KeepNewest)
	e.printf("%s bytes in %d files; %d snapshots, %d of them tagged\n", count(u.Bytes), u.Files, u.Snapshots, u.Tagged)
	if u.Last != nil {
		e.printf("last, %s: %s\n", u.Last.At.Local().Format(time.DateTime), did(*u.Last))
	}
	return nil
}
