package oipgrpc

import (
	"aiforge.dev/forge"
	"google.golang.org/protobuf/encoding/protowire"
)

// Wire types; a field's key is its number<<3 and its wire type.
const (
	varint  = 0
	fixed64 = 1
	length  = 2
	fixed32 = 5
)

func invalid(format string, args ...any) error {
	return forge.Errorf(forge.KindInvalid, nil, format, args...)
}

// message is what is left to read of a protobuf message.
type message struct{ rest []byte }

// field is one field as it came: num for numbers, bytes for what has a length. bytes
// is part of the message.
type field struct {
	key   uint64
	num   uint64
	bytes []byte
}

// next returns the next field; ok is false at the end and true with an error. Fields
// and wire types that the reader does not know are its to pass over.
func (m *message) next() (f field, ok bool, err error) {
	if len(m.rest) == 0 {
		return f, false, nil
	}
	num, typ, n := protowire.ConsumeTag(m.rest)
	if n < 0 {
		return f, true, broken(n)
	}
	m.rest = m.rest[n:]
	f.key = uint64(num)<<3 | uint64(typ)
	switch typ {
	case protowire.VarintType:
		f.num, n = protowire.ConsumeVarint(m.rest)
	case protowire.Fixed64Type:
		f.num, n = protowire.ConsumeFixed64(m.rest)
	case protowire.Fixed32Type:
		var x uint32
		x, n = protowire.ConsumeFixed32(m.rest)
		f.num = uint64(x)
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(m.rest)
	default:
		n = protowire.ConsumeFieldValue(num, typ, m.rest)
	}
	if n < 0 {
		return f, true, broken(n)
	}
	m.rest = m.rest[n:]
	return f, true, nil
}

func broken(n int) error {
	return forge.Errorf(forge.KindInvalid, protowire.ParseError(n), "the message is not the protobuf message of this method, or a part of it is missing")
}

// join is what a message's field holds that came twice: two encodings one after the
// other are the encoding of both together.
func join(a, b []byte) []byte {
	if a == nil {
		return b
	}
	return append(a[:len(a):len(a)], b...)
}

// The append functions leave out what is zero or empty, as proto3 does.

func appendVarint(b []byte, num protowire.Number, x uint64) []byte {
	if x == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), x)
}

func appendText(b []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}

// appendBytes writes a message or an element of a repeated field, empty or not.
func appendBytes(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

// appendInts writes packed int64 values.
func appendInts(b []byte, num protowire.Number, all ...int64) []byte {
	size := 0
	for _, n := range all {
		size += protowire.SizeVarint(uint64(n))
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.BytesType), uint64(size))
	for _, n := range all {
		b = protowire.AppendVarint(b, uint64(n))
	}
	return b
}
