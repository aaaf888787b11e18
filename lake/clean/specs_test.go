package clean_test

import (
	"errors"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
)

// TestSpecs: each spec says all that a form needs, and its example is a good step.
func TestSpecs(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range clean.Specs() {
		if s.Kind == "" || s.Title == "" || s.Group == "" || len(s.Help) < 20 || len(s.Fields) == 0 || seen[s.Kind] {
			t.Errorf("%s: a part of the spec is missing, or the kind is there twice: %+v", s.Kind, s)
		}
		seen[s.Kind] = true
		for _, f := range s.Fields {
			if f.Name == "" || f.Type == "" || f.Help == "" || (f.Type == lake.FieldChoice) != (len(f.Options) > 0) || f.Name == "do" || f.Name == "name" {
				t.Errorf("%s.%s: %+v", s.Kind, f.Name, f)
			}
			if d, ok := f.Default.(string); ok && f.Type == lake.FieldChoice && !strings.Contains(" "+strings.Join(f.Options, " ")+" ", " "+d+" ") {
				t.Errorf("%s.%s: the default %q is no option", s.Kind, f.Name, d)
			}
		}
		doc := "name: x\nfrom: raw.x\nto: curated.x\nsteps:\n  - " + strings.ReplaceAll(s.Example, "\n", "\n    ") + "\n"
		r, err := lake.ParseRecipe([]byte(doc))
		if err == nil {
			err = clean.Check(r)
		}
		if err != nil || r.Steps[0].Do != s.Kind {
			t.Errorf("%s: the example is no step: %v\n%s", s.Kind, err, doc)
		}
	}
}

// TestCheckNamesThePlace: each mistake is reported with its path, all of them at once.
func TestCheckNamesThePlace(t *testing.T) {
	tests := map[string]string{
		"{do: nothing}":                                        "steps[0].do",
		"{do: filter}":                                         "steps[0].where",
		"{do: filter, where: 1}":                               "steps[0].where",
		"{do: filter, where: a, rejects: 'no'}":                "steps[0].rejects",
		"{do: cast, columns: [a]}":                             "steps[0].columns",
		"{do: cast, columns: {a: 1}}":                          "steps[0].columns",
		"{do: cast, columns: {a: int}, on_error: null}":        "steps[0].on_error",
		"{do: cast, columns: {a: int}, on_error: ignore}":      "steps[0].on_error",
		"{do: mask, columns: [a], method: md5}":                "steps[0].method",
		"{do: mask, columns: [a], method: partial, keep: 1.5}": "steps[0].keep",
		"{do: outliers, columns: [a], factor: high}":           "steps[0].factor",
		"{do: drop, columns: []}":                              "steps[0].columns",
		"{do: drop, columns: [[a]]}":                           "steps[0].columns",
		"{do: drop, columns: [1]}":                             "steps[0].columns",
		"{do: null_values, values: x}":                         "steps[0].values",
		"{do: join, table: nowhere, on: {a: b}}":               "steps[0].table",
		"{do: trim, colums: [a]}":                              "steps[0].colums",
		"{do: trim, name: \"a\\nb\"}":                          "steps[0].name",
	}
	for step, path := range tests {
		r := parse(t, "name: x\nfrom: raw.x\nto: curated.x\nsteps: ["+step+"]\n")
		var e *forge.Error
		if err := clean.Check(r); !errors.As(err, &e) || e.Kind != forge.KindInvalid || len(e.Detail) != 1 || e.Detail[0].Path != path || !strings.Contains(e.Text, path) {
			t.Errorf("%s: %v, want it at %s", step, err, path)
		}
	}
	r := parse(t, "name: X y\nfrom: [raw.x, raw.y]\nto: raw.x\nmode: merge\nsteps: [{do: a}, {do: b}]\n")
	var e *forge.Error
	if err := clean.Check(r); !errors.As(err, &e) || len(e.Detail) != 5 {
		t.Errorf("%v, want five mistakes", err)
	}
}

// TestSeveralTables reads them one below the other, with the columns of all.
func TestSeveralTables(t *testing.T) {
	b := newBench(t)
	b.table("raw.a", "id:long,x:string\n1,a\n")
	b.table("raw.b", "X:string,id:double,y:long\nb,2.5,7\n")
	b.table("raw.c", "id:string\nz\n")
	r := parse(t, "name: u\nfrom: [raw.a, raw.b]\nto: curated.u\nsteps: []\n")
	p, err := clean.NewPlan(t.Context(), r, b.inputs())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := schemaLine(p.Schema)+sorted(b.must(p.Query(p.Select()))), "id:double, x:string, y:long\nid,x,y\n1.0,a,\\N\n2.5,b,7\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	r.From = append(r.From, forge.TableName{Namespace: "raw", Name: "c"})
	if _, err := clean.NewPlan(t.Context(), r, b.inputs()); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("a text and a number in one column: %v", err)
	}
}

// TestNoKeyNoTokens: without a key a mask step fails instead of masking with nothing.
func TestNoKeyNoTokens(t *testing.T) {
	b := newBench(t)
	b.table("raw.t", "id:string\na\n")
	in := b.inputs()
	in.Key = clean.Inputs{}.Key
	_, err := clean.NewPlan(t.Context(), parse(t, "name: u\nfrom: raw.t\nto: curated.t\nsteps: [{do: mask, columns: [id], method: hash}]\n"), in)
	if err == nil || !strings.Contains(err.Error(), "masking key") && !errors.Is(err, forge.ErrUnavailable) {
		t.Errorf("masked without a key: %v", err)
	}
}
