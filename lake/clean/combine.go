package clean

import (
	"fmt"
	"regexp"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

var joinSpec = lake.StepSpec{
	Kind: "join", Title: "Join a table", Group: "sql",
	Help: "Adds columns of another table where the keys are equal. A row that finds no partner stays with NULLs (left) or goes (inner). A second partner fails the recipe, unless match is all, which then repeats the row.",
	Fields: []lake.StepField{
		{Name: "table", Type: lake.FieldTable, Required: true, Help: "table to join"},
		{Name: "on", Type: lake.FieldColumnTexts, Required: true, Help: "column here → column there"},
		{Name: "columns", Type: lake.FieldTexts, Help: "columns to add; all but the keys when not given"},
		{Name: "prefix", Type: lake.FieldText, Help: "put before the names of the added columns"},
		{Name: "how", Type: lake.FieldChoice, Options: []string{"left", "inner"}, Default: "left", Help: "what happens to a row without partner"},
		{Name: "match", Type: lake.FieldChoice, Options: []string{"one", "all"}, Default: "one", Help: "what happens to a second partner"},
	},
	Example: "do: join\ntable: curated.customers\non: {customer_id: id}\ncolumns: [segment]",
}

func compileJoin(st *stage) (result, error) {
	name, err := forge.ParseTableName(st.text("table", ""))
	if err != nil {
		return result{}, err
	}
	right, err := st.in.Schema(st.ctx, name)
	if err != nil {
		return result{}, err
	}
	st.plan.reads(name)
	on := st.mapping("on")
	var conds, keys []string
	isKey := map[string]bool{}
	for _, l := range sortedKeys(on) {
		lc, err := st.column(l)
		if err != nil {
			return result{}, err
		}
		rc, _, ok := find(right, on[l])
		if !ok {
			return result{}, forge.Errorf(forge.KindInvalid, nil, "%s has no column %q", name, on[l])
		}
		if lc.Type != rc.Type && !(lc.Type.Numeric() && rc.Type.Numeric()) {
			return result{}, forge.Errorf(forge.KindInvalid, nil, "%q is %s here and %q is %s in %s: cast one of them first", lc.Name, lc.Type, rc.Name, rc.Type, name)
		}
		conds = append(conds, "l."+ident(lc.Name)+" = r."+ident(rc.Name))
		keys = append(keys, ident(rc.Name))
		isKey[rc.Name] = true
	}
	added, err := st.added(right, name, isKey)
	if err != nil {
		return result{}, err
	}
	return st.joined(name, added, conds, keys), nil
}

// added are the columns that the join brings, named as there.
func (st *stage) added(right lake.Schema, name forge.TableName, isKey map[string]bool) ([]lake.Column, error) {
	wanted := st.list("columns")
	var out []lake.Column
	if len(wanted) == 0 {
		for _, c := range right.Columns {
			if !isKey[c.Name] {
				out = append(out, c)
			}
		}
	}
	for _, w := range wanted {
		c, _, ok := find(right, w)
		if !ok {
			return nil, forge.Errorf(forge.KindInvalid, nil, "%s has no column %q", name, w)
		}
		out = append(out, c)
	}
	for _, c := range out {
		if have, _, ok := find(st.schema, st.text("prefix", "")+c.Name); ok {
			return nil, forge.Errorf(forge.KindInvalid, nil, "column %q is there already: give a prefix, or list the columns to add", have.Name)
		}
	}
	return out, nil
}

func (st *stage) joined(name forge.TableName, added []lake.Column, conds, keys []string) result {
	schema := lake.Schema{Columns: append([]lake.Column(nil), st.schema.Columns...)}
	var list []string
	for _, c := range st.schema.Columns {
		list = append(list, "l."+ident(c.Name))
	}
	one := st.text("match", "one") == "one"
	for _, c := range added {
		x := "r." + ident(c.Name)
		if one {
			x = fmt.Sprintf("CASE WHEN r.\"__forge_n\" > 1 THEN CAST(error(%s) AS %s) ELSE %s END",
				text(fmt.Sprintf("%s has more than one row for a key: make it unique, or set match: all", name)), sqlType(c.Type), x)
		}
		c.Name = st.text("prefix", "") + c.Name
		list = append(list, x+" AS "+ident(c.Name))
		schema.Columns = append(schema.Columns, c)
	}
	if st.rowID {
		list = append(list, "l."+ident(rowID))
	}
	source := "SELECT *"
	if one {
		source += ", count(*) OVER (PARTITION BY " + strings.Join(keys, ", ") + ") AS \"__forge_n\""
	}
	how := strings.ToUpper(st.text("how", "left"))
	sql := "SELECT " + strings.Join(list, ", ") + " FROM " + st.from + " l " + how + " JOIN (" + source + " FROM " + table(name) + ") r ON " + strings.Join(conds, " AND ")
	return result{sql: sql, schema: schema, keepsID: true}
}

// reads notes a table that the recipe reads beside those of from.
func (p *Plan) reads(t forge.TableName) {
	for _, have := range p.Tables {
		if have == t {
			return
		}
	}
	p.Tables = append(p.Tables, t)
}

var sqlSpec = lake.StepSpec{
	Kind: "sql", Title: "SQL", Group: "sql",
	Help: "One SELECT over {{input}}, the rows before this step, and the project's tables, for what the other steps cannot do. Rows that it leaves out are not among the rejects.",
	Fields: []lake.StepField{
		{Name: "sql", Type: lake.FieldSQL, Required: true, Help: "SELECT … FROM {{input}}"},
	},
	Example: "do: sql\nsql: SELECT *, count(*) OVER (PARTITION BY customer_id) AS orders FROM {{input}}",
}

var (
	inputMark = regexp.MustCompile(`^\{\{\s*input\s*\}\}`)
	dotted    = regexp.MustCompile(`(?i)"?\b([a-z_][a-z0-9_]*)\b"?\s*\.\s*"?\b([a-z_][a-z0-9_]*)\b"?`)
)

func compileSQL(st *stage) (result, error) {
	user := strings.TrimRight(strings.TrimSpace(st.text("sql", "")), "; \n\t")
	check, found := replaceInput(user)
	if !found {
		return result{}, forge.Errorf(forge.KindInvalid, nil, "the SQL does not read {{input}}: the steps before it would be lost")
	}
	if err := checkSelect(check); err != nil {
		return result{}, err
	}
	with := "WITH " + stand + " AS (SELECT " + typedNulls(st.schema) + " LIMIT 0)\n"
	schema, err := st.in.Describe(st.ctx, with+"SELECT * FROM (\n"+check+"\n) LIMIT 0")
	if err != nil {
		return result{}, err
	}
	for _, m := range dotted.FindAllStringSubmatch(user, -1) {
		name, err := forge.ParseTableName(strings.ToLower(m[1] + "." + m[2]))
		if err != nil {
			continue
		}
		if _, err := st.in.Schema(st.ctx, name); err == nil {
			st.plan.reads(name)
		}
	}
	// What was checked is what runs, over another input of the same columns: it cannot
	// break out of its parentheses.
	inner := "(SELECT " + columnList(st.schema) + " FROM " + st.from + ")"
	sql := "WITH " + stand + " AS " + inner + "\nSELECT * FROM (\n" + check + "\n)"
	return result{sql: sql, schema: schema}, nil
}

// stand is the name under which the checked SQL reads its input.
const stand = "forge_input"

// replaceInput puts the input's name in the place of {{input}}, but not inside texts
// and quoted names.
func replaceInput(sql string) (string, bool) {
	var b strings.Builder
	found := false
	for i := 0; i < len(sql); {
		if c := sql[i]; c == '\'' || c == '"' {
			end := closing(sql, i)
			if end < 0 {
				end = len(sql) // checkSelect will say so
			}
			b.WriteString(sql[i:end])
			i = end
			continue
		}
		if m := inputMark.FindString(sql[i:]); m != "" {
			b.WriteString(stand)
			i += len(m)
			found = true
			continue
		}
		b.WriteByte(sql[i])
		i++
	}
	return b.String(), found
}
