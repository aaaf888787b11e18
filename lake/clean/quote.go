package clean

import (
	"fmt"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
)

// ident, table and text have short names, for they are all over.
func ident(s string) string          { return sqltext.Ident(s) }
func table(t forge.TableName) string { return sqltext.Table(t) }
func text(s string) string           { return sqltext.Text(s) }

func texts(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = text(s)
	}
	return strings.Join(out, ", ")
}

// num writes a number literal.
func num(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if f < 0 {
		return "(" + s + ")"
	}
	return s
}

// literal writes a scalar of a document.
func literal(v any) string {
	switch x := v.(type) {
	case nil:
		return "NULL"
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return num(float64(x))
	case float64:
		return num(x)
	case string:
		return text(x)
	}
	return text(fmt.Sprint(v))
}

// plainText is a scalar as a CSV file would have it.
func plainText(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

var sqlTypes = map[lake.Type]string{
	lake.Boolean: "BOOLEAN", lake.Int: "INTEGER", lake.Long: "BIGINT", lake.Float: "FLOAT", lake.Double: "DOUBLE",
	lake.Date: "DATE", lake.Time: "TIME", lake.Timestamp: "TIMESTAMP", lake.Timestamptz: "TIMESTAMPTZ",
	lake.String: "VARCHAR", lake.UUID: "UUID", lake.Binary: "BLOB",
}

// sqlType is the engine's name of a type.
func sqlType(t lake.Type) string {
	if s, ok := sqlTypes[t]; ok {
		return s
	}
	if p, s, ok := t.Decimal(); ok {
		return fmt.Sprintf("DECIMAL(%d,%d)", p, s)
	}
	return "VARCHAR"
}

// typeWords are other spellings of types that recipes may use.
var typeWords = map[string]lake.Type{
	"integer": lake.Long, "bigint": lake.Long, "number": lake.Double, "real": lake.Double, "bool": lake.Boolean,
	"text": lake.String, "varchar": lake.String, "datetime": lake.Timestamp,
}

func parseType(s string) (lake.Type, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if t, ok := typeWords[s]; ok {
		return t, nil
	}
	t := lake.Type(s)
	_, err := t.Arrow()
	return t, err
}

// find looks a column up without regard to case, as SQL does.
func find(s lake.Schema, name string) (lake.Column, int, bool) {
	for i, c := range s.Columns {
		if strings.EqualFold(c.Name, name) {
			return c, i, true
		}
	}
	return lake.Column{}, -1, false
}

// asText is the text of a column for tokens and messages: a whole number that came
// as floating point has the text of the whole number.
func asText(c lake.Column) string {
	q := ident(c.Name)
	switch c.Type {
	case lake.String:
		return q
	case lake.Float, lake.Double:
		return fmt.Sprintf("(CASE WHEN %s = trunc(%s) AND abs(%s) < 1e15 THEN CAST(CAST(%s AS BIGINT) AS VARCHAR) ELSE CAST(%s AS VARCHAR) END)", q, q, q, q, q)
	}
	return "CAST(" + q + " AS VARCHAR)"
}
