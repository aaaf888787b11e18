package features

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"aiforge.dev/forge"
)

// The stored form of a row, the same in every online store: a format byte, the event
// time as eight bytes that order as the times do, the number of values, the values.
const rowFormat = 1

// RowEventSize is the length of the part of a stored row that says its age: of two
// rows the one whose first RowEventSize bytes are greater is the newer one.
const RowEventSize = 9

const (
	codeNil byte = iota
	codeFalse
	codeTrue
	codeInt    // zigzag varint
	codeFloat  // eight bytes, little endian
	codeString // length, bytes
)

// AppendRow appends the stored form of r, without its key, to b.
func AppendRow(b []byte, r Row) ([]byte, error) {
	b = append(b, rowFormat)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Event.UnixMicro())^1<<63)
	b = binary.AppendUvarint(b, uint64(len(r.Values)))
	for i, v := range r.Values {
		switch v := v.(type) {
		case nil:
			b = append(b, codeNil)
		case bool:
			if v {
				b = append(b, codeTrue)
			} else {
				b = append(b, codeFalse)
			}
		case int64:
			b = binary.AppendVarint(append(b, codeInt), v)
		case float64:
			b = binary.LittleEndian.AppendUint64(append(b, codeFloat), math.Float64bits(v))
		case string:
			b = binary.AppendUvarint(append(b, codeString), uint64(len(v)))
			b = append(b, v...)
		default:
			return nil, fmt.Errorf("value %d of a feature row is %T; want nil, bool, int64, float64 or string", i, v)
		}
	}
	return b, nil
}

// DecodeRow reads what AppendRow wrote. The row keeps nothing of b.
func DecodeRow(b []byte) (Row, error) {
	if len(b) < RowEventSize || b[0] != rowFormat {
		return Row{}, errRow
	}
	r := Row{Event: time.UnixMicro(int64(binary.BigEndian.Uint64(b[1:]) ^ 1<<63)).UTC()}
	b = b[RowEventSize:]
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)) { // each value takes a byte at least
		return Row{}, errRow
	}
	b = b[size:]
	r.Values = make([]any, n)
	var text string // one copy that all strings share, made when the first comes
	for i := range r.Values {
		if len(b) == 0 {
			return Row{}, errRow
		}
		code := b[0]
		b = b[1:]
		switch code {
		case codeNil:
		case codeFalse:
			r.Values[i] = false
		case codeTrue:
			r.Values[i] = true
		case codeInt:
			v, size := binary.Varint(b)
			if size <= 0 {
				return Row{}, errRow
			}
			r.Values[i], b = v, b[size:]
		case codeFloat:
			if len(b) < 8 {
				return Row{}, errRow
			}
			r.Values[i], b = math.Float64frombits(binary.LittleEndian.Uint64(b)), b[8:]
		case codeString:
			n, size := binary.Uvarint(b)
			if size <= 0 || n > uint64(len(b)-size) {
				return Row{}, errRow
			}
			if text == "" {
				text = string(b)
			}
			b = b[size:]
			start := len(text) - len(b)
			r.Values[i], b = text[start:start+int(n)], b[n:]
		default:
			return Row{}, errRow
		}
	}
	if len(b) != 0 {
		return Row{}, errRow
	}
	return r, nil
}

var errRow = forge.Errorf(forge.KindInternal, nil, "a row of the online store cannot be read: materialize the view again")

// AppendKey appends a key so that no two keys of an entity give the same bytes.
func AppendKey(b []byte, k Key) []byte {
	for _, part := range k {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}

// KeyString is AppendKey as a string, for stores and maps that want one.
func KeyString(k Key) string {
	var buf [64]byte
	return string(AppendKey(buf[:0], k))
}
