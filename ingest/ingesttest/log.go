// Package ingesttest holds the promises that every implementation of ingest's
// interfaces must keep.
package ingesttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
)

// TestLog checks ingest.Log. open returns a log that may hold other topics; it is
// closed by the suite.
func TestLog(t *testing.T, open func(testing.TB) ingest.Log) {
	log := open(t)
	t.Cleanup(func() { _ = log.Close() })
	topic := func(t *testing.T) string {
		name := "forge.t1.p1.test." + forge.NewID("s")
		if err := log.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	t.Run("create", func(t *testing.T) { logCreate(t, log, topic(t)) })
	t.Run("order", func(t *testing.T) { logOrder(t, log, topic(t)) })
	t.Run("fields", func(t *testing.T) { logFields(t, log, topic(t)) })
	t.Run("read sizes", func(t *testing.T) { logSizes(t, log, topic(t)) })
	t.Run("big append", func(t *testing.T) { logBig(t, log, topic(t)) })
	t.Run("concurrent", func(t *testing.T) { logConcurrent(t, log, topic(t)) })
	t.Run("trim", func(t *testing.T) { logTrim(t, log, topic(t)) })
	t.Run("refusals", func(t *testing.T) { logRefusals(t, log, topic(t)) })
	t.Run("cancel", func(t *testing.T) { logCancel(t, log, topic(t)) })
}

// ReadAll reads a topic from offset to its end.
func ReadAll(t testing.TB, log ingest.Log, topic string, offset int64, maxBytes int) []ingest.Record {
	t.Helper()
	var out []ingest.Record
	for {
		recs, err := log.Read(context.Background(), topic, offset, maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		if len(recs) == 0 {
			return out
		}
		for _, r := range recs {
			r.Value, r.Key = bytes.Clone(r.Value), bytes.Clone(r.Key)
			out = append(out, r)
			offset = r.Offset + 1
		}
	}
}

func logCreate(t *testing.T, log ingest.Log, topic string) {
	if err := log.Create(t.Context(), topic); err != nil {
		t.Errorf("second create: %v", err)
	}
	first, end, err := log.Bounds(t.Context(), topic)
	if err != nil || first != 0 || end != 0 {
		t.Errorf("bounds of a new topic: %d, %d, %v", first, end, err)
	}
	if recs, err := log.Read(t.Context(), topic, 0, 1<<20); err != nil || len(recs) != 0 {
		t.Errorf("read of a new topic: %d records, %v", len(recs), err)
	}
	names, err := log.Topics(t.Context(), topic)
	if err != nil || !slices.Equal(names, []string{topic}) {
		t.Errorf("topics: %v, %v", names, err)
	}
}

func logOrder(t *testing.T, log ingest.Log, topic string) {
	for i := range 20 {
		first, err := log.Append(t.Context(), topic, rec("%d.0", i), rec("%d.1", i), rec("%d.2", i))
		if err != nil || first != int64(3*i) {
			t.Fatalf("append %d: offset %d, %v", i, first, err)
		}
	}
	all := ReadAll(t, log, topic, 0, 1<<20)
	if len(all) != 60 {
		t.Fatalf("%d records, want 60", len(all))
	}
	for i, r := range all {
		if want := fmt.Sprintf("%d.%d", i/3, i%3); r.Offset != int64(i) || string(r.Value) != want {
			t.Fatalf("record %d: offset %d value %q", i, r.Offset, r.Value)
		}
	}
	// In the middle of a batch.
	if got := ReadAll(t, log, topic, 31, 1<<20); len(got) != 29 || got[0].Offset != 31 {
		t.Errorf("from 31: %d records", len(got))
	}
}

func logFields(t *testing.T, log ingest.Log, topic string) {
	in := []ingest.Record{
		{Key: []byte("k"), Value: []byte("v"), Headers: map[string]string{"a": "1", "ü": "ß\n"}},
		{Value: []byte{}},
		{Key: []byte{0, 255}, Value: []byte("x\x00y")},
	}
	if _, err := log.Append(t.Context(), topic, in...); err != nil {
		t.Fatal(err)
	}
	out := ReadAll(t, log, topic, 0, 1<<20)
	if len(out) != len(in) {
		t.Fatalf("%d records", len(out))
	}
	for i := range in {
		if !bytes.Equal(in[i].Key, out[i].Key) || !bytes.Equal(in[i].Value, out[i].Value) || len(in[i].Headers) != len(out[i].Headers) {
			t.Errorf("record %d: %+v, want %+v", i, out[i], in[i])
		}
		for k, v := range in[i].Headers {
			if out[i].Headers[k] != v {
				t.Errorf("record %d header %q: %q", i, k, out[i].Headers[k])
			}
		}
		if out[i].At.IsZero() {
			t.Errorf("record %d has no time", i)
		}
	}
}

// logSizes: at most maxBytes of values, but at least one record.
func logSizes(t *testing.T, log ingest.Log, topic string) {
	for i := range 50 {
		if _, err := log.Append(t.Context(), topic, ingest.Record{Value: bytes.Repeat([]byte{byte(i)}, 1000)}, ingest.Record{Value: bytes.Repeat([]byte{byte(i)}, 50)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, size := range []int{1, 999, 1049, 2500, 70_000} {
		got := ReadAll(t, log, topic, 0, size)
		if len(got) != 100 {
			t.Errorf("in pieces of %d: %d records, want 100", size, len(got))
		}
		recs, err := log.Read(t.Context(), topic, 0, size)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, r := range recs {
			sum += len(r.Value)
		}
		if len(recs) == 0 || sum > size && len(recs) > 1 {
			t.Errorf("read of %d bytes: %d records of %d bytes", size, len(recs), sum)
		}
	}
}

func logBig(t *testing.T, log ingest.Log, topic string) {
	var in []ingest.Record
	for i := range 12 {
		in = append(in, ingest.Record{Value: bytes.Repeat([]byte{'a' + byte(i)}, 400_000)})
	}
	first, err := log.Append(t.Context(), topic, in...)
	if err != nil || first != 0 {
		t.Fatalf("offset %d, %v", first, err)
	}
	for _, size := range []int{10, 1 << 20, 8 << 20} {
		out := ReadAll(t, log, topic, 0, size)
		if len(out) != len(in) {
			t.Fatalf("%d records, want %d", len(out), len(in))
		}
		for i := range out {
			if !bytes.Equal(out[i].Value, in[i].Value) {
				t.Fatalf("record %d differs", i)
			}
		}
	}
}

func logConcurrent(t *testing.T, log ingest.Log, topic string) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 25 {
				if _, err := log.Append(context.Background(), topic, rec("%d %d a", w, i), rec("%d %d b", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	out := ReadAll(t, log, topic, 0, 1<<20)
	if len(out) != 200 {
		t.Fatalf("%d records, want 200", len(out))
	}
	last := map[string]int{}
	for i, r := range out {
		var w, n int
		var half string
		if _, err := fmt.Sscanf(string(r.Value), "%d %d %s", &w, &n, &half); err != nil {
			t.Fatal(err)
		}
		pos := 2 * n
		if half == "b" {
			pos++
		}
		if key := fmt.Sprint(w); pos != last[key] {
			t.Fatalf("record %d: writer %s is at %d, want %d", i, key, pos, last[key])
		} else {
			last[key]++
		}
	}
}

func logTrim(t *testing.T, log ingest.Log, topic string) {
	for i := range 10 {
		if _, err := log.Append(t.Context(), topic, rec("%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // twice is harmless
		if err := log.Trim(t.Context(), topic, 4); err != nil {
			t.Fatal(err)
		}
	}
	first, end, err := log.Bounds(t.Context(), topic)
	if err != nil || first > 4 || end != 10 {
		t.Errorf("bounds after trim: %d, %d, %v", first, end, err)
	}
	if got := ReadAll(t, log, topic, 4, 1<<20); len(got) != 6 || string(got[0].Value) != "4" {
		t.Errorf("%d records after trim", len(got))
	}
	if err := log.Trim(t.Context(), topic, 10); err != nil {
		t.Fatal(err)
	}
	if _, end, err := log.Bounds(t.Context(), topic); err != nil || end != 10 {
		t.Errorf("end after a trim of all: %d, %v", end, err)
	}
	if off, err := log.Append(t.Context(), topic, rec("10")); err != nil || off != 10 {
		t.Errorf("offset after a trim of all: %d, %v", off, err)
	}
	if err := log.Trim(t.Context(), topic, 2); err != nil {
		t.Errorf("trim of what is gone: %v", err)
	}
}

func logRefusals(t *testing.T, log ingest.Log, topic string) {
	missing := topic + ".missing"
	if _, _, err := log.Bounds(t.Context(), missing); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("bounds of a missing topic: %v", err)
	}
	if _, err := log.Append(t.Context(), missing, rec("x")); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("append to a missing topic: %v", err)
	}
	if names, err := log.Topics(t.Context(), missing); err != nil || len(names) != 0 {
		t.Errorf("a refused append made a topic: %v, %v", names, err)
	}
	if _, err := log.Append(t.Context(), topic, ingest.Record{Value: make([]byte, 8<<20)}); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("record of 8 MB: %v", err)
	}
	if _, end, err := log.Bounds(t.Context(), topic); err != nil || end != 0 {
		t.Errorf("a refused append left something: %d, %v", end, err)
	}
	if _, err := log.Read(t.Context(), topic, 5, 1<<20); !errors.Is(err, forge.ErrConflict) {
		t.Errorf("read beyond the end: %v", err)
	}
}

func logCancel(t *testing.T, log ingest.Log, topic string) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := log.Append(ctx, topic, rec("x")); err == nil {
		t.Error("append with an ended context succeeded")
	}
	if _, err := log.Read(ctx, topic, 0, 1); err == nil {
		t.Error("read with an ended context succeeded")
	}
	if _, err := log.Append(t.Context(), topic, rec("y")); err != nil {
		t.Errorf("after a cancelled append: %v", err)
	}
}

func rec(format string, args ...any) ingest.Record {
	return ingest.Record{Value: fmt.Appendf(nil, format, args...)}
}
