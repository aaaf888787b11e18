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
// result's schema if need be. Append adds columns that the table lacks, and columns
// that the result lacks are NULL. Replace makes the table what the result is: columns
// that it lacks go, and a column whose type changed is made anew, in the same commit.
func (h *House) Write(ctx context.Context, scope forge.Scope, name forge.TableName, q Query, at At, mode Mode, change Change) (Snapshot, error) {
	if err := h.resolve(ctx, scope, &q, at); err != nil {
		return Snapshot{}, err
	}
	want, err := h.Engine.Describe(ctx, q)
	if err != nil {
		return Snapshot{}, err
	}
	return h.WriteAs(ctx, scope, name, q, at, mode, want, change)
}

// WriteAs is Write for a result whose columns the caller knows; their labels are kept
// with those that are new.
func (h *House) WriteAs(ctx context.Context, scope forge.Scope, name forge.TableName, q Query, at At, mode Mode, want Schema, change Change) (Snapshot, error) {
	if err := h.resolve(ctx, scope, &q, at); err != nil {
		return Snapshot{}, err
	}
	var table Table
	var err error
	if mode == Replace {
		if table, err = h.loadOrCreate(ctx, scope, name, want); err == nil {
			table.Schema, change.DropColumns, change.AddColumns = table.become(want)
		}
	} else {
		table, err = h.Ensure(ctx, scope, name, want)
	}
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

func (h *House) loadOrCreate(ctx context.Context, scope forge.Scope, name forge.TableName, want Schema) (Table, error) {
	table, err := h.Tables.Load(ctx, scope, name)
	if err != nil && forge.KindOf(err) == forge.KindNotFound {
		return h.Tables.Create(ctx, scope, name, want, nil)
	}
	return table, err
}

// become compares a table's columns with those of rows that will replace all of its
// rows: the schema to write them with, and which columns go and come. Columns that
// stay keep their ids, so that names, labels and older files go on meaning the same.
func (t Table) become(want Schema) (Schema, []string, []Column) {
	var kept, added []Column
	var gone []string
	for _, have := range t.Schema.Columns {
		if w, ok := want.Column(have.Name); ok && w.Type == have.Type {
			kept = append(kept, have)
		} else {
			gone = append(gone, have.Name)
		}
	}
	for _, w := range want.Columns {
		if have, ok := t.Schema.Column(w.Name); ok && have.Type == w.Type {
			continue
		}
		w.ID = t.LastColumn + len(added) + 1
		added = append(added, w)
	}
	return Schema{Columns: append(kept, added...)}, gone, added
}

// Ensure returns the table, created or widened so that it has the wanted columns.
func (h *House) Ensure(ctx context.Context, scope forge.Scope, name forge.TableName, want Schema) (Table, error) {
	table, err := h.loadOrCreate(ctx, scope, name, want)
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

// Names are the columns' names, in order.
func (s Schema) Names() []string {
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = c.Name
	}
	return names
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
	texts := append([]string{q.SQL}, q.Setup...)
	for _, sql := range q.Views {
		texts = append(texts, sql)
	}
	text := strings.Join(texts, "\n")
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
