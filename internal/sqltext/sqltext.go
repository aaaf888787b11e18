// Package sqltext writes names and texts of any characters into SQL, so that they can
// be nothing else there, for where no parameter can stand: names, and statements that
// are kept as text. It also knows what DuckDB takes for white space.
package sqltext

import (
	"strings"
	"unicode"

	"aiforge.dev/forge"
)

// Ident quotes a name.
func Ident(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Text writes a text literal. Plain quotes have no escapes but the doubled quote, in
// DuckDB as in the standard; a NUL would end the statement and is left out.
func Text(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), "'", "''") + "'"
}

// Table quotes a table's name.
func Table(t forge.TableName) string { return Ident(t.Namespace) + "." + Ident(t.Name) }

// IsSpace reports whether r separates words. DuckDB takes three characters for spaces
// that Unicode does not: who reads SQL without them sees other words than DuckDB does.
func IsSpace(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200b' || r == '\u2060' || r == '\ufeff'
}
