package arrowjson_test

import (
	"encoding/json"
	"math"
	"testing"

	"aiforge.dev/forge/internal/arrowjson"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/uuid"
)

func TestAppendRow(t *testing.T) {
	dec := func(p, s int32) arrow.DataType { return &arrow.Decimal128Type{Precision: p, Scale: s} }
	big, _ := decimal128.FromString("12345678901234567.89", 38, 2)
	small, _ := decimal128.FromString("-12.50", 38, 2)
	utc := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	tests := []struct {
		name string
		typ  arrow.DataType
		add  func(array.Builder)
		want string
	}{
		{"null", arrow.PrimitiveTypes.Int64, func(b array.Builder) { b.AppendNull() }, `null`},
		{"bool", arrow.FixedWidthTypes.Boolean, func(b array.Builder) { b.(*array.BooleanBuilder).Append(true) }, `true`},
		{"int", arrow.PrimitiveTypes.Int32, func(b array.Builder) { b.(*array.Int32Builder).Append(-7) }, `-7`},
		{"long", arrow.PrimitiveTypes.Int64, func(b array.Builder) { b.(*array.Int64Builder).Append(1 << 53) }, `9007199254740992`},
		{"long beyond", arrow.PrimitiveTypes.Int64, func(b array.Builder) { b.(*array.Int64Builder).Append(-1<<53 - 1) }, `"-9007199254740993"`},
		{"float", arrow.PrimitiveTypes.Float32, func(b array.Builder) { b.(*array.Float32Builder).Append(0.1) }, `0.1`},
		{"double", arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).Append(1e300) }, `1e+300`},
		{"nan", arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).Append(math.NaN()) }, `null`},
		{"infinity", arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).Append(math.Inf(-1)) }, `null`},
		{"decimal", dec(38, 2), func(b array.Builder) { b.(*array.Decimal128Builder).Append(small) }, `-12.50`},
		{"decimal beyond", dec(38, 2), func(b array.Builder) { b.(*array.Decimal128Builder).Append(big) }, `"12345678901234567.89"`},
		{"date", arrow.FixedWidthTypes.Date32, func(b array.Builder) { b.(*array.Date32Builder).Append(-1) }, `"1969-12-31"`},
		{"time", arrow.FixedWidthTypes.Time64us, func(b array.Builder) { b.(*array.Time64Builder).Append(3_600_500_000) }, `"01:00:00.5"`},
		{"timestamp", utc, func(b array.Builder) { b.(*array.TimestampBuilder).Append(1_000_001) }, `"1970-01-01T00:00:01.000001Z"`},
		{"string", arrow.BinaryTypes.String, func(b array.Builder) { b.(*array.StringBuilder).Append("a\"\\\n\x01é\u2028\xff") }, `"a\"\\\n\u0001é` + "\u2028" + `\ufffd"`},
		{"binary", arrow.BinaryTypes.Binary, func(b array.Builder) { b.(*array.BinaryBuilder).Append([]byte{0, 255}) }, `"AP8="`},
		{"uuid", extensions.NewUUIDType(), func(b array.Builder) { b.(*extensions.UUIDBuilder).Append(uuid.Max) }, `"ffffffff-ffff-ffff-ffff-ffffffffffff"`},
	}
	for _, test := range tests {
		schema := arrow.NewSchema([]arrow.Field{{Name: `a"b`, Type: test.typ, Nullable: true}}, nil)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		test.add(b.Field(0))
		batch := b.NewRecordBatch()
		if got := string(arrowjson.AppendRow(nil, batch, 0)); got != "["+test.want+"]" {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if got := string(arrowjson.AppendObject(nil, batch, 0)); got != `{"a\"b":`+test.want+"}" || !json.Valid([]byte(got)) {
			t.Errorf("%s: object %s", test.name, got)
		}
	}
}
