package sink

import (
	"bytes"
	"testing"

	"aiforge.dev/forge/ingest"
)

// spooling is a batch and a group as gather makes them.
func spooling(t testing.TB, f ingest.Format) (*committer, *batch, *group) {
	t.Helper()
	b := &batch{dir: t.TempDir(), state: state{Sources: map[string]position{}}, last: map[string]*group{}}
	g, err := b.group(f, ingest.Contract{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.remove)
	return &committer{}, b, g
}

var formats = []struct {
	format ingest.Format
	line   string
	take   func(*committer, *batch, *group, ingest.Record) error
}{
	{ingest.FormatNDJSON, `{"prediction_id":"p_0123","score":0.25,"features":"{\"a\":1}"}` + "\n", (*committer).takeNDJSON},
	{ingest.FormatCSV, "p_0123,0.25,\"a, b\"\n", (*committer).takeCSV},
}

// A row that passes through the spool costs no allocation: only its record does.
func TestSpoolAllocatesNothingPerRow(t *testing.T) {
	for _, f := range formats {
		c, b, g := spooling(t, f.format)
		count := func(rows int) float64 {
			r := ingest.Record{Value: bytes.Repeat([]byte(f.line), rows), Headers: map[string]string{}}
			return testing.AllocsPerRun(10, func() {
				if err := f.take(c, b, g, r); err != nil {
					t.Fatal(err)
				}
				g.chunks = g.chunks[:0]
			})
		}
		if few, many := count(10), count(1000); many > few+2 {
			t.Errorf("%s: %v allocations for 10 rows, %v for 1,000", f.format, few, many)
		}
		if want := int64(11 * 1010); g.rows != want {
			t.Errorf("%s: %d rows were spooled, want %d", f.format, g.rows, want)
		}
	}
}

func BenchmarkSpool(b *testing.B) {
	for _, f := range formats {
		b.Run(string(f.format), func(b *testing.B) {
			c, batch, g := spooling(b, f.format)
			r := ingest.Record{Value: bytes.Repeat([]byte(f.line), 1000), Headers: map[string]string{}}
			b.SetBytes(int64(len(r.Value)))
			b.ReportAllocs()
			for b.Loop() {
				if err := f.take(c, batch, g, r); err != nil {
					b.Fatal(err)
				}
				g.chunks = g.chunks[:0]
			}
		})
	}
}
