package columns_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/columns"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func column(t *testing.T, typ arrow.DataType, json string) arrow.Array {
	t.Helper()
	a, _, err := array.FromJSON(memory.DefaultAllocator, typ, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func record(name string, a arrow.Array) arrow.RecordBatch {
	return array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "other", Type: a.DataType()}, {Name: name, Type: a.DataType(), Nullable: true}}, nil), []arrow.Array{a, a}, int64(a.Len()))
}

func fill(t *testing.T, in serving.Input, a arrow.Array, from, to int) serving.Batch {
	t.Helper()
	rec := record(in.Name, a)
	b, err := columns.Bind([]serving.Input{in}, rec.Schema())
	if err != nil {
		t.Fatal(err)
	}
	var out serving.Batch
	if err := b.Fill(rec, from, to, &out); err != nil {
		t.Fatal(err)
	}
	if out.N != to-from {
		t.Fatalf("%d rows", out.N)
	}
	return out
}

func TestNumbers(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		typ  arrow.DataType
		json string
		want []float32
	}{
		{arrow.PrimitiveTypes.Int64, `[1, null, -3, 16777217]`, []float32{1, nan, -3, 16777216}},
		{arrow.PrimitiveTypes.Int32, `[1, null]`, []float32{1, nan}},
		{arrow.PrimitiveTypes.Int16, `[1, null]`, []float32{1, nan}},
		{arrow.PrimitiveTypes.Int8, `[-1, null]`, []float32{-1, nan}},
		{arrow.PrimitiveTypes.Uint64, `[1, null]`, []float32{1, nan}},
		{arrow.PrimitiveTypes.Uint32, `[1, null]`, []float32{1, nan}},
		{arrow.PrimitiveTypes.Uint16, `[1, null]`, []float32{1, nan}},
		{arrow.PrimitiveTypes.Uint8, `[255, null]`, []float32{255, nan}},
		{arrow.PrimitiveTypes.Float64, `[0.1, null, 1e39, -1e300]`, []float32{0.1, nan, nan, nan}},
		{arrow.PrimitiveTypes.Float32, `[0.1, null]`, []float32{0.1, nan}},
		{arrow.FixedWidthTypes.Boolean, `[true, false, null]`, []float32{1, 0, nan}},
		{&arrow.Decimal128Type{Precision: 10, Scale: 2}, `["12.34", null]`, []float32{12.34, nan}},
		{arrow.Null, `[null, null]`, []float32{nan, nan}},
	} {
		got := fill(t, serving.Input{Name: "x", Type: serving.Float}, column(t, c.typ, c.json), 0, len(c.want)).Columns[0].Floats
		for i := range c.want {
			if got[i] != c.want[i] && !(math.IsNaN(float64(got[i])) && math.IsNaN(float64(c.want[i]))) {
				t.Errorf("%s: %v, want %v", c.typ, got, c.want)
			}
		}
	}
}

func TestTexts(t *testing.T) {
	for _, typ := range []arrow.DataType{arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.StringView, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}} {
		got := fill(t, serving.Input{Name: "x", Type: serving.String}, column(t, typ, `["skipped", "a", null, "", "é"]`), 1, 5).Columns[0].Strings
		if !reflect.DeepEqual(got, []string{"a", "", "", "é"}) {
			t.Errorf("%s: %q", typ, got)
		}
	}
}

func TestBindRefuses(t *testing.T) {
	text, num := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64
	for _, c := range []struct {
		fields []arrow.Field
		want   string
	}{
		{[]arrow.Field{{Name: "y", Type: num}}, "lack columns that the model takes: x, s"},
		{[]arrow.Field{{Name: "x", Type: text}, {Name: "s", Type: text}}, `column "x" is utf8; the model takes a number`},
		{[]arrow.Field{{Name: "x", Type: num}, {Name: "s", Type: num}}, `column "s" is int64; the model takes a text`},
		{[]arrow.Field{{Name: "x", Type: arrow.FixedWidthTypes.Timestamp_us}, {Name: "s", Type: text}}, `"x" is timestamp`},
		{[]arrow.Field{{Name: "x", Type: num}, {Name: "x", Type: num}, {Name: "s", Type: text}}, "2 columns named"},
	} {
		_, err := columns.Bind([]serving.Input{{Name: "x", Type: serving.Float}, {Name: "s", Type: serving.String}}, arrow.NewSchema(c.fields, nil))
		if forge.KindOf(err) != forge.KindInvalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.fields, err, c.want)
		}
	}
}

// The three ways to a model's input agree: from a table, from the feature store, and
// as the trainer reads it.
func TestSameAsValueOf(t *testing.T) {
	in := serving.Input{Name: "x", Type: serving.Float}
	for _, c := range []struct {
		v    any
		typ  arrow.DataType
		json string
	}{
		{int64(9007199254740993), arrow.PrimitiveTypes.Int64, `[9007199254740993]`},
		{0.1, arrow.PrimitiveTypes.Float64, `[0.1]`},
		{1e300, arrow.PrimitiveTypes.Float64, `[1e300]`},
		{true, arrow.FixedWidthTypes.Boolean, `[true]`},
		{nil, arrow.PrimitiveTypes.Int64, `[null]`},
	} {
		v, err := serving.ValueOf(in, c.v)
		if err != nil {
			t.Fatal(err)
		}
		got := fill(t, in, column(t, c.typ, c.json), 0, 1).Columns[0].Floats[0]
		if math.Float32bits(got) != math.Float32bits(v.Num) {
			t.Errorf("%v: %v from a table, %v from the feature store", c.v, got, v.Num)
		}
	}
}

// A row costs no allocation: a column of texts is copied at once.
func TestFillAllocatesNothingPerRow(t *testing.T) {
	texts, numbers := make([]string, 1000), make([]string, 1000)
	for i := range texts {
		texts[i], numbers[i] = `"married"`, "1.5"
	}
	for _, c := range []struct {
		typ arrow.DataType
		as  string
		all []string
	}{{arrow.BinaryTypes.String, serving.String, texts}, {arrow.PrimitiveTypes.Float64, serving.Float, numbers}} {
		rec := record("x", column(t, c.typ, "["+strings.Join(c.all, ",")+"]"))
		b, err := columns.Bind([]serving.Input{{Name: "x", Type: c.as}}, rec.Schema())
		if err != nil {
			t.Fatal(err)
		}
		var out serving.Batch
		n := testing.AllocsPerRun(20, func() {
			if err := b.Fill(rec, 0, 1000, &out); err != nil || out.N != 1000 {
				t.Fatal(out.N, err)
			}
		})
		if n > 10 {
			t.Errorf("%s: %v allocations for 1,000 rows", c.as, n)
		}
	}
}
