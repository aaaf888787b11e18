package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"aiforge.dev/forge"
	"github.com/alecthomas/kong"
)

// Globals are the flags of every command.
type Globals struct {
	Addr  string `help:"Address of the server." env:"FORGE_ADDR" placeholder:"HOST:PORT"`
	Token string `help:"Token or API key; the owner's on this machine otherwise." env:"FORGE_TOKEN" placeholder:"TOKEN"`
	Data  string `help:"Data folder." env:"FORGE_DATA" default:"~/.forge" type:"path"`
	JSON  bool   `help:"Print JSON instead of text." name:"json"`
}

// Env is what a command works with.
type Env struct {
	Globals
	Ctx   context.Context
	In    io.Reader
	Out   io.Writer
	Err   io.Writer
	TTY   bool // Err is a terminal: progress may rewrite its line
	Asks  bool // In is a terminal: a command may ask
	Width int  // of Out, when it is a terminal: tables are cut to it; 0 otherwise
	Bold  bool // Out is a terminal that may be written on in bold

	Model  *kong.Application // all commands
	Parsed *kong.Context     // this command line

	client *Client
}

// Client connects once.
func (e *Env) Client() (*Client, error) {
	if e.client == nil {
		c, err := Connect(e.Addr, e.Token, e.Data)
		if err != nil {
			return nil, err
		}
		e.client = c
	}
	return e.client, nil
}

// call is Client().Call with the command's context.
func (e *Env) call(method, path string, in, out any) error {
	c, err := e.Client()
	if err != nil {
		return err
	}
	return c.Call(e.Ctx, method, path, in, out)
}

// PrintJSON prints v indented.
func (e *Env) PrintJSON(v any) error {
	enc := json.NewEncoder(e.Out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printJSON prints v when --json is given and reports whether it did.
func (e *Env) printJSON(v any) (bool, error) {
	if !e.JSON {
		return false, nil
	}
	return true, e.PrintJSON(v)
}

// done says that a command without a result of its own has done its work: as a line
// for people, or as v.
func (e *Env) done(v any, format string, args ...any) error {
	if done, err := e.printJSON(v); done {
		return err
	}
	e.printf(format+"\n", args...)
	return nil
}

func (e *Env) printf(format string, args ...any) { fmt.Fprintf(e.Out, format, args...) }

// readFileOrStdin reads a document; "-" is standard input.
func (e *Env) readFileOrStdin(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(e.In)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, forge.Errorf(forge.KindNotFound, err, "file %s cannot be read", name)
	}
	return b, nil
}

// count writes 41188 as 41,188.
func count(n int64) string {
	s := fmt.Sprint(n)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if neg {
		return "-" + s
	}
	return s
}
