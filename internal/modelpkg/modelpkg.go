// Package modelpkg reads a model package: a directory that MLflow takes for a model
// and that holds, beside model.onnx, what forge needs to know about it. Training
// writes it, serving reads it, and its digest is its identity.
//
//	MLmodel           MLflow's description: flavors, signature
//	model.onnx        one graph, raw typed columns in, answers out
//	forge.yaml        Manifest
//	example.json      Example: rows with the trainer's own predictions
//	requirements.txt  what a Python process needs to run model.onnx
//	checksums.txt     SHA-256 of every other file
//	card.md           for people
//	curves.json       roc, pr, calibration, importance, by task
//
// The contract of model.onnx: one [N,1] input per column, named as the column, float32
// (NaN: missing) or string ("": missing). For classification the outputs are label,
// string [N], the class's text, and scores, float32 [N,K] in the order of
// Manifest.Classes (no ZipMap). For regression there is one output, value, float32
// [N,1].
package modelpkg

import (
	"os"
	"path/filepath"
	"slices"

	"aiforge.dev/forge"
	"gopkg.in/yaml.v3"
)

// Names of the files in a package.
const (
	ModelFile     = "model.onnx"
	ManifestFile  = "forge.yaml"
	ExampleFile   = "example.json"
	ChecksumsFile = "checksums.txt"
	CardFile      = "card.md"
)

// Format is the version of the manifest that this code reads.
const Format = 1

// Tasks that a model can have.
const (
	Binary     = "binary"
	Multiclass = "multiclass"
	Regression = "regression"
)

// Types of inputs.
const (
	Float  = "float"  // float32, NaN is missing
	String = "string" // "" is missing
)

// Manifest is forge.yaml.
type Manifest struct {
	Format      int                `yaml:"format" json:"format"`
	Kind        string             `yaml:"kind" json:"kind"` // tabular
	Task        string             `yaml:"task" json:"task"`
	Family      string             `yaml:"family" json:"family"`
	Target      string             `yaml:"target" json:"target"`
	Classes     []string           `yaml:"classes,omitempty" json:"classes,omitempty"` // in the order of the scores
	Positive    string             `yaml:"positive,omitempty" json:"positive,omitempty"`
	Inputs      []Input            `yaml:"inputs" json:"inputs"`
	Outputs     Outputs            `yaml:"outputs" json:"outputs"`
	TrainingSet TrainingSet        `yaml:"training_set" json:"training_set"`
	Run         string             `yaml:"run" json:"run"`
	Metrics     map[string]float64 `yaml:"metrics" json:"metrics"` // on rows that the model has not seen
	Trainer     map[string]string  `yaml:"trainer" json:"trainer"` // package → version
}

// Input is one column that the model takes, and the feature it comes from. View is
// empty for a column that the labels brought along.
type Input struct {
	Name    string `yaml:"name" json:"name"`
	Type    string `yaml:"type" json:"type"` // float or string
	View    string `yaml:"view,omitempty" json:"view,omitempty"`
	Version int    `yaml:"version,omitempty" json:"version,omitempty"`
	Feature string `yaml:"feature,omitempty" json:"feature,omitempty"`
}

// Outputs names the graph's outputs: label and scores, or value.
type Outputs struct {
	Label  string `yaml:"label,omitempty" json:"label,omitempty"`
	Scores string `yaml:"scores,omitempty" json:"scores,omitempty"`
	Value  string `yaml:"value,omitempty" json:"value,omitempty"`
}

// TrainingSet says which rows the model was made from.
type TrainingSet struct {
	ID       string `yaml:"id" json:"id"`
	Table    string `yaml:"table" json:"table"`
	Snapshot string `yaml:"snapshot" json:"snapshot"` // decimal; too long for JSON numbers
}

// Read reads and checks the manifest of the package in dir.
func Read(dir string) (Manifest, error) {
	var m Manifest
	b, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		return m, forge.Errorf(forge.KindInvalid, err, "model package has no readable %s: it was not written by the trainer, or not completely", ManifestFile)
	}
	if err := yaml.Unmarshal(b, &m); err != nil {
		return m, forge.Errorf(forge.KindInvalid, err, "%s of the model package is not valid YAML", ManifestFile)
	}
	return m, m.check()
}

func (m Manifest) check() error {
	bad := func(format string, args ...any) error {
		return forge.Errorf(forge.KindInvalid, nil, ManifestFile+" of the model package: "+format, args...)
	}
	classes := m.Task == Binary || m.Task == Multiclass
	switch {
	case m.Format != Format:
		return bad("format %d is not known; this forge reads %d", m.Format, Format)
	case m.Kind != "tabular":
		return bad("kind %q is not known; want tabular", m.Kind)
	case !classes && m.Task != Regression:
		return bad("task %q is not known; want binary, multiclass or regression", m.Task)
	case len(m.Inputs) == 0:
		return bad("no inputs")
	case classes && (len(m.Classes) < 2 || m.Outputs.Label == "" || m.Outputs.Scores == ""):
		return bad("a %s model needs at least two classes and the outputs label and scores", m.Task)
	case m.Task == Binary && !slices.Contains(m.Classes, m.Positive):
		return bad("positive class %q is not one of the classes", m.Positive)
	case m.Task == Regression && m.Outputs.Value == "":
		return bad("a regression model needs the output value")
	}
	seen := map[string]bool{}
	for i, in := range m.Inputs {
		if in.Name == "" || seen[in.Name] || in.Type != Float && in.Type != String {
			return bad("inputs[%d]: name %q is empty or double, or type %q is not float or string", i, in.Name, in.Type)
		}
		seen[in.Name] = true
	}
	return nil
}
