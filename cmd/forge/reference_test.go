package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"aiforge.dev/forge/cmd/forge/cli"
	"github.com/alecthomas/kong"
)

func TestReferenceIsCurrent(t *testing.T) {
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	if now := command("reference").out; now != string(page) {
		t.Error("docs/cli.md is not what the commands say: run make generate and read what changed")
	}
}

// tree is the tree of commands.
func tree() *kong.Kong { return parser(new(root), io.Discard, io.Discard, func(int) {}) }

// TestEveryCommandIsExplained: with help, examples that parse, and the shape of its JSON.
func TestEveryCommandIsExplained(t *testing.T) {
	k := tree()
	known := map[string]bool{}
	for _, n := range cli.Leaves(k.Model.Node) {
		path := cli.CommandPath(n)
		known[path] = true
		if n.Help == "" || len(cli.Examples(path)) == 0 {
			t.Errorf("forge %s has no help or no example", path)
		}
		for _, line := range cli.Examples(path) {
			args := typed(line)
			parsed, err := tree().Parse(args)
			if err != nil || cli.CommandPath(parsed.Selected()) != path {
				t.Errorf("the example %q of forge %s: %v", line, path, err)
			}
		}
		if o := command(append(strings.Fields(path), "--help")...); o.code != cli.ExitOK || !strings.Contains(o.out, "Examples:") {
			t.Errorf("forge %s --help: exit %d: %s", path, o.code, o.out)
		}
		if _, ok := cli.Target(n).(cli.Answerer); !ok && !slices.Contains([]string{"serve", "openapi", "demo calls", "demo glucose", "demo orders"}, path) {
			t.Errorf("forge %s does not say what it prints with --json", path)
		}
	}
	for _, path := range cli.Explained() {
		if !known[path] {
			t.Errorf("there are examples of forge %s, which is no command", path)
		}
	}
}

var words = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)`)

// typed is what a shell makes of an example: the words of the last forge in it that are
// neither variables nor redirections.
func typed(line string) []string {
	if i := strings.Index(line, "$(forge"); i >= 0 {
		line = strings.TrimRight(line[i+2:], `")`)
	}
	if i := strings.LastIndex(line, "| forge"); i >= 0 {
		line = line[i+2:]
	}
	if i := strings.Index(line, " forge "); i > 0 {
		line = line[i+1:]
	}
	var args []string
	for _, m := range words.FindAllStringSubmatch(line, -1) {
		if m[0] == ">" || m[0] == "<" {
			break
		}
		args = append(args, m[1]+m[2]+m[3])
	}
	return args[1:]
}

// TestEverySettingNamesItsVariable: a flag of the server and the variable of its name
// are the same setting, and the help says so.
func TestEverySettingNamesItsVariable(t *testing.T) {
	k := tree()
	for _, n := range k.Model.Children {
		if n.Name != "serve" && n.Name != "up" && n.Name != "config" {
			continue
		}
		for _, f := range append(slices.Clone(n.Flags), k.Model.Flags...) {
			if f.Name == "help" || f.Name == "json" || f.Name == "demo" {
				continue
			}
			want := "FORGE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
			if f.Name == "onnx-runtime" {
				want = "FORGE_ONNXRUNTIME"
			}
			if !slices.Equal(f.Envs, []string{want}) {
				t.Errorf("forge %s --%s reads %v, want %s", n.Name, f.Name, f.Envs, want)
			}
			if o := command(n.Name, "--help"); !strings.Contains(o.out, want) {
				t.Errorf("forge %s --help does not name %s", n.Name, want)
			}
		}
	}
}

func TestConfigSaysWhereASettingComesFrom(t *testing.T) {
	t.Setenv("FORGE_MEMORY", "536870912")
	t.Setenv("FORGE_S3_SECRET_KEY", "hush")
	o := command("--json", "--data", t.TempDir(), "config", "--listen", "127.0.0.1:9", "--metadata", "postgres://me:hush@db/forge")
	var all settings
	if err := json.Unmarshal([]byte(o.out), &all); err != nil || o.code != cli.ExitOK {
		t.Fatal(err, o)
	}
	from := map[string]string{}
	for _, s := range all.Settings {
		from[s.Flag] = s.Source + " " + s.Value
	}
	for flag, want := range map[string]string{"listen": "flag 127.0.0.1:9", "memory": "variable 536870912", "log": "default embedded:", "s3-secret-key": "variable …", "metadata": "flag postgres://me:…@db/forge"} {
		if from[flag] != want {
			t.Errorf("--%s is %q, want %q", flag, from[flag], want)
		}
	}
	if o := command("--data", t.TempDir(), "config", "--listen", "nowhere"); o.code != cli.ExitUsage && o.code != cli.ExitInvalid {
		t.Errorf("a setting that cannot work: exit %d: %s", o.code, o.errs)
	}
}

// documented checks an answer with --json against the shape that docs/cli.md gives.
func documented(out string, args []string) error {
	answers := []any{cli.Next{}}
	if len(args) > 0 {
		parsed, err := tree().Parse(args)
		if err != nil {
			return err
		}
		target := cli.Target(parsed.Selected())
		a, ok := target.(cli.Answerer)
		if !ok {
			return nil
		}
		answers[0] = a.Answer()
		if o, ok := target.(cli.Otherwise); ok {
			_, other := o.Otherwise()
			answers = append(answers, other)
		}
	}
	var v any
	dec := json.NewDecoder(strings.NewReader(out))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return fmt.Errorf("forge %s: --json is not JSON: %w\n%s", strings.Join(args, " "), err, out)
	}
	var wrong []string
	for _, a := range answers {
		w := conforms(reflect.TypeOf(a), v, "")
		if w == "" {
			return nil
		}
		wrong = append(wrong, w)
	}
	return fmt.Errorf("forge %s prints what docs/cli.md does not say: %s", strings.Join(args, " "), strings.Join(wrong, "; or "))
}

// conforms says where a JSON value is not of a type, "" when it is.
func conforms(t reflect.Type, v any, at string) string {
	for t.Kind() == reflect.Pointer {
		if v == nil {
			return ""
		}
		t = t.Elem()
	}
	ok := true
	switch word := cli.Scalar(t); word {
	case "any":
	case "text", "time":
		_, ok = v.(string)
	case "true or false":
		_, ok = v.(bool)
	case "number":
		_, ok = v.(json.Number)
	case "whole number":
		var n json.Number
		n, ok = v.(json.Number)
		_, err := n.Int64()
		ok = ok && err == nil
	default:
		return conformsParts(t, v, at)
	}
	if !ok {
		return fmt.Sprintf("%s is %v", at, v)
	}
	return ""
}

func conformsParts(t reflect.Type, v any, at string) string {
	switch v := v.(type) {
	case nil: // an empty list or map
		if t.Kind() != reflect.Struct {
			return ""
		}
	case []any:
		if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
			for i, x := range v {
				if w := conforms(t.Elem(), x, fmt.Sprintf("%s[%d]", at, i)); w != "" {
					return w
				}
			}
			return ""
		}
	case map[string]any:
		if t.Kind() == reflect.Map {
			for k, x := range v {
				if w := conforms(t.Elem(), x, at+"."+k); w != "" {
					return w
				}
			}
			return ""
		}
		if t.Kind() == reflect.Struct {
			return conformsFields(t, v, at)
		}
	}
	return fmt.Sprintf("%s is %v", at, v)
}

func conformsFields(t reflect.Type, v map[string]any, at string) string {
	have := map[string]bool{}
	for _, f := range cli.Fields(t) {
		have[f.Name] = true
		x, there := v[f.Name]
		if !there && !f.Optional {
			return at + "." + f.Name + " is left out"
		}
		if there && !(x == nil && f.Optional) {
			if w := conforms(f.Type, x, at+"."+f.Name); w != "" {
				return w
			}
		}
	}
	for name := range v {
		if !have[name] {
			return at + "." + name + " is not described"
		}
	}
	return ""
}

// TestCompletion asks a real bash, with the script that forge prints, on a server with
// the demo's names.
func TestCompletion(t *testing.T) {
	b := builtFor(t)
	dir := t.TempDir()
	env := append(tutorialEnv(t, dir), "FORGE_DATA="+b.data)
	if err := os.WriteFile(filepath.Join(dir, "recipe.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lines := [][2]string{ // bash breaks words at @, = and : and wants what follows
		{"forge ta", "tables"},
		{"forge features t", "training-set"},
		{"forge tables raw.", "raw.calls"},
		{"forge train x --training-set c", "calls"},
		{"forge deploy calls@c", "champion"},
		{"forge drift calls --al", "--all"},
		{"forge features get call_profile mark", "market"},
		{"forge token create --role=pre", "predict"},
		{"forge sql 'select 1' --format nd", "ndjson"},
		{"forge recipe apply rec", "recipe.yaml"},
		{"forge --data /nowhere tables raw", ""},
		{"forge --addr 127.0.0.1:1 --token x dro", "drop"},
		{"forge completion ", "bash zsh fish"},
		{"forge nosuch x", ""},
	}
	script := command("completion", "bash").out
	for _, l := range lines {
		script += fmt.Sprintf("COMP_LINE=%q; COMP_POINT=${#COMP_LINE}; _forge; echo \"${COMPREPLY[@]}\"\n", l[0])
	}
	out, err := bash(env, dir, script)
	got := strings.Split(out, "\n")
	if err != nil || len(got) != len(lines)+1 {
		t.Fatalf("%v: %s", err, out)
	}
	for i, l := range lines {
		if l[1] != "" && !strings.Contains(" "+got[i]+" ", " "+l[1]+" ") || l[1] == "" && got[i] != "" { // other tests may have made more names
			t.Errorf("%s<TAB> gives %q, want %q", l[0], got[i], l[1])
		}
	}
	for _, shell := range []string{"zsh", "fish"} {
		says(t, shell, command("completion", shell).out, "complete --", "forge")
	}
	says(t, "a job's id", strings.Join(strings.Fields(b.forge("complete", "--", "jobs", "job_").out), " "), "job_")
	if o := command("--data", t.TempDir(), "complete", "--", "tables", ""); o.out+o.errs != "" || o.code != cli.ExitOK {
		t.Errorf("without a server: %+v", o)
	}
}
