// Command forge is AI Forge: the server, its workers and its command line in one
// binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"aiforge.dev/forge"
	"aiforge.dev/forge/cmd/forge/cli"
	_ "aiforge.dev/forge/cmd/forge/sqlworker" // "forge worker", before the rest is initialised
	"github.com/alecthomas/kong"
	"golang.org/x/term"
)

// version is set by the release build.
var version = "dev"

type root struct {
	cli.Globals
	Serve   serveCmd   `cmd:"" group:"server" help:"Run the server."`
	Up      upCmd      `cmd:"" group:"server" help:"Start the server in the background and run the demo."`
	Down    downCmd    `cmd:"" group:"server" help:"Stop the server that up started."`
	Restore restoreCmd `cmd:"" group:"server" help:"Put a backup into an empty data folder."`
	Verify  verifyCmd  `cmd:"" group:"server" help:"Look for damage in a data folder that no server works on."`
	Doctor  doctorCmd  `cmd:"" group:"server" help:"Say what is installed, what is configured, and what is missing."`
	Config  configCmd  `cmd:"" group:"server" help:"Print every setting and where it comes from: flag, variable or default."`
	Demo    cli.Demo   `cmd:"" group:"server" help:"Run a shipped demo on the server."`
	OpenAPI openAPICmd `cmd:"" name:"openapi" group:"server" help:"Print the OpenAPI document."`
	Version versionCmd `cmd:"" group:"server" help:"Print the version."`
	Worker  workerCmd  `cmd:"" hidden:"" help:"Run SQL for a server; started by it."`
	cli.Commands
	Completion cli.Completion `cmd:"" group:"admin" help:"Print what makes a shell complete forge's commands."`
	Complete   cli.Complete   `cmd:"" hidden:"" help:"Candidates for an unfinished line; called by the shell."`
	Reference  cli.Reference  `cmd:"" hidden:"" help:"Print docs/cli.md."`
}

func main() { os.Exit(begin(new(root))) }

// begin runs the command line of this process.
func begin(cmd *root) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	return cmd.run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// parser is the tree of commands.
func parser(cmd *root, out, errs io.Writer, exit func(int)) *kong.Kong {
	k, err := kong.New(cmd, kong.Name("forge"),
		kong.Description("Data lakehouse, feature store, training, serving and monitoring in one binary."),
		kong.Writers(out, errs), kong.Exit(exit), kong.Help(cli.Help),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "server", Title: "Server"}, {Key: "data", Title: "Data"}, {Key: "features", Title: "Features"}, {Key: "models", Title: "Models"},
			{Key: "serving", Title: "Serving"}, {Key: "monitoring", Title: "Monitoring"}, {Key: "admin", Title: "Administration"},
		}))
	if err != nil {
		panic(err) // the command structs are wrong
	}
	return k
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	return new(root).run(ctx, args, in, out, errs)
}

func (cmd *root) run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	exit := -1
	k := parser(cmd, out, errs, func(code int) { exit = max(exit, code) }) // --help asks to exit
	parsed, err := k.Parse(args)
	if exit >= 0 {
		return exit
	}
	alone := err != nil && onlyGlobals(args)
	env := &cli.Env{Globals: cmd.Globals, Ctx: ctx, In: in, Out: out, Err: errs, TTY: terminal(errs), Asks: terminal(in) && terminal(errs), Width: width(out), Model: k.Model, Parsed: parsed}
	env.Bold = terminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if err != nil && !alone {
		return cli.Finish(env, nil, misuse(err))
	}
	if env.Data, err = dataFolder(cmd.Data); err != nil {
		return cli.Finish(env, nil, err)
	}
	if alone {
		return cli.Finish(env, nil, cli.Welcome(env))
	}
	return cli.Finish(env, parsed.Selected(), parsed.Run(env))
}

// onlyGlobals reports whether a command line names no command: flags of every command
// and their values.
func onlyGlobals(args []string) bool {
	var g struct{ cli.Globals }
	k, err := kong.New(&g, kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
	if err != nil {
		return false
	}
	_, err = k.Parse(args)
	return err == nil
}

// misuse says what is wrong with a command line, how the command is used, and an
// example of it.
func misuse(err error) error {
	var p *kong.ParseError
	if !errors.As(err, &p) || p.Context.Selected() == nil {
		return &cli.UsageError{Text: err.Error() + "; forge --help shows the commands"}
	}
	n := p.Context.Selected()
	path := cli.CommandPath(n)
	text := fmt.Sprintf("%s: %s\n  usage:   forge %s", path, strings.TrimPrefix(err.Error(), path+": "), n.Summary())
	if lines := cli.Examples(path); len(lines) > 0 {
		text += "\n  example: " + lines[0]
	}
	return &cli.UsageError{Text: text + "\n  more:    forge " + path + " --help"}
}

// terminal reports whether a stream is one: progress may rewrite its line, and somebody
// can answer.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width is that of a terminal, 0 of anything else. COLUMNS overrules a terminal.
func width(w io.Writer) int {
	if !terminal(w) {
		return 0
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	n, _, err := term.GetSize(int(w.(*os.File).Fd()))
	if err != nil {
		return 0
	}
	return n
}

// dataFolder makes the data folder's path absolute; a leading ~ is the home folder.
func dataFolder(p string) (string, error) {
	if rest, ok := strings.CutPrefix(p, "~"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", forge.Errorf(forge.KindInvalid, err, "no home folder: set FORGE_DATA")
		}
		p = filepath.Join(home, rest)
	}
	return filepath.Abs(p)
}

type versionCmd struct{}

type versionAnswer struct {
	Version string `json:"version"`
}

// Answer implements cli.Answerer.
func (versionCmd) Answer() any { return versionAnswer{} }

func (versionCmd) Run(e *cli.Env) error {
	if e.JSON {
		return e.PrintJSON(versionAnswer{version})
	}
	fmt.Fprintln(e.Out, "forge", version)
	return nil
}
