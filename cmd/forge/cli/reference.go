package cli

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Reference prints docs/cli.md: every command, its arguments and flags, its examples and
// the JSON that it prints. It is made from the commands themselves.
type Reference struct{}

func (*Reference) Run(e *Env) error {
	e.printf("%s", head())
	e.printf("\n## Flags of every command\n\n")
	writeFlagsOf(e.Out, e.Model.Node)
	group := ""
	for _, n := range Leaves(e.Model.Node) {
		if g := groupOf(n); g != group {
			group = g
			e.printf("\n# %s\n", group)
		}
		writeCommand(e.Out, n)
	}
	return nil
}

const referenceHead = "<!-- made by make generate from the commands; do not edit -->\n" + `# The command line

Every command speaks the HTTP API ([http.md](http.md)) of the server that it finds by ` + "`--addr` and `--token`" + `, else by the data folder on this machine. ` + "`forge`" + ` alone says what to do next, ` + "`forge completion SHELL`" + ` makes a shell complete commands, flags and the server's own names.

**Output.** Results go to standard output; progress, questions and errors go to standard error. On a terminal, tables are cut to its width and their heads are bold (not with ` + "`NO_COLOR`" + `); in a pipe nothing is cut.

**JSON.** ` + "`--json`" + ` prints one document, whose shape is below: fields keep their names and types; new ones may come, so pass over those that you do not know. ` + "`?`" + ` marks what may be left out. ` + "`time`" + ` is RFC 3339. A failure prints one object on standard error and nothing on standard output (` + "`audit verify`" + ` prints its verdict all the same):

` + "```\n" + `FAILURE
` + "```\n" + `
**Exit codes.** 0 ok, 1 failed or interrupted, 2 usage, 3 bad input, 4 not found, 5 denied, 6 unavailable.

**Long work** is a job of the server. The command follows it; interrupting the command (Ctrl-C) leaves the job running and says how to follow or cancel it. ` + "`--no-wait`" + ` prints the job's id, or with ` + "`--json`" + ` the Job as ` + "`forge jobs ID`" + ` does, and returns.
`

func head() string {
	return strings.Replace(referenceHead, "FAILURE", Shape(reflect.TypeFor[Failure]()), 1)
}

// Leaves are the commands that do something, in the order of the help.
func Leaves(n *kong.Node) []*kong.Node {
	var out []*kong.Node
	for _, c := range n.Children {
		switch {
		case c.Hidden:
		case len(c.Children) == 0:
			out = append(out, c)
		default:
			out = append(out, Leaves(c)...)
		}
	}
	return out
}

// CommandPath is a command without the program's name: "features apply".
func CommandPath(n *kong.Node) string {
	var parts []string
	for ; n != nil && n.Type != kong.ApplicationNode; n = n.Parent {
		parts = append([]string{n.Name}, parts...)
	}
	return strings.Join(parts, " ")
}

func groupOf(n *kong.Node) string {
	for ; n != nil; n = n.Parent {
		if n.Group != nil {
			return n.Group.Title
		}
	}
	return ""
}

func writeCommand(w io.Writer, n *kong.Node) {
	fmt.Fprintf(w, "\n## forge %s\n%s\n\n```sh\n%s\n```\n", CommandPath(n), n.Help, strings.Join(Examples(CommandPath(n)), "\n"))
	var rows bytes.Buffer
	for _, p := range n.Positional {
		fmt.Fprintf(&rows, "- `%s` %s\n", strings.Trim(p.Summary(), "[]<>"), p.Help)
	}
	writeFlagsOf(&rows, n)
	if rows.Len() > 0 {
		fmt.Fprintf(w, "\n%s", rows.Bytes())
	}
	if a, ok := Target(n).(Answerer); ok {
		fmt.Fprintf(w, "\n```\n%s\n```\n", Shape(reflect.TypeOf(a.Answer())))
	}
	if o, ok := Target(n).(Otherwise); ok {
		when, a := o.Otherwise()
		fmt.Fprintf(w, "\n%s:\n\n```\n%s\n```\n", when, Shape(reflect.TypeOf(a)))
	}
}

// Target is the command's struct.
func Target(n *kong.Node) any {
	if !n.Target.IsValid() {
		return nil
	}
	if n.Target.CanAddr() {
		return n.Target.Addr().Interface()
	}
	return n.Target.Interface()
}

// settingsOf is the command whose flags are the server's settings; other commands that
// have them too refer to it.
const settingsOf = "serve"

func writeFlagsOf(w io.Writer, n *kong.Node) {
	var known []*kong.Flag
	if n.Name != settingsOf && n.Parent != nil {
		for _, c := range n.Parent.Children {
			if c.Name == settingsOf {
				known = c.Flags
			}
		}
	}
	same := 0
	for _, f := range n.Flags {
		if f.Hidden || f.Name == "help" {
			continue
		}
		if slices.ContainsFunc(known, func(k *kong.Flag) bool { return k.Name == f.Name && k.Help == f.Help }) {
			same++
			continue
		}
		name := strings.TrimSpace(f.String())
		if f.Tag.Negatable != "" {
			name = "--[no-]" + f.Name
		}
		fmt.Fprintf(w, "- `%s` %s", name, f.Help)
		for _, env := range f.Envs {
			fmt.Fprintf(w, " `%s`.", env)
		}
		if f.Enum != "" {
			fmt.Fprintf(w, " One of `%s`.", strings.Join(f.EnumSlice(), "`, `"))
		}
		if f.HasDefault && f.Default != "" && f.Default != "false" && !f.IsBool() {
			fmt.Fprintf(w, " Otherwise `%s`.", f.Default)
		}
		fmt.Fprintln(w)
	}
	if same > 0 {
		fmt.Fprintf(w, "- the settings of `forge %s`\n", settingsOf)
	}
}

// Help prints a command's help, with its examples.
func Help(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	n := ctx.Selected()
	if n == nil {
		return nil
	}
	if n.DefaultCmd != nil && len(Examples(CommandPath(n))) == 0 {
		n = n.DefaultCmd
	}
	lines := Examples(CommandPath(n))
	if len(lines) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(ctx.Stdout, "\nExamples:\n  %s\n", strings.Join(lines, "\n  "))
	return err
}
