package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"aiforge.dev/forge"
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
	Ctx context.Context
	Out io.Writer
	Err io.Writer
	TTY bool // Err is a terminal: progress may rewrite its line

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

// Exit codes of the command line.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitInvalid     = 3
	ExitNotFound    = 4
	ExitDenied      = 5
	ExitUnavailable = 6
)

// ExitCode is the exit code for err.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	if errors.Is(err, context.Canceled) {
		return ExitFailed
	}
	switch forge.KindOf(err) {
	case forge.KindInvalid:
		return ExitInvalid
	case forge.KindNotFound:
		return ExitNotFound
	case forge.KindDenied:
		return ExitDenied
	case forge.KindUnavailable:
		return ExitUnavailable
	}
	return ExitFailed
}

// PrintError writes err for a person, or as JSON.
func PrintError(w io.Writer, err error, asJSON bool) {
	var e *forge.Error
	if asJSON {
		out := map[string]any{"error": err.Error(), "kind": forge.KindOf(err), "exit": ExitCode(err)}
		if errors.As(err, &e) && len(e.Detail) > 0 {
			out["errors"] = e.Detail
		}
		_ = json.NewEncoder(w).Encode(out)
		return
	}
	fmt.Fprintln(w, "forge:", err)
	if errors.As(err, &e) {
		for _, d := range e.Detail {
			if strings.Contains(e.Text, d.Text) {
				continue // said already
			}
			fmt.Fprintf(w, "  %s: %s\n", strings.TrimPrefix(d.Path, "body."), d.Text)
		}
	}
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
// for people, or as the given names and values.
func (e *Env) done(v map[string]any, format string, args ...any) error {
	if done, err := e.printJSON(v); done {
		return err
	}
	e.printf(format+"\n", args...)
	return nil
}

// table prints aligned columns under a header.
func (e *Env) table(header []string, rows [][]string) {
	w := tabwriter.NewWriter(e.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(header, "\t"))
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	_ = w.Flush()
}

func (e *Env) printf(format string, args ...any) { fmt.Fprintf(e.Out, format, args...) }

// readFileOrStdin reads a document; "-" is standard input.
func readFileOrStdin(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
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
