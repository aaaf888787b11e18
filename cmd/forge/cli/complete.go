package cli

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Completion prints what makes a shell complete forge's commands.
type Completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

//go:embed completion
var completionScripts embed.FS

func (c *Completion) Run(e *Env) error {
	b, err := completionScripts.ReadFile("completion/forge." + c.Shell)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(CompletionScript{c.Shell, string(b)}); done {
		return err
	}
	e.printf("%s", b)
	return nil
}

// CompletionScript is a shell's script.
type CompletionScript struct {
	Shell  string `json:"shell"`
	Script string `json:"script"`
}

// Answer implements Answerer.
func (*Completion) Answer() any { return CompletionScript{} }

// Complete is what the scripts call: the words of the line up to the cursor, the last
// one unfinished. It prints one candidate a line, or ":files" where a file is wanted.
// It is quick and never says that something is wrong.
type Complete struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"Words of the line."`
}

func (c *Complete) Run(e *Env) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	for _, s := range candidates(e, words) {
		e.printf("%s\n", s)
	}
	return nil
}

// slot is where the cursor stands: what has been typed before it.
type slot struct {
	node  *kong.Node
	value *kong.Value // that the word is for; nil: a command or flag
	given int         // positional arguments before
}

func candidates(e *Env, words []string) []string {
	word := words[len(words)-1]
	at := walkWords(e, words[:len(words)-1])
	prefix := ""
	if at.value == nil && strings.HasPrefix(word, "-") {
		name, rest, eq := strings.Cut(word, "=")
		if !eq {
			return starting(word, flagNames(at.node))
		}
		if f := flagOf(at.node, name); f != nil {
			prefix, word, at.value = name+"=", rest, f.Value
		}
	}
	if at.value == nil && len(at.node.Children) > 0 && at.given == 0 {
		if sub := starting(word, commandNames(at.node)); len(sub) > 0 || at.node.DefaultCmd == nil {
			return sub
		}
		at.node = at.node.DefaultCmd
	}
	if at.value == nil {
		at.value = positional(at.node, at.given)
	}
	if at.value == nil {
		return nil
	}
	out := starting(word, valuesOf(e, at.value))
	if !slices.Contains(out, fileMark) {
		for i := range out {
			out[i] = prefix + out[i]
		}
	}
	return out
}

// walkWords follows finished words down the tree of commands. It takes --data, --addr
// and --token on its way, since they say which server to ask.
func walkWords(e *Env, words []string) slot {
	at := slot{node: e.Model.Node}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if name, value, eq := strings.Cut(w, "="); strings.HasPrefix(w, "-") && w != "-" {
			f := flagOf(at.node, name)
			if f == nil || f.IsBool() {
				continue
			}
			if !eq {
				if i++; i >= len(words) {
					at.value = f.Value
					return at
				}
				value = words[i]
			}
			e.take(f.Name, value)
			continue
		}
		if sub := child(at.node, w); sub != nil && at.given == 0 {
			at.node = sub
			continue
		}
		if at.node.DefaultCmd != nil && at.given == 0 {
			at.node = at.node.DefaultCmd
		}
		at.given++
	}
	return at
}

func (e *Env) take(flag, value string) {
	switch flag {
	case "data":
		e.Data = value
	case "addr":
		e.Addr = value
	case "token":
		e.Token = value
	}
}

func child(n *kong.Node, word string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == word || slices.Contains(c.Aliases, word) {
			return c
		}
	}
	return nil
}

func commandNames(n *kong.Node) []string {
	var out []string
	for _, c := range n.Children {
		if !c.Hidden {
			out = append(out, c.Name)
		}
	}
	slices.Sort(out)
	return out
}

func flagOf(n *kong.Node, word string) *kong.Flag {
	for ; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if "--"+f.Name == word || f.Short != 0 && "-"+string(f.Short) == word {
				return f
			}
		}
	}
	return nil
}

func flagNames(n *kong.Node) []string {
	var out []string
	for ; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if f.Hidden {
				continue
			}
			name := "--" + f.Name
			if f.Tag.Negatable != "" && f.Default == "true" {
				name = "--no-" + f.Name
			}
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func positional(n *kong.Node, i int) *kong.Value {
	for k, p := range n.Positional {
		if k == i || p.IsCumulative() && k < i {
			return p
		}
	}
	return nil
}

const fileMark = ":files"

// completionPatience is how long a shell may be kept waiting for names.
const completionPatience = 700 * time.Millisecond

func valuesOf(e *Env, v *kong.Value) []string {
	if v.Enum != "" {
		return v.EnumSlice()
	}
	kind := v.Tag.Get("names")
	if kind == "file" {
		return []string{fileMark}
	}
	if kind == "" || kind == "sql" {
		return nil
	}
	c, err := e.Client()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(e.Ctx, completionPatience)
	defer cancel()
	have, err := names(ctx, c, kind)
	if err != nil {
		return nil
	}
	return have
}

func starting(word string, all []string) []string {
	var out []string
	for _, s := range all {
		if s == fileMark || strings.HasPrefix(s, word) {
			out = append(out, s)
		}
	}
	return out
}

// usage is a command as one types it, for example "forge tables [TABLE]".
func usage(n *kong.Node) string { return strings.TrimSpace(fmt.Sprintf("forge %s", n.Summary())) }
