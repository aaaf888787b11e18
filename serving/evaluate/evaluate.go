// Package evaluate measures a model on labelled rows, in Go, as the trainer measures
// it in Python: the same metrics under the same names. Champion and challenger are
// compared with it on the same rows.
package evaluate

import (
	"context"
	"errors"
	"io"
	"math"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/metric"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/columns"
	"github.com/apache/arrow-go/v18/arrow"
)

// Rows streams labelled rows. Next returns io.EOF after the last; a batch is valid
// until the following call. lake.Result is one.
type Rows interface {
	Next(ctx context.Context) (arrow.RecordBatch, error)
}

// Evaluate runs p over rows and compares with their column label. Rows without a
// label are left out. It returns the metrics of the model's task (see metric.Names)
// that the rows define, and "rows".
func Evaluate(ctx context.Context, p serving.Predictor, rows Rows, label string) (map[string]float64, error) {
	c := collector{sig: p.Signature(), label: label}
	for {
		rec, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = c.add(ctx, p, rec)
		}
		if err != nil {
			return nil, err
		}
	}
	if c.n == 0 {
		return nil, forge.Errorf(forge.KindInvalid, nil, "no row has a label in column %q: nothing to measure", label)
	}
	m := c.measure()
	m["rows"] = float64(c.n)
	return m, nil
}

// collector keeps truths and answers: class index and scores, or value and value.
type collector struct {
	sig    serving.Signature
	label  string
	in     serving.Batch
	out    serving.Output
	n      int
	truth  []int     // classification
	value  []float64 // regression
	scores []float64 // n×k
}

func (c *collector) add(ctx context.Context, p serving.Predictor, rec arrow.RecordBatch) error {
	at := rec.Schema().FieldIndices(c.label)
	if len(at) != 1 {
		return forge.Errorf(forge.KindInvalid, nil, "the rows have %d columns named %q, want the one with the labels", len(at), c.label)
	}
	bound, err := columns.Bind(c.sig.Inputs, rec.Schema())
	if err != nil {
		return err
	}
	if err := bound.Fill(rec, 0, int(rec.NumRows()), &c.in); err != nil {
		return err
	}
	if err := p.Predict(ctx, c.in, &c.out); err != nil {
		return err
	}
	if len(c.sig.Classes) == 0 {
		return c.addValues(rec.Column(at[0]))
	}
	return c.addClasses(rec.Column(at[0]))
}

func (c *collector) addValues(labels arrow.Array) error {
	get, err := columns.Number(labels)
	if err != nil {
		return forge.Errorf(forge.KindInvalid, err, "column %q: %s", c.label, err.Error())
	}
	for row := range labels.Len() {
		if x, ok := get(row); ok && !math.IsNaN(x) {
			c.n++
			c.value = append(c.value, x)
			c.scores = append(c.scores, float64(c.out.Scores[row]))
		}
	}
	return nil
}

// addClasses takes labels as text. One that the model does not know is an error: to
// leave such rows out would flatter the model.
func (c *collector) addClasses(labels arrow.Array) error {
	index := map[string]int{}
	for k, class := range c.sig.Classes {
		index[class] = k
	}
	get := columns.Text(labels)
	for row := range labels.Len() {
		text, ok := get(row)
		if !ok {
			continue
		}
		k, known := index[text]
		if !known {
			return forge.Errorf(forge.KindInvalid, nil, "column %q holds the class %q, which the model has not been trained on: train again", c.label, text)
		}
		c.n++
		c.truth = append(c.truth, k)
		for i := range c.out.K {
			c.scores = append(c.scores, float64(c.out.Scores[row*c.out.K+i]))
		}
	}
	return nil
}

func (c *collector) measure() map[string]float64 {
	switch k := len(c.sig.Classes); {
	case k == 0:
		return metric.Regression(c.value, c.scores)
	case c.sig.PositiveIndex() >= 0:
		return metric.Binary(c.truth, c.scores, c.sig.PositiveIndex())
	default:
		return metric.Multiclass(c.truth, c.scores, k)
	}
}
