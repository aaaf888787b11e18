package lake

import (
	"fmt"
	"math"
	"sort"
	"strconv"

	"aiforge.dev/forge"
	"gopkg.in/yaml.v3"
)

// Bounds of a document; beyond them it is refused, so that aliases cannot blow a
// small file up to a large value.
const (
	maxDepth = 16
	maxNodes = 100_000
)

// UnmarshalYAML reads the step's map. Texts that YAML would turn into other things
// (2024-01-01, yes) stay texts; only numbers, true, false and null are not texts.
func (s *Step) UnmarshalYAML(n *yaml.Node) error {
	count := 0
	v, err := value(n, 0, &count)
	if err != nil {
		return err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return forge.Errorf(forge.KindInvalid, nil, "line %d: a step is a map such as {do: trim}", n.Line)
	}
	return s.fill(m)
}

func value(n *yaml.Node, depth int, count *int) (any, error) {
	if *count++; *count > maxNodes || depth > maxDepth {
		return nil, forge.Errorf(forge.KindInvalid, nil, "line %d: the step is too large or nested more than %d deep", n.Line, maxDepth)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return value(n.Alias, depth+1, count)
	case yaml.ScalarNode:
		return scalar(n)
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, err := value(c, depth+1, count)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case yaml.MappingNode:
		return mapping(n, depth, count)
	}
	return nil, forge.Errorf(forge.KindInvalid, nil, "line %d: not a value", n.Line)
}

func mapping(n *yaml.Node, depth int, count *int) (any, error) {
	out := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return nil, forge.Errorf(forge.KindInvalid, nil, "line %d: a key must be a text", n.Content[i].Line)
		}
		if _, twice := out[key.Value]; twice {
			return nil, forge.Errorf(forge.KindInvalid, nil, "line %d: %q is there twice", key.Line, key.Value)
		}
		v, err := value(n.Content[i+1], depth+1, count)
		if err != nil {
			return nil, err
		}
		out[key.Value] = v
	}
	return out, nil
}

func scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		err := n.Decode(&b)
		return b, err
	case "!!int", "!!float":
		var f float64
		if _, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			return number(n.Value)
		}
		if err := n.Decode(&f); err != nil {
			return nil, err
		}
		return finite(f)
	}
	return n.Value, nil
}

// number reads a number as int64 where it is one, else as float64.
func number(s string) (any, error) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, fmt.Errorf("%q is not a number", s)
	}
	return finite(f)
}

func finite(f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v is not a finite number", f)
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f), nil
	}
	return f, nil
}

// MarshalYAML writes do and name first and the fields in order of name.
func (s Step) MarshalYAML() (any, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	add := func(k string, v any) error {
		var val yaml.Node
		if err := val.Encode(v); err != nil {
			return err
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: k}, &val)
		return nil
	}
	if s.Name != "" {
		if err := add("name", s.Name); err != nil {
			return nil, err
		}
	}
	if err := add("do", s.Do); err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(s.With))
	for k := range s.With {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		if err := add(k, s.With[k]); err != nil {
			return nil, err
		}
	}
	return n, nil
}
