package onnx

import (
	"aiforge.dev/forge/serving"
	ort "github.com/yalue/onnxruntime_go"
)

// call holds the tensors of one run of n rows, bound to the session's inputs and
// outputs. Calls of one row are kept and reused: filling them costs no allocation.
type call struct {
	n       int
	binding *ort.IoBinding
	values  []ort.Value // all, to be destroyed
	floats  [][]float32 // per input; nil for strings
	strings []*ort.StringTensor
	scores  []float32
	labels  *ort.StringTensor
}

func newCall(p *predictor, n int) (_ *call, err error) {
	c := &call{n: n, floats: make([][]float32, len(p.inputs)), strings: make([]*ort.StringTensor, len(p.inputs))}
	defer func() {
		if err != nil {
			c.destroy()
		}
	}()
	if c.binding, err = p.session.CreateIoBinding(); err != nil {
		return nil, err
	}
	for i, in := range p.sig.Inputs {
		if err = c.input(i, in); err != nil {
			return nil, err
		}
	}
	return c, c.output(p)
}

func (c *call) input(i int, in serving.Input) error {
	shape := ort.NewShape(int64(c.n), 1)
	if in.Type == serving.String {
		t, err := ort.NewStringTensor(shape)
		if err != nil {
			return err
		}
		c.strings[i], c.values = t, append(c.values, t)
		return c.binding.BindInput(in.Name, t)
	}
	t, err := ort.NewEmptyTensor[float32](shape)
	if err != nil {
		return err
	}
	c.floats[i], c.values = t.GetData(), append(c.values, t)
	return c.binding.BindInput(in.Name, t)
}

func (c *call) output(p *predictor) error {
	scores, err := ort.NewEmptyTensor[float32](ort.NewShape(int64(c.n), int64(p.k)))
	if err != nil {
		return err
	}
	c.scores, c.values = scores.GetData(), append(c.values, scores)
	if err := c.binding.BindOutput(p.outputs[0], scores); err != nil || !p.labels {
		return err
	}
	if c.labels, err = ort.NewStringTensor(ort.NewShape(int64(c.n))); err != nil {
		return err
	}
	c.values = append(c.values, c.labels)
	return c.binding.BindOutput(p.outputs[1], c.labels)
}

// run copies rows from from on in, runs, and copies the answer to its place in out.
func (c *call) run(p *predictor, in serving.Batch, from int, out *serving.Output) error {
	for i := range in.Columns {
		if t := c.strings[i]; t != nil {
			if err := c.fill(t, in.Columns[i].Strings[from:from+c.n]); err != nil {
				return err
			}
			continue
		}
		copy(c.floats[i], in.Columns[i].Floats[from:from+c.n])
	}
	if err := p.session.RunWithBinding(c.binding); err != nil {
		return err
	}
	copy(out.Scores[from*out.K:], c.scores)
	if c.labels == nil {
		return nil
	}
	return c.readLabels(out.Labels[from : from+c.n])
}

func (c *call) fill(t *ort.StringTensor, values []string) error {
	if c.n == 1 {
		return t.SetElement(0, values[0])
	}
	return t.SetContents(values)
}

func (c *call) readLabels(into []string) error {
	if c.n == 1 {
		s, err := c.labels.GetElement(0)
		into[0] = s
		return err
	}
	all, err := c.labels.GetContents()
	copy(into, all)
	return err
}

func (c *call) destroy() {
	if c.binding != nil {
		_ = c.binding.Destroy()
	}
	for _, v := range c.values {
		_ = v.Destroy()
	}
	c.values = nil
}
