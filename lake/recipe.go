package lake

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"aiforge.dev/forge"
	"gopkg.in/yaml.v3"
)

// Recipe says how rows of one or more tables become clean rows of another: typed
// steps, run in order. It is a document (recipe.yaml, or the same as JSON);
// lake/clean knows the kinds of steps and turns them into SQL.
type Recipe struct {
	Name string          `json:"name" yaml:"name"`
	From RecipeFrom      `json:"from" yaml:"from"`
	To   forge.TableName `json:"to" yaml:"to"`
	// Mode is replace (the default: the whole of From is cleaned anew, so a run that
	// is repeated changes nothing) or append (only rows that came since the last run).
	Mode  Mode   `json:"mode,omitempty" yaml:"mode,omitempty"`
	Steps []Step `json:"steps" yaml:"steps"`
}

// RecipeFrom lists the tables that are read, one below the other. A document may
// name a single table without a list.
type RecipeFrom []forge.TableName

// Step is one step of a recipe: its kind (Do), an optional name and the kind's own
// fields, which stand beside them in the document. Values of With are nil, bool,
// int64, float64, string, []any and map[string]any.
type Step struct {
	Name string
	Do   string
	With map[string]any
}

// MaxRecipe is the largest recipe document in bytes.
const MaxRecipe = 1 << 20

// ParseRecipe reads one recipe document in YAML or JSON. It checks the document's
// shape; clean.Check also knows the kinds of steps.
func ParseRecipe(b []byte) (Recipe, error) {
	if len(b) > MaxRecipe {
		return Recipe{}, forge.Errorf(forge.KindInvalid, nil, "recipe: the document has %d bytes, at most %d are read", len(b), MaxRecipe)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	var r Recipe
	if err := dec.Decode(&r); err != nil {
		if errors.Is(err, io.EOF) {
			return Recipe{}, forge.Errorf(forge.KindInvalid, err, "recipe: the document is empty; want name, from, to and steps")
		}
		var e *forge.Error
		if errors.As(err, &e) {
			return Recipe{}, forge.Errorf(forge.KindInvalid, err, "recipe: %s", e.Text)
		}
		return Recipe{}, forge.Errorf(forge.KindInvalid, err, "recipe: %s", err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Recipe{}, forge.Errorf(forge.KindInvalid, err, "recipe: more than one document in the file; want one")
	}
	return r, nil
}

// Hash identifies what the recipe does: 16 hex digits over its canonical JSON.
func (r Recipe) Hash() string {
	b, err := json.Marshal(r)
	if err != nil {
		return "" // a parsed recipe holds nothing that JSON lacks
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// Rejects is the table of the rows that the recipe turned away.
func (r Recipe) Rejects() forge.TableName {
	return forge.TableName{Namespace: r.To.Namespace, Name: r.To.Name + "__rejects"}
}

// Title is the step's name, or its kind.
func (s Step) Title() string {
	if s.Name != "" {
		return s.Name
	}
	return s.Do
}

func (f RecipeFrom) MarshalJSON() ([]byte, error) {
	if len(f) == 1 {
		return json.Marshal(f[0])
	}
	return json.Marshal([]forge.TableName(f))
}

func (f *RecipeFrom) UnmarshalJSON(b []byte) error {
	var one forge.TableName
	if len(b) > 0 && b[0] == '"' {
		err := json.Unmarshal(b, &one)
		*f = RecipeFrom{one}
		return err
	}
	return json.Unmarshal(b, (*[]forge.TableName)(f))
}

func (f RecipeFrom) MarshalYAML() (any, error) {
	if len(f) == 1 {
		return f[0], nil
	}
	return []forge.TableName(f), nil
}

func (f *RecipeFrom) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		var one forge.TableName
		err := n.Decode(&one)
		*f = RecipeFrom{one}
		return err
	}
	return n.Decode((*[]forge.TableName)(f))
}

// flat is the step as its document has it.
func (s Step) flat() map[string]any {
	m := make(map[string]any, len(s.With)+2)
	for k, v := range s.With {
		m[k] = v
	}
	if s.Name != "" {
		m["name"] = s.Name
	}
	m["do"] = s.Do
	return m
}

func (s *Step) fill(m map[string]any) error {
	*s = Step{With: map[string]any{}}
	for k, v := range m {
		text, isText := v.(string)
		switch {
		case k == "do" && isText:
			s.Do = text
		case k == "name" && isText:
			s.Name = text
		case k == "do" || k == "name":
			return forge.Errorf(forge.KindInvalid, nil, "step: %q must be a text, not %v", k, v)
		default:
			s.With[k] = v
		}
	}
	return nil
}

func (s Step) MarshalJSON() ([]byte, error) { return json.Marshal(s.flat()) }

func (s *Step) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		return err
	}
	v, err := plain(m, 0)
	if err != nil {
		return err
	}
	m, _ = v.(map[string]any)
	return s.fill(m)
}

// plain turns json.Number into int64 or float64, so that both spellings of a
// document give equal steps.
func plain(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	var err error
	switch x := v.(type) {
	case json.Number:
		return number(x.String())
	case []any:
		for i := range x {
			if x[i], err = plain(x[i], depth+1); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range x {
			if x[k], err = plain(x[k], depth+1); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
