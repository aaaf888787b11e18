package onlinekv_test

import (
	"fmt"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/featurestest"
	"aiforge.dev/forge/features/onlinekv"
)

func open(t testing.TB, dir string) *onlinekv.Store {
	t.Helper()
	s, err := onlinekv.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOnline(t *testing.T) {
	featurestest.TestOnline(t, func(t testing.TB) features.Online { return open(t, t.TempDir()) })
}

func TestRowsOutliveTheStore(t *testing.T) {
	dir, key := t.TempDir(), []features.Key{{"7"}}
	s := open(t, dir)
	if err := s.Put(t.Context(), featurestest.Acme, "v@1", []features.Row{{Key: key[0], Event: time.Unix(9, 0), Values: []any{"x"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := onlinekv.Open(dir, nil); forge.KindOf(err) != forge.KindUnavailable || err == nil {
		t.Errorf("opened twice at once: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rows, ok, err := open(t, dir).Get(t.Context(), featurestest.Acme, "v@1", key)
	if err != nil || !ok[0] || rows[0].Values[0] != "x" {
		t.Errorf("%+v %v %v", rows, ok, err)
	}
}

func BenchmarkGet20(b *testing.B) {
	s := open(b, b.TempDir())
	values := make([]any, 20)
	for i := range values {
		values[i] = float64(i) / 3
	}
	rows := make([]features.Row, 10_000)
	for i := range rows {
		rows[i] = features.Row{Key: features.Key{fmt.Sprint(i)}, Event: time.Unix(9, 0), Values: values}
	}
	if err := s.Put(b.Context(), featurestest.Acme, "v@1", rows); err != nil {
		b.Fatal(err)
	}
	for _, batch := range []int{1, 100} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			keys := make([]features.Key, batch)
			for i := range keys {
				keys[i] = features.Key{fmt.Sprint(i * 97)}
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, ok, err := s.Get(b.Context(), featurestest.Acme, "v@1", keys); err != nil || !ok[0] {
					b.Fatal(err)
				}
			}
		})
	}
}
