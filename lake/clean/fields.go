package clean

import (
	"fmt"
	"sort"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// Check reports everything that is wrong with a recipe as a document: its name and
// tables, unknown kinds and fields, missing or ill-typed values. Columns and
// expressions need the tables: Plan checks those.
func Check(r lake.Recipe) error {
	var wrong []forge.FieldError
	say := func(path, format string, args ...any) {
		wrong = append(wrong, forge.FieldError{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	if err := forge.Ident("recipe", r.Name); err != nil {
		say("name", "%s", err)
	}
	if len(r.From) == 0 {
		say("from", "name the table to read")
	}
	for i, t := range r.From {
		if t == (forge.TableName{}) {
			say(fmt.Sprintf("from[%d]", i), "name the table to read, for example raw.calls")
		}
		if t == r.To {
			say("to", "%s is read by this recipe: write to another table", t)
		}
	}
	if r.To == (forge.TableName{}) {
		say("to", "name the table to write, for example curated.calls")
	} else if err := lake.CheckNewTable(r.To); err != nil {
		say("to", "%s", err)
	} else if _, err := forge.ParseTableName(r.Rejects().String()); err != nil {
		say("to", "the name is too long: %s must be a table name too", r.Rejects())
	}
	if r.Mode != "" && r.Mode != lake.Replace && r.Mode != lake.Append {
		say("mode", "%q: want replace or append", r.Mode)
	}
	if len(r.Steps) > maxSteps {
		say("steps", "%d steps, at most %d are run", len(r.Steps), maxSteps)
	}
	for i, s := range r.Steps {
		checkStep(s, func(field, format string, args ...any) {
			path := fmt.Sprintf("steps[%d]", i)
			if field != "" {
				path += "." + field
			}
			say(path, format, args...)
		})
	}
	if len(wrong) == 0 {
		return nil
	}
	return forge.Errorf(forge.KindInvalid, nil, "recipe %q: %s: %s%s", r.Name, wrong[0].Path, wrong[0].Text, more(len(wrong)-1)).With(wrong...)
}

const maxSteps = 100

func more(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n)
}

func checkStep(s lake.Step, say func(field, format string, args ...any)) {
	k, ok := kindOf(s.Do)
	if !ok {
		say("do", "%q is no kind of step; there are %s", s.Do, strings.Join(kindNames(), ", "))
		return
	}
	if len(s.Name) > 80 || strings.ContainsAny(s.Name, "\x00\n\r") {
		say("name", "want at most 80 bytes on one line")
	}
	known := map[string]bool{}
	for _, f := range k.Fields {
		known[f.Name] = true
		v, has := s.With[f.Name]
		switch {
		case has && v == nil && f.Type == lake.FieldChoice:
			say(f.Name, "null is no choice; want one of %s", strings.Join(f.Options, ", "))
		case (!has || v == nil) && f.Required:
			say(f.Name, "%s needs it: %s", s.Do, f.Help)
		case has && v != nil:
			if text := wrongType(f, v); text != "" {
				say(f.Name, "%s", text)
			}
		}
	}
	for _, name := range sortedKeys(s.With) {
		if !known[name] {
			say(name, "%s has no such field; it has %s", s.Do, strings.Join(fieldNames(k.StepSpec), ", "))
		}
	}
}

// wrongType says what is wrong with a field's value, or "".
func wrongType(f lake.StepField, v any) string {
	switch f.Type {
	case lake.FieldColumn, lake.FieldName, lake.FieldExpression, lake.FieldSQL:
		return wantText(v)
	case lake.FieldText:
		switch v.(type) {
		case string, int64, float64, bool:
		default:
			return "want a text or number"
		}
	case lake.FieldTable:
		s, ok := v.(string)
		if _, err := forge.ParseTableName(s); !ok || err != nil {
			return "want a table's name such as raw.calls"
		}
	case lake.FieldChoice:
		for _, o := range f.Options {
			if v == o {
				return ""
			}
		}
		return fmt.Sprintf("%v: want one of %s", v, strings.Join(f.Options, ", "))
	case lake.FieldBool:
		if _, ok := v.(bool); !ok {
			return "want true or false"
		}
	case lake.FieldNumber, lake.FieldInteger:
		_, whole := v.(int64)
		if _, ok := v.(float64); !whole && (!ok || f.Type == lake.FieldInteger) {
			return "want a number" + map[bool]string{true: " without a fraction"}[f.Type == lake.FieldInteger]
		}
	case lake.FieldColumns, lake.FieldTexts, lake.FieldValues:
		return wrongList(f, v)
	case lake.FieldColumnTexts, lake.FieldColumnTypes, lake.FieldColumnExprs:
		m, ok := v.(map[string]any)
		if !ok || len(m) == 0 {
			return "want a map such as {column: …}"
		}
		for _, k := range sortedKeys(m) {
			if s, ok := m[k].(string); !ok || s == "" && f.Type != lake.FieldColumnTexts {
				return fmt.Sprintf("%q: want a text", k)
			}
		}
	}
	return ""
}

func wantText(v any) string {
	if s, ok := v.(string); !ok || strings.TrimSpace(s) == "" {
		return "want a text"
	}
	return ""
}

func wrongList(f lake.StepField, v any) string {
	if s, ok := v.(string); ok && f.Type != lake.FieldValues && s != "" {
		return "" // one name instead of a list of one
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return "want a list"
	}
	for i, x := range list {
		switch x.(type) {
		case string:
		case int64, float64, bool:
			if f.Type == lake.FieldValues {
				continue
			}
			return fmt.Sprintf("entry %d: want a text", i+1)
		default:
			return fmt.Sprintf("entry %d: want a text or number", i+1)
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func fieldNames(s lake.StepSpec) []string {
	out := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		out[i] = f.Name
	}
	return out
}
