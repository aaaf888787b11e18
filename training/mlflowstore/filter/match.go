package filter

import (
	"cmp"
	"slices"
	"strings"
)

// Lookup gives the value of a key of one thing: a string, a float64, or nil where it
// has none.
type Lookup func(kind, key string) any

// Match reports whether all comparisons hold. A missing value matches IS NULL only.
func Match(all []Comparison, look Lookup) bool {
	for _, c := range all {
		if !c.match(look(c.Kind, c.Key)) {
			return false
		}
	}
	return true
}

func (c Comparison) match(v any) bool {
	switch c.Op {
	case "IS NULL":
		return v == nil
	case "IS NOT NULL":
		return v != nil
	}
	switch v := v.(type) {
	case float64:
		return compare(c.Op, v, c.Number)
	case string:
		switch c.Op {
		case "LIKE":
			return Like(c.Text, v)
		case "ILIKE":
			return Like(strings.ToLower(c.Text), strings.ToLower(v))
		case "IN":
			return slices.Contains(c.List, v)
		case "NOT IN":
			return !slices.Contains(c.List, v)
		}
		return compare(c.Op, v, c.Text)
	}
	return false
}

func compare[T cmp.Ordered](op string, a, b T) bool {
	switch op {
	case "=":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	case ">=":
		return a >= b
	}
	return false
}

// Like matches SQL's LIKE without an escape sign: % is any text, _ any one character.
func Like(pattern, s string) bool {
	p, t := []rune(pattern), []rune(s)
	i, j, star, mark := 0, 0, -1, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '%':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '_' || p[i] == t[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '%' {
		i++
	}
	return i == len(p)
}

// Sort orders things by keys; things without a value come last either way, and equal
// ones keep their order.
func Sort[T any](all []T, keys []Order, look func(T) Lookup) {
	slices.SortStableFunc(all, func(a, b T) int {
		for _, k := range keys {
			if c := order(look(a)(k.Kind, k.Key), look(b)(k.Kind, k.Key), k.Desc); c != 0 {
				return c
			}
		}
		return 0
	})
}

func order(a, b any, desc bool) int {
	if a == nil || b == nil {
		switch {
		case a == nil && b == nil:
			return 0
		case a == nil:
			return 1
		}
		return -1
	}
	c := 0
	switch x := a.(type) {
	case float64:
		if y, ok := b.(float64); ok {
			c = cmp.Compare(x, y)
		}
	case string:
		if y, ok := b.(string); ok {
			c = strings.Compare(x, y)
		}
	}
	if desc {
		return -c
	}
	return c
}
