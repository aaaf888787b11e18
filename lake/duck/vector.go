package duck

import (
	"fmt"
	"unsafe"

	"aiforge.dev/forge/lake"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	bind "github.com/duckdb/duckdb-go-bindings"
)

// appendVector copies n values of a DuckDB vector into an Arrow builder. The vector's
// memory is DuckDB's and is read only here, before its chunk is destroyed.
func appendVector(b array.Builder, v bind.Vector, t lake.Type, n int) error {
	valid := validity{bind.VectorGetValidity(v)}
	data := bind.VectorGetData(v)
	b.Reserve(n)
	switch b := b.(type) {
	case *array.BooleanBuilder:
		each(n, valid, b, unsafe.Slice((*bool)(data), n), b.UnsafeAppend)
	case *array.Int32Builder:
		bulk(n, valid, b, unsafe.Slice((*int32)(data), n), b.AppendValues, b.UnsafeAppend)
	case *array.Int64Builder:
		bulk(n, valid, b, unsafe.Slice((*int64)(data), n), b.AppendValues, b.UnsafeAppend)
	case *array.Float32Builder:
		bulk(n, valid, b, unsafe.Slice((*float32)(data), n), b.AppendValues, b.UnsafeAppend)
	case *array.Float64Builder:
		bulk(n, valid, b, unsafe.Slice((*float64)(data), n), b.AppendValues, b.UnsafeAppend)
	case *array.Date32Builder:
		bulk(n, valid, b, unsafe.Slice((*arrow.Date32)(data), n), b.AppendValues, b.UnsafeAppend)
	case *array.Time64Builder:
		bulk(n, valid, b, unsafe.Slice((*arrow.Time64)(data), n), b.AppendValues, b.UnsafeAppend)
	case *array.TimestampBuilder:
		bulk(n, valid, b, unsafe.Slice((*arrow.Timestamp)(data), n), b.AppendValues, b.UnsafeAppend)
	case *array.StringBuilder:
		each(n, valid, b, unsafe.Slice((*stringT)(data), n), func(s stringT) { b.BinaryBuilder.Append(s.bytes()) })
	case *array.BinaryBuilder:
		each(n, valid, b, unsafe.Slice((*stringT)(data), n), func(s stringT) { b.Append(s.bytes()) })
	case *extensions.UUIDBuilder:
		each(n, valid, b, unsafe.Slice((*hugeInt)(data), n), func(h hugeInt) { b.AppendBytes(h.uuid()) })
	case *array.Decimal128Builder:
		return appendDecimals(b, data, valid, t, n)
	default:
		return fmt.Errorf("duck: no way from a vector to %s", t)
	}
	return nil
}

// textSize adds up the bytes of a text vector's values.
func textSize(v bind.Vector, n int) (size int) {
	valid := validity{bind.VectorGetValidity(v)}
	for i, s := range unsafe.Slice((*stringT)(bind.VectorGetData(v)), n) {
		if valid.at(i) {
			size += int(s.length)
		}
	}
	return size
}

// validity is DuckDB's bit mask, one bit per row, set when there is a value; a nil
// mask means that every row has one.
type validity struct{ mask unsafe.Pointer }

func (v validity) at(i int) bool {
	if v.mask == nil {
		return true
	}
	word := *(*uint64)(unsafe.Add(v.mask, i/64*8))
	return word>>(i%64)&1 == 1
}

type nuller interface{ AppendNull() }

func each[T any](n int, valid validity, b nuller, values []T, add func(T)) {
	for i := range n {
		if valid.at(i) {
			add(values[i])
		} else {
			b.AppendNull()
		}
	}
}

func bulk[T any](n int, valid validity, b nuller, values []T, all func([]T, []bool), add func(T)) {
	if valid.mask == nil {
		all(values, nil)
		return
	}
	each(n, valid, b, values, add)
}

// appendDecimals widens DuckDB's decimals, which lie in the smallest integer that
// holds their precision.
func appendDecimals(b *array.Decimal128Builder, data unsafe.Pointer, valid validity, t lake.Type, n int) error {
	p, _, ok := t.Decimal()
	if !ok {
		return fmt.Errorf("duck: %s is no decimal", t)
	}
	small := func(v int64) { b.Append(decimal128.FromI64(v)) }
	switch {
	case p <= 4:
		each(n, valid, b, unsafe.Slice((*int16)(data), n), func(v int16) { small(int64(v)) })
	case p <= 9:
		each(n, valid, b, unsafe.Slice((*int32)(data), n), func(v int32) { small(int64(v)) })
	case p <= 18:
		each(n, valid, b, unsafe.Slice((*int64)(data), n), small)
	default:
		each(n, valid, b, unsafe.Slice((*hugeInt)(data), n), func(h hugeInt) { b.Append(decimal128.New(h.hi, h.lo)) })
	}
	return nil
}

// hugeInt is DuckDB's 128-bit integer.
type hugeInt struct {
	lo uint64
	hi int64
}

// uuid undoes the flip of the top bit by which DuckDB makes UUIDs sort as integers.
func (h hugeInt) uuid() [16]byte {
	var out [16]byte
	hi := uint64(h.hi) ^ 1<<63
	for i := range 8 {
		out[i] = byte(hi >> (56 - 8*i))
		out[8+i] = byte(h.lo >> (56 - 8*i))
	}
	return out
}

// stringT is DuckDB's string: a length, then the bytes themselves when they are at
// most 12, else four of them and a pointer to all.
type stringT struct {
	length uint32
	prefix [4]byte
	rest   uint64
}

func (s *stringT) bytes() []byte {
	if s.length <= 12 {
		return unsafe.Slice(&s.prefix[0], s.length)
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&s.rest)), s.length)
}
