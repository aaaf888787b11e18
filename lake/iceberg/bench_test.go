package iceberg_test

import (
	"slices"
	"testing"
	"time"

	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
)

// BenchmarkCommit measures the commit of one small file, as a stream of rows makes
// them, on a table with a hundred snapshots; p50 and p95 are in milliseconds.
func BenchmarkCommit(b *testing.B) {
	tables := laketest.Must(iceberg.New(laketest.DB(b), b.TempDir(), iceberg.Config{}))
	ctx, name := b.Context(), laketest.Name("raw.calls")
	laketest.Must(tables.Create(ctx, laketest.Scope, name, laketest.Pairs, nil))
	commit := func(i int) time.Duration {
		f := laketest.WritePairs(b, tables, laketest.Scope, name, i, i+100)
		began := time.Now()
		laketest.Must(tables.Commit(ctx, laketest.Scope, name, lake.Change{Add: []lake.DataFile{f}, Properties: map[string]string{"offset": time.Now().String()}}))
		return time.Since(began)
	}
	for i := range 100 {
		commit(i)
	}
	b.ResetTimer()
	var took []time.Duration
	for i := range b.N {
		took = append(took, commit(i))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*19/20].Microseconds())/1000, "p95-ms")
}
