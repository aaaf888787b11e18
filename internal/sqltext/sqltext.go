// Package sqltext writes names and texts of any characters into SQL, so that they can
// be nothing else there. It is for SQL that cannot have a parameter at that place:
// names, and statements that are kept as text.
package sqltext

import (
	"strings"

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
