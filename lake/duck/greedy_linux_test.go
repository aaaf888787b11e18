package duck_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/laketest"
	"golang.org/x/sys/unix"
)

// greedy is SQL that may be said but wants more than one query may have: it never ends,
// or is too large for memory, disk or the stack. Each fails by itself.
func greedy() map[string]string {
	many := func(n int, head, part, tail string) string { return head + strings.Repeat(part, n) + tail }
	return map[string]string{
		"recursion without end":  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
		"recursion that doubles": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n, range(2)) SELECT count(*) FROM n",
		"text that doubles":      "WITH RECURSIVE s(x) AS (SELECT 'ab' UNION ALL SELECT x || x FROM s) SELECT max(length(x)) FROM s",
		"cross joins":            "SELECT sum(a.i * b.i + c.i) FROM range(1000000) a(i), range(1000000) b(i), range(1000000) c(i)",
		"a long range":           "SELECT sum(i % 7) FROM range(1000000000000) r(i)",
		"a long series":          "SELECT max(hash(i)) FROM generate_series(1, 1000000000000) r(i)",
		"a list of all":          "SELECT length(list(i)) FROM range(1000000000) r(i)",
		"a long list":            "SELECT length(range(10000000000))",
		"a list made longer":     "SELECT length(list_resize([1], 10000000000))",
		"a list of lists":        "SELECT length(list_transform(range(1000000), x -> range(1000000)))",
		"a fold without end":     "SELECT list_reduce(range(10000000), (a, b) -> (a * b + length(range(1000000))) % 7)",
		"a long text":            "SELECT length(repeat('x', 4000000000))",
		"a text of texts":        "SELECT length(repeat(repeat('x', 100000), 100000))",
		"a padded text":          "SELECT length(lpad('x', 2000000000, 'y'))",
		"all texts together":     "SELECT length(string_agg(repeat('x', 10000))) FROM range(1000000)",
		"distinct texts":         "SELECT count(DISTINCT repeat(i::VARCHAR, 10)) FROM range(100000000) r(i)",
		"a sort":                 "SELECT max(h) FROM (SELECT hash(i) AS h, repeat('x', 50) AS s FROM range(100000000) r(i) ORDER BY h, s OFFSET 1)",
		"a window":               "SELECT max(m) FROM (SELECT median(i) OVER (ORDER BY hash(i) ROWS BETWEEN 1000000 PRECEDING AND CURRENT ROW) AS m FROM range(20000000) r(i))",
		"a regular expression":   "SELECT regexp_matches('x', '((((a{100}){100}){100}){100})')",
		"nested parentheses":     many(10_000, "SELECT ", "(", "") + many(10_000, "1", ")", ""),
		"nested subqueries":      many(3000, "SELECT * FROM ", "(SELECT * FROM ", "range(1)") + strings.Repeat(")", 3000),
		"nested lists":           many(20_000, "SELECT ", "[", "") + many(20_000, "", "]", ""),
		"nested cases":           many(5000, "SELECT ", "CASE WHEN true THEN ", "1") + strings.Repeat(" END", 5000),
		"many nots":              many(50_000, "SELECT ", "NOT ", "true"),
		"many sums":              many(100_000, "SELECT 1", "+1", ""),
		"many joins":             many(3000, "SELECT count(*) FROM range(2)", ", range(2)", ""),
		"many unions":            many(20_000, "SELECT 1", " UNION ALL SELECT 1", ""),
		"JSON in JSON":           "SELECT json_structure(repeat('[', 3000000) || repeat(']', 3000000))",
		"a list in lists":        "SELECT (repeat('[', 1000000) || repeat(']', 1000000))::INTEGER[]",
		"rows that are too wide": "SELECT repeat('x', 400000) FROM range(4096)",
	}
}

// modest are those that need no more than they may have, however they look.
var modest = map[string]struct {
	sql  string
	rows int
}{
	"patience":           {"SELECT regexp_matches(repeat('a', 100000), '(a+)+$')", 1},
	"first rows of many": {"SELECT * FROM range(1000000000000)", 1000},
	"a long literal":     {"SELECT length('" + strings.Repeat("x", 900_000) + "')", 1},
	"a long name":        {"SELECT 1 AS \"" + strings.Repeat("ü", 50_000) + "\"", 1},
	"many numbers":       {"SELECT 1 WHERE 5 IN (" + strings.Repeat("1,", 5_000) + "5)", 1},
	"a plan that doubles": {func() string {
		sql := "WITH c0 AS (SELECT 1 AS x)"
		for i := range 40 {
			sql += fmt.Sprintf(", c%d AS (SELECT a.x FROM c%d a, c%d b)", i+1, i, i)
		}
		return sql + " SELECT count(*) FROM c40"
	}(), 1},
}

// TestGreedy: whatever a query wants, it fails by itself, in bounded memory and disk, and
// leaves no process and no file behind.
func TestGreedy(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", t.TempDir()) // where workers stand
	e := laketest.Engine(t, duck.Config{Memory: 100 << 20, MaxTemp: 8 << 20, Threads: 1, UserTime: 500 * time.Millisecond, TempDir: tmp})
	for name, sql := range greedy() {
		_, err := askUser(t, e, lake.Query{SQL: sql, Limits: lake.Limits{Rows: 10_000}})
		if kind := forge.KindOf(err); err == nil || kind != forge.KindInvalid && kind != forge.KindUnavailable {
			t.Errorf("%s: %v (%s)", name, err, kind)
			continue
		}
		if text := err.Error(); len(text) > 5000 || strings.Contains(text, tmp) || strings.Contains(text, "SET ") {
			t.Errorf("%s: the error is not for users: %.500s", name, text)
		}
	}
	var used unix.Rusage
	const limit = 100<<20 + 1<<30 + 150<<20 // what it may have, the same that DuckDB does not count, and the program
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &used); err != nil || used.Maxrss<<10 > limit {
		t.Errorf("a worker grew to %d MB: %v", used.Maxrss>>10, err)
	}
	r := laketest.Must(e.Query(t.Context(), lake.Query{SQL: endless})) // without the limit of users
	if !slices.Contains(children(t), duck.PID(r)) {
		t.Error("a worker that runs is not seen")
	}
	_ = r.Close()
	settled(t, e)
	_ = e.Close()
	if left := children(t); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	if left := tree(t, tmp) + tree(t, os.TempDir()); left != "" {
		t.Errorf("files are left:\n%s", left)
	}
}

func TestModest(t *testing.T) {
	e := laketest.Engine(t, duck.Config{Memory: 100 << 20, MaxTemp: 8 << 20, Threads: 1})
	for name, q := range modest {
		rows, err := askUser(t, e, lake.Query{SQL: q.sql, Limits: lake.Limits{Rows: 1000}})
		if err != nil || len(rows.Rows) != q.rows {
			t.Errorf("%s: %d rows, %v", name, len(rows.Rows), err)
		}
	}
}

// settled waits until the only workers are those that wait for a query.
func settled(t *testing.T, e *duck.Engine) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	until := time.After(20 * time.Second)
	for {
		idle := e.Processes()
		busy := slices.DeleteFunc(children(t), func(pid int) bool { return slices.Contains(idle, pid) })
		if len(busy) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-until:
			t.Fatalf("processes %v still run", busy)
		}
	}
}

// children lists the processes that this one has started and that have not ended.
func children(t *testing.T) (ids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Fatalf("no processes are seen: %v", err)
	}
	for _, p := range stats {
		b, err := os.ReadFile(p)
		if err != nil {
			continue // ended meanwhile
		}
		_, rest, _ := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")
		var state string
		var parent int
		if _, err := fmt.Sscan(rest, &state, &parent); err == nil && parent == os.Getpid() && state != "Z" {
			var pid int
			_, _ = fmt.Sscan(string(b), &pid)
			ids = append(ids, pid)
		}
	}
	return ids
}
