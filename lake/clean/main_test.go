package clean_test

import (
	"context"
	"encoding/csv"
	"os"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
)

func TestMain(m *testing.M) { laketest.Main(m) }

var (
	scope = forge.Scope{Tenant: "acme", Project: "bank"}
	day   = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
)

// load writes CSV text whose header cells are name:type into a table of a real lake.
func load(t testing.TB, h *lake.House, name, text string) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.LazyQuotes = true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	loadRows(t, h, name, rows)
}

// loadFile writes an example file; types names the columns that are no texts.
func loadFile(t testing.TB, h *lake.House, name, path string, types map[string]lake.Type) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range rows[0] {
		typ := types[c]
		if typ == "" {
			typ = lake.String
		}
		rows[0][i] = c + ":" + string(typ)
	}
	loadRows(t, h, name, rows)
}

func loadRows(t testing.TB, h *lake.House, name string, rows [][]string) {
	t.Helper()
	path := t.TempDir() + "/in.csv"
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := csv.NewWriter(f)
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var cols, list []string
	for _, c := range rows[0] {
		i := strings.LastIndexByte(c, ':')
		cols = append(cols, "'"+strings.ReplaceAll(c[:i], "'", "''")+"': 'VARCHAR'")
		list = append(list, "CAST("+quoted(c[:i])+" AS "+duckTypes[lake.Type(c[i+1:])]+") AS "+quoted(c[:i]))
	}
	q := lake.Query{Paths: []string{path}, SQL: "SELECT " + strings.Join(list, ", ") + " FROM read_csv('" + path + "', header=true, nullstr='\\N', delim=',', quote='\"', columns={" + strings.Join(cols, ", ") + "})"}
	if _, err := h.Write(t.Context(), scope, laketest.Name(name), q, nil, lake.Append, lake.Change{}); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// cells reads a table's rows as text, in order of all columns.
func cells(t testing.TB, h *lake.House, sql string) [][]any {
	t.Helper()
	res, err := h.Query(t.Context(), scope, lake.Query{SQL: sql}, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	rows, err := lake.Collect(context.Background(), res)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows.Rows
}
