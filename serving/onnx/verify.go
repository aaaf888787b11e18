package onnx

import (
	"context"
	"math"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/serving"
)

// tolerance of a score: converters work in float32, trainers partly in float64.
const tolerance = 1e-4

// Verify loads the package in dir, runs its example rows and compares with what the
// trainer's own model answered. It makes Runtime a training.Verifier.
func (r *Runtime) Verify(ctx context.Context, dir string) error {
	m, err := modelpkg.Read(dir)
	if err != nil {
		return err
	}
	e, err := modelpkg.ReadExample(dir, m)
	if err != nil {
		return err
	}
	p, err := r.load(dir)
	if err != nil {
		return err
	}
	defer p.Close() //nolint:errcheck // frees memory only
	in, err := batchOf(e, p.sig.Inputs)
	if err != nil {
		return err
	}
	var out serving.Output
	if err := p.Predict(ctx, in, &out); err != nil {
		return forge.Errorf(forge.KindInvalid, err, "the exported model cannot answer the rows of %s: %v", modelpkg.ExampleFile, err)
	}
	return equal(e, m, out)
}

func batchOf(e modelpkg.Example, inputs []serving.Input) (serving.Batch, error) {
	b := serving.NewBatch(inputs, e.Rows())
	for i, in := range inputs {
		for row, v := range e.Inputs[in.Name] {
			x, err := serving.ValueOf(in, v)
			if err != nil {
				return b, err
			}
			b.Set(i, row, x)
		}
	}
	return b, nil
}

// equal names the first row and column that differ. Scores count relative to their
// size above 1, so that a regression in thousands is not held to 1e-4 absolute.
func equal(e modelpkg.Example, m modelpkg.Manifest, out serving.Output) error {
	for row := range e.Scores {
		if len(out.Labels) > 0 && out.Labels[row] != e.Labels[row] {
			return differ("row %d: label is %q, the trainer's is %q", row, out.Labels[row], e.Labels[row])
		}
		for k, want := range e.Scores[row] {
			have := float64(out.Scores[row*out.K+k])
			if !(math.Abs(have-want) <= tolerance*max(1, math.Abs(want))) {
				return differ("row %d, %s: %v, the trainer's is %v", row, scoreName(m, k), have, want)
			}
		}
	}
	return nil
}

func scoreName(m modelpkg.Manifest, k int) string {
	if m.Task == modelpkg.Regression {
		return "value"
	}
	return "score of class " + m.Classes[k]
}

func differ(format string, args ...any) error {
	args = append([]any{modelpkg.ModelFile}, args...)
	return forge.Errorf(forge.KindInvalid, nil, "%s does not answer as the trained model did: "+format+"; the conversion is wrong, so the model is refused", args...)
}
