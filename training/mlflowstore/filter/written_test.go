package filter_test

import (
	"slices"
	"strconv"
	"strings"

	"aiforge.dev/forge/training/mlflowstore/filter"
)

// written writes comparisons in the language.
func written(all []filter.Comparison) string {
	var out []string
	for _, c := range all {
		s := c.Kind + ".\"" + strings.ReplaceAll(c.Key, "\"", "\"\"") + "\" " + c.Op
		switch {
		case strings.HasPrefix(c.Op, "IS"):
		case c.List != nil:
			var list []string
			for _, v := range c.List {
				list = append(list, single(v))
			}
			s += " (" + strings.Join(list, ", ") + ")"
		case c.Kind == filter.Metric || slices.Contains(runs.Numbers, c.Key):
			s += " " + strconv.FormatFloat(c.Number, 'g', -1, 64)
		default:
			s += " " + single(c.Text)
		}
		out = append(out, s)
	}
	return strings.Join(out, " and ")
}

func single(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
