package clean

import (
	"context"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/mask"
)

// tagRows is how many rows are looked at for personal data.
const tagRows = 2000

// personalTags says which columns of the tables seem to hold personal data, as tags by
// column in small letters. The tags go with the columns into the recipe's table, and
// a mask step takes them off again.
func personalTags(ctx context.Context, house *lake.House, scope forge.Scope, tables []forge.TableName) (map[string][]string, error) {
	tags := map[string][]string{}
	for _, t := range tables {
		got, err := house.Tables.Load(ctx, scope, t)
		if err != nil {
			return nil, err
		}
		if got.Snapshot == nil {
			continue
		}
		columns, err := sampleColumns(ctx, house, scope, t, got.Schema)
		if err != nil {
			return nil, err
		}
		for _, f := range mask.Detect(columns) {
			tags[strings.ToLower(f.Column)] = []string{f.Tag()}
		}
	}
	return tags, nil
}

func sampleColumns(ctx context.Context, house *lake.House, scope forge.Scope, t forge.TableName, s lake.Schema) ([]mask.Column, error) {
	list := make([]string, len(s.Columns))
	out := make([]mask.Column, len(s.Columns))
	for i, c := range s.Columns {
		list[i] = asText(c) + " AS " + ident(c.Name)
		out[i] = mask.Column{Name: c.Name, Numeric: c.Type.Numeric()}
	}
	rows, err := read(ctx, house, scope, lake.Query{SQL: "SELECT " + strings.Join(list, ", ") + " FROM " + table(t), Limits: lake.Limits{Rows: tagRows}}, nil)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		for i, v := range r {
			if s, ok := v.(string); ok {
				out[i].Values = append(out[i].Values, s)
			}
		}
	}
	return out, nil
}
