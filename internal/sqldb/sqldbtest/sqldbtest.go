// Package sqldbtest holds what every folder's tables must keep.
package sqldbtest

import (
	"slices"
	"strings"
	"testing"

	"aiforge.dev/forge/internal/sqldb"
)

// foreign are tables of the tools that keep themselves: goose's and River's.
var foreign = []string{"schema_", "river_", "sqlite_", "goose_"}

// Scoped checks that each of our tables in a SQLite store has tenant and project as
// the first columns of its primary key, and that none may be missing. It returns how
// many tables it has seen.
func Scoped(t testing.TB, db *sqldb.DB) int {
	t.Helper()
	seen := 0
	for _, table := range names(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`) {
		if slices.ContainsFunc(foreign, func(p string) bool { return strings.HasPrefix(table, p) }) {
			continue
		}
		seen++
		key := names(t, db, `SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk`, table)
		if len(key) < 2 || key[0] != "tenant" || key[1] != "project" {
			t.Errorf("table %s: its primary key is %v; it must begin with tenant, project", table, key)
		}
		nullable := names(t, db, `SELECT name FROM pragma_table_info($1) WHERE name IN ('tenant', 'project') AND "notnull" = 0`, table)
		if len(nullable) > 0 {
			t.Errorf("table %s: %v may be NULL", table, nullable)
		}
	}
	return seen
}

func names(t testing.TB, db *sqldb.DB, query string, args ...any) []string {
	t.Helper()
	rows, err := db.Query(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
