package clean

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

var trimSpec = lake.StepSpec{
	Kind: "trim", Title: "Trim texts", Group: "values",
	Help: "Takes white space off both ends of texts, also tabs and the no-break space.",
	Fields: []lake.StepField{
		{Name: "columns", Type: lake.FieldColumns, Default: "*", Help: "text columns; all when not given"},
		{Name: "collapse", Type: lake.FieldBool, Default: false, Help: "make one blank of white space inside"},
		{Name: "empty_to_null", Type: lake.FieldBool, Default: true, Help: "a text that is empty then becomes NULL"},
	},
	Example: "do: trim\ncolumns: [description]\ncollapse: true",
}

func compileTrim(st *stage) (result, error) {
	return st.eachText(func(c lake.Column) string {
		x := `regexp_replace(` + ident(c.Name) + `, '^[\s\p{Z}]+|[\s\p{Z}]+$', '', 'g')`
		if st.flag("collapse", false) {
			x = `regexp_replace(` + x + `, '[\s\p{Z}]+', ' ', 'g')`
		}
		if st.flag("empty_to_null", true) {
			x = "nullif(" + x + ", '')"
		}
		return x
	})
}

// eachText replaces text columns by an expression over each.
func (st *stage) eachText(expr func(lake.Column) string) (result, error) {
	chosen, err := st.columns("columns", textColumn)
	if err != nil {
		return result{}, err
	}
	cols, touched := st.same(), []col{}
	for _, c := range chosen {
		if c.Type != lake.String {
			return result{}, forge.Errorf(forge.KindInvalid, nil, "column %q is %s, not a text: cast it first", c.Name, c.Type)
		}
		x := expr(c)
		cols = set(cols, c, x)
		touched = append(touched, col{c, x})
	}
	return result{cols: cols, touched: st.changed(touched)}, nil
}

var normaliseSpec = lake.StepSpec{
	Kind: "normalise", Title: "Make spellings equal", Group: "values",
	Help: "Changes case, takes accents off, and replaces values: first accents, then case, then the map.",
	Fields: []lake.StepField{
		{Name: "columns", Type: lake.FieldColumns, Default: "*", Help: "text columns; all when not given"},
		{Name: "case", Type: lake.FieldChoice, Options: []string{"keep", "lower", "upper", "first"}, Default: "keep", Help: "first makes the first letter large and the others small"},
		{Name: "accents", Type: lake.FieldChoice, Options: []string{"keep", "strip"}, Default: "keep", Help: "strip makes é an e"},
		{Name: "map", Type: lake.FieldColumnTexts, Help: "value → value, exact after the changes above"},
	},
	Example: "do: normalise\ncolumns: [country]\nmap: {UK: United Kingdom, EIRE: Ireland}",
}

func compileNormalise(st *stage) (result, error) {
	mapping := st.mapping("map")
	return st.eachText(func(c lake.Column) string {
		x := ident(c.Name)
		if st.text("accents", "keep") == "strip" {
			x = "strip_accents(" + x + ")"
		}
		switch st.text("case", "keep") {
		case "lower":
			x = "lower(" + x + ")"
		case "upper":
			x = "upper(" + x + ")"
		case "first":
			x = "(upper(left(" + x + ", 1)) || lower(substr(" + x + ", 2)))"
		}
		if len(mapping) == 0 {
			return x
		}
		s := "(CASE " + x
		for _, k := range sortedKeys(mapping) {
			s += " WHEN " + text(k) + " THEN " + text(mapping[k])
		}
		return s + " ELSE " + x + " END)"
	})
}

var nullValuesSpec = lake.StepSpec{
	Kind: "null_values", Title: "Values that mean missing", Group: "values",
	Help: "Makes NULL of values that stand for a missing one, such as unknown, N/A or 999. A number in the list also fits number columns; a text fits text columns only.",
	Fields: []lake.StepField{
		{Name: "columns", Type: lake.FieldColumns, Default: "*", Help: "columns to look at; all when not given"},
		{Name: "values", Type: lake.FieldValues, Required: true, Help: "values that mean missing"},
		{Name: "exact", Type: lake.FieldBool, Default: false, Help: "case and outer blanks must fit too"},
	},
	Example: "do: null_values\ncolumns: [pdays]\nvalues: [999]",
}

func compileNullValues(st *stage) (result, error) {
	chosen, err := st.columns("columns", func(c lake.Column) bool { return textColumn(c) || numColumn(c) })
	if err != nil {
		return result{}, err
	}
	values, _ := st.step.With["values"].([]any)
	cols, touched := st.same(), []col{}
	for _, c := range chosen {
		cond := st.meansMissing(c, values)
		if cond == "" {
			continue
		}
		x := "(CASE WHEN " + cond + " THEN NULL ELSE " + ident(c.Name) + " END)"
		cols = set(cols, c, x)
		touched = append(touched, col{c, x})
	}
	if len(touched) == 0 {
		return result{}, forge.Errorf(forge.KindInvalid, nil, "no value of the list fits the columns' types: texts fit text columns, numbers also number columns")
	}
	return result{cols: cols, touched: st.changed(touched)}, nil
}

func (st *stage) meansMissing(c lake.Column, values []any) string {
	var list []string
	for _, v := range values {
		n, isNumber := numberOf(v)
		_, isBool := v.(bool)
		switch {
		case c.Type == lake.String && st.flag("exact", false):
			list = append(list, text(plainText(v)))
		case c.Type == lake.String:
			list = append(list, text(strings.ToLower(strings.TrimSpace(plainText(v)))))
		case c.Type.Numeric() && isNumber:
			list = append(list, num(n))
		case c.Type == lake.Boolean && isBool:
			list = append(list, literal(v))
		}
	}
	if len(list) == 0 {
		return ""
	}
	x := ident(c.Name)
	if c.Type == lake.String && !st.flag("exact", false) {
		x = "lower(trim(" + x + "))"
	}
	return x + " IN (" + strings.Join(list, ", ") + ")"
}

var fillSpec = lake.StepSpec{
	Kind: "fill", Title: "Fill missing values", Group: "values",
	Help: "Puts a value where there is none: a constant, the column's mean, median or most frequent value, or a category of its own for texts.",
	Fields: []lake.StepField{
		{Name: "columns", Type: lake.FieldColumns, Required: true, Help: "columns to fill; * means every column that the method fits"},
		{Name: "method", Type: lake.FieldChoice, Required: true, Options: []string{"constant", "mean", "median", "mode", "category"}, Help: "what to put in"},
		{Name: "value", Type: lake.FieldText, Help: "for constant: the value, read as the column's type; for category: its name, else missing"},
	},
	Example: "do: fill\ncolumns: [job]\nmethod: category\nvalue: unknown",
}

func compileFill(st *stage) (result, error) {
	method := st.text("method", "")
	numbers := method == "mean" || method == "median"
	fits := anyColumn
	switch {
	case numbers:
		fits = numColumn
	case method == "category":
		fits = textColumn
	}
	chosen, err := st.columns("columns", fits)
	if err != nil {
		return result{}, err
	}
	cols, touched := st.same(), []col{}
	for _, c := range chosen {
		if !fits(c) {
			return result{}, forge.Errorf(forge.KindInvalid, nil, "column %q is %s: %s does not fit it", c.Name, c.Type, method)
		}
		value, err := st.fillValue(c, method)
		if err != nil {
			return result{}, err
		}
		old := c.Type
		if numbers && whole(c.Type) {
			c.Type = lake.Double // a mean of whole numbers is none
		}
		x := "coalesce(" + ident(c.Name) + ", " + value + ")"
		if old != c.Type {
			x = "coalesce(CAST(" + ident(c.Name) + " AS DOUBLE), " + value + ")"
		}
		cols = set(cols, c, x)
		touched = append(touched, col{c, x})
	}
	res := result{cols: cols}
	for _, c := range touched {
		if res.touched != "" {
			res.touched += " OR "
		}
		res.touched += ident(c.Name) + " IS NULL"
	}
	return res, nil
}

// fillValue is the value as SQL. Ties for the most frequent value go to the smallest,
// so that a repeated run fills in the same.
func (st *stage) fillValue(c lake.Column, method string) (string, error) {
	x, t := ident(c.Name), sqlType(c.Type)
	switch method {
	case "mean":
		return fmt.Sprintf("(SELECT round(favg(%s), 9) FROM %s)", x, st.from), nil
	case "median":
		return fmt.Sprintf("(SELECT CAST(median(%s) AS DOUBLE) FROM %s)", x, st.from), nil
	case "mode":
		return fmt.Sprintf("(SELECT %s FROM %s WHERE %s IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1)", x, st.from, x), nil
	case "category":
		return text(st.text("value", "missing")), nil
	}
	v, has := st.step.With["value"]
	if !has || v == nil {
		return "", forge.Errorf(forge.KindInvalid, nil, "constant needs a value")
	}
	s := plainText(v)
	if !fitsType(s, c.Type) {
		return "", forge.Errorf(forge.KindInvalid, nil, "value %q does not fit column %q, which is %s", s, c.Name, c.Type)
	}
	return "CAST(" + text(s) + " AS " + t + ")", nil
}

// fitsType reports whether a text can be read as a type; the engine would say so only
// when the recipe runs.
func fitsType(s string, t lake.Type) bool {
	switch {
	case whole(t):
		_, err := strconv.ParseInt(s, 10, 64)
		return err == nil
	case t.Numeric():
		f, err := strconv.ParseFloat(s, 64)
		return err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	case t == lake.Boolean:
		return s == "true" || s == "false"
	case t == lake.Date:
		_, err := time.Parse(time.DateOnly, s)
		return err == nil
	case t == lake.Timestamp || t == lake.Timestamptz:
		_, err := time.Parse(time.DateTime, s)
		return err == nil
	}
	return t == lake.String
}
