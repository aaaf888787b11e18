package clean

import (
	"fmt"
	"strings"
	"time"

	"aiforge.dev/forge/lake"
)

// with is the WITH clause of the first n CTEs.
func (p *Plan) with(n int) string {
	parts := make([]string, n)
	for i, c := range p.ctes[:n] {
		parts[i] = c.name + " AS (\n" + c.sql + "\n)"
	}
	return "WITH " + strings.Join(parts, ",\n") + "\n"
}

func (p *Plan) last() string { return p.ctes[len(p.ctes)-1].name }

// Query makes a query of SQL, with the key's blocks when the SQL refers to them.
func (p *Plan) Query(sql string) lake.Query {
	q := lake.Query{SQL: sql}
	if usesArgs(sql) {
		q.Args = p.args
	}
	return q
}

// usesArgs finds a $ outside of texts and quoted names.
func usesArgs(sql string) bool {
	for i := 0; i < len(sql); i++ {
		switch sql[i] {
		case '\'', '"':
			if i = closing(sql, i) - 1; i < 0 {
				return false
			}
		case '$':
			return true
		}
	}
	return false
}

// Select gives the result's rows.
func (p *Plan) Select() string {
	cols := make([]col, len(p.Schema.Columns))
	for i, c := range p.Schema.Columns {
		cols[i] = col{c, "CAST(" + ident(c.Name) + " AS " + sqlType(c.Type) + ")"} // as the table will have it
	}
	return p.with(len(p.ctes)) + "SELECT " + projection(cols, false) + " FROM " + p.last()
}

// Counts gives one row per step and one for the end: number, rows that come in, rows
// touched, rows rejected.
func (p *Plan) Counts() string {
	var parts []string
	for i, s := range p.steps {
		touched, rejected := "0", "0"
		if s.result.touched != "" {
			touched = "count(*) FILTER (WHERE (" + s.result.touched + ")" + keptOnly(s.result) + ")"
		}
		if len(s.result.rejects) > 0 {
			rejected = "count(*) FILTER (WHERE " + anyReject(s.result) + ")"
		}
		parts = append(parts, fmt.Sprintf("SELECT %d AS n, count(*) AS rows_in, %s AS touched, %s AS rejected FROM %s", i, touched, rejected, s.from))
	}
	parts = append(parts, fmt.Sprintf("SELECT %d, count(*), 0, 0 FROM %s", len(p.steps), p.last()))
	return p.with(len(p.ctes)) + strings.Join(parts, "\nUNION ALL ") + "\nORDER BY 1"
}

func keptOnly(r result) string {
	if len(r.rejects) == 0 {
		return ""
	}
	return " AND NOT (" + anyReject(r) + ")"
}

func anyReject(r result) string {
	all := make([]string, len(r.rejects))
	for i, j := range r.rejects {
		all[i] = "(" + j.when + ") IS TRUE"
	}
	return "(" + strings.Join(all, " OR ") + ")"
}

// rejectColumns is the table of rejected rows: the columns of ingest's rejects, and
// the step and the recipe.
var rejectColumns = lake.Schema{Columns: []lake.Column{
	{Name: "source", Type: lake.String}, {Name: "line", Type: lake.Long}, {Name: "column", Type: lake.String},
	{Name: "value", Type: lake.String}, {Name: "reason", Type: lake.String}, {Name: "text", Type: lake.String},
	{Name: "at", Type: lake.Timestamptz}, {Name: "step", Type: lake.String}, {Name: "recipe", Type: lake.String},
}}

// Rejects gives the rows turned away, each once, with the step, the column and the
// reason. What the recipe masks later is masked here as well.
func (p *Plan) Rejects(source string, at time.Time) string {
	hidden := p.hidden()
	var parts []string
	upto := 0
	for i, s := range p.steps {
		if len(s.result.rejects) == 0 {
			continue
		}
		upto = s.upto - 1
		shown, from := shownColumns(s, hidden[i])
		column, value, reason := "CASE", "CASE", "CASE"
		for _, j := range s.result.rejects {
			when := " WHEN (" + j.when + ") IS TRUE THEN "
			column += when + text(j.column)
			reason += when + text(j.reason)
			value += when + shownValue(s.in, j.column, shown)
		}
		parts = append(parts, fmt.Sprintf(
			"SELECT %s AS source, CAST(NULL AS BIGINT) AS line, %s END AS \"column\", CAST(%s END AS VARCHAR) AS value, %s END AS reason, %s AS text, TIMESTAMPTZ %s AS at, %s AS step, %s AS recipe FROM %s WHERE %s",
			text(source), column, value, reason, rowText(s.in, shown), text(at.UTC().Format("2006-01-02 15:04:05.999999+00")),
			text(s.title), text(p.Recipe.Name+"@"+p.Recipe.Hash()), from, anyReject(s.result)))
	}
	if len(parts) == 0 {
		return "SELECT " + typedNulls(rejectColumns) + " WHERE false"
	}
	return p.with(upto) + strings.Join(parts, "\nUNION ALL ")
}

// probe runs the first n steps over all rows and columns without keeping anything.
func (p *Plan) probe(n int) string {
	upto, name := 1, p.ctes[0].name
	if n > 0 {
		upto = p.steps[n-1].upto
		name = p.ctes[upto-1].name
	}
	return p.with(upto) + "SELECT count(hash(t)) FROM " + name + " t"
}

// shownColumns gives, by column in small letters, the names under which hidden columns
// are shown, and what to select from so that these names are there. They are columns of
// their own because DuckDB cannot tell the type of a JSON function whose arguments hold
// a parameter.
func shownColumns(s compiled, hidden map[string]shower) (shown map[string]string, from string) {
	shown = map[string]string{}
	list := []string{"*"}
	for i, c := range s.in.Columns {
		if h, ok := hidden[strings.ToLower(c.Name)]; ok {
			name := ident(fmt.Sprintf("__forge_shown_%d", i))
			shown[strings.ToLower(c.Name)] = name
			list = append(list, h(c)+" AS "+name)
		}
	}
	if len(shown) == 0 {
		return shown, s.from
	}
	return shown, "(SELECT " + strings.Join(list, ", ") + " FROM " + s.from + ")"
}

func shownValue(in lake.Schema, column string, shown map[string]string) string {
	c, _, ok := find(in, column)
	if !ok {
		return "''"
	}
	if name, ok := shown[strings.ToLower(c.Name)]; ok {
		return name
	}
	return asText(c)
}

// rowText is the row as a JSON object.
func rowText(in lake.Schema, shown map[string]string) string {
	var parts []string
	for _, c := range in.Columns {
		v := ident(c.Name)
		if name, ok := shown[strings.ToLower(c.Name)]; ok {
			v = name
		} else if c.Type == lake.Binary || c.Type == lake.UUID {
			v = "CAST(" + v + " AS VARCHAR)"
		}
		parts = append(parts, text(c.Name)+", "+v)
	}
	return "CAST(json_object(" + strings.Join(parts, ", ") + ") AS VARCHAR)"
}

func columnList(s lake.Schema) string {
	out := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		out[i] = ident(c.Name)
	}
	return strings.Join(out, ", ")
}

func typedNulls(s lake.Schema) string {
	out := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		out[i] = "CAST(NULL AS " + sqlType(c.Type) + ") AS " + ident(c.Name)
	}
	return strings.Join(out, ", ")
}
