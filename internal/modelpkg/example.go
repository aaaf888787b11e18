package modelpkg

import (
	"encoding/json"
	"os"
	"path/filepath"

	"aiforge.dev/forge"
)

// Example is example.json: rows column by column and what the trainer's own model
// answered for them. Labels is empty for regression, and each of Scores then has one
// number.
type Example struct {
	Inputs map[string][]any `json:"inputs"` // float64, string or nil
	Labels []string         `json:"labels"`
	Scores [][]float64      `json:"scores"`
}

// Rows is the number of rows.
func (e Example) Rows() int { return len(e.Scores) }

// ReadExample reads the example rows of the package in dir and checks that they are
// complete for its inputs.
func ReadExample(dir string, m Manifest) (Example, error) {
	var e Example
	b, err := os.ReadFile(filepath.Join(dir, ExampleFile))
	if err == nil {
		err = json.Unmarshal(b, &e)
	}
	if err != nil {
		return e, forge.Errorf(forge.KindInvalid, err, "model package has no readable %s", ExampleFile)
	}
	n, k := e.Rows(), 1
	if m.Task != Regression {
		k = len(m.Classes)
		if len(e.Labels) != n {
			return e, forge.Errorf(forge.KindInvalid, nil, "%s: %d labels for %d rows", ExampleFile, len(e.Labels), n)
		}
	}
	if n == 0 {
		return e, forge.Errorf(forge.KindInvalid, nil, "%s has no rows", ExampleFile)
	}
	for i, s := range e.Scores {
		if len(s) != k {
			return e, forge.Errorf(forge.KindInvalid, nil, "%s: row %d has %d scores, want %d", ExampleFile, i, len(s), k)
		}
	}
	for _, in := range m.Inputs {
		if err := e.column(in, n); err != nil {
			return e, err
		}
	}
	return e, nil
}

func (e Example) column(in Input, n int) error {
	values, ok := e.Inputs[in.Name]
	if !ok || len(values) != n {
		return forge.Errorf(forge.KindInvalid, nil, "%s: input %q has %d values, want %d", ExampleFile, in.Name, len(values), n)
	}
	for i, v := range values {
		switch v.(type) {
		case nil:
			continue
		case float64:
			if in.Type == Float {
				continue
			}
		case string:
			if in.Type == String {
				continue
			}
		}
		return forge.Errorf(forge.KindInvalid, nil, "%s: input %q row %d is not a %s", ExampleFile, in.Name, i, in.Type)
	}
	return nil
}
