package clean_test

import (
	"flag"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
)

var update = flag.Bool("update", false, "write what is found into testdata/*.test")

// section of a text test: "-- NAME ARG" and the lines below it.
type section struct{ name, arg, body string }

func readSections(t *testing.T, path string) (head string, list []section) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.SplitAfter(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "-- "); ok {
			name, arg, _ := strings.Cut(strings.TrimSpace(rest), " ")
			list = append(list, section{name: name, arg: arg})
			continue
		}
		if len(list) == 0 {
			head += line
		} else {
			list[len(list)-1].body += line
		}
	}
	return head, list
}

func writeSections(t *testing.T, path, head string, list []section) {
	out := head
	for _, s := range list {
		out += strings.TrimSpace("-- "+s.name+" "+s.arg) + "\n" + s.body
	}
	if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRecipes runs every file of testdata: tables, a recipe, and what must come out.
// A file may hold several recipes over the same tables; each starts with "recipe".
func TestRecipes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.test")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in testdata: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".test"), func(t *testing.T) {
			head, list := readSections(t, path)
			b := newBench(t)
			var doc string
			var found map[string]string
			for i := range list {
				s := &list[i]
				switch s.name {
				case "table":
					b.table(s.arg, s.body)
					continue
				case "recipe":
					doc = s.body
					found = outcome(b, doc)
					continue
				}
				got := found[s.name]
				if *update {
					s.body = got
				} else if got != s.body {
					t.Errorf("%s of\n%s\ngot:\n%s\nwant:\n%s", s.name, doc, got, s.body)
				}
			}
			if *update {
				writeSections(t, path, head, list)
			}
		})
	}
}

// outcome runs a recipe and returns the sections that a test may ask for.
func outcome(b *bench, doc string) map[string]string {
	r, err := lake.ParseRecipe([]byte("name: test\nfrom: raw.t\nto: curated.t\n" + doc))
	if err == nil && r.Name == "" {
		b.t.Fatal("no name")
	}
	if err != nil {
		return map[string]string{"error": err.Error() + "\n"}
	}
	p, err := clean.NewPlan(b.t.Context(), r, b.inputs())
	if err != nil {
		return map[string]string{"error": err.Error() + "\n"}
	}
	out := map[string]string{"schema": schemaLine(p.Schema), "sql": p.Select() + "\n"}
	rows, err := b.rows(p.Query(p.Select()))
	if err != nil {
		out["error"] = strings.SplitN(err.Error(), "\n", 2)[0] + "\n"
		return out
	}
	out["want"] = sorted(rows)
	if again := sorted(b.must(p.Query(p.Select()))); again != out["want"] {
		b.t.Errorf("run again, the recipe gives\n%s\nand before\n%s", again, out["want"])
	}
	out["counts"] = b.must(p.Query(p.Counts()))
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	out["rejects"] = sorted(b.must(lake.Query{
		SQL:  `SELECT step, "column", value, reason, text FROM (` + p.Query(p.Rejects("raw.t@1", at)).SQL + ")",
		Args: p.Query(p.Rejects("raw.t@1", at)).Args,
	}))
	return out
}

// sorted orders the lines below the header: a table has no order.
func sorted(csv string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(csv, "\n"), "\n")
	if len(lines) > 1 {
		lines[len(lines)-1] += "\n"
		sort.Strings(lines[1:])
		return strings.Join(lines, "")
	}
	return csv
}
