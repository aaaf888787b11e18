package servingtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"aiforge.dev/forge/internal/modelpkg"
	"gopkg.in/yaml.v3"
)

// Jobs are the texts that the test models know; any other one counts as unknown.
var Jobs = []string{"admin.", "student", "retired"}

// Binary writes the package of a small binary model into dir and returns dir. It
// takes age (float) and job (string) and answers as BinaryScore says; shift moves
// its scores, so that two versions differ.
func Binary(t testing.TB, dir string, shift float32) string {
	t.Helper()
	g, m := ageJob()
	lo, mid, hi := binaryLeaves(shift)
	tr := &trees{}
	tr.split(0, 0, 0, 40, 1, 2)
	tr.split(0, 1, 1, 0.5, 3, 4)
	tr.leaf(0, 2, hi)
	tr.leaf(0, 3, lo)
	tr.leaf(0, 4, mid)
	m.Task, m.Classes, m.Positive = modelpkg.Binary, []string{"no", "yes"}, "yes"
	return classifier(t, dir, g, m, tr, func(age any, job any) []float64 {
		p := float64(BinaryScore(age, job, shift))
		return []float64{1 - p, p}
	})
}

func binaryLeaves(shift float32) (lo, mid, hi float32) {
	return 0.125 + shift, 0.375 + shift, 0.75 + shift
}

// BinaryScore is what the model of Binary answers for yes: nil is a missing value.
func BinaryScore(age, job any, shift float32) float32 {
	lo, mid, hi := binaryLeaves(shift)
	if a, ok := age.(float64); ok && a > 40 {
		return hi
	}
	if job == Jobs[1] || job == Jobs[2] {
		return mid
	}
	return lo
}

// Multiclass writes a model with the classes a, b and c.
func Multiclass(t testing.TB, dir string) string {
	t.Helper()
	g, m := ageJob()
	tr := &trees{}
	tr.split(0, 0, 0, 40, 1, 2)
	tr.leaf(0, 1, 0.5, 0.25, 0.25)
	tr.leaf(0, 2, 0.125, 0.25, 0.625)
	m.Task, m.Classes = modelpkg.Multiclass, []string{"a", "b", "c"}
	return classifier(t, dir, g, m, tr, func(age, _ any) []float64 {
		if a, ok := age.(float64); ok && a > 40 {
			return []float64{0.125, 0.25, 0.625}
		}
		return []float64{0.5, 0.25, 0.25}
	})
}

// Regression writes a model whose value is 10 up to the age of 40 and 20.5 above.
func Regression(t testing.TB, dir string) string {
	t.Helper()
	g, m := ageJob()
	tr := &trees{}
	tr.split(0, 0, 0, 40, 1, 2)
	tr.leaf(0, 1, 10)
	tr.leaf(0, 2, 20.5)
	tr.regressor(g, "x")
	g.output("value", elemFloat, -1, 1)
	m.Task, m.Outputs = modelpkg.Regression, modelpkg.Outputs{Value: "value"}
	e := exampleRows()
	for _, age := range e.Inputs["age"] {
		v := 10.0
		if a, ok := age.(float64); ok && a > 40 {
			v = 20.5
		}
		e.Scores = append(e.Scores, []float64{v})
	}
	return Write(t, dir, m, e, g.encode())
}

// Forest writes a binary model of count complete trees over n float features f0, f1, …;
// it is as large as a real one.
func Forest(t testing.TB, dir string, count, depth, n int) string {
	t.Helper()
	g, m := &graph{}, manifest()
	cols := names("f", n)
	e := modelpkg.Example{Inputs: map[string][]any{}, Labels: []string{"no"}, Scores: [][]float64{{0.5, 0.5}}}
	for _, c := range cols {
		g.input(c, elemFloat, -1, 1)
		m.Inputs = append(m.Inputs, modelpkg.Input{Name: c, Type: modelpkg.Float})
		e.Inputs[c] = []any{0.5}
	}
	g.node("", "Concat", cols, []string{"x"}, attrInt("axis", 1))
	m.Task, m.Classes, m.Positive = modelpkg.Binary, []string{"no", "yes"}, "yes"
	full(count, depth, n).classifier(g, "x", m.Classes)
	outputs(g, 2)
	return Write(t, dir, m, e, g.encode())
}

func classifier(t testing.TB, dir string, g *graph, m modelpkg.Manifest, tr *trees, want func(age, job any) []float64) string {
	t.Helper()
	tr.classifier(g, "x", m.Classes)
	outputs(g, len(m.Classes))
	e := exampleRows()
	for i := range e.Inputs["age"] {
		s := want(e.Inputs["age"][i], e.Inputs["job"][i])
		best := 0
		for k := range s {
			if s[k] > s[best] {
				best = k
			}
		}
		e.Scores, e.Labels = append(e.Scores, s), append(e.Labels, m.Classes[best])
	}
	return Write(t, dir, m, e, g.encode())
}

func outputs(g *graph, k int) {
	g.output("label", elemString, -1)
	g.output("scores", elemFloat, -1, k)
}

// ageJob is a graph that has made x, [N,2], of age and the number of job.
func ageJob() (*graph, modelpkg.Manifest) {
	g := &graph{}
	g.input("age", elemFloat, -1, 1)
	g.input("job", elemString, -1, 1)
	g.node(ml, "LabelEncoder", []string{"job"}, []string{"code"},
		attrTexts("keys_strings", Jobs), attrFloats("values_floats", []float32{0, 1, 2}), attrFloat("default_float", -1))
	g.node("", "Concat", []string{"age", "code"}, []string{"x"}, attrInt("axis", 1))
	m := manifest()
	m.Inputs = []modelpkg.Input{
		{Name: "age", Type: modelpkg.Float, View: "profile", Version: 1, Feature: "age"},
		{Name: "job", Type: modelpkg.String, View: "profile", Version: 1, Feature: "job"},
	}
	return g, m
}

func manifest() modelpkg.Manifest {
	return modelpkg.Manifest{Format: modelpkg.Format, Kind: "tabular", Family: "test", Target: "y", Run: "run_test",
		Outputs: modelpkg.Outputs{Label: "label", Scores: "scores"}}
}

func exampleRows() modelpkg.Example {
	return modelpkg.Example{Inputs: map[string][]any{
		"age": {41.0, 30.0, nil, 40.0, 18.5},
		"job": {"admin.", "student", "retired", nil, "never seen"},
	}}
}

// Write writes a package with the given parts into dir, which it makes.
func Write(t testing.TB, dir string, m modelpkg.Manifest, e modelpkg.Example, model []byte) string {
	t.Helper()
	manifest, err := yaml.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	example, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(modelpkg.ManifestFile, manifest)
	put(modelpkg.ExampleFile, example)
	put(modelpkg.ModelFile, model)
	list, err := modelpkg.Listing(dir)
	if err != nil {
		t.Fatal(err)
	}
	put(modelpkg.ChecksumsFile, []byte(list))
	return dir
}
