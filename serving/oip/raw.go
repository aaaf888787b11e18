package oip

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Raw fills a claimed tensor from little-endian values, or from texts with four bytes
// of length before each.
func (q *Tensors) Raw(t *Tensor, b []byte) error {
	if t.Datatype == "BYTES" {
		return q.texts(t, b)
	}
	width := widths[t.Datatype]
	if len(b) != width*q.N {
		return invalid("input %q has %d bytes of binary data; %d values of %s have %d bytes", t.Name, len(b), q.N, t.Datatype, width*q.N)
	}
	for i := range q.N {
		if err := q.Set(t, i, value(t.Datatype, b[i*width:])); err != nil {
			return err
		}
	}
	return nil
}

// Set puts a number into a row of a claimed tensor; NaN is a missing value.
func (q *Tensors) Set(t *Tensor, row int, x float64) error {
	if row >= q.N {
		return q.tooMuch(t)
	}
	f := float32(x)
	if math.IsInf(float64(f), 0) {
		return invalid("input %q, row %d: %v is not a number that the model can take; send NaN for a missing value", t.Name, row, x)
	}
	q.Batch.Columns[t.Input].Floats[row] = f
	return nil
}

// SetText puts text into a row of a claimed tensor; no text is a missing value.
func (q *Tensors) SetText(t *Tensor, row int, s []byte) error {
	if row >= q.N {
		return q.tooMuch(t)
	}
	if !utf8.Valid(s) {
		return invalid("input %q, row %d: the text is not UTF-8", t.Name, row)
	}
	q.Batch.Columns[t.Input].Strings[row] = string(s)
	return nil
}

func (q *Tensors) tooMuch(t *Tensor) error {
	return invalid("input %q has more data than its shape %v says", t.Name, t.Shape)
}

var widths = map[string]int{"FP32": 4, "FP64": 8, "FP16": 2, "INT8": 1, "INT16": 2, "INT32": 4, "INT64": 8, "UINT8": 1, "UINT16": 2, "UINT32": 4, "UINT64": 8, "BOOL": 1}

func value(datatype string, b []byte) float64 {
	le := binary.LittleEndian
	switch datatype {
	case "FP32":
		return float64(math.Float32frombits(le.Uint32(b)))
	case "FP64":
		return math.Float64frombits(le.Uint64(b))
	case "FP16":
		return half(le.Uint16(b))
	case "INT8":
		return float64(int8(b[0]))
	case "INT16":
		return float64(int16(le.Uint16(b)))
	case "INT32":
		return float64(int32(le.Uint32(b)))
	case "INT64":
		return float64(int64(le.Uint64(b)))
	case "UINT16":
		return float64(le.Uint16(b))
	case "UINT32":
		return float64(le.Uint32(b))
	case "UINT64":
		return float64(le.Uint64(b))
	case "BOOL":
		if b[0] != 0 {
			return 1
		}
		return 0
	}
	return float64(b[0]) // UINT8
}

// half is an IEEE 754 number of 16 bits.
func half(h uint16) float64 {
	sign, exp, frac := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

func (q *Tensors) texts(t *Tensor, b []byte) error {
	for i := range q.N {
		if len(b) < 4 {
			return invalid("input %q: the binary data ends before row %d of %d", t.Name, i, q.N)
		}
		n := binary.LittleEndian.Uint32(b)
		b = b[4:]
		if uint64(n) > uint64(len(b)) {
			return invalid("input %q, row %d: the text has %d bytes, but only %d are left", t.Name, i, n, len(b))
		}
		if err := q.SetText(t, i, b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	if len(b) > 0 {
		return invalid("input %q: %d bytes are left after its %d texts", t.Name, len(b), q.N)
	}
	return nil
}
