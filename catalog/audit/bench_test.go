package audit_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/audit"
)

// BenchmarkAppend: every entry is on the disk when Append returns. Writers that come
// together share one write and one fsync, so that many are much quicker than one.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			l := openBench(b)
			b.ReportAllocs()
			b.ResetTimer()
			appendBy(b, l, writers, b.N, demo)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkList asks for the newest hundred entries of a project in a log of a million:
// of one that all but a thousandth belong to, and of one with a thousandth at the
// beginning, before everything else.
func BenchmarkList(b *testing.B) {
	l := openBench(b)
	appendBy(b, l, 256, 1000, other)
	appendBy(b, l, 256, 999_000, demo)
	for name, scope := range map[string]forge.Scope{"busy": demo, "quiet": other} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := l.List(b.Context(), scope, -1, 100); err != nil || len(got) != 100 {
					b.Fatal(len(got), err)
				}
			}
		})
	}
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if v, err := l.Verify(b.Context()); err != nil || !v.OK {
				b.Fatal(v, err)
			}
		}
	})
}

func openBench(b *testing.B) *audit.Log {
	b.Helper()
	l, err := audit.Open(b.TempDir(), key, audit.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	return l
}

func appendBy(b *testing.B, l *audit.Log, writers, n int, scope forge.Scope) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	e := entry(scope, 1)
	for range writers {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				if _, err := l.Append(b.Context(), e); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
