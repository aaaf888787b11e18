package clean

import (
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/mask"
)

var maskSpec = lake.StepSpec{
	Kind: "mask", Title: "Hide personal data", Group: "privacy",
	Help: "Replaces personal data. hash: a keyed token, equal for equal values in the whole project, so joins still work, and different in every other project. redact: a fixed text. partial: stars but for the last characters. generalise: a coarser value. date_shift: dates moved by a number of days that is the entity's own, so that time between events stays. drop: the column goes. Rejected rows are masked in the same way.",
	Fields: []lake.StepField{
		{Name: "columns", Type: lake.FieldColumns, Required: true, Help: "columns to mask"},
		{Name: "method", Type: lake.FieldChoice, Required: true, Options: []string{"hash", "redact", "partial", "generalise", "date_shift", "drop"}, Help: "how"},
		{Name: "prefix", Type: lake.FieldText, Help: "for hash: text before the token, for example patient_"},
		{Name: "domain", Type: lake.FieldText, Help: "for hash and date_shift: values of different domains get different tokens, for example when customer 7 and order 7 must not look alike"},
		{Name: "text", Type: lake.FieldText, Default: "***", Help: "for redact"},
		{Name: "keep", Type: lake.FieldInteger, Default: 4, Help: "for partial: characters shown at the end"},
		{Name: "to", Type: lake.FieldChoice, Options: []string{"bucket", "decade", "year", "month"}, Default: "bucket", Help: "for generalise: numbers to bucket or decade, dates to month, year or decade"},
		{Name: "size", Type: lake.FieldNumber, Default: 10, Help: "for bucket: its width"},
		{Name: "entity", Type: lake.FieldColumn, Help: "for date_shift: the column that says whose date it is"},
		{Name: "max_days", Type: lake.FieldInteger, Default: 180, Help: "for date_shift: at most so many days, back or forth"},
	},
	Example: "do: mask\ncolumns: [patient_id]\nmethod: hash\nprefix: patient_",
}

// keyParams are the places of the key's blocks among a plan's arguments.
var keyParams = mask.Params{Inner: "$1", Outer: "$2"}

func compileMask(st *stage) (result, error) {
	chosen, err := st.columns("columns", anyColumn)
	if err != nil {
		return result{}, err
	}
	method := st.text("method", "")
	if method == "drop" {
		cols := without(st.same(), chosen)
		if len(cols) == 0 {
			return result{}, forge.Errorf(forge.KindInvalid, nil, "no column would be left")
		}
		return result{cols: cols, touched: "true"}, nil
	}
	if (method == "hash" || method == "date_shift") && !st.in.Key.OK() {
		return result{}, forge.Errorf(forge.KindUnavailable, nil, "the project has no masking key: the server must be started with its master key")
	}
	cols, touched := st.same(), []col{}
	for _, c := range chosen {
		expr, t, err := st.masked(c, method)
		if err != nil {
			return result{}, err
		}
		c.Type = t
		c.Tags = append(withoutPII(c.Tags), "masked:"+method)
		cols = set(cols, c, expr)
		touched = append(touched, col{c, expr})
	}
	return result{cols: cols, touched: st.changed(touched)}, nil
}

func (st *stage) masked(c lake.Column, method string) (string, lake.Type, error) {
	x, asTxt := ident(c.Name), asText(c)
	switch method {
	case "hash":
		return tokenShower(st.step)(c), lake.String, nil
	case "redact":
		return "(CASE WHEN " + x + " IS NULL THEN NULL ELSE " + text(st.text("text", "***")) + " END)", lake.String, nil
	case "partial":
		keep, ok := st.number("keep")
		if !ok {
			keep = 4
		}
		if keep < 0 || keep > 100 {
			return "", "", forge.Errorf(forge.KindInvalid, nil, "keep %v: want 0 to 100", keep)
		}
		return mask.Partial(asTxt, int(keep)), lake.String, nil
	case "date_shift":
		return st.shifted(c)
	}
	return st.generalised(c)
}

func (st *stage) generalised(c lake.Column) (string, lake.Type, error) {
	x, to := ident(c.Name), st.text("to", "bucket")
	temporal := c.Type == lake.Date || c.Type == lake.Timestamp || c.Type == lake.Timestamptz
	size, ok := st.number("size")
	if !ok {
		size = 10
	}
	switch {
	case size <= 0:
		return "", "", forge.Errorf(forge.KindInvalid, nil, "size %v: want more than 0", size)
	case c.Type.Numeric() && to == "decade":
		return "CAST(" + mask.Bucket(x, 10) + " AS " + sqlType(c.Type) + ")", c.Type, nil
	case c.Type.Numeric() && to == "bucket" && whole(c.Type) && size == float64(int64(size)):
		return "CAST(" + mask.Bucket(x, size) + " AS " + sqlType(c.Type) + ")", c.Type, nil
	case c.Type.Numeric() && to == "bucket":
		return "CAST(" + mask.Bucket(x, size) + " AS DOUBLE)", lake.Double, nil
	case temporal && to != "bucket":
		return "CAST(date_trunc(" + text(to) + ", CAST(" + x + " AS DATE)) AS DATE)", lake.Date, nil
	}
	return "", "", forge.Errorf(forge.KindInvalid, nil, "column %q is %s: generalise to %s does not fit it (numbers: bucket, decade; dates: month, year, decade)", c.Name, c.Type, to)
}

func (st *stage) shifted(c lake.Column) (string, lake.Type, error) {
	entity, err := st.column(st.text("entity", ""))
	if st.step.With["entity"] == nil {
		return "", "", forge.Errorf(forge.KindInvalid, nil, "date_shift needs entity, the column that says whose date it is")
	}
	if err != nil {
		return "", "", err
	}
	days, ok := st.number("max_days")
	if !ok {
		days = 180
	}
	if days < 1 || days > 36500 {
		return "", "", forge.Errorf(forge.KindInvalid, nil, "max_days %v: want 1 to 36500", days)
	}
	shift := mask.Shift(asText(entity), st.text("domain", ""), int(days), keyParams)
	switch c.Type {
	case lake.Date:
		return "CAST(" + ident(c.Name) + " + CAST(" + shift + " AS INTEGER) AS DATE)", c.Type, nil
	case lake.Timestamp, lake.Timestamptz:
		return "(" + ident(c.Name) + " + to_hours(24 * " + shift + "))", c.Type, nil
	}
	return "", "", forge.Errorf(forge.KindInvalid, nil, "column %q is %s, not a date: use cast or parse_time first", c.Name, c.Type)
}

// tokenShower writes the token of a column as the step makes it.
func tokenShower(s lake.Step) shower {
	return func(c lake.Column) string {
		return "(" + mask.Token(asText(c), plainText(s.With["domain"]), plainText(s.With["prefix"]), keyParams) + ")"
	}
}

// maskedColumns are the columns that a mask step names and its input has.
func maskedColumns(s lake.Step, in lake.Schema) []lake.Column {
	st := &stage{step: s, schema: in}
	cols, _ := st.columns("columns", anyColumn)
	return cols
}

func withoutPII(tags []string) []string {
	var out []string
	for _, t := range tags {
		if !strings.HasPrefix(t, "pii:") {
			out = append(out, t)
		}
	}
	return out
}
