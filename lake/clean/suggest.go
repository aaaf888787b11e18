package clean

import (
	"context"
	"fmt"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// Reason says why a suggested step is there. Step is the step's name; it is empty for
// a remark on something that was seen and left alone.
type Reason struct {
	Step   string `json:"step"`
	Column string `json:"column,omitempty"`
	Text   string `json:"text"`
}

// draft is a recipe in the making.
type draft struct {
	*profile
	ctx     context.Context
	recipe  lake.Recipe
	reasons []Reason
	names   map[string]string // column of the table → its name after the renames
	gone    map[string]bool   // columns that steps have dropped or replaced
	masked  map[string]bool
	types   map[string]lake.Type // types that steps have changed
}

// Suggest proposes a recipe for a table from what is in it. It changes only what the
// data speak for, turns away only what cannot be read, and says why for every step.
func Suggest(ctx context.Context, house *lake.House, scope forge.Scope, name forge.TableName) (lake.Recipe, []Reason, error) {
	p, err := profileTable(ctx, house, scope, name)
	if err != nil {
		return lake.Recipe{}, nil, err
	}
	to := forge.TableName{Namespace: "curated", Name: name.Name}
	if name.Namespace == "curated" {
		to.Name += "_clean"
	}
	d := &draft{profile: p, ctx: ctx, names: map[string]string{}, gone: map[string]bool{}, masked: map[string]bool{}, types: map[string]lake.Type{},
		recipe: lake.Recipe{Name: name.Name, From: lake.RecipeFrom{name}, To: to, Steps: []lake.Step{}}}
	for _, c := range p.columns {
		d.names[c.Name] = c.Name
	}
	for _, part := range []func() error{
		d.rename, d.trim, d.missingWords, d.emptyColumns, d.times, d.numbers, d.sentinels, d.categories,
		d.spellings, d.duplicates, d.outliers, d.personal,
	} {
		if err := part(); err != nil {
			return lake.Recipe{}, nil, err
		}
	}
	return d.recipe, d.reasons, nil
}

// add appends a step with a name of its own.
func (d *draft) add(name, do string, with map[string]any) string {
	for i, base := 2, name; d.has(name); i++ {
		name = fmt.Sprintf("%s %d", base, i)
	}
	d.recipe.Steps = append(d.recipe.Steps, lake.Step{Name: name, Do: do, With: with})
	return name
}

func (d *draft) has(name string) bool {
	for _, s := range d.recipe.Steps {
		if s.Name == name {
			return true
		}
	}
	return false
}

func (d *draft) because(step, column, format string, args ...any) {
	d.reasons = append(d.reasons, Reason{step, column, fmt.Sprintf(format, args...)})
}

// name is what the column is called after the renames.
func (d *draft) name(c *columnProfile) string { return d.names[c.Name] }

func (d *draft) typeOf(c *columnProfile) lake.Type {
	if t, ok := d.types[c.Name]; ok {
		return t
	}
	return c.Type
}

func (d *draft) rename() error {
	taken := map[string]bool{}
	for _, c := range d.columns {
		taken[strings.ToLower(c.Name)] = true
	}
	to := map[string]any{}
	for _, c := range d.columns {
		if plainIdent(c.Name) {
			continue
		}
		name := plainName(c.Name, false)
		for i := 2; taken[name]; i++ {
			name = fmt.Sprintf("%s_%d", plainName(c.Name, false), i)
		}
		taken[name] = true
		d.names[c.Name] = name
		to[c.Name] = name
	}
	if len(to) == 0 {
		return nil
	}
	step := d.add("plain names", "rename", map[string]any{"columns": to})
	for _, old := range sortedKeys(to) {
		d.because(step, old, "SQL needs quotes around the name %q; %s needs none", old, to[old])
	}
	return nil
}

// plainIdent reports whether SQL takes the name without quotes.
func plainIdent(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

func (d *draft) trim() error {
	var cols []any
	var why []Reason
	for _, c := range d.columns {
		if c.padded == 0 && c.blank == 0 {
			continue
		}
		cols = append(cols, d.name(c))
		var what []string
		if c.padded > 0 {
			what = append(what, fmt.Sprintf("%s with blanks around", rows(c.padded)))
		}
		if c.blank > 0 {
			what = append(what, fmt.Sprintf("%s without any text", rows(c.blank)))
		}
		why = append(why, Reason{Column: d.name(c), Text: strings.Join(what, ", ")})
	}
	if len(cols) == 0 {
		return nil
	}
	step := d.add("trim", "trim", map[string]any{"columns": cols})
	for _, r := range why {
		d.because(step, r.Column, "%s", r.Text)
	}
	return nil
}

func rows(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

func (d *draft) share(n int64) string {
	p := 100 * float64(n) / float64(d.rows)
	if p < 0.1 {
		return fmt.Sprintf("%s of %d", rows(n), d.rows)
	}
	return fmt.Sprintf("%s (%.1f %%)", rows(n), p)
}

// emptyColumns drops columns that say nothing.
func (d *draft) emptyColumns() error {
	var cols []any
	var why []Reason
	for _, c := range d.columns {
		if d.rows < 2 {
			return nil
		}
		switch {
		case c.filled == 0:
			why = append(why, Reason{Column: d.name(c), Text: "has no value in any row"})
		case len(c.top) == 1 && c.filled == d.rows:
			why = append(why, Reason{Column: d.name(c), Text: fmt.Sprintf("has the same value in every row (%s), so nothing can be learnt from it", short(c.top[0].value))})
		default:
			continue
		}
		cols = append(cols, d.name(c))
		d.gone[c.Name] = true
	}
	if len(cols) == 0 || len(cols) == len(d.columns) {
		clear(d.gone)
		return nil
	}
	step := d.add("empty columns", "drop", map[string]any{"columns": cols})
	for _, r := range why {
		d.because(step, r.Column, "%s", r.Text)
	}
	return nil
}

func short(s string) string {
	if len(s) > 40 {
		return s[:strings.LastIndexAny(" "+s[:40], " ")] + "…"
	}
	return s
}
