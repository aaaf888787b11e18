package pit

import (
	"fmt"
	"slices"
	"strings"

	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/nearest"
	"aiforge.dev/forge/lake"
)

// column is an output column and where it comes from.
type column struct {
	features.SetColumn
	view   int // -1: the labels
	source string
}

// layout decides the output's columns: keys, time, label, kept, then the features of
// each view. A feature keeps its own name unless another column has it too.
func layout(l Labels, views []features.Version) ([]column, error) {
	out, err := leftColumns(l, views)
	if err != nil {
		return nil, err
	}
	uses := map[string]int{}
	for _, c := range out {
		uses[strings.ToLower(c.Name)]++
	}
	for _, v := range views {
		for _, f := range v.Features {
			uses[strings.ToLower(f.Name)]++
		}
	}
	for i, v := range views {
		for _, f := range v.Features {
			name := f.Name
			if uses[strings.ToLower(name)] > 1 {
				name = v.View.Name + "__" + name
			}
			out = append(out, column{view: i, source: f.Name, SetColumn: features.SetColumn{
				Name: name, Type: f.Type, Role: "feature", From: v.Ref().String() + "." + f.Name, Tags: f.Tags,
			}})
		}
	}
	return out, checkNames(out)
}

func checkNames(columns []column) error {
	seen := map[string]bool{}
	for _, c := range columns {
		low := strings.ToLower(c.Name)
		if seen[low] {
			return invalid("two columns of the training set would be called %q: name each view once and rename a column", c.Name)
		}
		if strings.HasPrefix(low, "_forge_") {
			return invalid("column %q: names beginning with _forge_ are taken, rename it", c.Name)
		}
		seen[low] = true
	}
	return nil
}

// leftColumns are those that come from the labels.
func leftColumns(l Labels, views []features.Version) ([]column, error) {
	var out []column
	add := func(role, name string) error {
		c, ok := l.Schema.Column(name)
		if !ok {
			return invalid("the labels have no column %q (%s)%s: they have %s", name, role, nearest.Meant(name, l.Schema.Names()), strings.Join(l.Schema.Names(), ", "))
		}
		if !slices.ContainsFunc(out, func(o column) bool { return o.Name == name }) {
			out = append(out, column{view: -1, source: name, SetColumn: features.SetColumn{Name: name, Type: c.Type, Role: role, Tags: c.Tags}})
		}
		return nil
	}
	for _, v := range views {
		for _, k := range v.Entity.Keys {
			if err := add("key", k); err != nil {
				return nil, fmt.Errorf("key of entity %s of view %s: %w", v.Entity.Name, v.View.Name, err)
			}
			if err := sameKey(l.Schema, v, k); err != nil {
				return nil, err
			}
		}
	}
	if l.Time != "" {
		if err := add("time", l.Time); err != nil {
			return nil, err
		}
		if c, _ := l.Schema.Column(l.Time); !IsTime(c.Type) {
			return nil, invalid("column %q of the labels is %s: their time must be a timestamp or a date; cast it in labels_sql", l.Time, c.Type)
		}
	}
	if err := add("label", l.Label); err != nil {
		return nil, err
	}
	if out[len(out)-1].Name != l.Label {
		return nil, invalid("column %q of the labels is a key or the time and cannot be the label too", l.Label)
	}
	for _, name := range l.Keep {
		if err := add("kept", name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func sameKey(labels lake.Schema, v features.Version, key string) error {
	left, _ := labels.Column(key)
	right, _ := v.Schema.Column(key)
	if left.Type == right.Type || whole(left.Type) && whole(right.Type) {
		return nil
	}
	return invalid("key %q is %s in the labels and %s in view %s: cast one of them", key, left.Type, right.Type, v.View.Name)
}

func whole(t lake.Type) bool { return t == lake.Int || t == lake.Long }

// IsTime reports whether a column of type t can order events.
func IsTime(t lake.Type) bool { return t == lake.Timestamp || t == lake.Timestamptz || t == lake.Date }

func plain(columns []column) []features.SetColumn {
	out := make([]features.SetColumn, len(columns))
	for i, c := range columns {
		out[i] = c.SetColumn
	}
	return out
}
