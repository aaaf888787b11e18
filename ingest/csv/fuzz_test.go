package csv_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest/csv"
)

// FuzzSplit compares with encoding/csv on input that it takes, and on any input
// checks that every record is a row or a reject and that rows read back whole.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"a,b\nc,d\n", "\"a\"\"\",\"b\nc\"\r\n", "\"a", "a\r\rb,c", "\n\n,\n", "ä,\xE4\x00\n", "\"\" x,\" \"\n", "\"a\r\nb\",c\r\n"} {
		f.Add(s, uint8(2))
	}
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		columns := int(n%6) + 1
		g, _ := split(t, text, plain, columns)
		r := stdcsv.NewReader(bytes.NewReader(g.data))
		r.FieldsPerRecord = columns
		have, err := r.ReadAll()
		if err != nil || len(have) != len(g.lines) {
			t.Fatalf("canonical form %q: %d records, %v", g.data, len(have), err)
		}
		if !utf8.Valid(g.data) {
			t.Fatal("canonical form is not UTF-8")
		}
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") || strings.HasPrefix(text, "\ufeff") {
			return
		}
		o := stdcsv.NewReader(strings.NewReader(text))
		o.FieldsPerRecord = -1
		want, err := o.ReadAll()
		if err != nil {
			return
		}
		rows := want[:0]
		for _, w := range want {
			if len(w) == columns {
				rows = append(rows, w)
			}
		}
		if fmt.Sprintf("%q", rows) != fmt.Sprintf("%q", have) {
			t.Fatalf("input %q:\nhave %q\nwant %q", text, have, rows)
		}
	})
}

// FuzzSniff: any bytes give a guess or a clear refusal, and Split follows the guess.
func FuzzSniff(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "x;y\n1,5;2\n", "\xFF\xFEa\x00", "'a','b'\n", "%PDF", "a\tb\n\"\n", "1/2/2024 1:05 PM,2\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := csv.Sniff(bytes.NewReader(b), int64(len(b)), csv.Options{})
		if err != nil {
			if !errors.Is(err, forge.ErrInvalid) {
				t.Fatalf("refusal without a kind: %v", err)
			}
			return
		}
		if len(s.Columns) == 0 || s.RowsSampled < len(s.Preview) {
			t.Fatalf("%d columns, %d rows, %d in the preview", len(s.Columns), s.RowsSampled, len(s.Preview))
		}
		seen := map[string]bool{}
		for _, c := range s.Columns {
			k := strings.ToLower(c.Name)
			if c.Name == "" || seen[k] || !utf8.ValidString(c.Name) {
				t.Fatalf("column name %q", c.Name)
			}
			seen[k] = true
		}
		g := &got{}
		if _, err := csv.Split(t.Context(), bytes.NewReader(b), s.Dialect, len(s.Columns), "f", g); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	var comma, quoted strings.Builder
	for i := 0; comma.Len() < 32<<20; i++ {
		fmt.Fprintf(&comma, "%d,2024-01-%02d,plain text,%d.%d,another,%d,x,y,z,0.5\n", i, i%28+1, i%1000, i%100, i*7)
		fmt.Fprintf(&quoted, "%d,\"2024-01-%02d\",\"plain, text\",%d.%d,another,%d,x,y,z,0.5\n", i, i%28+1, i%1000, i%100, i*7)
	}
	for _, c := range []struct {
		name, text string
		d          csv.Dialect
	}{
		{"plain", comma.String(), plain},
		{"quoted", quoted.String(), plain},
		{"crlf", strings.ReplaceAll(comma.String(), "\n", "\r\n"), plain},
		{"semicolon", strings.ReplaceAll(comma.String(), ",", ";"), with(func(d *csv.Dialect) { d.Delimiter = ";" })},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := csv.Split(b.Context(), strings.NewReader(c.text), c.d, 10, "f", discard{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A row costs no allocation, in whatever form it comes: only chunks do.
func TestSplitAllocatesNothingPerRow(t *testing.T) {
	for name, c := range map[string]struct {
		row string
		d   csv.Dialect
	}{
		"plain":            {"1,2024-01-02,plain text,0.5\n", plain},
		"quoted":           {"1,2024-01-02,\"plain, \"\"text\"\"\",0.5\n", plain},
		"carriage returns": {"1,2024-01-02,\"plain, text\",0.5\r\n", plain},
		"semicolons":       {"1;2024-01-02;plain, text;0.5\n", with(func(d *csv.Dialect) { d.Delimiter = ";" })},
		"quotes to write":  {"1;2024-01-02;\"plain; \"\"text\"\"\";0,5\n", with(func(d *csv.Dialect) { d.Delimiter = ";" })},
	} {
		count := func(rows int) float64 {
			text := strings.Repeat(c.row, rows)
			return testing.AllocsPerRun(5, func() {
				st, err := csv.Split(t.Context(), strings.NewReader(text), c.d, 4, "f", discard{})
				if err != nil || st.Rows != int64(rows) {
					t.Fatalf("%s: %+v, %v", name, st, err)
				}
			})
		}
		if few, many := count(1000), count(10_000); many > few+20 {
			t.Errorf("%s: %v allocations for 1,000 rows, %v for 10,000", name, few, many)
		}
	}
}
