// Package arrowjson writes Arrow batches as JSON without going through Go values.
//
// Numbers stay numbers as long as a JavaScript reader gets them exactly: a whole
// number beyond ±2^53 or a decimal of more than 15 digits becomes a string. NaN and
// infinities become null, times RFC 3339 in UTC, dates YYYY-MM-DD, binary base64.
package arrowjson

import (
	"encoding/base64"
	"strconv"
	"time"

	"aiforge.dev/forge/internal/jsontext"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
)

// AppendRow appends row i of a batch as a JSON array.
func AppendRow(dst []byte, batch arrow.RecordBatch, i int) []byte {
	dst = append(dst, '[')
	for j, c := range batch.Columns() {
		if j > 0 {
			dst = append(dst, ',')
		}
		dst = appendValue(dst, c, i)
	}
	return append(dst, ']')
}

// AppendObject appends row i of a batch as a JSON object.
func AppendObject(dst []byte, batch arrow.RecordBatch, i int) []byte {
	dst = append(dst, '{')
	for j, c := range batch.Columns() {
		if j > 0 {
			dst = append(dst, ',')
		}
		dst = jsontext.AppendString(dst, batch.ColumnName(j))
		dst = append(dst, ':')
		dst = appendValue(dst, c, i)
	}
	return append(dst, '}')
}

// appendValue appends one cell.
func appendValue(dst []byte, a arrow.Array, i int) []byte {
	if a.IsNull(i) {
		return append(dst, "null"...)
	}
	switch a := a.(type) {
	case *array.Boolean:
		return strconv.AppendBool(dst, a.Value(i))
	case *array.Int32:
		return strconv.AppendInt(dst, int64(a.Value(i)), 10)
	case *array.Int64:
		return appendInt(dst, a.Value(i))
	case *array.Float32:
		return jsontext.AppendFloat(dst, float64(a.Value(i)), 32)
	case *array.Float64:
		return jsontext.AppendFloat(dst, a.Value(i), 64)
	case *array.Decimal128:
		return appendDecimal(dst, a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale))
	case *array.Date32:
		return quote(a.Value(i).ToTime().AppendFormat(append(dst, '"'), "2006-01-02"))
	case *array.Time64:
		t := time.UnixMicro(int64(a.Value(i))).UTC()
		return quote(t.AppendFormat(append(dst, '"'), "15:04:05.999999"))
	case *array.Timestamp:
		t := time.UnixMicro(int64(a.Value(i))).UTC()
		return quote(t.AppendFormat(append(dst, '"'), time.RFC3339Nano))
	case *array.String:
		return jsontext.AppendString(dst, a.Value(i))
	case *array.Binary:
		return quote(base64.StdEncoding.AppendEncode(append(dst, '"'), a.Value(i)))
	case *extensions.UUIDArray:
		return jsontext.AppendString(dst, a.Value(i).String())
	}
	return jsontext.AppendString(dst, a.ValueStr(i))
}

func quote(dst []byte) []byte { return append(dst, '"') }

// maxExact is the largest whole number up to which a float64 has every one.
const maxExact = 1 << 53

func appendInt(dst []byte, v int64) []byte {
	if v > maxExact || v < -maxExact {
		return quote(strconv.AppendInt(append(dst, '"'), v, 10))
	}
	return strconv.AppendInt(dst, v, 10)
}

func appendDecimal(dst []byte, s string) []byte {
	digits := 0
	for _, c := range s {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	if digits > 15 {
		return jsontext.AppendString(dst, s)
	}
	return append(dst, s...)
}
