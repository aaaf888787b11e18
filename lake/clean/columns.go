package clean

import (
	"fmt"
	"strings"
	"unicode"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

var renameSpec = lake.StepSpec{
	Kind: "rename", Title: "Rename columns", Group: "columns",
	Help: "Gives columns other names. With style snake, names that SQL would need in quotes become plain ones: emp.var.rate → emp_var_rate, CustomerID → customer_id.",
	Fields: []lake.StepField{
		{Name: "columns", Type: lake.FieldColumnTexts, Help: "old name → new name"},
		{Name: "style", Type: lake.FieldChoice, Options: []string{"snake", "plain"}, Help: "for all other columns: snake also splits CamelCase, plain only replaces odd characters by _"},
	},
	Example: "do: rename\ncolumns: {y: subscribed}\nstyle: plain",
}

func compileRename(st *stage) (result, error) {
	to := map[string]string{}
	for old, name := range st.mapping("columns") {
		c, err := st.column(old)
		if err != nil {
			return result{}, err
		}
		if strings.TrimSpace(name) == "" {
			return result{}, forge.Errorf(forge.KindInvalid, nil, "the new name of %q is empty", old)
		}
		to[c.Name] = name
	}
	style := st.text("style", "")
	if len(to) == 0 && style == "" {
		return result{}, forge.Errorf(forge.KindInvalid, nil, "nothing to rename: give columns or a style")
	}
	cols := st.same()
	for i := range cols {
		if name, ok := to[cols[i].Name]; ok {
			cols[i].Name = name
		} else if style != "" {
			cols[i].Name = plainName(cols[i].Name, style == "snake")
		}
	}
	return result{cols: cols}, nil
}

// plainName makes a name of small letters, digits and _.
func plainName(s string, split bool) string {
	var b strings.Builder
	rs := []rune(s)
	for i, r := range rs {
		switch {
		case split && unicode.IsUpper(r) && i > 0 && (unicode.IsLower(rs[i-1]) || unicode.IsDigit(rs[i-1]) || i+1 < len(rs) && unicode.IsUpper(rs[i-1]) && unicode.IsLower(rs[i+1])):
			b.WriteRune('_')
			b.WriteRune(unicode.ToLower(r))
		case r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_'):
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteRune('_')
		}
	}
	name := strings.Trim(b.String(), "_")
	for strings.Contains(name, "__") {
		name = strings.ReplaceAll(name, "__", "_")
	}
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "c_" + name
	}
	return strings.TrimSuffix(name, "_")
}

var selectSpec = lake.StepSpec{
	Kind: "select", Title: "Keep columns", Group: "columns",
	Help:    "Keeps these columns, in this order, and drops all others.",
	Fields:  []lake.StepField{{Name: "columns", Type: lake.FieldColumns, Required: true, Help: "columns to keep"}},
	Example: "do: select\ncolumns: [call_id, age, job]",
}

func compileSelect(st *stage) (result, error) {
	keep, err := st.columns("columns", anyColumn)
	if err != nil {
		return result{}, err
	}
	var cols []col
	for _, c := range keep {
		cols = append(cols, col{c, ident(c.Name)})
	}
	return result{cols: cols}, nil
}

var dropSpec = lake.StepSpec{
	Kind: "drop", Title: "Drop columns", Group: "columns",
	Help:    "Leaves these columns out.",
	Fields:  []lake.StepField{{Name: "columns", Type: lake.FieldColumns, Required: true, Help: "columns to leave out"}},
	Example: "do: drop\ncolumns: [comment]",
}

func compileDrop(st *stage) (result, error) {
	gone, err := st.columns("columns", anyColumn)
	if err != nil {
		return result{}, err
	}
	cols := without(st.same(), gone)
	if len(cols) == 0 {
		return result{}, forge.Errorf(forge.KindInvalid, nil, "no column would be left")
	}
	return result{cols: cols}, nil
}

func without(cols []col, gone []lake.Column) []col {
	var out []col
	for _, c := range cols {
		drop := false
		for _, g := range gone {
			drop = drop || strings.EqualFold(g.Name, c.Name)
		}
		if !drop {
			out = append(out, c)
		}
	}
	return out
}

var deriveSpec = lake.StepSpec{
	Kind: "derive", Title: "Derive columns", Group: "columns",
	Help: "Adds columns computed from the columns of the same row by SQL expressions, or replaces columns of the same name.",
	Fields: []lake.StepField{
		{Name: "column", Type: lake.FieldName, Help: "name of the new column"},
		{Name: "expr", Type: lake.FieldExpression, Help: "SQL expression, for example quantity * unit_price"},
		{Name: "columns", Type: lake.FieldColumnExprs, Help: "several at once: new column → SQL expression, all over the step's input"},
		{Name: "on_error", Type: lake.FieldChoice, Options: []string{"fail", "make_null"}, Default: "fail", Help: "when the expression fails for a row, for example a text that is no number: fail the recipe, or make the value NULL"},
	},
	Example: "do: derive\ncolumn: was_contacted\nexpr: pdays <> 999",
}

func compileDerive(st *stage) (result, error) {
	exprs := st.mapping("columns")
	if name := st.text("column", ""); name != "" {
		exprs[name] = st.text("expr", "")
	}
	if len(exprs) == 0 || st.step.With["expr"] != nil && st.text("column", "") == "" {
		return result{}, forge.Errorf(forge.KindInvalid, nil, "give column and expr, or columns")
	}
	names := sortedKeys(exprs)
	var list []string
	for _, n := range names {
		if exprs[n] == "" {
			return result{}, forge.Errorf(forge.KindInvalid, nil, "column %q has no expr", n)
		}
		list = append(list, exprs[n])
	}
	types, err := st.describe(list, "")
	if err != nil {
		return result{}, err
	}
	cols, touched := st.same(), []col{}
	for i, n := range names {
		expr := fmt.Sprintf("(%s)", exprs[n])
		if st.text("on_error", "fail") == "make_null" {
			expr = "TRY" + expr
		}
		c := lake.Column{Name: n, Type: types[i].Type}
		if old, _, ok := find(st.schema, n); ok {
			c.Name = old.Name
		}
		cols = set(cols, c, expr)
		touched = append(touched, col{c, expr})
	}
	res := result{cols: cols, touched: st.changed(touched)}
	if len(cols) > len(st.schema.Columns) {
		res.touched = "true"
	}
	return res, nil
}
