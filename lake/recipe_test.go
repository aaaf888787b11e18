package lake_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"gopkg.in/yaml.v3"
)

const callsRecipe = `
name: calls
from: raw.calls
to: curated.calls
steps:
  - do: rename
    columns: {emp.var.rate: emp_var_rate}
  - {name: no sentinel, do: null_values, columns: [pdays], values: [999, yes, 2024-01-01, 1.5, null]}
`

func TestRecipeReadsTheSameFromYAMLAndJSON(t *testing.T) {
	r, err := lake.ParseRecipe([]byte(callsRecipe))
	if err != nil {
		t.Fatal(err)
	}
	want := []any{int64(999), "yes", "2024-01-01", 1.5, nil}
	if got := r.Steps[1].With["values"]; !reflect.DeepEqual(got, want) {
		t.Errorf("values = %#v, want %#v", got, want)
	}
	asJSON, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range [][]byte{asJSON, asYAML} {
		again, err := lake.ParseRecipe(doc)
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if !reflect.DeepEqual(again, r) || again.Hash() != r.Hash() {
			t.Errorf("read back from %s: %+v, want %+v", doc, again, r)
		}
	}
	var viaJSON lake.Recipe
	if err := json.Unmarshal(asJSON, &viaJSON); err != nil || !reflect.DeepEqual(viaJSON, r) {
		t.Errorf("json.Unmarshal: %+v, %v", viaJSON, err)
	}
}

func TestRecipeFromSeveralTables(t *testing.T) {
	r, err := lake.ParseRecipe([]byte("name: a\nfrom: [raw.a, raw.b]\nto: curated.a\nsteps: []\n"))
	if err != nil || len(r.From) != 2 || r.From[1].String() != "raw.b" {
		t.Fatalf("from = %v, %v", r.From, err)
	}
	if got := r.Rejects().String(); got != "curated.a__rejects" {
		t.Errorf("rejects table %s", got)
	}
}

func TestRecipeRefusesWhatIsNotOne(t *testing.T) {
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for name, doc := range map[string]string{
		"empty":          "",
		"text":           "hello",
		"unknown field":  "name: a\nfrom: raw.a\nto: curated.a\nstps: []",
		"bad table":      "name: a\nfrom: raw\nto: curated.a\nsteps: []",
		"step is a text": "name: a\nfrom: raw.a\nto: curated.a\nsteps: [trim]",
		"do is a number": "name: a\nfrom: raw.a\nto: curated.a\nsteps: [{do: 1}]",
		"twice":          "name: a\nfrom: raw.a\nto: curated.a\nsteps: [{do: trim, columns: [a], columns: [b]}]",
		"nan":            "name: a\nfrom: raw.a\nto: curated.a\nsteps: [{do: trim, x: .nan}]",
		"deep":           "name: a\nfrom: raw.a\nto: curated.a\nsteps: [{do: trim, x: " + deep + "}]",
		"two documents":  "name: a\nfrom: raw.a\nto: curated.a\nsteps: []\n---\nname: b\n",
		"too long":       "name: " + strings.Repeat("a", lake.MaxRecipe),
	} {
		if _, err := lake.ParseRecipe([]byte(doc)); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%s: %v, want an invalid recipe", name, err)
		}
	}
}

func FuzzParseRecipe(f *testing.F) {
	f.Add([]byte(callsRecipe))
	f.Add([]byte("name: a\nfrom: [raw.a]\nto: c.a\nsteps: [{do: &x trim, a: [*x]}]"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		r, err := lake.ParseRecipe(doc)
		if err != nil {
			return
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatalf("parsed, but has no JSON: %v", err)
		}
		var again lake.Recipe
		if err := json.Unmarshal(b, &again); err != nil || again.Hash() != r.Hash() {
			t.Fatalf("%s does not read back: %v", b, err)
		}
	})
}
