package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"aiforge.dev/forge/cmd/forge/cli"
)

func TestForgeAloneSaysWhereToBegin(t *testing.T) {
	o := command("--data", t.TempDir())
	if o.code != cli.ExitOK || o.errs != "" {
		t.Errorf("exit %d: %s", o.code, o.errs)
	}
	says(t, "forge without a server", o.out, "No server", "forge up", "forge serve", "forge doctor", "forge --help")
	f := fresh(t)
	says(t, "forge on an empty project", f.forge().out, f.app.Base(), "0 tables", "forge ingest FILE.csv", "forge demo calls")
	b := builtFor(t)
	says(t, "forge with a deployed model", b.forge().out, " deployment", "forge predict calls", "forge lineage calls@champion")
	var next cli.Next
	b.must(t, &next)
	if next.Server != b.app.Base() || len(next.Next) == 0 || !slices.Contains(next.Deployments, "calls") {
		t.Errorf("with --json: %+v", next)
	}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	o := command("--help")
	if o.code != cli.ExitOK {
		t.Errorf("exit %d: %s", o.code, o.errs)
	}
	says(t, "forge --help", o.out, "Server", "Data", "Features", "Models", "Serving", "Monitoring", "Administration",
		"serve", "up", "doctor", "ingest", "recipe", "sql", "features", "train", "alias", "deploy", "predict", "batch-score", "monitor", "drift", "alerts", "jobs", "config", "completion", "lineage", "token", "audit", "--json")
	if strings.Contains(o.out, "worker ") {
		t.Error("the help shows the worker, which is no command for people")
	}
	for _, args := range [][]string{{"train", "--help"}, {"features", "training-set", "--help"}} {
		if o := command(args...); o.code != cli.ExitOK || !strings.Contains(o.out, "Usage: forge "+args[0]) {
			t.Errorf("%v: exit %d: %s", args, o.code, o.out)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{"nosuch"}, {"ingest"}, {"ingest", "x.csv"}, {"sql"}, {"tables", "a.b", "c.d"}, {"train", "m", "--training-set", "s", "--seed", "x"},
		{"token", "create", "--role", "king"}, {"--nosuch"}, {"recipe"}, {"--json", "nosuch"}, {"drop", "raw.calls"}, {"sql", "select 1", "--format", "xml"},
	} {
		o := command(args...)
		if o.code != cli.ExitUsage {
			t.Errorf("forge %v: exit %d, want %d", args, o.code, cli.ExitUsage)
		}
		if args[0] != "--json" && args[0] != "drop" {
			says(t, fmt.Sprint("forge ", args), o.errs, "forge:", "--help")
		}
		if o.out != "" {
			t.Errorf("forge %v prints %q", args, o.out)
		}
	}
}

func TestWithoutAServer(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "none")
	o := command("--data", empty, "tables")
	if o.code != cli.ExitUnavailable {
		t.Errorf("exit %d: %s", o.code, o.errs)
	}
	says(t, "it", o.errs, empty, "forge serve")
	o = command("--data", empty, "--addr", "127.0.0.1:1", "--token", "x", "tables")
	if o.code != cli.ExitUnavailable {
		t.Errorf("exit %d: %s", o.code, o.errs)
	}
	says(t, "it", o.errs, "127.0.0.1:1", "forge doctor")
	o = command("--data", empty, "--addr", "127.0.0.1:1", "tables")
	if o.code != cli.ExitDenied {
		t.Errorf("without a token: exit %d: %s", o.code, o.errs)
	}
	says(t, "it", o.errs, "FORGE_TOKEN")
	o = command("--data", empty, "--json", "tables")
	var e struct {
		Error, Kind string
		Exit        int
	}
	if err := json.Unmarshal([]byte(o.errs), &e); err != nil || e.Exit != o.code || e.Kind != "unavailable" || e.Error == "" || o.out != "" {
		t.Errorf("with --json: %q, %q, %v", o.out, o.errs, err)
	}
	o = command("--data", empty, "down")
	if o.code != cli.ExitOK || !strings.Contains(o.out, "no server is running") {
		t.Errorf("down: exit %d: %s%s", o.code, o.out, o.errs)
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	dir := t.TempDir()
	for flag, c := range map[string]struct{ value, word string }{
		"--listen": {"nowhere", "HOST:PORT"}, "--memory": {"1000", "256 MiB"}, "--log": {"rabbit://x", "kafka://"},
		"--metadata": {"mysql://x", "postgres://"}, "--online": {"memcached://x", "redis://"}, "--tls-cert": {"x.pem", "--tls-key"},
	} {
		o := command("--data", dir, "serve", flag, c.value)
		if o.code != cli.ExitUsage {
			t.Errorf("%s %s: exit %d: %s", flag, c.value, o.code, o.errs)
		}
		says(t, flag, o.errs, flag, c.word)
	}
}

func TestDoctor(t *testing.T) {
	f := shared(t)
	type report struct {
		Findings []struct{ What, State, Text string }
	}
	var here, elsewhere report
	f.must(t, &here, "doctor")
	state := map[string]string{}
	for _, x := range here.Findings {
		state[x.What] = x.State
		if x.Text == "" || x.State != "ok" && x.State != "missing" && x.State != "note" {
			t.Errorf("a finding says %+v", x)
		}
	}
	for _, what := range []string{"forge", "server", "data folder", "ONNX Runtime", "trainer", "kafka", "metadata", "online features", "reach", "figures"} {
		if state[what] != "ok" {
			t.Errorf("%s is %q on a machine that runs all the other tests", what, state[what])
		}
	}
	o := command("--json", "--data", t.TempDir(), "doctor", "--python", "/nowhere/python", "--onnx-runtime", "/nowhere/lib.so", "--listen", "0.0.0.0:8040", "--metadata", "postgres://me:secret@db/forge")
	if err := json.Unmarshal([]byte(o.out), &elsewhere); err != nil || o.code != cli.ExitOK {
		t.Fatal(err, o)
	}
	for _, x := range elsewhere.Findings {
		state[x.What] = x.State + " " + x.Text
	}
	says(t, "trainer", state["trainer"], "missing", "/nowhere/python", "make setup")
	says(t, "ONNX Runtime", state["ONNX Runtime"], "missing", "/nowhere/lib.so", "make setup")
	says(t, "server", state["server"], "note", "forge up")
	says(t, "reach", state["reach"], "note", "TLS", "--tls-cert")
	if strings.Contains(o.out, "secret") {
		t.Error("the doctor shows a password")
	}
	o = command("--data", t.TempDir(), "doctor", "--python", "/nowhere/python")
	says(t, "doctor as text", o.out, "ok", "ONNX Runtime", "missing", "make setup")
}

// TestEveryCommandSpeaksJSON: --json gives one JSON document and nothing else; without
// it there is text for people.
func TestEveryCommandSpeaksJSON(t *testing.T) {
	b := builtFor(t)
	call := "call_id=32000"
	commands := [][]string{
		{"version"}, {"tables"}, {"tables", "raw.calls"}, {"rejects", "raw.calls"}, {"sql", "select 1 as one"},
		{"recipe", "list"}, {"recipe", "suggest", "raw.calls"}, {"recipe", "preview", b.file("recipe.yaml")},
		{"features", "views"}, {"features", "get", "call_profile", "market", "-e", call}, {"features", "apply", b.file("features.yaml")},
		{"models"}, {"models", "calls"}, {"alias", "calls@spoken", "1"}, {"alias", "calls@spoken", "--clear"},
		{"deployments"}, {"deploy", "calls/1", "--name", "spoken"}, {"predict", "spoken", "-e", call}, {"undeploy", "spoken"},
		{"monitor", "show", "calls"}, {"drift", "calls", "--no-check"}, {"performance", "calls"}, {"alerts"}, {"alerts", "calls"},
		{"lineage", "calls/1"}, {"lineage", "--down", "file:calls-history.csv"}, {"lineage", "--down", "snapshot:raw.calls@" + fmt.Sprint(b.load.Snapshot)},
		{"jobs"}, {"jobs", "list"}, {"config"}, {"completion", "bash"}, {"performance", "calls", "--all"}, {"token", "list"}, {"audit", "list"}, {"audit", "verify"}, {"flow", "list"},
	}
	for _, args := range commands {
		name := "forge " + strings.Join(args, " ")
		o := b.forge(append([]string{"--json"}, args...)...)
		dec := json.NewDecoder(strings.NewReader(o.out))
		var v any
		if err := dec.Decode(&v); err != nil || o.code != cli.ExitOK || o.errs != "" {
			t.Errorf("%s --json: exit %d, %v: %.300s %s", name, o.code, err, o.out, o.errs)
			continue
		}
		if err := dec.Decode(&v); err != io.EOF {
			t.Errorf("%s --json prints more than one document", name)
		}
	}
	for _, args := range commands {
		o := b.forge(args...)
		if o.code != cli.ExitOK || strings.TrimSpace(o.out) == "" || strings.Contains(o.out, "<nil>") || strings.Contains(o.out, "map[") {
			t.Errorf("forge %s: exit %d: %.400s %s", strings.Join(args, " "), o.code, o.out, o.errs)
		}
	}
}

// TestLineageNamesFiles: a file is shown and found by its name, not by its digest alone.
func TestLineageNamesFiles(t *testing.T) {
	b := builtFor(t)
	says(t, "lineage", b.forge("lineage", "calls/1").out, "file:calls-history.csv ("+b.load.SHA256[:8]+"…)", "topic:raw.calls, offsets 0-")
	says(t, "lineage --down", b.forge("lineage", "--down", "file:"+b.load.SHA256[:10]).out, "file:calls-history.csv", "model:calls/1")
	b.refused(t, cli.ExitNotFound, []string{"nosuch.csv"}, "lineage", "file:nosuch.csv")
}

func TestWhatIsMissingNamesTheNextCommand(t *testing.T) {
	f := shared(t)
	for word, args := range map[string][]string{
		"forge tables":       {"tables", "raw.nosuch"},
		"forge models calls": {"lineage", "calls@nosuch"},
		"forge features":     {"train", "m", "--training-set", "nosuch"},
	} {
		builtFor(t)
		f.refused(t, cli.ExitNotFound, []string{"nosuch", word}, args...)
	}
}

func TestKeysByTheCommandLine(t *testing.T) {
	b := builtFor(t)
	var made struct {
		Key   struct{ ID, Role string }
		Token string
	}
	b.must(t, &made, "token", "create", "--role", "predict", "--name", "ward", "--expires", "1h")
	o := b.forge("--token", made.Token, "predict", "calls", "-e", "call_id=32000")
	if o.code != cli.ExitOK {
		t.Errorf("a predict key cannot predict: %s", o.errs)
	}
	for _, args := range [][]string{{"tables"}, {"sql", "select 1"}, {"models"}, {"deploy", "calls/1"}, {"token", "list"}} {
		o := b.forge(append([]string{"--token", made.Token}, args...)...)
		if o.code != cli.ExitDenied {
			t.Errorf("a predict key runs forge %v: exit %d", args, o.code)
		}
		says(t, fmt.Sprint(args), o.errs, "predict")
	}
	b.must(t, nil, "token", "revoke", made.Key.ID)
	o = b.forge("--token", made.Token, "predict", "calls", "-e", "call_id=32000")
	if o.code != cli.ExitDenied || !strings.Contains(o.errs, "revoked") {
		t.Errorf("a revoked key: exit %d: %s", o.code, o.errs)
	}
	b.refused(t, cli.ExitNotFound, []string{"nosuch"}, "token", "revoke", "nosuch")
	b.refused(t, cli.ExitInvalid, []string{"soon"}, "token", "create", "--role", "viewer", "--expires", "soon")
}
