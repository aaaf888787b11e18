package iceberg_test

import (
	"bytes"
	"reflect"
	"testing"

	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	ice "github.com/apache/iceberg-go"
	"github.com/google/uuid"
	"github.com/twmb/avro/ocf"
)

// TestRewriteKeepsEverything: values of every kind that a partition can have, bounds and
// counts come out as they went in, under the same schema text; only the path differs.
func TestRewriteKeepsEverything(t *testing.T) {
	schema := ice.NewSchema(0,
		ice.NestedField{ID: 1, Name: "day", Type: ice.PrimitiveTypes.Date}, ice.NestedField{ID: 2, Name: "price", Type: ice.DecimalTypeOf(9, 2)},
		ice.NestedField{ID: 3, Name: "id", Type: ice.PrimitiveTypes.UUID}, ice.NestedField{ID: 4, Name: "at", Type: ice.PrimitiveTypes.TimestampTz},
		ice.NestedField{ID: 5, Name: "code", Type: ice.FixedTypeOf(3)}, ice.NestedField{ID: 6, Name: "text", Type: ice.PrimitiveTypes.String})
	var fields []ice.PartitionField
	values := map[int]any{}
	for i, v := range []any{ice.Date(19000), ice.Decimal{Val: decimal128.FromI64(-12345), Scale: 2}, uuid.New(), ice.Timestamp(1_700_000_000_000_001), []byte{1, 0, 255}, nil} {
		fields = append(fields, ice.PartitionField{SourceIDs: []int{i + 1}, FieldID: 1000 + i, Name: schema.Field(i).Name, Transform: ice.IdentityTransform{}})
		values[1000+i] = v
	}
	spec := ice.NewPartitionSpec(fields...)
	file := laketest.Must(ice.NewDataFileBuilder(spec, ice.EntryContentData, "file:///old/x.parquet", ice.ParquetFile, values, nil, nil, 7, 99))
	file.ColumnSizes(map[int]int64{1: 10}).ValueCounts(map[int]int64{1: 7}).NullValueCounts(map[int]int64{6: 7}).
		LowerBoundValues(map[int][]byte{1: {0, 1, 2, 3}}).UpperBoundValues(map[int][]byte{1: {255, 1, 2, 3}}).SplitOffsets([]int64{4, 50})
	snap, seq := int64(1234567890123456789), int64(3)
	entry := ice.NewManifestEntry(ice.EntryStatusEXISTING, &snap, &seq, &seq, file.Build())
	var raw bytes.Buffer
	manifest := laketest.Must(ice.WriteManifest("file:///old/m.avro", &raw, 2, spec, schema, snap, []ice.ManifestEntry{entry}))

	out, err := iceberg.RewriteAvro(raw.Bytes(), func(r map[string]any) error {
		r["data_file"].(map[string]any)["file_path"] = "file:///new/x.parquet"
		return nil
	})
	must(t, err)
	got, err := ice.ReadManifest(manifest, bytes.NewReader(out), false)
	must(t, err)
	want := laketest.Must(ice.ReadManifest(manifest, bytes.NewReader(raw.Bytes()), false))
	g, w := got[0], want[0]
	if len(got) != 1 || g.Status() != w.Status() || g.SnapshotID() != w.SnapshotID() || g.SequenceNum() != w.SequenceNum() || g.DataFile().FilePath() != "file:///new/x.parquet" {
		t.Fatalf("%+v", got)
	}
	a, b := g.DataFile(), w.DataFile()
	for name, pair := range map[string][2]any{
		"partition": {a.Partition(), b.Partition()}, "sizes": {a.ColumnSizes(), b.ColumnSizes()}, "nulls": {a.NullValueCounts(), b.NullValueCounts()},
		"lower": {a.LowerBoundValues(), b.LowerBoundValues()}, "upper": {a.UpperBoundValues(), b.UpperBoundValues()}, "splits": {a.SplitOffsets(), b.SplitOffsets()}, "rows": {a.Count(), b.Count()},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: %v, want %v", name, pair[0], pair[1])
		}
	}
	before, after := laketest.Must(ocf.NewReader(bytes.NewReader(raw.Bytes()))), laketest.Must(ocf.NewReader(bytes.NewReader(out)))
	if !reflect.DeepEqual(before.Metadata(), after.Metadata()) {
		t.Errorf("header %q, want %q", after.Metadata(), before.Metadata())
	}
}
