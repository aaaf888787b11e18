package duck

import (
	"fmt"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
	bind "github.com/duckdb/duckdb-go-bindings"
)

var sqlTypes = map[lake.Type]string{
	lake.Boolean: "BOOLEAN", lake.Int: "INTEGER", lake.Long: "BIGINT", lake.Float: "FLOAT", lake.Double: "DOUBLE",
	lake.Date: "DATE", lake.Time: "TIME", lake.Timestamp: "TIMESTAMP", lake.Timestamptz: "TIMESTAMP WITH TIME ZONE",
	lake.String: "VARCHAR", lake.UUID: "UUID", lake.Binary: "BLOB",
}

// sqlType spells a column type for DuckDB.
func sqlType(t lake.Type) (string, error) {
	if s, ok := sqlTypes[t]; ok {
		return s, nil
	}
	if p, s, ok := t.Decimal(); ok {
		return fmt.Sprintf("DECIMAL(%d,%d)", p, s), nil
	}
	_, err := t.Arrow() // says what is wrong
	return "", err
}

// column is a result column as DuckDB has it and as the lake will.
type column struct {
	name string
	typ  lake.Type
	cast string // expression with %s for the column; "" when the type is one of ours
}

// columnOf translates a DuckDB type. Whole numbers that need more than 64 bits become
// decimals, nested values JSON text; what is left becomes its text.
func columnOf(name string, t bind.LogicalType) column {
	simple := func(typ lake.Type) column { return column{name: name, typ: typ} }
	cast := func(typ lake.Type) column {
		s, _ := sqlType(typ)
		return column{name: name, typ: typ, cast: "CAST(%s AS " + s + ")"}
	}
	switch bind.GetTypeId(t) {
	case bind.TypeBoolean:
		return simple(lake.Boolean)
	case bind.TypeInteger:
		return simple(lake.Int)
	case bind.TypeTinyInt, bind.TypeSmallInt, bind.TypeUTinyInt, bind.TypeUSmallInt:
		return cast(lake.Int)
	case bind.TypeBigInt:
		return simple(lake.Long)
	case bind.TypeUInteger:
		return cast(lake.Long)
	case bind.TypeUBigInt, bind.TypeHugeInt, bind.TypeUHugeInt:
		return cast(lake.Decimal(38, 0))
	case bind.TypeDecimal:
		return simple(lake.Decimal(int(bind.DecimalWidth(t)), int(bind.DecimalScale(t))))
	case bind.TypeFloat:
		return simple(lake.Float)
	case bind.TypeDouble:
		return simple(lake.Double)
	case bind.TypeDate:
		return simple(lake.Date)
	case bind.TypeTime:
		return simple(lake.Time)
	case bind.TypeTimeNS:
		return cast(lake.Time)
	case bind.TypeTimestamp:
		return simple(lake.Timestamp)
	case bind.TypeTimestampS, bind.TypeTimestampMS, bind.TypeTimestampNS:
		return cast(lake.Timestamp)
	case bind.TypeTimestampTZ:
		return simple(lake.Timestamptz)
	case bind.TypeVarchar:
		return simple(lake.String)
	case bind.TypeUUID:
		return simple(lake.UUID)
	case bind.TypeBlob:
		return simple(lake.Binary)
	case bind.TypeList, bind.TypeArray, bind.TypeStruct, bind.TypeMap, bind.TypeUnion, bind.TypeVariant:
		return column{name: name, typ: lake.String, cast: "CAST(to_json(%s) AS VARCHAR)"}
	}
	return cast(lake.String)
}

// fieldIDs and readSchema spell the two sides of Iceberg's field ids: what COPY
// stores in a Parquet file, and how read_parquet finds it again under another name
// or type. Both come from the same schema and nowhere else.
func fieldIDs(s lake.Schema) string {
	parts := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		parts[i] = sqltext.Ident(c.Name) + ": " + strconv.Itoa(c.ID)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func readSchema(s lake.Schema) (string, error) {
	parts := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		t, err := sqlType(c.Type)
		if err != nil {
			return "", err
		}
		if c.ID == 0 {
			return "", forge.Errorf(forge.KindInternal, nil, "column %q has no field id", c.Name)
		}
		parts[i] = fmt.Sprintf("%d: {name: %s, type: %s, default_value: NULL}", c.ID, sqltext.Text(c.Name), sqltext.Text(t))
	}
	return "map{" + strings.Join(parts, ", ") + "}", nil
}

// selectFrom is the SELECT behind a view: the files read by field id, or no rows with
// the right types.
func (v view) selectFrom() (string, error) {
	if len(v.Files) == 0 {
		parts := make([]string, len(v.Schema.Columns))
		for i, c := range v.Schema.Columns {
			t, err := sqlType(c.Type)
			if err != nil {
				return "", err
			}
			parts[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", t, sqltext.Ident(c.Name))
		}
		return "SELECT " + strings.Join(parts, ", ") + " WHERE false", nil
	}
	schema, err := readSchema(v.Schema)
	if err != nil {
		return "", err
	}
	files := make([]string, len(v.Files))
	for i, f := range v.Files {
		files[i] = sqltext.Text(f)
	}
	return "SELECT * FROM read_parquet([" + strings.Join(files, ", ") + "], schema=" + schema + ", hive_partitioning=false)", nil
}
