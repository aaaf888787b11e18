package lake

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
)

// Collect reads a whole result into memory and closes it; for small results.
func Collect(ctx context.Context, r Result) (Rows, error) {
	defer r.Close() //nolint:errcheck // Next has said what there is to say
	out := Rows{Columns: r.Schema().Columns}
	for {
		batch, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return Rows{}, err
		}
		out.Rows = AppendRows(out.Rows, batch)
	}
}

// AppendRows appends a batch's rows as Go values.
func AppendRows(rows [][]any, batch arrow.RecordBatch) [][]any {
	for i := range int(batch.NumRows()) {
		row := make([]any, batch.NumCols())
		for j := range row {
			row[j] = Value(batch.Column(j), i)
		}
		rows = append(rows, row)
	}
	return rows
}

// Value is one cell as a Go value: nil, bool, int64, float64, string, time.Time or
// []byte. A decimal without fraction is an int64 when it fits, any other decimal its
// exact text; a date is midnight UTC; a time of day and a uuid are text.
func Value(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Float32:
		return float64(a.Value(i))
	case *array.Float64:
		return a.Value(i)
	case *array.Date32:
		return a.Value(i).ToTime()
	case *array.Time64:
		return time.UnixMicro(int64(a.Value(i))).UTC().Format("15:04:05.999999")
	case *array.Timestamp:
		return time.UnixMicro(int64(a.Value(i))).UTC()
	case *array.String:
		return string([]byte(a.Value(i))) // the batch's memory goes when the next one comes
	case *array.Binary:
		return append([]byte{}, a.Value(i)...)
	case *extensions.UUIDArray:
		return a.Value(i).String()
	case *array.Decimal128:
		scale := a.DataType().(*arrow.Decimal128Type).Scale
		v := a.Value(i)
		if big := v.BigInt(); scale == 0 && big.IsInt64() {
			return big.Int64()
		}
		return v.ToString(scale)
	}
	return a.ValueStr(i)
}
