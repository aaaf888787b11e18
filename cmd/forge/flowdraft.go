package main

import (
	"context"
	"fmt"
	"slices"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// cleaning tells drafted flows what the suggested recipe does to a table's columns;
// it implements flowhttp.Cleaning.
type cleaning struct{ app *App }

func (c cleaning) Cleaned(ctx context.Context, table forge.TableName, column string) (string, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return "", err
	}
	t, err := c.app.house.Tables.Load(ctx, scope, table)
	if err != nil {
		return "", err
	}
	var names []string
	for _, col := range t.Schema.Columns {
		names = append(names, col.Name)
	}
	if !slices.Contains(names, column) {
		return "", forge.Errorf(forge.KindInvalid, nil, "table %s has no column %q; it has %s", table, column, inWords(names))
	}
	r, _, err := c.app.recipes.Suggest(ctx, scope, table)
	if err != nil {
		return "", err
	}
	asked := column
	for _, s := range r.Steps {
		switch s.Do {
		case "rename":
			if to, ok := s.With["columns"].(map[string]any); ok && to[column] != nil {
				column = fmt.Sprint(to[column])
			}
		case "drop":
			if touches(s, column) {
				return "", forge.Errorf(forge.KindInvalid, nil, "column %q of %s is empty, so there is nothing to learn from it: choose another column", asked, table)
			}
		case "mask":
			if touches(s, column) {
				return "", forge.Errorf(forge.KindInvalid, nil, "column %q of %s looks like personal data and is hidden when the table is cleaned: choose another column", asked, table)
			}
		}
	}
	return column, nil
}

func touches(s lake.Step, column string) bool {
	columns, _ := s.With["columns"].([]any)
	return slices.Contains(columns, any(column))
}

// inWords lists the first names of many.
func inWords(names []string) string {
	const most = 12
	text := ""
	for i, n := range names[:min(len(names), most)] {
		if i > 0 {
			text += ", "
		}
		text += n
	}
	if len(names) > most {
		text += ", …"
	}
	return text
}
