package clean_test

import (
	"context"
	"database/sql"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
	"aiforge.dev/forge/lake/mask"
	_ "github.com/duckdb/duckdb-go/v2"
)

// secret is the masking secret of tests.
var secret = []byte("a secret of the test project")

// bench is a DuckDB in the test's own process with a few tables: enough to compile
// recipes and run the SQL they give.
type bench struct {
	t       testing.TB
	db      *sql.DB
	schemas map[forge.TableName]lake.Schema
}

func newBench(t testing.TB) *bench {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	b := &bench{t, db, map[forge.TableName]lake.Schema{}}
	b.exec("SET TimeZone = 'UTC'")
	return b
}

func (b *bench) exec(q string) {
	b.t.Helper()
	if _, err := b.db.Exec(q); err != nil {
		b.t.Fatalf("%s: %v", q, err)
	}
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

var duckTypes = map[lake.Type]string{
	lake.Boolean: "BOOLEAN", lake.Int: "INTEGER", lake.Long: "BIGINT", lake.Float: "FLOAT", lake.Double: "DOUBLE",
	lake.Date: "DATE", lake.Time: "TIME", lake.Timestamp: "TIMESTAMP", lake.Timestamptz: "TIMESTAMP WITH TIME ZONE",
	lake.String: "VARCHAR", lake.UUID: "UUID", lake.Binary: "BLOB",
}

// table makes a table from CSV text whose header cells are name:type. NULL is \N.
func (b *bench) table(name, text string) {
	b.t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.LazyQuotes = true
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 {
		b.t.Fatalf("table %s: %v", name, err)
	}
	var s lake.Schema
	var cols []string
	for _, h := range rows[0] {
		i := strings.LastIndexByte(h, ':')
		c := lake.Column{Name: h[:i], Type: lake.Type(h[i+1:])}
		s.Columns = append(s.Columns, c)
		cols = append(cols, quoted(c.Name)+" "+duckTypes[c.Type])
	}
	n, err := forge.ParseTableName(name)
	if err != nil {
		b.t.Fatal(err)
	}
	b.schemas[n] = s
	b.exec("CREATE SCHEMA IF NOT EXISTS " + quoted(n.Namespace))
	b.exec("CREATE TABLE " + quoted(n.Namespace) + "." + quoted(n.Name) + " (" + strings.Join(cols, ", ") + ")")
	for _, row := range rows[1:] {
		args, marks := make([]any, len(row)), make([]string, len(row))
		for i, v := range row {
			args[i], marks[i] = v, "?"
			if v == `\N` {
				args[i] = nil
			}
		}
		if _, err := b.db.Exec("INSERT INTO "+quoted(n.Namespace)+"."+quoted(n.Name)+" VALUES ("+strings.Join(marks, ",")+")", args...); err != nil {
			b.t.Fatalf("table %s, row %q: %v", name, row, err)
		}
	}
}

func (b *bench) inputs() clean.Inputs {
	return clean.Inputs{
		Key: mask.NewKey(secret),
		Schema: func(_ context.Context, n forge.TableName) (lake.Schema, error) {
			if s, ok := b.schemas[n]; ok {
				return s, nil
			}
			return lake.Schema{}, forge.Errorf(forge.KindNotFound, nil, "table %s does not exist", n)
		},
		Describe: func(_ context.Context, q string) (lake.Schema, error) { return b.describe(q) },
	}
}

func (b *bench) describe(q string) (lake.Schema, error) {
	rows, err := b.db.Query(q)
	if err != nil {
		return lake.Schema{}, forge.Errorf(forge.KindInvalid, err, "%s", err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return lake.Schema{}, err
	}
	var s lake.Schema
	for _, t := range types {
		c := lake.Column{Name: t.Name(), Type: lake.String}
		for l, d := range duckTypes {
			if d == t.DatabaseTypeName() || d == "TIMESTAMP WITH TIME ZONE" && t.DatabaseTypeName() == "TIMESTAMPTZ" {
				c.Type = l
			}
		}
		s.Columns = append(s.Columns, c)
	}
	return s, nil
}

// rows runs a query and returns its rows as CSV lines, NULL as \N.
func (b *bench) rows(q lake.Query) (string, error) {
	rows, err := b.db.Query("SELECT COLUMNS(*)::VARCHAR FROM ("+q.SQL+")", q.Args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	names, _ := rows.Columns()
	var out strings.Builder
	w := csv.NewWriter(&out)
	_ = w.Write(names)
	for rows.Next() {
		cells, into := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		line := make([]string, len(names))
		for i, c := range cells {
			line[i] = c.String
			if !c.Valid {
				line[i] = `\N`
			}
		}
		_ = w.Write(line)
	}
	w.Flush()
	return out.String(), rows.Err()
}

func (b *bench) must(q lake.Query) string {
	b.t.Helper()
	s, err := b.rows(q)
	if err != nil {
		b.t.Fatalf("%v\n%s", err, q.SQL)
	}
	return s
}

func schemaLine(s lake.Schema) string {
	var out []string
	for _, c := range s.Columns {
		t := fmt.Sprintf("%s:%s", c.Name, c.Type)
		for _, tag := range c.Tags {
			t += " [" + tag + "]"
		}
		out = append(out, t)
	}
	return strings.Join(out, ", ") + "\n"
}

var testKey = mask.NewKey(secret)
