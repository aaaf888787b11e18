package audit_test

import (
	"testing"

	"aiforge.dev/forge/catalog/audit"
)

func BenchmarkAppend(b *testing.B) {
	for name, parallel := range map[string]int{"one": 1, "many": 128} {
		b.Run(name, func(b *testing.B) {
			l, err := audit.Open(b.TempDir(), key, audit.Config{})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			b.SetParallelism(parallel)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := l.Append(b.Context(), entry(demo, 1)); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
