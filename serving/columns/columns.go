// Package columns turns Arrow records into the input of a model. Batch scoring and
// evaluation share it with each other and, through serving.ValueOf's rule, with the
// feature store and the trainer: numbers become float64, then float32; booleans 1 and
// 0; NULL, "" and what is not finite are missing.
package columns

import (
	"math"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Binding says which column of a schema each input of a model reads.
type Binding struct {
	inputs []serving.Input
	index  []int
}

// Bind finds the inputs among the columns by name. Columns that the model does not
// take are ignored; one that it takes must be there, with a type that fits.
func Bind(inputs []serving.Input, schema *arrow.Schema) (*Binding, error) {
	b := &Binding{inputs: inputs}
	var missing []string
	for _, in := range inputs {
		at := schema.FieldIndices(in.Name)
		if len(at) == 0 {
			missing = append(missing, in.Name)
			continue
		}
		if len(at) > 1 {
			return nil, forge.Errorf(forge.KindInvalid, nil, "there are %d columns named %q, which the model takes: rename all but one", len(at), in.Name)
		}
		if t := plain(schema.Field(at[0]).Type); isText(t) != (in.Type == serving.String) && t.ID() != arrow.NULL || !isText(t) && !isNumber(t) && t.ID() != arrow.NULL {
			return nil, forge.Errorf(forge.KindInvalid, nil, "column %q is %s; the model takes a %s: cast it in a SELECT", in.Name, t, wants(in))
		}
		b.index = append(b.index, at[0])
	}
	if len(missing) > 0 {
		return nil, forge.Errorf(forge.KindInvalid, nil, "the rows lack columns that the model takes: %s", strings.Join(missing, ", "))
	}
	return b, nil
}

func wants(in serving.Input) string {
	if in.Type == serving.String {
		return "text"
	}
	return "number"
}

// plain is the type of a dictionary's values, or t itself.
func plain(t arrow.DataType) arrow.DataType {
	if d, ok := t.(*arrow.DictionaryType); ok {
		return d.ValueType
	}
	return t
}

func isText(t arrow.DataType) bool {
	return t.ID() == arrow.STRING || t.ID() == arrow.LARGE_STRING || t.ID() == arrow.STRING_VIEW
}

func isNumber(t arrow.DataType) bool {
	return t.ID() == arrow.BOOL || arrow.IsInteger(t.ID()) || arrow.IsFloating(t.ID()) || arrow.IsDecimal(t.ID())
}

// Fill puts rows from to to of rec into out, which it resets.
func (b *Binding) Fill(rec arrow.RecordBatch, from, to int, out *serving.Batch) error {
	out.Reset(b.inputs)
	for range to - from {
		out.AddRow(b.inputs)
	}
	for i, in := range b.inputs {
		c := rec.Column(b.index[i])
		var err error
		if in.Type == serving.String {
			err = fillText(c, from, out.Columns[i].Strings)
		} else {
			err = fillNumbers(c, from, out.Columns[i].Floats)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func fillText(c arrow.Array, from int, out []string) error {
	get, err := texts(c)
	if err != nil {
		return err
	}
	size := 0
	for i := range out {
		if !null(c, from+i) {
			size += len(get(from + i))
		}
	}
	// The record's memory ends before the model's input: one copy of all its texts.
	var all strings.Builder
	all.Grow(size)
	for i := range out {
		if null(c, from+i) {
			continue
		}
		at := all.Len()
		all.WriteString(get(from + i))
		out[i] = all.String()[at:]
	}
	return nil
}

func texts(c arrow.Array) (func(i int) string, error) {
	switch a := c.(type) {
	case *array.String:
		return a.Value, nil
	case *array.LargeString:
		return a.Value, nil
	case *array.StringView:
		return a.Value, nil
	case *array.Null:
		return func(int) string { return "" }, nil
	case *array.Dictionary:
		get, err := texts(a.Dictionary())
		if err != nil {
			return nil, err
		}
		return func(i int) string {
			if at := a.GetValueIndex(i); !a.Dictionary().IsNull(at) {
				return get(at)
			}
			return ""
		}, nil
	}
	return nil, forge.Errorf(forge.KindInvalid, nil, "values of type %s are no text", c.DataType())
}

func fillNumbers(c arrow.Array, from int, out []float32) error {
	get, err := numbers(c)
	if err != nil {
		return err
	}
	for i := range out {
		if null(c, from+i) {
			continue
		}
		if f, ok := serving.Narrow(get(from + i)); ok {
			out[i] = f
		}
	}
	return nil
}

// Numbers returns how to read a column of numbers.
func numbers(c arrow.Array) (func(i int) float64, error) {
	switch a := c.(type) {
	case *array.Float64:
		return a.Value, nil
	case *array.Float32:
		return func(i int) float64 { return float64(a.Value(i)) }, nil
	case *array.Float16:
		return func(i int) float64 { return float64(a.Value(i).Float32()) }, nil
	case *array.Boolean:
		return func(i int) float64 { return float64(serving.Bool(a.Value(i))) }, nil
	case *array.Int64:
		return func(i int) float64 { return float64(a.Value(i)) }, nil
	case *array.Int32:
		return func(i int) float64 { return float64(a.Value(i)) }, nil
	case *array.Int16:
		return func(i int) float64 { return float64(a.Value(i)) }, nil
	case *array.Int8:
		return func(i int) float64 { return float64(a.Value(i)) }, nil
	case *array.Uint64:
		return func(i int) float64 { return float64(a.Value(i)) }, nil
	case *array.Uint32:
		return func(i int) float64 { return float64(a.Value(i)) }, nil
	case *array.Uint16:
		return func(i int) float64 { return float64(a.Value(i)) }, nil
	case *array.Uint8:
		return func(i int) float64 { return float64(a.Value(i)) }, nil
	case *array.Decimal128:
		scale := a.DataType().(arrow.DecimalType).GetScale()
		return func(i int) float64 { return a.Value(i).ToFloat64(scale) }, nil
	case *array.Decimal256:
		scale := a.DataType().(arrow.DecimalType).GetScale()
		return func(i int) float64 { return a.Value(i).ToFloat64(scale) }, nil
	case *array.Null:
		return func(int) float64 { return math.NaN() }, nil
	}
	return nil, forge.Errorf(forge.KindInvalid, nil, "values of type %s are no numbers", c.DataType())
}

// null reports NULL; a column of nothing but NULLs has no bitmap that says so.
func null(c arrow.Array, i int) bool { return c.IsNull(i) || c.DataType().ID() == arrow.NULL }

// Text returns how to read a column as text, for keys and labels: numbers and
// booleans as SQL writes them. ok is false for NULL.
func Text(c arrow.Array) func(i int) (text string, ok bool) {
	get, err := texts(c)
	if err != nil {
		get = c.ValueStr
	}
	return func(i int) (string, bool) {
		if null(c, i) {
			return "", false
		}
		return strings.Clone(get(i)), true
	}
}

// Number returns how to read a column of numbers; ok is false for NULL.
func Number(c arrow.Array) (func(i int) (x float64, ok bool), error) {
	get, err := numbers(c)
	if err != nil {
		return nil, err
	}
	return func(i int) (float64, bool) {
		if null(c, i) {
			return 0, false
		}
		return get(i), true
	}, nil
}

// Time returns how to read a column of times or dates, or of text as RFC 3339; the
// zero time for NULL and for what is no time.
func Time(c arrow.Array) func(i int) time.Time {
	var get func(i int) time.Time
	switch a := c.(type) {
	case *array.Timestamp:
		unit := a.DataType().(*arrow.TimestampType).Unit
		get = func(i int) time.Time { return a.Value(i).ToTime(unit) }
	case *array.Date32:
		get = func(i int) time.Time { return a.Value(i).ToTime() }
	case *array.Date64:
		get = func(i int) time.Time { return a.Value(i).ToTime() }
	default:
		text := Text(c)
		get = func(i int) time.Time {
			s, _ := text(i)
			t, _ := time.Parse(time.RFC3339Nano, s) // the zero time when it is none
			return t
		}
	}
	return func(i int) time.Time {
		if null(c, i) {
			return time.Time{}
		}
		return get(i)
	}
}
