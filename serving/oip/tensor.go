package oip

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/fastjson"
)

// jsonTensor reads data, flat or nested, into the tensor's column.
func (q *request) jsonTensor(r *fastjson.Reader, t *tensor) error {
	row := 0
	var element func(depth int) error
	element = func(depth int) error {
		if r.Peek() == '[' && depth < len(t.shape) {
			return r.Array(func(int) error { return element(depth + 1) })
		}
		if row >= q.n {
			return invalid("input %q has more data than its shape %v says", t.name, t.shape)
		}
		err := q.jsonValue(r, t, row)
		row++
		return err
	}
	if r.Peek() != '[' {
		return r.Fail("input %q: want data as an array", t.name)
	}
	if err := element(0); err != nil {
		return err
	}
	if row != q.n {
		return invalid("input %q has %d values in data; its shape %v says %d", t.name, row, t.shape, q.n)
	}
	return nil
}

func (q *request) jsonValue(r *fastjson.Reader, t *tensor, row int) error {
	c := &q.batch.Columns[t.input]
	if r.Peek() == 'n' && r.Null() {
		return nil
	}
	switch t.datatype {
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
			return r.Fail("%v is too large for input %q, which is a 32-bit float", x, t.name)
		}
		c.Floats[row] = f
		return nil
	}
	n, err := r.Int()
	if err != nil {
		return err
	}
	if low, high := intRange(t.datatype); n < low || n > high {
		return r.Fail("%d is not %s", n, t.datatype)
	}
	c.Floats[row] = float32(float64(n))
	return nil
}

func intRange(datatype string) (low, high int64) {
	switch datatype {
	case "INT8":
		return math.MinInt8, math.MaxInt8
	case "INT16":
		return math.MinInt16, math.MaxInt16
	case "INT32":
		return math.MinInt32, math.MaxInt32
	case "UINT8":
		return 0, math.MaxUint8
	case "UINT16":
		return 0, math.MaxUint16
	case "UINT32":
		return 0, math.MaxUint32
	case "UINT64":
		return 0, math.MaxInt64
	}
	return math.MinInt64, math.MaxInt64
}

// binaryTensor reads little-endian values, or texts with four bytes of length before
// each.
func (q *request) binaryTensor(b []byte, t *tensor) error {
	if t.datatype == "BYTES" {
		return q.texts(b, t)
	}
	width := widths[t.datatype]
	if len(b) != width*q.n {
		return invalid("input %q: binary_data_size is %d; %d values of %s have %d bytes", t.name, len(b), q.n, t.datatype, width*q.n)
	}
	out := q.batch.Columns[t.input].Floats
	for i := range out {
		x := value(t.datatype, b[i*width:])
		f := float32(x)
		if math.IsInf(float64(f), 0) {
			return invalid("input %q, row %d: %v is not a number that the model can take; send NaN for a missing value", t.name, i, x)
		}
		out[i] = f
	}
	return nil
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

func (q *request) texts(b []byte, t *tensor) error {
	out := q.batch.Columns[t.input].Strings
	for i := range out {
		if len(b) < 4 {
			return invalid("input %q: the binary data ends before row %d of %d", t.name, i, len(out))
		}
		n := binary.LittleEndian.Uint32(b)
		b = b[4:]
		if uint64(n) > uint64(len(b)) {
			return invalid("input %q, row %d: the text has %d bytes, but only %d are left", t.name, i, n, len(b))
		}
		if !utf8.Valid(b[:n]) {
			return invalid("input %q, row %d: the text is not UTF-8", t.name, i)
		}
		out[i] = string(b[:n])
		b = b[n:]
	}
	if len(b) > 0 {
		return invalid("input %q: %d bytes are left after its %d texts", t.name, len(b), len(out))
	}
	return nil
}
