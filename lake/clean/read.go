package clean

import (
	"context"
	"math"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// read runs trusted SQL and returns its rows as JSON can hold them: nil, bool, int64,
// float64 or text. It is for small results.
func read(ctx context.Context, house *lake.House, scope forge.Scope, q lake.Query, at lake.At) ([][]any, error) {
	res, err := house.Query(ctx, scope, q, at)
	if err != nil {
		return nil, err
	}
	got, err := lake.Collect(ctx, res)
	if err != nil {
		return nil, err
	}
	for _, row := range got.Rows {
		for i, v := range row {
			row[i] = shown(v, got.Columns[i].Type)
		}
	}
	return got.Rows, nil
}

func shown(v any, t lake.Type) any {
	switch x := v.(type) {
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil // JSON has no such number
		}
	case time.Time:
		if t == lake.Date {
			return x.Format(time.DateOnly)
		}
		return x.UTC().Format(time.RFC3339Nano)
	}
	return v
}

func asInt(v any) int64 {
	switch x := v.(type) {
	case int64:
		return x
	case float64:
		return int64(x)
	}
	return 0
}

func asFloat(v any) float64 {
	switch x := v.(type) {
	case int64:
		return float64(x)
	case float64:
		return x
	}
	return 0
}
