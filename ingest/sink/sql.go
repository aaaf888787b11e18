package sink

import (
	"fmt"
	"slices"
	"strings"

	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/lake"
)

// field is one column of a value and the table's column that takes it.
type field struct {
	raw    string // its SQL name in the scan
	key    string // its name in the source
	column lake.Column
	value  string // SQL of the cast value
	bad    string // SQL: the cell is there and does not fit; "" for text
	format string // strptime format, for the reason
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
		f := field{raw: fmt.Sprintf("c%d", i), key: n, column: col, format: g.contract.Formats[n]}
		f.cast(g)
		out = append(out, f)
	}
	return len(names), out
}

// cast writes the SQL of a cell. The engine's own cast takes more than a person
// would: 3.7 for a whole number, a time for a date, 1_000 and infinity; such cells
// are rejects.
func (f *field) cast(g *group) {
	raw := f.raw
	if f.column.Type == lake.String {
		f.value = raw
		if len(g.contract.Null) > 0 {
			f.value = fmt.Sprintf("CASE WHEN %s IN (%s) THEN NULL ELSE %s END", raw, literals(g.contract.Null), raw)
		}
		return
	}
	v := f.typed()
	missing := fmt.Sprintf("%s IS NULL OR lower(trim(%s)) IN (%s)", raw, raw, literals(append([]string{""}, ingest.MissingTexts...)))
	if len(g.contract.Null) > 0 {
		null := fmt.Sprintf("%s IN (%s)", raw, literals(g.contract.Null))
		v = fmt.Sprintf("CASE WHEN %s THEN NULL ELSE %s END", null, v)
		missing += " OR " + null
	}
	f.value = v
	f.bad = fmt.Sprintf("((%s) IS NULL AND NOT (%s))", v, missing)
}

func (f *field) typed() string {
	raw := f.raw
	switch t := f.column.Type; t {
	case lake.Int, lake.Long:
		return fmt.Sprintf(`CASE WHEN regexp_full_match(%s, '\s*[+-]?[0-9]+\s*') THEN TRY_CAST(%s AS %s) END`, raw, raw, sqlType(t))
	case lake.Float, lake.Double:
		return fmt.Sprintf("CASE WHEN isfinite(TRY_CAST(%s AS %s)) AND NOT contains(%s, '_') THEN TRY_CAST(%s AS %s) END", raw, sqlType(t), raw, raw, sqlType(t))
	case lake.Date:
		if f.format != "" {
			return fmt.Sprintf("TRY_CAST(try_strptime(%s, %s) AS DATE)", raw, literal(f.format))
		}
		return fmt.Sprintf("CASE WHEN length(trim(%s)) <= 10 AND isfinite(TRY_CAST(%s AS DATE)) THEN TRY_CAST(%s AS DATE) END", raw, raw, raw)
	case lake.Timestamp, lake.Timestamptz:
		// By way of TIMESTAMPTZ, because the direct cast drops an offset from UTC.
		v := fmt.Sprintf("TRY_CAST(%s AS TIMESTAMPTZ)", raw)
		if f.format != "" {
			v = fmt.Sprintf("CAST(try_strptime(%s, %s) AS TIMESTAMPTZ)", raw, literal(f.format))
		}
		return fmt.Sprintf("CASE WHEN isfinite(%s) THEN CAST(%s AS %s) END", v, v, sqlType(t))
	default:
		return fmt.Sprintf("TRY_CAST(%s AS %s)", raw, sqlType(t))
	}
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
			fmt.Fprintf(&b, "%s AS %s", ident(f.key), f.raw)
		}
		fmt.Fprintf(&b, " FROM read_json(%s, format = 'newline_delimited', maximum_object_size = 16777216, columns = {", literal(g.file.Name()))
		for i, f := range fs {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s: 'VARCHAR'", literal(f.key))
		}
		b.WriteString("}))")
		return b.String()
	}
	fmt.Fprintf(&b, `read_csv(%s, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', new_line = '\n', nullstr = '', null_padding = false, max_line_size = 4194304, columns = {`, literal(g.file.Name()))
	for i := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "'c%d': 'VARCHAR'", i)
	}
	b.WriteString("})")
	return b.String()
}

// rowsSQL selects the rows that fit, cast to the table's types.
func rowsSQL(g *group, all int, fs []field) string {
	var sel, ok []string
	for _, f := range fs {
		sel = append(sel, f.value+" AS "+ident(f.column.Name))
		if f.bad != "" {
			ok = append(ok, "NOT "+f.bad)
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
		if f.bad != "" {
			fmt.Fprintf(&which, " WHEN %s THEN %d", f.bad, i)
			fmt.Fprintf(&value, " WHEN %s THEN %s", f.bad, f.raw)
			any = append(any, f.bad)
		}
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

func ident(s string) string   { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func literals(list []string) string {
	out := slices.Clone(list)
	for i := range out {
		out[i] = literal(out[i])
	}
	return strings.Join(out, ", ")
}
