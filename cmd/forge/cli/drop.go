package cli

import (
	"bufio"
	"fmt"
	"strings"
)

// Drop removes a table.
type Drop struct {
	Table string `arg:"" names:"table" help:"Table to remove."`
	Yes   bool   `help:"Do not ask."`
}

type dropped struct {
	Dropped string `json:"dropped" doc:"Name of the table"`
}

// Answer implements Answerer.
func (*Drop) Answer() any { return dropped{} }

func (c *Drop) Run(e *Env) error {
	if err := e.sure(c.Yes, fmt.Sprintf("remove %s and all its rows?", c.Table)); err != nil {
		return err
	}
	if err := e.call("DELETE", path("api", "tables", c.Table), nil, nil); err != nil {
		return err
	}
	return e.done(dropped{c.Table}, "%s is removed", c.Table)
}

// sure asks before something is lost for good. Where nobody can answer, --yes must.
func (e *Env) sure(yes bool, question string) error {
	if yes {
		return nil
	}
	if !e.Asks || e.JSON {
		return &UsageError{question + " Nothing was done: nobody can be asked here, so give --yes"}
	}
	fmt.Fprint(e.Err, question+" [y/N] ")
	answer, _ := bufio.NewReader(e.In).ReadString('\n')
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return fmt.Errorf("nothing was done")
	}
	return nil
}
