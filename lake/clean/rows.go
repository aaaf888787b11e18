package clean

import (
	"fmt"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

var outliersSpec = lake.StepSpec{
	Kind: "outliers", Title: "Outliers", Group: "rows", Rejects: true,
	Help: "Handles numbers out of bounds. The bounds are given, or found from the quartiles: below Q1 − factor·IQR or above Q3 + factor·IQR. Give bounds where later data must be judged alike.",
	Fields: []lake.StepField{
		{Name: "columns", Type: lake.FieldColumns, Required: true, Help: "number columns"},
		{Name: "method", Type: lake.FieldChoice, Options: []string{"iqr", "bounds"}, Default: "iqr", Help: "bounds: use min and max"},
		{Name: "factor", Type: lake.FieldNumber, Default: 3, Help: "for iqr; 1.5 is Tukey's fence, 3 the far one"},
		{Name: "min", Type: lake.FieldNumber, Help: "for bounds: smallest good value"},
		{Name: "max", Type: lake.FieldNumber, Help: "for bounds: largest good value"},
		{Name: "action", Type: lake.FieldChoice, Options: []string{"clip", "make_null", "reject"}, Default: "clip", Help: "clip to the bound, make NULL, or put the row to the rejects"},
	},
	Example: "do: outliers\ncolumns: [quantity]\nmethod: bounds\nmax: 1000\naction: reject",
}

func compileOutliers(st *stage) (result, error) {
	chosen, err := st.columns("columns", numColumn)
	if err != nil {
		return result{}, err
	}
	res := result{cols: st.same()}
	var touched []col
	for i, c := range chosen {
		if !c.Type.Numeric() {
			return result{}, forge.Errorf(forge.KindInvalid, nil, "column %q is %s, not a number: cast it first", c.Name, c.Type)
		}
		low, high, err := st.bounds(i, &res, chosen)
		if err != nil {
			return result{}, err
		}
		x := ident(c.Name)
		var out []string
		if low != "" {
			out = append(out, x+" < "+low)
		}
		if high != "" {
			out = append(out, x+" > "+high)
		}
		outside := "(" + strings.Join(out, " OR ") + ")"
		var expr string
		switch st.text("action", "clip") {
		case "reject":
			res.rejects = append(res.rejects, reject{outside, c.Name, st.boundReason()})
			continue
		case "make_null":
			expr = "(CASE WHEN " + outside + " THEN NULL ELSE " + x + " END)"
		default:
			expr = clip(c, low, high)
		}
		res.cols = set(res.cols, c, expr)
		touched = append(touched, col{c, expr})
	}
	res.touched = st.changed(touched)
	return res, nil
}

// clip keeps whole numbers inside bounds that have a fraction.
func clip(c lake.Column, low, high string) string {
	x, inner, outer := ident(c.Name), "%s", "%s"
	if whole(c.Type) {
		inner, outer = "ceil(%s)", "floor(%s)"
	}
	expr := "CASE"
	if low != "" {
		expr += " WHEN " + x + " < " + low + " THEN CAST(" + fmt.Sprintf(inner, low) + " AS " + sqlType(c.Type) + ")"
	}
	if high != "" {
		expr += " WHEN " + x + " > " + high + " THEN CAST(" + fmt.Sprintf(outer, high) + " AS " + sqlType(c.Type) + ")"
	}
	return "(" + expr + " ELSE " + x + " END)"
}

// bounds gives low and high as SQL, "" for none. Quartiles are computed once, in a
// CTE of their own.
func (st *stage) bounds(i int, res *result, chosen []lake.Column) (low, high string, err error) {
	if st.text("method", "iqr") == "bounds" {
		if v, ok := st.number("min"); ok {
			low = num(v)
		}
		if v, ok := st.number("max"); ok {
			high = num(v)
		}
		if low == "" && high == "" {
			return "", "", forge.Errorf(forge.KindInvalid, nil, "method bounds needs min or max")
		}
		return low, high, nil
	}
	factor, ok := st.number("factor")
	if !ok {
		factor = 3
	}
	if factor <= 0 {
		return "", "", forge.Errorf(forge.KindInvalid, nil, "factor %v: want more than 0", factor)
	}
	name := ident(st.title + " quartiles")
	if i == 0 {
		var list []string
		for j, c := range chosen {
			x := "CAST(" + ident(c.Name) + " AS DOUBLE)"
			list = append(list, fmt.Sprintf("quantile_cont(%s, 0.25) AS q1_%d, quantile_cont(%s, 0.75) AS q3_%d", x, j, x, j))
		}
		res.pre = append(res.pre, cte{name, "SELECT " + strings.Join(list, ", ") + " FROM " + st.from})
	}
	low = fmt.Sprintf("(SELECT q1_%d - %s * (q3_%d - q1_%d) FROM %s)", i, num(factor), i, i, name)
	high = fmt.Sprintf("(SELECT q3_%d + %s * (q3_%d - q1_%d) FROM %s)", i, num(factor), i, i, name)
	return low, high, nil
}

func (st *stage) boundReason() string {
	low, hasLow := st.number("min")
	high, hasHigh := st.number("max")
	switch {
	case st.text("method", "iqr") == "iqr":
		return "is far outside the quartiles"
	case hasLow && hasHigh:
		return fmt.Sprintf("is not between %v and %v", low, high)
	case hasLow:
		return fmt.Sprintf("is below %v", low)
	}
	return fmt.Sprintf("is above %v", high)
}

var filterSpec = lake.StepSpec{
	Kind: "filter", Title: "Filter rows", Group: "rows", Rejects: true,
	Help: "Keeps the rows for which a condition is true. The others, also those for which it is NULL, go to the rejects with a reason, unless rejects is false.",
	Fields: []lake.StepField{
		{Name: "where", Type: lake.FieldExpression, Required: true, Help: "SQL condition, for example value > 0"},
		{Name: "reason", Type: lake.FieldText, Help: "why a row that fails it is turned away"},
		{Name: "column", Type: lake.FieldColumn, Help: "the column that is to blame, shown with the reject"},
		{Name: "rejects", Type: lake.FieldBool, Default: true, Help: "false: leave the other rows out silently"},
	},
	Example: "do: filter\nwhere: code between 33 and 72\nreason: code is not in the list",
}

func compileFilter(st *stage) (result, error) {
	where := st.text("where", "")
	types, err := st.describe([]string{where}, where)
	if err != nil {
		return result{}, err
	}
	if types[0].Type != lake.Boolean {
		return result{}, forge.Errorf(forge.KindInvalid, nil, "where is %s, not a condition: compare it with something", types[0].Type)
	}
	column := st.text("column", "")
	if column != "" {
		c, err := st.column(column)
		if err != nil {
			return result{}, err
		}
		column = c.Name
	}
	if !st.flag("rejects", true) {
		return result{cols: st.same(), where: where}, nil
	}
	reason := st.text("reason", "does not meet: "+where)
	return result{cols: st.same(), rejects: []reject{{"(" + where + ") IS NOT TRUE", column, reason}}}, nil
}

var dedupeSpec = lake.StepSpec{
	Kind: "dedupe", Title: "Remove duplicates", Group: "rows",
	Help: "Keeps one row of those that are equal in the keys, or in all columns. Rows with a NULL in a key are all kept: a missing key makes nothing equal.",
	Fields: []lake.StepField{
		{Name: "keys", Type: lake.FieldColumns, Help: "columns that make rows equal; all columns when not given"},
		{Name: "order_by", Type: lake.FieldColumns, Help: "columns that say which row is first; ties go by all other columns"},
		{Name: "keep", Type: lake.FieldChoice, Options: []string{"first", "last"}, Default: "first", Help: "which row stays"},
	},
	Example: "do: dedupe\nkeys: [order_id]\norder_by: [updated_at]\nkeep: last",
}

func compileDedupe(st *stage) (result, error) {
	keys, err := st.columns("keys", anyColumn)
	if err != nil {
		return result{}, err
	}
	direction := " ASC NULLS FIRST"
	if st.text("keep", "first") == "last" {
		direction = " DESC NULLS LAST"
	}
	var order, null []string
	seen := map[string]bool{}
	list := []lake.Column{}
	if st.step.With["order_by"] != nil {
		if list, err = st.columns("order_by", anyColumn); err != nil {
			return result{}, err
		}
	}
	for _, c := range keys {
		seen[c.Name] = true
		if st.step.With["keys"] != nil {
			null = append(null, ident(c.Name)+" IS NULL")
		}
	}
	for _, c := range append(list, st.schema.Columns...) {
		if !seen[c.Name] {
			seen[c.Name] = true
			order = append(order, ident(c.Name)+direction)
		}
	}
	if st.rowID {
		order = append(order, ident(rowID))
	}
	over := "PARTITION BY " + columnList(lake.Schema{Columns: keys})
	if len(order) > 0 {
		over += " ORDER BY " + strings.Join(order, ", ")
	}
	sql := "SELECT " + projection(st.same(), st.rowID) + " FROM " + st.from + " QUALIFY row_number() OVER (" + over + ") = 1"
	if len(null) > 0 {
		sql += " OR " + strings.Join(null, " OR ")
	}
	return result{sql: sql, schema: st.schema, keepsID: true}, nil
}
