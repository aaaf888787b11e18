package lake

import (
	"context"
	"regexp"
	"strings"

	"aiforge.dev/forge"
)

// House joins the table store and the engine: the one place through which tables
// are read and written, so that policy has one place too.
type House struct {
	Tables Tables
	Engine Engine
}

// At pins tables to snapshots for one query; tables not in it are read as they are.
type At map[forge.TableName]int64

// Query runs trusted SQL over the project's tables, which it names as
// namespace.name.
func (h *House) Query(ctx context.Context, scope forge.Scope, q Query, at At) (Result, error) {
	if err := h.resolve(ctx, scope, &q, at); err != nil {
		return nil, err
	}
	return h.Engine.Query(ctx, q)
}

// QueryUser runs a user's SQL over the project's tables.
func (h *House) QueryUser(ctx context.Context, scope forge.Scope, q Query, at At) (Result, error) {
	if err := h.resolve(ctx, scope, &q, at); err != nil {
		return nil, err
	}
	return h.Engine.QueryUser(ctx, q)
}

// Describe returns the schema of a SELECT over the project's tables.
func (h *House) Describe(ctx context.Context, scope forge.Scope, q Query, at At) (Schema, error) {
	if err := h.resolve(ctx, scope, &q, at); err != nil {
		return Schema{}, err
	}
	return h.Engine.Describe(ctx, q)
}

// Export writes the result of trusted SQL as Parquet files below dir, which belong to
// no table: training data and the like.
func (h *House) Export(ctx context.Context, scope forge.Scope, q Query, at At, dir string) ([]DataFile, error) {
	if err := h.resolve(ctx, scope, &q, at); err != nil {
		return nil, err
	}
	schema, err := h.Engine.Describe(ctx, q)
	if err != nil {
		return nil, err
	}
	for i := range schema.Columns {
		schema.Columns[i].ID = i + 1
	}
	return h.Engine.Write(ctx, q, schema, dir)
}

// Mode says what a write does with the rows that the table has.
type Mode string

const (
	Append  Mode = "append"
	Replace Mode = "replace"
)

// Write stores the result of trusted SQL in a table, which it creates with the
// result's schema if need be. Columns that the table lacks are added; columns that
// the result lacks are NULL.
func (h *House) Write(ctx context.Context, scope forge.Scope, name forge.TableName, q Query, at At, mode Mode, change Change) (Snapshot, error) {
	if err := h.resolve(ctx, scope, &q, at); err != nil {
		return Snapshot{}, err
	}
	want, err := h.Engine.Describe(ctx, q)
	if err != nil {
		return Snapshot{}, err
	}
	table, err := h.Ensure(ctx, scope, name, want)
	if err != nil {
		return Snapshot{}, err
	}
	change.Add, err = h.Engine.Write(ctx, q, table.Schema, table.Location)
	if err != nil {
		return Snapshot{}, err
	}
	change.ReplaceAll = mode == Replace
	return h.Tables.Commit(ctx, scope, name, change)
}

// Ensure returns the table, created or widened so that it has the wanted columns.
func (h *House) Ensure(ctx context.Context, scope forge.Scope, name forge.TableName, want Schema) (Table, error) {
	table, err := h.Tables.Load(ctx, scope, name)
	if forge.KindOf(err) == forge.KindNotFound && err != nil {
		return h.Tables.Create(ctx, scope, name, want, nil)
	}
	if err != nil {
		return Table{}, err
	}
	missing, err := table.Schema.Missing(want)
	if err != nil {
		return Table{}, err
	}
	if len(missing) == 0 {
		return table, nil
	}
	if _, err := h.Tables.Commit(ctx, scope, name, Change{AddColumns: missing}); err != nil {
		return Table{}, err
	}
	return h.Tables.Load(ctx, scope, name)
}

// Missing returns the columns of want that s lacks. A column of the same name with
// another type is refused with KindConflict, unless s's type can hold it.
func (s Schema) Missing(want Schema) ([]Column, error) {
	var missing []Column
	for _, w := range want.Columns {
		have, ok := s.Column(w.Name)
		switch {
		case !ok:
			missing = append(missing, w)
		case !holds(have.Type, w.Type):
			return nil, forge.Errorf(forge.KindConflict, nil, "column %q is %s in the table and %s in the new rows: cast it, or write to another table", w.Name, have.Type, w.Type)
		}
	}
	return missing, nil
}

// Column finds a column by name.
func (s Schema) Column(name string) (Column, bool) {
	for _, c := range s.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}

// holds reports whether a column of type t takes values of type v without loss.
func holds(t, v Type) bool {
	return t == v || t == String || t == Long && v == Int || t == Double && (v == Float || v == Int) || t == Timestamptz && v == Timestamp
}

var tableWord = regexp.MustCompile(`(?i)"?\b([a-z_][a-z0-9_]*)\b"?\s*\.\s*"?\b([a-z_][a-z0-9_]*)\b"?`)

// resolve makes the tables that the SQL may name visible to it. Naming too many is
// harmless: a view costs nothing until it is read.
func (h *House) resolve(ctx context.Context, scope forge.Scope, q *Query, at At) error {
	if q.Sources == nil {
		q.Sources = map[forge.TableName]Source{}
	}
	text := strings.Join(append([]string{q.SQL}, q.Setup...), "\n")
	for _, m := range tableWord.FindAllStringSubmatch(text, -1) {
		name, err := forge.ParseTableName(strings.ToLower(m[1] + "." + m[2]))
		if err != nil {
			continue
		}
		if _, done := q.Sources[name]; done {
			continue
		}
		files, schema, err := h.Tables.Files(ctx, scope, name, at[name])
		if err != nil && forge.KindOf(err) == forge.KindNotFound {
			if at[name] != 0 {
				return err
			}
			continue // a column of an alias, or a table that the engine will name as missing
		}
		if err != nil {
			return err
		}
		q.Sources[name] = Source{Files: files, Schema: schema}
	}
	return nil
}
