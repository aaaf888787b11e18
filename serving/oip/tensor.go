package oip

import (
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/fastjson"
)

// jsonTensor reads data, flat or nested, into the tensor's column.
func (q *request) jsonTensor(r *fastjson.Reader, t *tensor) error {
	row := 0
	var element func(depth int) error
	element = func(depth int) error {
		if r.Peek() == '[' && depth < len(t.Shape) {
			return r.Array(func(int) error { return element(depth + 1) })
		}
		if row >= q.N {
			return q.tooMuch(&t.Tensor)
		}
		err := q.jsonValue(r, t, row)
		row++
		return err
	}
	if r.Peek() != '[' {
		return r.Fail("input %q: want data as an array", t.Name)
	}
	if err := element(0); err != nil {
		return err
	}
	if row != q.N {
		return invalid("input %q has %d values in data; its shape %v says %d", t.Name, row, t.Shape, q.N)
	}
	return nil
}

func (q *request) jsonValue(r *fastjson.Reader, t *tensor, row int) error {
	c := &q.Batch.Columns[t.Input]
	if r.Peek() == 'n' && r.Null() {
		return nil
	}
	switch t.Datatype {
	case "BYTES":
		s, err := r.String()
		if err == nil {
			c.Strings[row] = string(s)
		}
		return err
	case "BOOL":
		b, err := r.Bool()
		c.Floats[row] = serving.Bool(b)
		return err
	case "FP32", "FP64", "FP16":
		x, err := r.Number()
		if err != nil {
			return err
		}
		f, ok := serving.Narrow(x)
		if !ok {
			return r.Fail("%v is too large for input %q, which is a 32-bit float", x, t.Name)
		}
		c.Floats[row] = f
		return nil
	}
	n, err := r.Int()
	if err != nil {
		return err
	}
	if low, high := IntRange(t.Datatype); n < low || n > high {
		return r.Fail("%d is not %s", n, t.Datatype)
	}
	c.Floats[row] = float32(float64(n))
	return nil
}
