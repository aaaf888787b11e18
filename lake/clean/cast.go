package clean

import (
	"fmt"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

var onErrorField = lake.StepField{
	Name: "on_error", Type: lake.FieldChoice, Options: []string{"reject", "make_null", "fail"}, Default: "reject",
	Help: "a value that does not fit: the row goes to the rejects, the value becomes NULL, or the recipe fails",
}

var castSpec = lake.StepSpec{
	Kind: "cast", Title: "Change types", Group: "values", Rejects: true,
	Help: "Reads values as another type: boolean, int, long, float, double, decimal(p,s), date, time, timestamp, timestamptz, string. Blank texts become NULL. A fraction is never rounded away: 12.7 is no long.",
	Fields: []lake.StepField{
		{Name: "columns", Type: lake.FieldColumnTypes, Required: true, Help: "column → type"},
		{Name: "formats", Type: lake.FieldTexts, Help: "for dates and times, tried in order: %Y year, %m month, %d day, %H hour, %M minute, %S second, %b month's name; none means ISO"},
		{Name: "decimal", Type: lake.FieldChoice, Options: []string{".", ","}, Default: ".", Help: "decimal mark in texts"},
		{Name: "thousands", Type: lake.FieldText, Help: "mark between thousands in texts, left out before reading"},
		onErrorField,
	},
	Example: "do: cast\ncolumns: {value: double}\non_error: reject",
}

func compileCast(st *stage) (result, error) {
	wanted := st.mapping("columns")
	cols := st.same()
	var touched []col
	var rejects []reject
	for _, name := range sortedKeys(wanted) {
		c, err := st.column(name)
		if err != nil {
			return result{}, err
		}
		t, err := parseType(wanted[name])
		if err != nil {
			return result{}, err
		}
		if t == c.Type {
			continue
		}
		expr, wrong := st.cast(c, t)
		reason := "is " + notA(t, st.list("formats"))
		switch st.text("on_error", "reject") {
		case "reject":
			rejects = append(rejects, reject{wrong, c.Name, reason})
		case "fail":
			expr = fmt.Sprintf("(CASE WHEN %s THEN CAST(error(%s) AS %s) ELSE %s END)", wrong, text(fmt.Sprintf("column %q: a value %s; on_error: reject keeps such rows aside", c.Name, reason)), sqlType(t), expr)
		}
		c.Type = t
		cols = set(cols, c, expr)
		touched = append(touched, col{c, expr})
	}
	return result{cols: cols, rejects: rejects, touched: st.changed(touched)}, nil
}

// cast gives the expression for a column as another type, and the condition that a
// value is there but does not fit.
func (st *stage) cast(c lake.Column, t lake.Type) (expr, wrong string) {
	x := ident(c.Name)
	formats := st.list("formats")
	if c.Type == lake.String {
		x = "nullif(trim(" + x + "), '')"
		expr = st.fromText(x, t)
	} else {
		expr = fromValue(x, c.Type, t, formats)
	}
	return expr, "(" + x + " IS NOT NULL AND " + expr + " IS NULL)"
}

const (
	wholeNumber = `'[+-]?[0-9]+(\.0*)?'`
	anyNumber   = `'[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?'`
)

func (st *stage) fromText(x string, t lake.Type) string {
	switch {
	case t.Numeric():
		n := x
		if mark := st.text("thousands", ""); mark != "" {
			n = "replace(" + n + ", " + text(mark) + ", '')"
		}
		if st.text("decimal", ".") == "," {
			n = "replace(" + n + ", ',', '.')"
		}
		if whole(t) {
			return "(CASE WHEN regexp_full_match(" + n + ", " + wholeNumber + ") THEN TRY_CAST(regexp_replace(" + n + `, '\.0*$', '') AS ` + sqlType(t) + ") END)"
		}
		return "(CASE WHEN regexp_full_match(" + n + ", " + anyNumber + ") THEN TRY_CAST(" + n + " AS " + sqlType(t) + ") END)"
	case t == lake.Boolean:
		return "(CASE WHEN lower(" + x + ") IN ('true', 't', 'yes', 'y', '1', 'on') THEN true WHEN lower(" + x + ") IN ('false', 'f', 'no', 'n', '0', 'off') THEN false END)"
	case len(st.list("formats")) > 0:
		return timeAs("try_strptime("+x+", ["+texts(st.list("formats"))+"])", t)
	case t == lake.Timestamptz:
		return "coalesce(CASE WHEN regexp_matches(" + x + `, '([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$') AND regexp_matches(` + x + `, ':') THEN TRY_CAST(` + x + " AS TIMESTAMPTZ) END, timezone('UTC', TRY_CAST(" + x + " AS TIMESTAMP)))"
	}
	return "TRY_CAST(" + x + " AS " + sqlType(t) + ")"
}

// timeAs turns a TIMESTAMP expression into one of the time types; other types are
// left to the engine.
func timeAs(ts string, t lake.Type) string {
	switch t {
	case lake.Timestamp:
		return ts
	case lake.Timestamptz:
		return "timezone('UTC', " + ts + ")"
	}
	return "TRY_CAST(" + ts + " AS " + sqlType(t) + ")"
}

func fromValue(x string, from, to lake.Type, formats []string) string {
	temporal := from == lake.Date || from == lake.Timestamp || from == lake.Timestamptz
	switch {
	case to == lake.String && temporal && len(formats) > 0:
		return "strftime(" + x + ", " + text(formats[0]) + ")"
	case to == lake.String && (from == lake.Float || from == lake.Double):
		return "(CASE WHEN " + x + " = trunc(" + x + ") AND abs(" + x + ") < 1e15 THEN CAST(CAST(" + x + " AS BIGINT) AS VARCHAR) ELSE CAST(" + x + " AS VARCHAR) END)"
	case whole(to) && from.Numeric() && !whole(from):
		return "(CASE WHEN " + x + " = trunc(" + x + ") THEN TRY_CAST(" + x + " AS " + sqlType(to) + ") END)"
	case to == lake.Boolean && from.Numeric():
		return "(CASE WHEN " + x + " = 1 THEN true WHEN " + x + " = 0 THEN false END)"
	case from.Numeric() && len(formats) > 0 && (to == lake.Date || to == lake.Timestamp || to == lake.Timestamptz):
		return timeAs("try_strptime(CAST("+x+" AS VARCHAR), ["+texts(formats)+"])", to)
	case from == lake.Date && to == lake.Timestamptz || from == lake.Timestamp && to == lake.Timestamptz:
		return "timezone('UTC', CAST(" + x + " AS TIMESTAMP))"
	case from == lake.Timestamptz:
		return "TRY_CAST(timezone('UTC', " + x + ") AS " + sqlType(to) + ")"
	}
	return "TRY_CAST(" + x + " AS " + sqlType(to) + ")"
}

func notA(t lake.Type, formats []string) string {
	switch {
	case whole(t):
		return "not a whole number (" + string(t) + ")"
	case t.Numeric():
		return "not a number (" + string(t) + ")"
	case t == lake.Boolean:
		return "neither true nor false"
	case len(formats) > 0:
		return "not a " + string(t) + " written " + strings.Join(formats, " or ")
	}
	return "not a " + string(t)
}

var parseTimeSpec = lake.StepSpec{
	Kind: "parse_time", Title: "Read a time", Group: "values", Rejects: true,
	Help: "Makes one time column from one or more columns, such as a date and a time of day, joined by a blank and read with the first format that fits. The columns that were read are dropped unless keep is true.",
	Fields: []lake.StepField{
		{Name: "column", Type: lake.FieldName, Required: true, Help: "name of the time column; may be one of from"},
		{Name: "from", Type: lake.FieldColumns, Required: true, Help: "columns to read, in order"},
		{Name: "formats", Type: lake.FieldTexts, Help: "tried in order, for example %m-%d-%Y %H:%M; none means ISO"},
		{Name: "type", Type: lake.FieldChoice, Options: []string{"timestamp", "timestamptz", "date"}, Default: "timestamp", Help: "type of the column"},
		{Name: "zone", Type: lake.FieldText, Help: "IANA zone in which the texts are, for example Europe/Berlin; the column is in UTC"},
		{Name: "required", Type: lake.FieldBool, Default: false, Help: "a row without a time is handled as one with a wrong time"},
		{Name: "keep", Type: lake.FieldBool, Default: false, Help: "keep the columns that were read"},
		onErrorField,
	},
	Example: "do: parse_time\ncolumn: event_time\nfrom: [date, time]\nformats: ['%m-%d-%Y %H:%M']",
}

func compileParseTime(st *stage) (result, error) {
	from, err := st.columns("from", anyColumn)
	if err != nil {
		return result{}, err
	}
	if len(from) == 0 {
		return result{}, forge.Errorf(forge.KindInvalid, nil, "from names no column")
	}
	zone := st.text("zone", "")
	if strings.Trim(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") != "" {
		return result{}, forge.Errorf(forge.KindInvalid, nil, "zone %q: want a name such as Europe/Berlin or UTC", zone)
	}
	t := lake.Type(st.text("type", "timestamp"))
	there, ts := st.timeOf(from)
	if zone != "" {
		ts = "timezone('UTC', timezone(" + text(zone) + ", " + ts + "))"
	}
	expr := timeAs(ts, t)
	wrong := "(" + there + " AND " + expr + " IS NULL)"
	if st.flag("required", false) {
		wrong = "(" + expr + " IS NULL)"
	}
	res := result{touched: "true"}
	reason := "is not a time"
	if f := st.list("formats"); len(f) > 0 {
		reason += " written " + strings.Join(f, " or ")
	}
	switch st.text("on_error", "reject") {
	case "reject":
		if st.flag("required", false) {
			for _, c := range from {
				res.rejects = append(res.rejects, reject{blank(c), c.Name, "is missing"})
			}
		}
		res.rejects = append(res.rejects, reject{wrong, from[len(from)-1].Name, namesOf(from) + " " + reason})
	case "fail":
		expr = fmt.Sprintf("(CASE WHEN %s THEN CAST(error(%s) AS %s) ELSE %s END)", wrong, text(namesOf(from)+" "+reason), sqlType(t), expr)
	}
	cols := st.same()
	if !st.flag("keep", false) {
		var gone []lake.Column
		for _, c := range from {
			if !strings.EqualFold(c.Name, st.text("column", "")) {
				gone = append(gone, c)
			}
		}
		cols = without(cols, gone)
	}
	res.cols = set(cols, lake.Column{Name: st.text("column", ""), Type: t}, expr)
	return res, nil
}

// timeOf gives the condition that every part is there, and the TIMESTAMP. Parts that
// are dates or times already are written as ISO and the formats get variants for them,
// so that one recipe fits a file whose types were found and one read as text.
func (st *stage) timeOf(from []lake.Column) (there, ts string) {
	var parts, conds []string
	typed := false
	for _, c := range from {
		conds = append(conds, "NOT "+blank(c))
		x := "trim(CAST(" + ident(c.Name) + " AS VARCHAR))"
		if c.Type == lake.Timestamptz {
			x = "CAST(timezone('UTC', " + ident(c.Name) + ") AS VARCHAR)"
		}
		typed = typed || c.Type != lake.String
		parts = append(parts, x)
	}
	joined := strings.Join(parts, " || ' ' || ")
	there = "(" + strings.Join(conds, " AND ") + ")"
	formats := st.list("formats")
	if len(formats) == 0 {
		return there, "TRY_CAST(" + joined + " AS TIMESTAMP)"
	}
	if !typed {
		return there, "try_strptime(" + joined + ", [" + texts(formats) + "])"
	}
	return there, "coalesce(try_strptime(" + joined + ", [" + texts(withISO(formats)) + "]), TRY_CAST(" + joined + " AS TIMESTAMP))"
}

// withISO adds, to each format, those with an ISO date or time of day in its place.
func withISO(formats []string) []string {
	out := append([]string(nil), formats...)
	for _, f := range formats {
		date, clock, both := strings.Cut(f, " ")
		if both {
			out = append(out, "%Y-%m-%d "+clock, date+" %H:%M:%S", "%Y-%m-%d %H:%M:%S")
		}
	}
	return out
}

// blank is the condition that a column has no value or an empty text.
func blank(c lake.Column) string {
	if c.Type == lake.String {
		return "(nullif(trim(" + ident(c.Name) + "), '') IS NULL)"
	}
	return "(" + ident(c.Name) + " IS NULL)"
}

func namesOf(cols []lake.Column) string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return strings.Join(out, " and ")
}
