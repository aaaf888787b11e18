package lake

import (
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/extensions"
)

// FieldID is the key under which an Arrow field carries its column's id; Parquet
// writers of arrow-go store it as the Parquet field id.
const FieldID = "PARQUET:field_id"

// Decimal spells the decimal type of a precision (1 to 38) and scale.
func Decimal(precision, scale int) Type {
	return Type("decimal(" + strconv.Itoa(precision) + "," + strconv.Itoa(scale) + ")")
}

// Decimal returns precision and scale of a decimal type, and whether t is one.
func (t Type) Decimal() (precision, scale int, ok bool) {
	inner, found := strings.CutPrefix(string(t), "decimal(")
	inner, closed := strings.CutSuffix(inner, ")")
	p, s, comma := strings.Cut(inner, ",")
	if !found || !closed || !comma {
		return 0, 0, false
	}
	precision, err1 := strconv.Atoi(strings.TrimSpace(p))
	scale, err2 := strconv.Atoi(strings.TrimSpace(s))
	ok = err1 == nil && err2 == nil && precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision
	return precision, scale, ok
}

var arrowTypes = map[Type]arrow.DataType{
	Boolean:     arrow.FixedWidthTypes.Boolean,
	Int:         arrow.PrimitiveTypes.Int32,
	Long:        arrow.PrimitiveTypes.Int64,
	Float:       arrow.PrimitiveTypes.Float32,
	Double:      arrow.PrimitiveTypes.Float64,
	Date:        arrow.FixedWidthTypes.Date32,
	Time:        arrow.FixedWidthTypes.Time64us,
	Timestamp:   &arrow.TimestampType{Unit: arrow.Microsecond},
	Timestamptz: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
	String:      arrow.BinaryTypes.String,
	UUID:        extensions.NewUUIDType(),
	Binary:      arrow.BinaryTypes.Binary,
}

// Arrow returns the Arrow type that batches carry for t.
func (t Type) Arrow() (arrow.DataType, error) {
	if a, ok := arrowTypes[t]; ok {
		return a, nil
	}
	if p, s, ok := t.Decimal(); ok {
		return &arrow.Decimal128Type{Precision: int32(p), Scale: int32(s)}, nil
	}
	return nil, forge.Errorf(forge.KindInvalid, nil, "type %q: want boolean, int, long, float, double, decimal(p,s), date, time, timestamp, timestamptz, string, uuid or binary", string(t))
}

// Numeric reports whether t holds numbers.
func (t Type) Numeric() bool {
	switch t {
	case Int, Long, Float, Double:
		return true
	}
	_, _, ok := t.Decimal()
	return ok
}

// Arrow returns the schema of record batches with these columns; fields carry the
// column's id under FieldID when it has one.
func (s Schema) Arrow() (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(s.Columns))
	for i, c := range s.Columns {
		t, err := c.Type.Arrow()
		if err != nil {
			return nil, forge.Errorf(forge.KindInvalid, err, "column %q: %s", c.Name, err)
		}
		fields[i] = arrow.Field{Name: c.Name, Type: t, Nullable: true}
		if c.ID != 0 {
			fields[i].Metadata = arrow.NewMetadata([]string{FieldID}, []string{strconv.Itoa(c.ID)})
		}
	}
	return arrow.NewSchema(fields, nil), nil
}

// Check refuses a schema that no table can have: no columns, an empty or doubled
// name, an unknown type. Names are compared without regard to case, as SQL does.
func (s Schema) Check() error {
	if len(s.Columns) == 0 {
		return forge.Errorf(forge.KindInvalid, nil, "a table needs at least one column")
	}
	seen := map[string]bool{}
	for _, c := range s.Columns {
		key := strings.ToLower(c.Name)
		if strings.TrimSpace(c.Name) == "" || strings.ContainsRune(c.Name, 0) || len(c.Name) > 255 {
			return forge.Errorf(forge.KindInvalid, nil, "column name %q: want 1 to 255 bytes of text", c.Name)
		}
		if seen[key] {
			return forge.Errorf(forge.KindInvalid, nil, "column %q is there twice (names differ by more than case)", c.Name)
		}
		seen[key] = true
		if _, err := c.Type.Arrow(); err != nil {
			return forge.Errorf(forge.KindInvalid, err, "column %q: %s", c.Name, err)
		}
	}
	return nil
}
