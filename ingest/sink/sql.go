package sink

import (
	"fmt"
	"regexp"
	"strings"

	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
)

// field is one column of a value and the table's column that takes it.
type field struct {
	raw    string // its SQL name in the scan
	key    string // its name in the source
	column lake.Column
	format string // strptime format, for casts and reasons
	null   string // SQL: the text means NULL by contract; "" for none
	text   bool   // goes in as it is
}

// fields joins a contract with the table that it goes to. Columns of the contract
// that the table lacks cannot be: Want adds them.
func fields(g *group, table lake.Schema) (all int, out []field) {
	names := g.contract.Columns
	if g.format == ingest.FormatNDJSON || len(names) == 0 {
		names = nil
		for _, c := range g.contract.Schema.Columns {
			names = append(names, c.Name)
		}
	}
	for i, n := range names {
		if _, ok := find(g.contract.Schema, n); !ok {
			continue // in the file, but not wanted
		}
		col, ok := find(table, n)
		if !ok {
			continue
		}
		f := field{raw: fmt.Sprintf("c%d", i), key: n, column: col, format: g.contract.Formats[n], text: col.Type == lake.String}
		if len(g.contract.Null) > 0 {
			f.null = oneOf(f.raw, g.contract.Null)
		}
		out = append(out, f)
	}
	return len(names), out
}

// value is the cast of a cell, NULL for one that does not fit. The engine's own cast
// takes more than a person would: 3.7 for a whole number, a time for a date,
// infinity; fits says so of a value that the cast has made.
func (f field) value() string {
	raw := f.raw
	switch t := f.column.Type; {
	case f.text:
		return raw
	case temporal(t) && f.format != "":
		return fmt.Sprintf("TRY_CAST(try_strptime(%s, %s) AS %s)", raw, sqltext.Text(f.format), sqlType(t))
	case t == lake.Timestamp:
		// By way of TIMESTAMPTZ, because the direct cast drops an offset from UTC.
		return fmt.Sprintf("CAST(TRY_CAST(%s AS TIMESTAMPTZ) AS TIMESTAMP)", raw)
	default:
		return fmt.Sprintf("TRY_CAST(%s AS %s)", raw, sqlType(t))
	}
}

func temporal(t lake.Type) bool {
	return t == lake.Date || t == lake.Timestamp || t == lake.Timestamptz
}

// fits is SQL that says whether the cast v of a cell counts.
func (f field) fits(v string) string {
	switch t := f.column.Type; {
	case t == lake.Int || t == lake.Long:
		return fmt.Sprintf(`%s IS NOT NULL AND regexp_full_match(%s, '\s*[+-]?[0-9]+\s*')`, v, f.raw)
	case t == lake.Date && f.format == "":
		return fmt.Sprintf("isfinite(%s) AND length(trim(%s)) <= 10", v, f.raw)
	case t == lake.Float || t == lake.Double || temporal(t):
		return fmt.Sprintf("isfinite(%s)", v)
	default:
		return v + " IS NOT NULL"
	}
}

// missing is SQL that says whether a cell that did not become a value is none.
func (f field) missing() string {
	m := fmt.Sprintf("%s IS NULL OR regexp_full_match(%s, %s)", f.raw, f.raw, sqltext.Text(missingPattern()))
	if f.null != "" {
		m += " OR " + f.null
	}
	return m
}

// missingPattern matches the empty text and ingest.MissingTexts.
func missingPattern() string {
	quoted := make([]string, len(ingest.MissingTexts))
	for i, t := range ingest.MissingTexts {
		quoted[i] = regexp.QuoteMeta(t)
	}
	return `(?i)\s*(` + strings.Join(quoted, "|") + `)?\s*`
}

// oneOf compares one by one: the engine makes a join of a long IN, one for each
// column, and a hundred columns then need more memory than a query may have.
func oneOf(raw string, texts []string) string {
	parts := make([]string, len(texts))
	for i, t := range texts {
		parts[i] = raw + " = " + sqltext.Text(t)
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// cell is the SQL of a column of the table; otherwise is what a cell becomes that
// does not fit.
func (f field) cell(v, otherwise string) string {
	var b strings.Builder
	b.WriteString("CASE")
	if f.null != "" {
		fmt.Fprintf(&b, " WHEN %s THEN NULL", f.null)
	}
	if f.text {
		if f.null == "" {
			return f.raw
		}
		return b.String() + fmt.Sprintf(" ELSE %s END", f.raw)
	}
	fmt.Fprintf(&b, " WHEN %s THEN %s", f.fits(v), v)
	if otherwise != "" {
		fmt.Fprintf(&b, " WHEN %s THEN NULL ELSE CAST(%s AS %s)", f.missing(), otherwise, sqlType(f.column.Type))
	}
	return b.String() + " END"
}

// bad is SQL that says whether a cell is there and does not fit; "" for text.
func (f field) bad() string {
	if f.text {
		return ""
	}
	return fmt.Sprintf("(NOT coalesce(%s, false) AND NOT (%s))", f.fits("("+f.value()+")"), f.missing())
}

func sqlType(t lake.Type) string {
	switch t {
	case lake.Boolean:
		return "BOOLEAN"
	case lake.Int:
		return "INTEGER"
	case lake.Long:
		return "BIGINT"
	case lake.Float:
		return "FLOAT"
	case lake.Double:
		return "DOUBLE"
	case lake.Date:
		return "DATE"
	case lake.Time:
		return "TIME"
	case lake.Timestamp:
		return "TIMESTAMP"
	case lake.Timestamptz:
		return "TIMESTAMPTZ"
	case lake.UUID:
		return "UUID"
	case lake.Binary:
		return "BLOB"
	case lake.String:
		return "VARCHAR"
	}
	if p, s, ok := t.Decimal(); ok {
		return fmt.Sprintf("DECIMAL(%d, %d)", p, s)
	}
	return "VARCHAR"
}

// scan reads a group's file as text under the names c0, c1, ….
func scan(g *group, all int, fs []field) string {
	var b strings.Builder
	if g.format == ingest.FormatNDJSON {
		b.WriteString("(SELECT ")
		for i, f := range fs {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s AS %s", sqltext.Ident(f.key), f.raw)
		}
		fmt.Fprintf(&b, " FROM read_json(%s, format = 'newline_delimited', maximum_object_size = 16777216, columns = {", sqltext.Text(g.file.Name()))
		for i, f := range fs {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s: 'VARCHAR'", sqltext.Text(f.key))
		}
		b.WriteString("}))")
		return b.String()
	}
	fmt.Fprintf(&b, `read_csv(%s, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', new_line = '\n', nullstr = '', null_padding = false, max_line_size = 4194304, columns = {`, sqltext.Text(g.file.Name()))
	for i := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "'c%d': 'VARCHAR'", i)
	}
	b.WriteString("})")
	return b.String()
}

// cleanSQL selects all rows, cast to the table's types; a cell that does not fit
// fails the statement. Filtering out such rows would cost as much as everything else
// together, and most batches have none.
func cleanSQL(g *group, all int, fs []field) string {
	var in, out []string
	for i, f := range fs {
		v := fmt.Sprintf("v%d", i)
		in = append(in, f.raw)
		if !f.text {
			in = append(in, f.value()+" AS "+v)
		}
		out = append(out, f.cell(v, "error("+f.raw+")")+" AS "+sqltext.Ident(f.column.Name))
	}
	return "SELECT " + strings.Join(out, ", ") + " FROM (SELECT " + strings.Join(in, ", ") + " FROM " + scan(g, all, fs) + ")"
}

// goodSQL selects the rows that fit.
func goodSQL(g *group, all int, fs []field) string {
	var sel, ok []string
	for _, f := range fs {
		sel = append(sel, f.cell("("+f.value()+")", "")+" AS "+sqltext.Ident(f.column.Name))
		if bad := f.bad(); bad != "" {
			ok = append(ok, "NOT "+bad)
		}
	}
	sql := "SELECT " + strings.Join(sel, ", ") + " FROM " + scan(g, all, fs)
	if len(ok) > 0 {
		sql += " WHERE " + strings.Join(ok, " AND ")
	}
	return sql
}

// badSQL finds the rows that do not fit: number of the row from 1, index of the
// first field at fault, its text.
func badSQL(g *group, all int, fs []field) string {
	var which, value strings.Builder
	var any []string
	for i, f := range fs {
		if bad := f.bad(); bad != "" {
			fmt.Fprintf(&which, " WHEN %s THEN %d", bad, i)
			fmt.Fprintf(&value, " WHEN %s THEN %s", bad, f.raw)
			any = append(any, bad)
		}
	}
	if len(any) == 0 {
		any = []string{"false"}
		which.WriteString(" WHEN false THEN 0")
		value.WriteString(" WHEN false THEN ''")
	}
	return fmt.Sprintf("SELECT rn, CASE%s END AS field, CASE%s END AS value FROM (SELECT CAST(row_number() OVER () AS BIGINT) AS rn, * FROM %s) WHERE %s ORDER BY rn",
		which.String(), value.String(), scan(g, all, fs), strings.Join(any, " OR "))
}

// reason says in words why a cell does not fit.
func (f field) reason() string {
	switch f.column.Type {
	case lake.Int, lake.Long:
		return "not a whole number of type " + string(f.column.Type)
	case lake.Date, lake.Time, lake.Timestamp, lake.Timestamptz:
		if f.format != "" {
			return fmt.Sprintf("not a %s of the form %s", f.column.Type, f.format)
		}
		return fmt.Sprintf("not a %s of ISO 8601", f.column.Type)
	case lake.Boolean:
		return "neither true nor false"
	case lake.UUID:
		return "not a UUID"
	}
	if f.column.Type.Numeric() {
		return "not a number of type " + string(f.column.Type)
	}
	return "does not fit the type " + string(f.column.Type)
}
