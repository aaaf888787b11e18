package iceberg

import (
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	ice "github.com/apache/iceberg-go"
)

// tagsKey is the table property that holds a column's labels, joined by commas.
const tagsKey = "forge.tags."

var primitives = map[lake.Type]ice.Type{
	lake.Boolean:     ice.PrimitiveTypes.Bool,
	lake.Int:         ice.PrimitiveTypes.Int32,
	lake.Long:        ice.PrimitiveTypes.Int64,
	lake.Float:       ice.PrimitiveTypes.Float32,
	lake.Double:      ice.PrimitiveTypes.Float64,
	lake.Date:        ice.PrimitiveTypes.Date,
	lake.Time:        ice.PrimitiveTypes.Time,
	lake.Timestamp:   ice.PrimitiveTypes.Timestamp,
	lake.Timestamptz: ice.PrimitiveTypes.TimestampTz,
	lake.String:      ice.PrimitiveTypes.String,
	lake.UUID:        ice.PrimitiveTypes.UUID,
	lake.Binary:      ice.PrimitiveTypes.Binary,
}

// icebergType translates a checked column type.
func icebergType(t lake.Type) (ice.Type, error) {
	if p, ok := primitives[t]; ok {
		return p, nil
	}
	if p, s, ok := t.Decimal(); ok {
		return ice.DecimalTypeOf(p, s), nil
	}
	_, err := t.Arrow() // says what is wrong
	return nil, err
}

// lakeType is its inverse. A type that we do not write (a foreign table's list, for
// example) keeps Iceberg's spelling; reading such a column is refused by the engine.
func lakeType(t ice.Type) lake.Type {
	if d, ok := t.(ice.DecimalType); ok {
		return lake.Decimal(d.Precision(), d.Scale())
	}
	for l, p := range primitives {
		if p.Equals(t) {
			return l
		}
	}
	return lake.Type(t.String())
}

// icebergSchema makes the schema of a new table; ids are the positions, and all
// columns optional, because DuckDB writes only such.
func icebergSchema(s lake.Schema) (*ice.Schema, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	fields := make([]ice.NestedField, len(s.Columns))
	for i, c := range s.Columns {
		t, err := icebergType(c.Type)
		if err != nil {
			return nil, err
		}
		fields[i] = ice.NestedField{ID: i + 1, Name: c.Name, Type: t, Doc: c.Doc}
	}
	return ice.NewSchema(0, fields...), nil
}

func lakeSchema(s *ice.Schema, properties ice.Properties) lake.Schema {
	out := lake.Schema{Columns: make([]lake.Column, 0, s.NumFields())}
	for _, f := range s.Fields() {
		c := lake.Column{ID: f.ID, Name: f.Name, Type: lakeType(f.Type), Doc: f.Doc}
		if tags := properties[tagsKey+strconv.Itoa(f.ID)]; tags != "" {
			c.Tags = strings.Split(tags, ",")
		}
		out.Columns = append(out.Columns, c)
	}
	return out
}

// tagProperties returns the properties that hold the labels of columns, whose ids
// are looked up in stored.
func tagProperties(columns []lake.Column, stored *ice.Schema) (ice.Properties, error) {
	props := ice.Properties{}
	for _, c := range columns {
		if len(c.Tags) == 0 {
			continue
		}
		for _, tag := range c.Tags {
			if tag == "" || strings.ContainsAny(tag, ",\x00") {
				return nil, forge.Errorf(forge.KindInvalid, nil, "column %q: label %q is empty or has a comma", c.Name, tag)
			}
		}
		f, ok := stored.FindFieldByName(c.Name)
		if !ok {
			continue
		}
		props[tagsKey+strconv.Itoa(f.ID)] = strings.Join(c.Tags, ",")
	}
	return props, nil
}
