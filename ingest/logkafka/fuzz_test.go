package logkafka_test

import (
	"bytes"
	"errors"
	"maps"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
)

// FuzzRecord: a record comes back byte for byte, at the offset that Append gave.
func FuzzRecord(f *testing.F) {
	f.Add([]byte("key"), []byte("value"), "header", "its value")
	f.Add([]byte{}, []byte{}, "", "")
	f.Add([]byte(nil), bytes.Repeat([]byte{0xff, 0}, 5000), "\xff", "\x00\n")
	l := open(f, "kafka://"+start(f, f.TempDir()).Addr())
	f.Cleanup(func() { _ = l.Close() })
	const topic = "forge.t1.p1.fuzz"
	if err := l.Create(f.Context(), topic); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key, value []byte, name, header string) {
		want := ingest.Record{Key: key, Value: value, Headers: map[string]string{name: header}}
		at, err := l.Append(t.Context(), topic, want, want)
		if err != nil {
			if !errors.Is(err, forge.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		got, err := l.Read(t.Context(), topic, at, 1<<20)
		if err != nil || len(got) < 2 {
			t.Fatalf("%d records, %v", len(got), err)
		}
		for i, r := range got[:2] {
			if r.Offset != at+int64(i) || !bytes.Equal(r.Key, key) || !bytes.Equal(r.Value, value) || !maps.Equal(r.Headers, want.Headers) {
				t.Errorf("record %d at %d: %+v, want %+v at %d", i, r.Offset, r, want, at)
			}
		}
		if err := l.Trim(t.Context(), topic, at+2); err != nil {
			t.Fatal(err)
		}
	})
}
