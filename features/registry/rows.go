package registry

import (
	"fmt"
	"strings"
	"time"

	"aiforge.dev/forge/features"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// cell is one value of a column as a feature value: nil, bool, int64, float64 or
// string. Strings are copied, as a batch's memory goes when the next one comes.
func cell(col arrow.Array, i int) any {
	if col.IsNull(i) {
		return nil
	}
	switch c := col.(type) {
	case *array.Boolean:
		return c.Value(i)
	case *array.Int64:
		return c.Value(i)
	case *array.Int32:
		return int64(c.Value(i))
	case *array.Float64:
		return c.Value(i)
	case *array.Float32:
		return float64(c.Value(i))
	case *array.String:
		return strings.Clone(c.Value(i))
	case *array.LargeString:
		return strings.Clone(c.Value(i))
	case *array.StringView:
		return strings.Clone(c.Value(i))
	}
	return strings.Clone(col.ValueStr(i))
}

// onlineRows reads a batch of pit.Newest: keys, event time, features, by position.
func onlineRows(batch arrow.RecordBatch, keys int) ([]features.Row, error) {
	events, ok := batch.Column(keys).(*array.Int64)
	if !ok {
		return nil, fmt.Errorf("event times came as %s", batch.Column(keys).DataType())
	}
	n, width := int(batch.NumRows()), int(batch.NumCols())-keys-1
	rows := make([]features.Row, n)
	values := make([]any, n*width)
	for i := range rows {
		rows[i] = features.Row{Key: make(features.Key, keys), Event: time.UnixMicro(events.Value(i)).UTC(), Values: values[i*width : (i+1)*width : (i+1)*width]}
	}
	for c := range keys {
		col := batch.Column(c)
		for i := range rows {
			rows[i].Key[c], _ = cell(col, i).(string)
		}
	}
	for c := range width {
		col := batch.Column(keys + 1 + c)
		for i := range rows {
			rows[i].Values[c] = cell(col, i)
		}
	}
	return rows, nil
}
