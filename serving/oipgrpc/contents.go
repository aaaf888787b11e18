package oipgrpc

import (
	"math"

	"aiforge.dev/forge/serving/oip"
	"google.golang.org/protobuf/encoding/protowire"
)

// fieldsOf are the fields of InferTensorContents, by number.
var fieldsOf = [...]string{1: "bool_contents", "int_contents", "int64_contents", "uint_contents", "uint64_contents", "fp32_contents", "fp64_contents", "bytes_contents"}

// place is the field that a datatype's values are in, and their wire type.
func place(datatype string) (num, wire uint64) {
	switch datatype {
	case "BOOL":
		return 1, varint
	case "INT8", "INT16", "INT32":
		return 2, varint
	case "INT64":
		return 3, varint
	case "UINT8", "UINT16", "UINT32":
		return 4, varint
	case "UINT64":
		return 5, varint
	case "FP32":
		return 6, fixed32
	case "FP64":
		return 7, fixed64
	case "BYTES":
		return 8, length
	}
	return 0, 0 // FP16
}

// contents fills a claimed tensor from its InferTensorContents.
func (q *request) contents(t *oip.Tensor, b []byte) error {
	num, wire := place(t.Datatype)
	if num == 0 {
		return invalid("input %q: values of %s go into raw_input_contents only", t.Name, t.Datatype)
	}
	row := 0
	set := func(x uint64) error {
		v, err := number(t, x)
		if err != nil {
			return err
		}
		row++
		return q.Set(t, row-1, v)
	}
	m := message{b}
	for f, ok, err := m.next(); ok; f, ok, err = m.next() {
		switch {
		case err != nil:
		case f.key>>3 != num:
			err = elsewhere(t, f, num)
		case wire == length && f.key&7 == length:
			err = q.SetText(t, row, f.bytes)
			row++
		case f.key&7 == length:
			err = packed(f.bytes, wire, set)
		case f.key&7 == wire:
			err = set(f.num)
		}
		if err != nil {
			return err
		}
	}
	if row != q.N {
		return invalid("input %q has %d values in %s; its shape %v says %d", t.Name, row, fieldsOf[num], t.Shape, q.N)
	}
	return nil
}

// elsewhere refuses values in another datatype's field; fields of later protocols and
// empty ones pass.
func elsewhere(t *oip.Tensor, f field, num uint64) error {
	if n := f.key >> 3; n < uint64(len(fieldsOf)) && (f.key&7 != length || len(f.bytes) > 0 || n == 8) {
		return invalid("input %q is %s and has values in %s; they go into %s", t.Name, t.Datatype, fieldsOf[n], fieldsOf[num])
	}
	return nil
}

// packed calls f with each number of a packed field.
func packed(b []byte, wire uint64, f func(x uint64) error) error {
	for len(b) > 0 {
		var x uint64
		var n int
		switch wire {
		case varint:
			x, n = protowire.ConsumeVarint(b)
		case fixed64:
			x, n = protowire.ConsumeFixed64(b)
		default:
			var y uint32
			y, n = protowire.ConsumeFixed32(b)
			x = uint64(y)
		}
		if n < 0 {
			return broken(n)
		}
		b = b[n:]
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

// number is the value of a wire number by the tensor's datatype.
func number(t *oip.Tensor, x uint64) (float64, error) {
	var n int64
	switch t.Datatype {
	case "BOOL":
		return float64(min(x, 1)), nil
	case "FP32":
		return float64(math.Float32frombits(uint32(x))), nil
	case "FP64":
		return math.Float64frombits(x), nil
	case "UINT64":
		return float64(x), nil
	case "INT64":
		return float64(int64(x)), nil
	case "UINT8", "UINT16", "UINT32":
		n = int64(uint32(x))
	default:
		n = int64(int32(x))
	}
	if low, high := oip.IntRange(t.Datatype); n < low || n > high {
		return 0, invalid("input %q: %d is not %s", t.Name, n, t.Datatype)
	}
	return float64(n), nil
}
