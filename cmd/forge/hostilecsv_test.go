package main

import (
	"bytes"
	stdcsv "encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
)

// hostileColumns are names of columns that mean something to somebody, each with the
// name that its column gets.
var hostileColumns = []struct{ name, column string }{
	{"id", "id"}, {"at", "at"}, {"y", "y"},
	{`"; drop table x`, `"; drop table x`}, {`' or '1'='1`, `' or '1'='1`}, {"🦊", "🦊"},
	{"pay\u202etnuoma", "pay tnuoma"}, {"\u2066total\u2069", "total"}, // reads otherwise than it is
	{"../../etc/passwd", "../../etc/passwd"}, {"${jndi:ldap://x}", "${jndi:ldap://x}"}, {"{{7*7}}", "{{7*7}}"}, {"<script>alert(1)</script>", "<script>alert(1)</script>"},
	{strings.Repeat("long", 2500), strings.Repeat("long", 50)}, {strings.Repeat("long", 2501), strings.Repeat("long", 50) + "_2"},
	{"", "column_15"}, {"   ", "column_16"}, {"twice", "twice"}, {"twice", "twice_2"}, {"TWICE", "TWICE_3"},
	{"select", "select"}, {"from", "from"}, {"order", "order"}, {"group", "group"}, {"null", "null"}, {"true", "true"}, {"user", "user"}, {"current_date", "current_date"},
	{"a.b", "a.b"}, {"a,b", "a,b"}, {"a\nb", "a b"}, {"a\tb", "a b_2"}, {"bell\x07", "bell"}, {"del\x7f", "del"}, {`back\slash`, `back\slash`}, {"*", "*"}, {"%s", "%s"}, {"=cmd|x", "=cmd|x"}, {"-1", "-1"}, {"#", "#"}, {"e\u0301", "e\u0301"},
	{"_forge", "_forge"}, {"_row", "_row"}, {"rowid", "rowid"}, {"filename", "filename"}, {"__line", "__line"}, {"event_timestamp", "event_timestamp"},
}

// hostileCells stay what they are: text.
var hostileCells = []string{
	`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `=HYPERLINK("http://evil.example","x")`, `@SUM(1+1)*cmd|' /C calc'!A0`, `'; drop table account; --`, "+1+1", "-2+3", "\u202egpj.exe", "../../etc/passwd", "a\nb", "null bytes are refused", `{"a": 1}`, "${x}", "%00",
}

// TestHostileColumns carries columns with hostile names and cells through the loop.
func TestHostileColumns(t *testing.T) {
	f := shared(t)
	var names, columns []string
	for _, c := range hostileColumns {
		names, columns = append(names, c.name), append(columns, c.column)
	}
	var b bytes.Buffer
	w := stdcsv.NewWriter(&b)
	_ = w.Write(names)
	const rows = 60
	cell := func(i, k int) string { return hostileCells[(i+k)%len(hostileCells)] }
	for i := range rows {
		row := []string{fmt.Sprint(i), fmt.Sprintf("2024-01-01 00:00:%02d", i), []string{"no", "yes"}[i/3%2]}
		for k := 3; k < len(names); k++ {
			row = append(row, cell(i, k))
		}
		_ = w.Write(row)
	}
	w.Flush()
	var load ingest.Load
	f.must(t, &load, "ingest", write(t, "names.csv", b.Bytes()), "--table", "bad.names")
	if load.Rows != rows || load.Rejected != 0 {
		t.Fatalf("%d rows, %d rejects", load.Rows, load.Rejected)
	}
	if got := f.columns(t, "bad.names"); !slices.Equal(got, columns) {
		t.Fatalf("the columns are\n%q, want\n%q", got, columns)
	}
	f.sameCells(t, "bad.names", columns[3:], cell)

	var advice struct{ YAML string }
	f.get(t, &advice, "POST", "/api/recipes/suggest", map[string]any{"table": "bad.names"})
	var applied struct{ Table string }
	recipe := write(t, "recipe.yaml", []byte(advice.YAML))
	f.must(t, &applied, "recipe", "apply", recipe)
	after := f.columns(t, applied.Table)
	if len(after) != len(columns) || !slices.Contains(after, "drop_table_x") { // names that SQL takes without quotes
		t.Errorf("%s has the columns %q", applied.Table, after)
	}
	if n := f.number(t, `select count(*) from `+applied.Table+` where "select" = '<script>alert(1)</script>' or drop_table_x = '@SUM(1+1)*cmd|'' /C calc''!A0'`); n < 5 {
		t.Errorf("%d rows of %s have the cells as they were", n, applied.Table)
	}

	doc, err := json.Marshal(map[string]any{ // JSON is YAML
		"entities": []any{map[string]any{"name": "odd_name", "keys": []string{"id"}}},
		"views":    []any{map[string]any{"name": "odd_names", "entity": "odd_name", "table": "bad.names", "event_time": "at", "columns": columns[3:]}},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.must(t, nil, "features", "apply", write(t, "features.yaml", doc))
	f.sameCells(t, "features.odd_names", columns[3:], cell)
	var set struct{ Table string }
	f.must(t, &set, "features", "training-set", "odd_names", "--labels", "bad.names", "--time", "at", "--label", "y", "--views", "odd_names")
	f.sameCells(t, set.Table, columns[3:], cell)
	if n := f.number(t, "select count(*) from bad.names"); n != rows {
		t.Errorf("afterwards the table has %d rows", n)
	}
}

// columns are the names of a table's columns.
func (f *forged) columns(t *testing.T, table string) (out []string) {
	t.Helper()
	var info lake.Table
	f.get(t, &info, "GET", "/api/tables/"+table, nil)
	for _, c := range info.Schema.Columns {
		out = append(out, c.Name)
	}
	return out
}

// sameCells reads every column by its name in SQL.
func (f *forged) sameCells(t *testing.T, table string, columns []string, cell func(i, k int) string) {
	t.Helper()
	var list []string
	for _, c := range columns {
		list = append(list, sqltext.Ident(c))
	}
	for i, row := range f.rows(t, "select "+strings.Join(list, ", ")+" from "+table+" order by id") {
		for k, c := range columns {
			if row[k] != cell(i, k+3) {
				t.Fatalf("row %d of %s, column %q: %q, want %q", i, table, c, row[k], cell(i, k+3))
			}
		}
	}
}
