package duck_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/laketest"
)

// past is SQL that the gate would have refused, for the fences behind it: what it
// tries → the statement. In FOREIGN, LAKE, OUT, TEMP and ADDR stand a foreign file, the
// table's own, a place beside them, the folder for spilling and a server's address.
var past = map[string]string{
	"read a file":            "SELECT * FROM read_text('FOREIGN')",
	"read bytes":             "SELECT * FROM read_blob('FOREIGN')",
	"read a CSV file":        "SELECT * FROM read_csv('FOREIGN')",
	"read by its name":       "SELECT * FROM 'FOREIGN'",
	"read /etc/passwd":       "SELECT * FROM read_text('/etc/passwd')",
	"read its environment":   "SELECT * FROM read_text('/proc/self/environ')",
	"read its parent's":      "SELECT * FROM read_text('/proc/PPID/environ')",
	"read its memory":        "SELECT * FROM read_blob('/proc/self/mem')",
	"read its command line":  "SELECT * FROM read_text('/proc/self/cmdline')",
	"read by a way around":   "SELECT * FROM read_text('TEMP/../foreign.csv')",
	"read by a link":         "SELECT * FROM read_text('TEMP/link')",
	"read itself":            "SELECT * FROM read_blob('/proc/self/exe')",
	"write beside":           "COPY (SELECT 1) TO 'OUT'",
	"write to shared memory": "COPY (SELECT 1) TO '/dev/shm/forge-past'",
	"write over the table":   "COPY (SELECT 1 AS id) TO 'LAKE' (FORMAT parquet, USE_TMP_FILE false)",
	"write a whole database": "EXPORT DATABASE 'OUT'",
	"attach a database":      "ATTACH 'OUT' AS other",
	"attach a foreign file":  "ATTACH 'FOREIGN' AS other (READ_ONLY)",
	"keep a secret":          "SET secret_directory = 'OUT'; CREATE PERSISTENT SECRET s (TYPE http)",
	"load an extension":      "LOAD 'TEMP/x.duckdb_extension'",
	"fetch an extension":     "INSTALL httpfs FROM 'http://ADDR/'",
	"read from a server":     "SELECT * FROM read_text('http://ADDR/x')",
	"read from a bucket":     "SELECT * FROM read_parquet('s3://bucket/x')",
	"spill somewhere else":   "SET temp_directory = 'OUT'; COPY (SELECT 1) TO 'OUT/x'",
}

// aLog succeeds, and breaks its session, but can write no file.
const aLog = "CALL enable_logging(storage := 'file', storage_config := {'path': 'OUT'}); SELECT 1"

// probePast is the process that tries them.
func probePast(dir string) {
	var schema lake.Schema
	if err := json.Unmarshal([]byte(os.Getenv("PROBE_SCHEMA")), &schema); err != nil {
		panic(err)
	}
	names, sqls := []string{"read the table"}, []string{"SELECT count(*) FROM raw.calls"}
	with := map[string]string{
		"FOREIGN": filepath.Join(dir, "foreign.csv"), "OUT": filepath.Join(dir, "out"), "TEMP": filepath.Join(dir, "tmp"),
		"ADDR": os.Getenv("PROBE_ADDR"), "LAKE": os.Getenv("PROBE_LAKE"), "PPID": fmt.Sprint(os.Getppid()),
	}
	for name, sql := range past {
		names, sqls = append(names, name), append(sqls, replaceAll(sql, with))
	}
	names, sqls = append(names, "read once more", "a log"), append(sqls, sqls[0], replaceAll(aLog, with))
	errs, err := duck.PastTheGate(with["LAKE"], schema, with["TEMP"], os.Getenv("PROBE_LOCKED") != "", sqls)
	if err != nil {
		fmt.Println("broken:", err)
	}
	for i, err := range errs {
		if err == nil && names[i] != "a log" {
			fmt.Println(names[i])
		} else if os.Getenv("PROBE_SAY") != "" {
			fmt.Println("#", names[i], err)
		}
	}
}

// TestFencesBehindTheGate: SQL that got past the gate meets DuckDB's own settings; SQL
// that got past those too meets the operating system. Each of the two holds alone.
func TestFencesBehindTheGate(t *testing.T) {
	const mark = "FORGE_DUCK_PAST"
	if dir := os.Getenv(mark); dir != "" { // this is the process below
		probePast(dir)
		os.Exit(0)
	}
	l := laketest.Must(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close() //nolint:errcheck // a test's listener
	asked := make(chan struct{})
	go func() {
		if c, err := l.Accept(); err == nil {
			_ = c.Close()
			close(asked)
		}
	}()
	e := laketest.Engine(t, duck.Config{})
	for _, fence := range []string{"PROBE_LOCKED=1", "PROBE_LOCKED="} {
		src, folder := userTables(t, e)
		table := src[laketest.Name("raw.calls")]
		dir := t.TempDir()
		foreign := filepath.Join(dir, "foreign.csv")
		if err := os.WriteFile(foreign, []byte("a\nTOPSECRET\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(foreign, filepath.Join(dir, "tmp", "link")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "tmp", "x.duckdb_extension"), []byte("\x7fELF"), 0o600); err != nil {
			t.Fatal(err)
		}
		before := tree(t, folder)
		cmd := exec.Command(laketest.Must(os.Executable()), "-test.run=^TestFencesBehindTheGate$")
		cmd.Env = []string{mark + "=" + dir, "PROBE_ADDR=" + l.Addr().String(), "PROBE_LAKE=" + table.Files[0].Path, "PROBE_SCHEMA=" + string(laketest.Must(json.Marshal(table.Schema))), fence, "PROBE_SAY=" + os.Getenv("PROBE_SAY")}
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); got != "read the table\nread once more" || err != nil {
			t.Errorf("%s: these worked: %s (%v)", fence, got, err)
		}
		if after := tree(t, folder); after != before {
			t.Errorf("%s: the table's folder changed:\n%s\n%s", fence, before, after)
		}
		if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
			t.Errorf("%s: a file was written beside", fence)
		}
	}
	select {
	case <-asked:
		t.Error("a server was asked")
	default:
	}
}
