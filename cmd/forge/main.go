// Command forge is AI Forge: the server, its workers and its command line in one
// binary.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
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
	Doctor  doctorCmd  `cmd:"" group:"server" help:"Say what is installed, what is configured, and what is missing."`
	Demo    cli.Demo   `cmd:"" group:"server" help:"Run a shipped demo on the server."`
	OpenAPI openAPICmd `cmd:"" name:"openapi" group:"server" help:"Print the OpenAPI document."`
	Version versionCmd `cmd:"" group:"server" help:"Print the version."`
	Worker  workerCmd  `cmd:"" hidden:"" help:"Run SQL for a server; started by it."`
	cli.Commands
}

func main() { os.Exit(begin(new(root))) }

// begin runs the command line of this process.
func begin(cmd *root) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cmd.run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	return new(root).run(ctx, args, out, errs)
}

func (cmd *root) run(ctx context.Context, args []string, out, errs io.Writer) int {
	exit := -1
	parser, err := kong.New(cmd, kong.Name("forge"),
		kong.Description("Data lakehouse, feature store, training, serving and monitoring in one binary."),
		kong.Writers(out, errs), kong.Exit(func(code int) { exit = max(exit, code) }), // --help asks to exit
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "server", Title: "Server"}, {Key: "data", Title: "Data"}, {Key: "features", Title: "Features"}, {Key: "models", Title: "Models"},
			{Key: "serving", Title: "Serving"}, {Key: "monitoring", Title: "Monitoring"}, {Key: "admin", Title: "Administration"},
		}))
	if err != nil {
		panic(err) // the command structs are wrong
	}
	if len(args) == 0 {
		return welcome(out)
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintf(errs, "forge: %s; forge --help shows the commands\n", err)
		return cli.ExitUsage
	}
	if cmd.Data, err = dataFolder(cmd.Data); err == nil {
		env := &cli.Env{Globals: cmd.Globals, Ctx: ctx, Out: out, Err: errs, TTY: terminal(errs)}
		err = parsed.Run(env)
	}
	if err != nil {
		cli.PrintError(errs, err, cmd.JSON)
	}
	return cli.ExitCode(err)
}

// terminal reports whether w is one, so that progress may rewrite its line.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
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

func welcome(out io.Writer) int {
	fmt.Fprint(out, `AI Forge: from a CSV file to a watched prediction API, in one binary.

  forge up                          start the server and run the demo
  forge serve                       start the server alone
  forge ingest FILE.csv --table raw.NAME
                                    take a file of your own
  forge sql "select * from raw.NAME limit 5"
                                    look at it
  forge doctor                      what is installed, what is missing
  forge --help                      all commands
`)
	return cli.ExitOK
}

type versionCmd struct{}

func (versionCmd) Run(e *cli.Env) error {
	if e.JSON {
		return e.PrintJSON(map[string]string{"version": version})
	}
	fmt.Fprintln(e.Out, "forge", version)
	return nil
}
