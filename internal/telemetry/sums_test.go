package telemetry_test

import (
	"maps"
	"strings"
	"testing"

	"aiforge.dev/forge/internal/telemetry"
)

func TestSums(t *testing.T) {
	got, err := telemetry.Sums(strings.NewReader("# HELP rows of tables\n# TYPE rows gauge\nrows{table=\"raw.a b\"} 3\nrows{table=\"raw.c\"} 4.5\ngoroutines 17\nhalf\nbad x\n\n"))
	if want := map[string]float64{"rows": 7.5, "goroutines": 17}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}
