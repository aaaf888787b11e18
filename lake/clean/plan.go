package clean

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/mask"
)

// Inputs is what compiling a recipe needs to know of the lake.
type Inputs struct {
	// Schema returns the columns of a table of the project.
	Schema func(ctx context.Context, table forge.TableName) (lake.Schema, error)
	// Describe returns the columns of a SELECT that a user wrote, and refuses what a
	// user may not run.
	Describe func(ctx context.Context, sql string) (lake.Schema, error)
	// Key makes the tokens of mask steps. It becomes query arguments, never text.
	Key mask.Key
	// Tags are added to the columns read, by name in small letters.
	Tags map[string][]string
	// RowID carries a hidden number of the input row along, for the preview.
	RowID bool
}

// Plan is a recipe as SQL: one CTE per step, named after it.
type Plan struct {
	Recipe lake.Recipe
	Schema lake.Schema // of the result
	Input  lake.Schema // of the rows read
	Tables []forge.TableName
	args   []any // of the queries: the key's two blocks
	ctes   []cte
	steps  []compiled
	rowID  bool // still carried by the last CTE
}

type cte struct{ name, sql string }

// compiled is one step with what is needed to count and to reject.
type compiled struct {
	title  string // for people: its name, else its kind
	step   lake.Step
	in     lake.Schema
	from   string // quoted name of the CTE that it reads
	upto   int    // number of CTEs up to and with its own
	result result
}

// result is what a kind of step compiles to. A row-wise step gives cols, and maybe
// where and rejects; any other gives sql and schema.
type result struct {
	cols    []col
	where   string   // rows that stay; "" means all
	rejects []reject // rows that go to the rejects, first match counts
	touched string   // condition over the input: the step changed this row
	pre     []cte    // what the expressions refer to
	sql     string
	schema  lake.Schema
	keepsID bool // sql carries the hidden row number
}

// col is an output column and its expression over the input.
type col struct {
	lake.Column
	expr string
}

// reject turns rows away for a reason that does not hold the value itself.
type reject struct {
	when   string // condition over the input
	column string // "" means the whole row
	reason string // text, not SQL
}

// rowID is the hidden column of previews.
const rowID = "__forge_row"

// stage is what a kind sees while its step is compiled.
type stage struct {
	ctx    context.Context
	in     Inputs
	plan   *Plan
	step   lake.Step
	schema lake.Schema
	from   string // quoted
	title  string
	rowID  bool
}

// NewPlan checks a recipe against the tables and compiles it.
func NewPlan(ctx context.Context, r lake.Recipe, in Inputs) (*Plan, error) {
	if err := Check(r); err != nil {
		return nil, err
	}
	p := &Plan{Recipe: r, Tables: append([]forge.TableName(nil), r.From...), rowID: in.RowID}
	if in.Key.OK() {
		inner, outer := in.Key.Args()
		p.args = []any{inner, outer}
	}
	if err := p.base(ctx, in); err != nil {
		return nil, err
	}
	schema, from := p.Input, ident("0 input")
	for i, s := range r.Steps {
		name := ident(fmt.Sprintf("%d %s", i+1, s.Title()))
		st := &stage{ctx: ctx, in: in, plan: p, step: s, schema: schema, from: from, title: fmt.Sprintf("%d %s", i+1, s.Title()), rowID: p.rowID}
		k, _ := kindOf(s.Do)
		res, err := k.compile(st)
		if err == nil {
			schema, err = p.add(st, name, &res)
		}
		if err != nil {
			return nil, stepError(r, i, err)
		}
		from = name
	}
	p.Schema = schema
	return p, nil
}

// add appends the step's CTEs and returns the columns that it leaves.
func (p *Plan) add(st *stage, name string, res *result) (lake.Schema, error) {
	out := res.schema
	sql := res.sql
	if sql == "" {
		out = lake.Schema{}
		for _, c := range res.cols {
			out.Columns = append(out.Columns, c.Column)
		}
		sql = "SELECT " + projection(res.cols, p.rowID) + " FROM " + st.from + res.filter()
	} else {
		p.rowID = p.rowID && res.keepsID
	}
	for i := range out.Columns {
		out.Columns[i].ID = 0
		if strings.EqualFold(out.Columns[i].Name, rowID) {
			return out, forge.Errorf(forge.KindInvalid, nil, "the column name %s is kept for us", rowID)
		}
	}
	if err := out.Check(); err != nil {
		return out, err
	}
	p.ctes = append(append(p.ctes, res.pre...), cte{name, sql})
	p.steps = append(p.steps, compiled{st.step.Title(), st.step, st.schema, st.from, len(p.ctes), *res})
	return out, nil
}

// filter is the WHERE of a row-wise step.
func (r result) filter() string {
	var all []string
	if r.where != "" {
		all = append(all, "("+r.where+") IS TRUE")
	}
	for _, j := range r.rejects {
		all = append(all, "("+j.when+") IS NOT TRUE")
	}
	if len(all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(all, " AND ")
}

func projection(cols []col, id bool) string {
	out := make([]string, 0, len(cols)+1)
	for _, c := range cols {
		if c.expr == ident(c.Name) {
			out = append(out, c.expr)
		} else {
			out = append(out, c.expr+" AS "+ident(c.Name))
		}
	}
	if id {
		out = append(out, ident(rowID))
	}
	return strings.Join(out, ", ")
}

// base is the CTE that reads the tables, one below the other.
func (p *Plan) base(ctx context.Context, in Inputs) error {
	schemas := make([]lake.Schema, len(p.Recipe.From))
	for i, t := range p.Recipe.From {
		s, err := in.Schema(ctx, t)
		if err != nil {
			return err
		}
		schemas[i] = s
		for _, c := range s.Columns {
			if err := p.widen(c, t); err != nil {
				return err
			}
		}
	}
	for i, c := range p.Input.Columns {
		for _, tag := range in.Tags[strings.ToLower(c.Name)] {
			if !slices.Contains(c.Tags, tag) {
				p.Input.Columns[i].Tags = append(slices.Clone(c.Tags), tag)
			}
		}
	}
	var parts []string
	for i, t := range p.Recipe.From {
		cols := make([]col, len(p.Input.Columns))
		for j, c := range p.Input.Columns {
			cols[j] = col{c, "CAST(NULL AS " + sqlType(c.Type) + ")"}
			if have, _, ok := find(schemas[i], c.Name); ok && have.Type == c.Type {
				cols[j].expr = ident(have.Name)
			} else if ok {
				cols[j].expr = "CAST(" + ident(have.Name) + " AS " + sqlType(c.Type) + ")"
			}
		}
		parts = append(parts, "SELECT "+projection(cols, false)+" FROM "+table(t))
	}
	sql := strings.Join(parts, " UNION ALL ")
	if in.RowID {
		sql = "SELECT *, row_number() OVER () AS " + ident(rowID) + " FROM (" + sql + ")"
	}
	p.ctes = []cte{{ident("0 input"), sql}}
	return nil
}

// widen adds a column of one of the tables to the input.
func (p *Plan) widen(c lake.Column, t forge.TableName) error {
	have, i, ok := find(p.Input, c.Name)
	c.ID = 0
	switch {
	case !ok:
		p.Input.Columns = append(p.Input.Columns, c)
	case have.Type == c.Type:
	case have.Type.Numeric() && c.Type.Numeric():
		p.Input.Columns[i].Type = wider(have.Type, c.Type)
	default:
		return forge.Errorf(forge.KindInvalid, nil, "recipe %q: column %q is %s in %s and %s before it: make the types equal with a recipe of its own first", p.Recipe.Name, c.Name, c.Type, t, have.Type)
	}
	return nil
}

func wider(a, b lake.Type) lake.Type {
	if whole(a) && whole(b) {
		return lake.Long
	}
	return lake.Double
}

func whole(t lake.Type) bool { return t == lake.Int || t == lake.Long }

// stepError gives an error the step's place and name.
func stepError(r lake.Recipe, i int, err error) error {
	s := r.Steps[i]
	name := s.Do
	if s.Name != "" {
		name = s.Name + " (" + s.Do + ")"
	}
	kind := forge.KindOf(err)
	if kind == forge.KindInternal || kind == forge.KindUnavailable {
		return fmt.Errorf("recipe %s, step %d: %w", r.Name, i+1, err)
	}
	return forge.Errorf(kind, err, "recipe %q, step %d %s: %s", r.Name, i+1, name, err).
		With(forge.FieldError{Path: fmt.Sprintf("steps[%d]", i), Text: err.Error()})
}
