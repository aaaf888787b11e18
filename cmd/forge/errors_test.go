package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge/cmd/forge/cli"
)

// mistake is a command line that fails, and what it says.
type mistake struct {
	args string // words; FILE is a file, DIR an empty folder
	code int
	text string // on standard error, after "forge: "; its end may be left out with …
}

// mistakes has at least one for every command, on an empty project.
func mistakes() []mistake {
	return []mistake{
		{"serve --listen nowhere", cli.ExitUsage, "serve: --listen \"nowhere\": want HOST:PORT, for example 127.0.0.1:8040\n  usage:   forge serve [flags]\n  example: forge serve\n  more:    forge serve --help"},
		{"up --memory 5", cli.ExitUsage, "up: --memory 5: a query worker needs at least 256 MiB (268435456)…"},
		{"down now", cli.ExitUsage, "down: unexpected argument now…"},
		{"doctor --tls-cert x.pem", cli.ExitUsage, "doctor: --tls-cert and --tls-key belong together: give both or neither…"},
		{"config --log rabbit://x", cli.ExitUsage, "config: --log \"rabbit://x\": want embedded: or kafka://……"},
		{"restore nosuch.backup", cli.ExitInvalid, "say what opens the backup: --passphrase-file PATH, FORGE_BACKUP_PASSPHRASE, or --identity PATH"},
		{"verify --data DIR", cli.ExitNotFound, "DIR is no data folder with metadata in it: give another with --data, or restore a backup into an empty one"},
		{"backup", cli.ExitUsage, "backup: expected…"},
		{"openapi 3", cli.ExitUsage, "openapi: unexpected argument 3…"},
		{"version 3", cli.ExitUsage, "version: unexpected argument 3…"},
		{"demo nosuch", cli.ExitUsage, "demo: unexpected argument nosuch…"},
		{"demo calls --nosuch", cli.ExitUsage, "demo calls: unknown flag --nosuch…"},
		{"demo glucose --nosuch", cli.ExitUsage, "demo glucose: unknown flag --nosuch…"},
		{"demo orders --nosuch", cli.ExitUsage, "demo orders: unknown flag --nosuch…"},
		{"ingest nosuch.csv --table raw.x", cli.ExitNotFound, "file nosuch.csv cannot be read: is the path right?"},
		{"ingest DIR --table raw.x", cli.ExitInvalid, "DIR is not a file"},
		{"ingest FILE --table x", cli.ExitInvalid, "table name \"x\": want NAMESPACE.NAME in lower case letters, digits and _, for example raw.calls"},
		{"ingest FILE --table raw.x --types a=b", cli.ExitInvalid, "type \"b\" of column \"a\": want boolean, int, long, float, double, decimal(p,s), date, time, timestamp, timestamptz or string"},
		{"tables raw.nosuch", cli.ExitNotFound, "table raw.nosuch does not exist; forge tables lists what is there"},
		{"maintain raw.nosuch", cli.ExitNotFound, "table raw.nosuch does not exist…"},
		{"rejects raw.nosuch", cli.ExitNotFound, "table raw.nosuch does not exist…"},
		{"sql selct", cli.ExitInvalid, "syntax error at or near \"selct\"…"},
		{"sql", cli.ExitUsage, "sql: expected \"<query>\"\n  usage:   forge sql <query> [flags]\n  example: forge sql \"select city, count(*) n from raw.customers group by 1 order by 2 desc\"\n  more:    forge sql --help"},
		{"drop raw.nosuch", cli.ExitUsage, "remove raw.nosuch and all its rows? Nothing was done: nobody can be asked here, so give --yes"},
		{"drop raw.nosuch --yes", cli.ExitNotFound, "table raw.nosuch does not exist; forge tables lists what is there"},
		{"recipe suggest raw.nosuch", cli.ExitNotFound, "table raw.nosuch does not exist…"},
		{"recipe preview nosuch.yaml", cli.ExitNotFound, "file nosuch.yaml cannot be read"},
		{"recipe apply FILE", cli.ExitInvalid, "…"},
		{"recipe list all", cli.ExitUsage, "recipe list: unexpected argument all…"},
		{"flow list all", cli.ExitUsage, "flow list: unexpected argument all…"},
		{"flow apply nosuch.yaml", cli.ExitNotFound, "file nosuch.yaml cannot be read"},
		{"flow run nosuch", cli.ExitNotFound, "flow \"nosuch\" does not exist; forge flow lists what is there"},
		{"features apply nosuch.yaml", cli.ExitNotFound, "file nosuch.yaml cannot be read"},
		{"features views all", cli.ExitUsage, "features views: unexpected argument all…"},
		{"features training-set x --label y", cli.ExitInvalid, "…labels…"},
		{"features materialize nosuch", cli.ExitNotFound, "view \"nosuch\" does not exist; forge features views lists what is there"},
		{"features get nosuch -e a=1", cli.ExitNotFound, "view \"nosuch\" does not exist; forge features views lists what is there"},
		{"train m --training-set nosuch", cli.ExitNotFound, "training set \"nosuch\" does not exist; forge features training-set makes one"},
		{"models nosuch", cli.ExitNotFound, "model \"nosuch\" does not exist; forge models lists them"},
		{"alias m@champion", cli.ExitInvalid, "want MODEL@ALIAS and a version, for example: forge alias calls@champion 3 (or --clear)"},
		{"alias m@champion 1", cli.ExitNotFound, "model m has no version 1; forge models m lists them"},
		{"deploy nosuch@champion", cli.ExitNotFound, "model \"nosuch\" does not exist; forge models lists them"},
		{"deployments all", cli.ExitUsage, "deployments: unexpected argument all…"},
		{"undeploy nosuch", cli.ExitNotFound, "deployment \"nosuch\" does not exist, nor does any other: forge deploy MODEL@ALIAS makes one"},
		{"predict nosuch", cli.ExitInvalid, "give either --entity call_id=7 or --row '{\"age\": 41, …}'"},
		{"predict nosuch -e a=1", cli.ExitNotFound, "deployment \"nosuch\" does not exist, nor does any other: forge deploy MODEL@ALIAS makes one"},
		{"predict nosuch -e a", cli.ExitInvalid, "--entity a: want COLUMN=VALUE, for example call_id=7"},
		{"predict nosuch --file FILE", cli.ExitInvalid, "--file needs --keys: the columns of FILE that name an entity"},
		{"batch-score nosuch@champion --in raw.a --out raw.b", cli.ExitNotFound, "model \"nosuch\" does not exist…"},
		{"monitor set nosuch", cli.ExitUsage, "give monitor.yaml, or --check with the new time of the checks"},
		{"monitor set nosuch --check daily", cli.ExitNotFound, "nothing is watched of deployment \"nosuch\": forge monitor set nosuch monitor.yaml says what to watch"},
		{"monitor show nosuch", cli.ExitNotFound, "nothing is watched of deployment \"nosuch\"…"},
		{"drift nosuch", cli.ExitNotFound, "nothing is watched of deployment \"nosuch\"…"},
		{"drift nosuch --no-check", cli.ExitNotFound, "nothing is watched of deployment \"nosuch\"…"},
		{"performance nosuch", cli.ExitNotFound, "nothing is watched of deployment \"nosuch\"…"},
		{"alerts nosuch", cli.ExitNotFound, "nothing is watched of deployment \"nosuch\"…"},
		{"alert 3", cli.ExitNotFound, "there is no alert \"3\": forge alerts lists them by number"},
		{"lineage nosuch@champion", cli.ExitNotFound, "model \"nosuch\" does not exist; forge models lists them"},
		{"lineage file:nosuch.csv", cli.ExitNotFound, "no file \"nosuch.csv\" has been loaded: give its name or the beginning of its SHA-256"},
		{"jobs list job_x", cli.ExitNotFound, "job \"job_x\" does not exist in this project; forge jobs lists what is there"},
		{"jobs watch job_x", cli.ExitNotFound, "job \"job_x\" does not exist in this project; forge jobs lists what is there"},
		{"jobs cancel job_x", cli.ExitNotFound, "job \"job_x\" does not exist in this project; forge jobs lists what is there"},
		{"token create --role king", cli.ExitUsage, "token create: --role must be one of \"owner\",\"editor\",\"viewer\",\"predict\" but got \"king\"…"},
		{"token create --role viewer --expires soon", cli.ExitInvalid, "--expires soon: want a duration such as 720h"},
		{"token list all", cli.ExitUsage, "token list: unexpected argument all…"},
		{"token revoke nosuch", cli.ExitNotFound, "…nosuch…"},
		{"audit list --limit x", cli.ExitUsage, "audit list: --limit…"},
		{"audit verify all", cli.ExitUsage, "audit verify: unexpected argument all…"},
		{"completion tcsh", cli.ExitUsage, "completion: <shell> must be one of \"bash\",\"zsh\",\"fish\" but got \"tcsh\"…"},
		{"tabels", cli.ExitUsage, "unexpected argument tabels, did you mean \"tables\"?; forge --help shows the commands"},
		{"tables --jsn", cli.ExitUsage, "tables: unknown flag --jsn, did you mean \"--json\"?…"},
		{"recipe", cli.ExitUsage, "recipe: expected one of \"suggest\", \"preview\", \"apply\", \"list\"…"},
	}
}

// TestEveryCommandsErrors: the text names what is wrong, the exit code says of what
// sort, and nothing of it is on standard output.
func TestEveryCommandsErrors(t *testing.T) {
	f := fresh(t)
	t.Chdir(t.TempDir())
	file, dir := write(t, "rows.csv", []byte("a,b\n1,2\n")), t.TempDir()
	seen := map[string]bool{}
	for _, m := range mistakes() {
		name := strings.NewReplacer("FILE", file, "DIR", dir)
		o := f.forge(strings.Fields(name.Replace(m.args))...)
		if o.code != m.code || o.out != "" {
			t.Errorf("forge %s: exit %d, want %d; prints %q", m.args, o.code, m.code, o.out)
		}
		if want := name.Replace(m.text); !like("forge: "+want, strings.TrimRight(o.errs, "\n")) {
			t.Errorf("forge %s says\n%s\nwant\nforge: %s", m.args, o.errs, want)
		}
		for path := m.args; path != ""; path = path[:max(0, strings.LastIndexByte(path, ' '))] {
			seen[path] = true
		}
	}
	for _, n := range cli.Leaves(tree().Model.Node) {
		if path := cli.CommandPath(n); !seen[path] {
			t.Errorf("no error of forge %s has been provoked and read: add one to mistakes", path)
		}
	}
}

// like compares a text with a pattern, in which … stands for anything.
func like(pattern, text string) bool {
	parts := strings.Split(pattern, "…")
	for i, p := range parts {
		at := strings.Index(text, p)
		if at < 0 || i == 0 && at > 0 || i == len(parts)-1 && p != "" && !strings.HasSuffix(text, p) {
			return false
		}
		text = text[at+len(p):]
	}
	return len(parts) > 1 || text == ""
}

// TestWithAServerThatFails: what stands between may answer anything, or nothing.
func TestWithAServerThatFails(t *testing.T) {
	for _, c := range []struct {
		status, code int
		text         string
	}{
		{401, cli.ExitDenied, "the server answered 401 Unauthorized"},
		{500, cli.ExitFailed, "the server answered 500 Internal Server Error"},
		{502, cli.ExitUnavailable, "the server answered 502 Bad Gateway"},
		{200, cli.ExitFailed, "the answer is not what this forge expects"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte("<html>"))
		}))
		for _, args := range []string{"tables", "models", "jobs", "deployments", "features views", "alerts", "audit", "token list", "flow", "recipe list"} {
			o := command(append([]string{"--data", t.TempDir(), "--addr", s.URL, "--token", "x"}, strings.Fields(args)...)...)
			if o.code != c.code || o.out != "" || !strings.Contains(o.errs, c.text) {
				t.Errorf("%d, forge %s: exit %d: %q %q", c.status, args, o.code, o.out, o.errs)
			}
		}
		s.Close()
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	o := command("--data", filepath.Join(t.TempDir(), "none"), "--addr", gone.Addr().String(), "--token", "x", "jobs")
	if o.code != cli.ExitUnavailable || o.out != "" || !strings.Contains(o.errs, "is it running?") {
		t.Errorf("nobody listens: exit %d: %q %q", o.code, o.out, o.errs)
	}
}
