package clean

import (
	"strings"

	"aiforge.dev/forge/lake"
)

// shower writes the SQL that stands for a hidden column's value.
type shower func(lake.Column) string

func redact(lake.Column) string { return "'***'" }

// hidden says, per step, which of its input columns a rejected row must not show in
// clear, because this or a later step masks them, and what to show instead. It walks
// from the last step back, following columns through renames and derivations.
func (p *Plan) hidden() []map[string]shower {
	out := make([]map[string]shower, len(p.steps))
	after := map[string]shower{} // by output column, in small letters
	for i := len(p.steps) - 1; i >= 0; i-- {
		after = before(p.steps[i], after)
		out[i] = after
	}
	return out
}

// before translates what is hidden in a step's output to its input.
func before(s compiled, after map[string]shower) map[string]shower {
	m := map[string]shower{}
	hide := func(c lake.Column, show shower) {
		if _, done := m[strings.ToLower(c.Name)]; !done {
			m[strings.ToLower(c.Name)] = show
		}
	}
	for i, c := range s.in.Columns {
		key := strings.ToLower(c.Name)
		if s.step.Do == "rename" && i < len(s.result.cols) {
			key = strings.ToLower(s.result.cols[i].Name)
		}
		if show, ok := after[key]; ok {
			hide(c, show)
		}
	}
	switch s.step.Do {
	case "mask":
		for _, c := range maskedColumns(s.step, s.in) {
			m[strings.ToLower(c.Name)] = redact
			if s.step.With["method"] == "hash" {
				m[strings.ToLower(c.Name)] = tokenShower(s.step)
			}
		}
	case "sql":
		if len(after) > 0 {
			for _, c := range s.in.Columns {
				hide(c, redact)
			}
		}
	case "derive", "parse_time":
		hideSources(s, after, hide)
	}
	return m
}

// hideSources hides the columns that a hidden new column was made from.
func hideSources(s compiled, after map[string]shower, hide func(lake.Column, shower)) {
	for _, o := range s.result.cols {
		if _, ok := after[strings.ToLower(o.Name)]; !ok || o.expr == ident(o.Name) {
			continue
		}
		used := mentions(o.expr)
		for _, c := range s.in.Columns {
			if used[strings.ToLower(c.Name)] {
				hide(c, redact)
			}
		}
	}
}
