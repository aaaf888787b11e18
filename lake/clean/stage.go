package clean

import (
	"fmt"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

func (st *stage) text(field, otherwise string) string {
	if s := plainText(st.step.With[field]); s != "" {
		return s
	}
	return otherwise
}

func (st *stage) flag(field string, otherwise bool) bool {
	if b, ok := st.step.With[field].(bool); ok {
		return b
	}
	return otherwise
}

func (st *stage) number(field string) (float64, bool) { return numberOf(st.step.With[field]) }

func numberOf(v any) (float64, bool) {
	switch x := v.(type) {
	case int64:
		return float64(x), true
	case float64:
		return x, true
	}
	return 0, false
}

// list reads a list of texts; a single text is a list of one.
func (st *stage) list(field string) []string {
	switch x := st.step.With[field].(type) {
	case string:
		return []string{x}
	case []any:
		var out []string
		for _, v := range x {
			if s, ok := v.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

func (st *stage) mapping(field string) map[string]string {
	m, _ := st.step.With[field].(map[string]any)
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k], _ = v.(string)
	}
	return out
}

// column finds an input column or says which there are.
func (st *stage) column(name string) (lake.Column, error) {
	if c, _, ok := find(st.schema, name); ok {
		return c, nil
	}
	return lake.Column{}, forge.Errorf(forge.KindInvalid, nil, "there is no column %q here; %s", name, st.offer(name))
}

// offer lists the columns, the likely one first.
func (st *stage) offer(name string) string {
	squeeze := strings.NewReplacer("_", "", ".", "", " ", "", "-", "")
	want := squeeze.Replace(strings.ToLower(name))
	var names []string
	for _, c := range st.schema.Columns {
		if squeeze.Replace(strings.ToLower(c.Name)) == want {
			return fmt.Sprintf("do you mean %q?", c.Name)
		}
		names = append(names, c.Name)
	}
	const most = 30
	if len(names) > most {
		return "there are " + strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return "there are " + strings.Join(names, ", ")
}

// columns reads a list of columns. "*", or no list, means every column that fits.
func (st *stage) columns(field string, fits func(lake.Column) bool) ([]lake.Column, error) {
	v, given := st.step.With[field]
	var out []lake.Column
	if !given || v == nil || v == "*" {
		for _, c := range st.schema.Columns {
			if fits(c) {
				out = append(out, c)
			}
		}
		return out, nil
	}
	seen := map[string]bool{}
	for _, name := range st.list(field) {
		c, err := st.column(name)
		if err != nil {
			return nil, err
		}
		if seen[c.Name] {
			return nil, forge.Errorf(forge.KindInvalid, nil, "column %q is named twice", name)
		}
		seen[c.Name] = true
		out = append(out, c)
	}
	return out, nil
}

func anyColumn(lake.Column) bool    { return true }
func textColumn(c lake.Column) bool { return c.Type == lake.String }
func numColumn(c lake.Column) bool  { return c.Type.Numeric() }

// same gives the input's columns as they are.
func (st *stage) same() []col {
	out := make([]col, len(st.schema.Columns))
	for i, c := range st.schema.Columns {
		out[i] = col{c, ident(c.Name)}
	}
	return out
}

// set replaces the expression of a column, or adds a new one at the end.
func set(cols []col, c lake.Column, expr string) []col {
	for i := range cols {
		if strings.EqualFold(cols[i].Name, c.Name) {
			cols[i] = col{c, expr}
			return cols
		}
	}
	return append(cols, col{c, expr})
}

// changed is the condition that one of the columns gets another value.
func (st *stage) changed(cols []col) string {
	var parts []string
	for _, c := range cols {
		have, _, ok := find(st.schema, c.Name)
		if !ok || c.expr == ident(have.Name) {
			continue
		}
		if have.Type == c.Type {
			parts = append(parts, ident(have.Name)+" IS DISTINCT FROM "+c.expr)
		} else {
			parts = append(parts, ident(have.Name)+" IS NOT NULL")
		}
	}
	return strings.Join(parts, " OR ")
}

// describe checks users' expressions over the input under the rules for users' SQL and
// returns their types.
func (st *stage) describe(exprs []string, where string) ([]lake.Column, error) {
	for _, e := range append(append([]string(nil), exprs...), where) {
		if e == "" {
			continue
		}
		if err := checkExpression(e); err != nil {
			return nil, err
		}
	}
	list := []string{columnList(st.schema)}
	for i, e := range exprs {
		list = append(list, fmt.Sprintf("(%s) AS %s", e, ident(fmt.Sprintf("__forge_e%d", i))))
	}
	sql := "SELECT " + strings.Join(list, ", ") + " FROM (SELECT " + typedNulls(st.schema) + ") AS input"
	if where != "" {
		sql += " WHERE (" + where + ")"
	}
	s, err := st.in.Describe(st.ctx, sql+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	if len(s.Columns) != len(st.schema.Columns)+len(exprs) {
		return nil, bad("is not one expression")
	}
	return s.Columns[len(st.schema.Columns):], nil
}
