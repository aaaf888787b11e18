package arrowjson_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"aiforge.dev/forge/internal/arrowjson"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// FuzzAppend: whatever the values and names, a row is JSON of as many values, and a
// number is the number that it was, read as a JavaScript reader does.
func FuzzAppend(f *testing.F) {
	f.Add("a\"b", "text\x00\xff", int64(1<<53+1), 0.1, int64(-9), uint64(7), int64(1_000_001))
	f.Add("", "", int64(math.MinInt64), math.NaN(), int64(math.MaxInt64), uint64(math.MaxUint64), int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, name, s string, i int64, x float64, hi int64, lo uint64, us int64) {
		schema := arrow.NewSchema([]arrow.Field{
			{Name: name, Type: arrow.BinaryTypes.String}, {Name: "b", Type: arrow.BinaryTypes.Binary}, {Name: "i", Type: arrow.PrimitiveTypes.Int64},
			{Name: "x", Type: arrow.PrimitiveTypes.Float64}, {Name: "f", Type: arrow.PrimitiveTypes.Float32}, {Name: "d", Type: &arrow.Decimal128Type{Precision: 38, Scale: 4}},
			{Name: "t", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}}, {Name: "c", Type: arrow.FixedWidthTypes.Time64us}, {Name: "n", Type: arrow.FixedWidthTypes.Date32},
		}, nil)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		dec := decimal128.New(hi, lo)
		b.Field(0).(*array.StringBuilder).Append(s)
		b.Field(1).(*array.BinaryBuilder).Append([]byte(s))
		b.Field(2).(*array.Int64Builder).Append(i)
		b.Field(3).(*array.Float64Builder).Append(x)
		b.Field(4).(*array.Float32Builder).Append(float32(x))
		b.Field(5).(*array.Decimal128Builder).Append(dec)
		b.Field(6).(*array.TimestampBuilder).Append(arrow.Timestamp(us))
		b.Field(7).(*array.Time64Builder).Append(arrow.Time64(us))
		b.Field(8).(*array.Date32Builder).Append(arrow.Date32(us))
		batch := b.NewRecordBatch()
		defer batch.Release()
		row := arrowjson.AppendRow(nil, batch, 0)
		var got []any
		if err := json.Unmarshal(row, &got); err != nil || len(got) != 9 {
			t.Fatalf("%s: %v", row, err)
		}
		if bytes.ContainsAny(row, "\n\r") {
			t.Errorf("a line has an end in it: %q", row)
		}
		number := func(v any) string { // as text, however it is written
			if n, ok := v.(float64); ok {
				return strconv.FormatFloat(n, 'f', -1, 64)
			}
			return v.(string)
		}
		if want := strconv.FormatInt(i, 10); number(got[2]) != want {
			t.Errorf("%d became %v", i, got[2])
		}
		if finite := !math.IsNaN(x) && !math.IsInf(x, 0); finite != (got[3] != nil) || finite && got[3] != x {
			t.Errorf("%v became %v", x, got[3])
		}
		var object map[string]any
		if err := json.Unmarshal(arrowjson.AppendObject(nil, batch, 0), &object); err != nil {
			t.Fatal(err)
		}
	})
}
