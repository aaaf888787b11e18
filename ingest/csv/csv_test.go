package csv_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/csv"
	"aiforge.dev/forge/lake"
)

// got collects what Split produces.
type got struct {
	data    []byte
	lines   []int64 // of each row
	chunks  int
	rejects []ingest.Reject
	biggest int
}

func (g *got) Chunk(c csv.Chunk) error {
	if c.Rows == 0 || len(c.Data) == 0 || c.Data[len(c.Data)-1] != '\n' {
		return fmt.Errorf("odd chunk: %d rows, %d bytes", c.Rows, len(c.Data))
	}
	g.chunks++
	g.biggest = max(g.biggest, len(c.Data))
	g.data = append(g.data, c.Data...)
	line, rest := c.Line, c.Data
	skips := c.Skips
	for i := range c.Rows {
		if len(skips) > 0 && skips[0].Row == i {
			line += int64(skips[0].Lines)
			skips = skips[1:]
		}
		g.lines = append(g.lines, line)
		n := recordLen(rest)
		line += int64(bytes.Count(rest[:n], []byte{'\n'}))
		rest = rest[n:]
	}
	if len(rest) != 0 || len(skips) != 0 {
		return fmt.Errorf("%d rows leave %d bytes and %d skips", c.Rows, len(rest), len(skips))
	}
	return nil
}

func (g *got) Rejects(r []ingest.Reject) error {
	g.rejects = append(g.rejects, r...)
	return nil
}

func recordLen(b []byte) int {
	in := false
	for i, c := range b {
		if c == '"' {
			in = !in
		}
		if c == '\n' && !in {
			return i + 1
		}
	}
	return len(b)
}

func split(t testing.TB, text string, d csv.Dialect, columns int) (*got, csv.Stats) {
	t.Helper()
	g := &got{}
	stats, err := csv.Split(t.Context(), strings.NewReader(text), d, columns, "f.csv", g)
	if err != nil {
		t.Fatal(err)
	}
	if stats.Rows != int64(len(g.lines)) || stats.Rejected != int64(len(g.rejects)) || stats.Records != stats.Rows+stats.Rejected {
		t.Fatalf("stats %+v, %d rows and %d rejects", stats, len(g.lines), len(g.rejects))
	}
	return g, stats
}

var plain = csv.Dialect{Encoding: csv.UTF8, Delimiter: ",", Quote: `"`}

func with(f func(*csv.Dialect)) csv.Dialect {
	d := plain
	f(&d)
	return d
}

func TestSplit(t *testing.T) {
	semi := with(func(d *csv.Dialect) { d.Delimiter = ";" })
	for _, c := range []struct {
		name, in string
		d        csv.Dialect
		columns  int
		want     string
		lines    string
		rejects  string // LINE REASON; …
	}{
		{"plain", "a,b\nc,d\n", plain, 2, "a,b\nc,d\n", "1 2", ""},
		{"no last line end", "a,b\nc,d", plain, 2, "a,b\nc,d\n", "1 2", ""},
		{"crlf", "a,b\r\nc,d\r\n", plain, 2, "a,b\nc,d\n", "1 2", ""},
		{"mixed line ends", "a,b\r\nc,d\ne,f\r\n", plain, 2, "a,b\nc,d\ne,f\n", "1 2 3", ""},
		{"header", "x,y\na,b\n", with(func(d *csv.Dialect) { d.Header = true }), 2, "a,b\n", "2", ""},
		{"title lines", "Report\n\nx,y\na,b\n", with(func(d *csv.Dialect) { d.Header, d.Skip = true, 2 }), 2, "a,b\n", "4", ""},
		{"quoted header over two lines", "\"x\nz\",y\na,b\n", with(func(d *csv.Dialect) { d.Header = true }), 2, "a,b\n", "3", ""},
		{"bom", "\xEF\xBB\xBFa,b\n", plain, 2, "a,b\n", "1", ""},
		{"blank lines", "a,b\n\n\r\nc,d\n", plain, 2, "a,b\nc,d\n", "1 4", ""},
		{"quotes", "\"a,1\",\"b \"\"x\"\"\"\nc,d\n", plain, 2, "\"a,1\",\"b \"\"x\"\"\"\nc,d\n", "1 2", ""},
		{"line end in quotes", "\"a\nb\",c\nd,e\n", plain, 2, "\"a\nb\",c\nd,e\n", "1 3", ""},
		{"ragged", "a,b\nc\nd,e,f\ng,h\n", plain, 2, "a,b\ng,h\n", "1 4", "2 the record has 1 field, want 2; 3 the record has 3 fields, want 2"},
		{"quote inside a bare field", "5\" disk,b\n", plain, 2, "\"5\"\" disk\",b\n", "1", ""},
		{"blanks before a quote", "a, \"b,c\"\n", plain, 2, "a,\"b,c\"\n", "1", ""},
		{"text after a quote", "\"a\"x,b\nc,d\n", plain, 2, "c,d\n", "2", "1 text follows the closing quote of a field"},
		{"open quote", "a,b\n\"c,d\ne,f\n", plain, 2, "a,b\ne,f\n", "1 3", "2 a quote opened in this record is not closed within 9 bytes; the record ends at its first line"},
		{"not UTF-8", "a,b\nc\xE4,d\ne,f\n", plain, 2, "a,b\ne,f\n", "1 3", "2 byte 2 of the record, 0xE4, is not UTF-8"},
		{"NUL", "a,b\nc\x00,d\n", plain, 2, "a,b\n", "1", "2 the record holds a NUL byte"},
		{"semicolon", "a;b\nc,1;d\n\"x;y\";z\n", semi, 2, "a,b\n\"c,1\",d\n\"x;y\",z\n", "1 2 3", ""},
		{"tab", "a\tb\n", with(func(d *csv.Dialect) { d.Delimiter = "\t" }), 2, "a,b\n", "1", ""},
		{"single quotes", "'a,b',c\n'it''s',\"x\n", with(func(d *csv.Dialect) { d.Quote = "'" }), 2, "\"a,b\",c\n\"it's\",\"\"\"x\"\n", "1 2", ""},
		{"escapes", `"a\"b",c` + "\n", with(func(d *csv.Dialect) { d.Escape = `\` }), 2, "\"a\"\"b\",c\n", "1", ""},
		{"no quoting", "a\"b,\"c\n", with(func(d *csv.Dialect) { d.Quote = "" }), 2, "\"a\"\"b\",\"\"\"c\"\n", "1", ""},
		{"one column", "a\nb\n", plain, 1, "a\nb\n", "1 2", ""},
		{"one column, quoted empty", "a\n\"\"\nb\n", plain, 1, "a\n\"\"\nb\n", "1 2 3", ""},
		{"free text", "a, b\n\"c\n", with(func(d *csv.Dialect) { d.Delimiter, d.Quote = "", "" }), 1, "\"a, b\"\n\"\"\"c\"\n", "1 2", ""},
		{"empty fields", ",\n,\n", plain, 2, ",\n,\n", "1 2", ""},
		{"old Mac", "a,b\rc,d\r", with(func(d *csv.Dialect) { d.LineEnd = "cr" }), 2, "a,b\nc,d\n", "1 2", ""},
		{"lone CR in a field", "a\rb,c\n", plain, 2, "\"a\rb\",c\n", "1", ""},
		{"latin-1", "a\xE4,b\n", with(func(d *csv.Dialect) { d.Encoding = csv.Latin1 }), 2, "aä,b\n", "1", ""},
		{"windows-1252", "\x80,b\n", with(func(d *csv.Dialect) { d.Encoding = csv.Windows1252 }), 2, "€,b\n", "1", ""},
		{"utf-16le", "\xFF\xFEa\x00,\x00\xE4\x00\n\x00", with(func(d *csv.Dialect) { d.Encoding = csv.UTF16LE }), 2, "a,ä\n", "1", ""},
		{"utf-16be", "\x00a\x00,\x00b\x00\n", with(func(d *csv.Dialect) { d.Encoding = csv.UTF16BE }), 2, "a,b\n", "1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _ := split(t, c.in, c.d, c.columns)
			if string(g.data) != c.want {
				t.Errorf("data %q, want %q", g.data, c.want)
			}
			if l := strings.Trim(fmt.Sprint(g.lines), "[]"); l != c.lines {
				t.Errorf("lines %s, want %s", l, c.lines)
			}
			var r []string
			for _, x := range g.rejects {
				r = append(r, fmt.Sprintf("%d %s", x.Line, x.Reason))
			}
			if s := strings.Join(r, "; "); s != c.rejects {
				t.Errorf("rejects %q, want %q", s, c.rejects)
			}
		})
	}
}

// Chunks keep their size, nothing is lost at their borders, and how the reader cuts
// the file changes nothing.
func TestSplitBig(t *testing.T) {
	var b strings.Builder
	var want int64
	for i := 0; b.Len() < 12<<20; i++ {
		switch i % 50 {
		case 7:
			fmt.Fprintf(&b, "%d,\"with, comma\nand line\",%s\n", i, strings.Repeat("y", i%300))
		case 9:
			fmt.Fprintf(&b, "%d,ragged\n", i)
		default:
			fmt.Fprintf(&b, "%d,plain,%s\r\n", i, strings.Repeat("x", i%200))
		}
		want++
	}
	text := b.String()
	one, stats := split(t, text, plain, 3)
	if stats.Records != want || one.biggest > csv.ChunkSize || one.chunks < 12 || one.chunks > 16 {
		t.Errorf("%d records of %d in %d chunks, the biggest %d", stats.Records, want, one.chunks, one.biggest)
	}
	two := &got{}
	if _, err := csv.Split(t.Context(), &dribble{r: strings.NewReader(text)}, plain, 3, "f.csv", two); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.data, two.data) || one.chunks != two.chunks || fmt.Sprint(one.lines) != fmt.Sprint(two.lines) {
		t.Error("a reader that gives little at a time changes the chunks")
	}
	r := stdcsv.NewReader(bytes.NewReader(one.data))
	for rows := 0; ; rows++ {
		if _, err := r.Read(); err == io.EOF {
			if int64(rows) != stats.Rows {
				t.Errorf("%d rows read back, want %d", rows, stats.Rows)
			}
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

type dribble struct {
	r io.Reader
	n int
}

func (d *dribble) Read(p []byte) (int, error) {
	d.n++
	return d.r.Read(p[:min(len(p), 1+d.n*7%5000)])
}

func TestSplitHostile(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	g, s := split(t, "a,b\n"+long+",b\nc,d\n\"open,"+long+"\ne,f\n", plain, 2)
	if string(g.data) != "a,b\nc,d\ne,f\n" || s.Rejected != 2 || fmt.Sprint(g.lines) != "[1 3 5]" {
		t.Errorf("%q, lines %v, %d rejects", g.data, g.lines, s.Rejected)
	}
	for _, r := range g.rejects {
		if len(r.Text) > 70<<10 {
			t.Errorf("a reject keeps %d bytes", len(r.Text))
		}
	}
	cell := strings.Repeat("y", 800<<10)
	if g, _ := split(t, "a,"+cell+"\nb,"+cell+"\n", plain, 2); g.chunks != 2 || len(g.rejects) != 0 {
		t.Errorf("cells of 800 kB: %d chunks, %d rejects", g.chunks, len(g.rejects))
	}
	wide := strings.Repeat("1,", 9999) + "1\n"
	if g, s := split(t, strings.Repeat(wide, 100), plain, 10000); s.Rows != 100 || len(g.rejects) != 0 {
		t.Errorf("10,000 columns: %d rows", s.Rows)
	}
	many := strings.Repeat("a,b\n\"x\"y\n", 30000)
	if g, s := split(t, many, plain, 2); s.Rows != 30000 || s.Rejected != 30000 || g.lines[29999] != 59999 {
		t.Errorf("every second row bad: %+v", s)
	}
	if _, s := split(t, "", plain, 2); s.Records != 0 {
		t.Errorf("empty: %+v", s)
	}
	bad := with(func(d *csv.Dialect) { d.Delimiter = "ab" })
	if _, err := csv.Split(t.Context(), strings.NewReader("x"), bad, 1, "f", &got{}); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("long delimiter: %v", err)
	}
}

func sniff(t testing.TB, text string, opt csv.Options) *csv.Sniffed {
	t.Helper()
	s, err := csv.Sniff(strings.NewReader(text), int64(len(text)), opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSniffDialect(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     string // encoding delimiter quote header names
	}{
		{"comma", "a,b\n1,2\n3,4\n", `utf-8 "," "\"" true a|b`},
		{"semicolon with decimal commas", "a;b\n1,5;2\n3,5;4\n", `utf-8 ";" "\"" true a|b`},
		{"tab", "a\tb\n1,1\t2\n", `utf-8 "\t" "\"" true a|b`},
		{"pipe", "a|b|c\n1|2|3\n", `utf-8 "|" "\"" true a|b|c`},
		{"no header", "1,2\n3,4\n", `utf-8 "," "\"" false column_1|column_2`},
		{"all text with header", "name,city\nann,oslo\nbob,rome\n", `utf-8 "," "\"" true name|city`},
		{"no header, text", "ann,yes\nbob,no\nann,no\neve,yes\n", `utf-8 "," "\"" false column_1|column_2`},
		{"duplicates", "a,A,a,\n1,2,3,4\n", `utf-8 "," "\"" true a|A_2|a_3|column_4`},
		{"one column", "age\n1\n2\n", `utf-8 "," "\"" true age`},
		{"header only", "a,b,c\n", `utf-8 "," "\"" true a|b|c`},
		{"title", "Sales 2024\na,b\n1,2\n3,4\n", `utf-8 "," "\"" true a|b`},
		{"index column", ",a,b\n0,1,x\n1,2,y\n", `utf-8 "," "\"" true column_1|a|b`},
		{"commas in quotes", "a;b\n\"1,2,3\";x\n\"4,5,6\";y\n", `utf-8 ";" "\"" true a|b`},
		{"single quotes", "a,b\n'x,y',1\n'z',2\n", `utf-8 "," "'" true a|b`},
		{"latin-1", "a,b\nM\xFCller,1\n", `iso-8859-1 "," "\"" true a|b`},
		{"windows-1252", "a,b\n\x80 5,1\n", `windows-1252 "," "\"" true a|b`},
		{"bom", "\xEF\xBB\xBFa,b\n1,2\n", `utf-8 "," "\"" true a|b`},
		{"utf-16", "\xFF\xFEa\x00,\x00b\x00\n\x001\x00,\x002\x00\n\x00", `utf-16le "," "\"" true a|b`},
		{"old Mac", "a,b\r1,2\r", `utf-8 "," "\"" true a|b`},
		{"quoted line ends", "a,b\n\"x\ny\",1\n", `utf-8 "," "\"" true a|b`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sniff(t, c.in, csv.Options{})
			var names []string
			for _, col := range s.Columns {
				names = append(names, col.Name)
			}
			if have := fmt.Sprintf("%s %q %q %v %s", s.Encoding, s.Delimiter, s.Quote, s.Header, strings.Join(names, "|")); have != c.want {
				t.Errorf("have %s\nwant %s", have, c.want)
			}
		})
	}
}

func TestSniffTypes(t *testing.T) {
	repeat := func(s string, n int) []string {
		var out []string
		for range n {
			out = append(out, s)
		}
		return out
	}
	for _, c := range []struct {
		name  string
		cells []string
		want  string // type format bad
	}{
		{"v", []string{"1", "-2", "+3"}, "long  0"},
		{"v", []string{"1", "2.5", "1e3"}, "double  0"},
		{"v", []string{"1", "", "NA", "3"}, "long  0"},
		{"v", []string{"009", "100", "013"}, "long  0"},
		{"v", []string{"0012", "0013"}, "string  0"},
		{"zip", []string{"02134", "10001"}, "string  0"},
		{"v", []string{"12345678901234567890", "1"}, "string  0"},
		{"v", append(repeat("7", 99), "0Hi"), "long  1"},
		{"v", append(repeat("7", 97), "a", "b", "c"), "string  0"},
		{"InvoiceNo", append(repeat("7", 99), "C7"), "string  0"},
		{"v", []string{"true", "FALSE"}, "boolean  0"},
		{"v", []string{"yes", "no"}, "string  0"},
		{"v", []string{"2008-05", "2008-06"}, "string  0"},
		{"v", []string{"2024-01-31", "2024-2-1"}, "date  0"},
		{"v", []string{"04-21-1991", "04-05-1991"}, "date %m-%d-%Y 0"},
		{"v", append(repeat("04-21-1991", 99), "06-31-1991"), "date %m-%d-%Y 1"},
		{"v", []string{"21.04.1991", "05.04.1991"}, "date %d.%m.%Y 0"},
		{"v", []string{"05.04.1991"}, "date %d.%m.%Y 0"},
		{"v", []string{"05/04/1991"}, "date %m/%d/%Y 0"},
		{"v", []string{"12/1/10 8:26", "12/31/10 18:26"}, "timestamp %m/%d/%y %H:%M 0"},
		{"v", []string{"2024-01-01 10:00", "2024-01-01T10:00:00.5"}, "timestamp  0"},
		{"v", []string{"2024-01-01T10:00:00Z", "2024-01-01T10:00:00+02:00"}, "timestamptz  0"},
		{"v", []string{"1/2/2024 1:05 PM"}, "timestamp %m/%d/%Y %I:%M %p 0"},
		{"v", []string{"9:09", "17:08"}, "string  0"},
		{"v", []string{"", ""}, "string  0"},
		{"v", []string{"?", "NA"}, "string  0"},
		{"v", []string{"1,5", "2,5"}, "string  0"},
		{"v", []string{"0x1F", "1_000"}, "string  0"},
	} {
		t.Run(c.name+" "+c.cells[0], func(t *testing.T) {
			header := true
			text := c.name + "|x\n"
			for _, cell := range c.cells {
				text += cell + "|\n"
			}
			s := sniff(t, text, csv.Options{Header: &header})
			col := s.Columns[0]
			if have := fmt.Sprintf("%s %s %d", col.Type, col.Format, col.Bad); have != c.want {
				t.Errorf("have %q, want %q", have, c.want)
			}
		})
	}
	s := sniff(t, "a,b\n1,x\n2,y\n", csv.Options{Types: map[string]lake.Type{"a": lake.String}})
	if s.Columns[0].Type != lake.String {
		t.Errorf("asked for text, got %s", s.Columns[0].Type)
	}
	_, err := csv.Sniff(strings.NewReader("a,b\n1,2\n"), 8, csv.Options{Types: map[string]lake.Type{"z": lake.Long}})
	if !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("type of an unknown column: %v", err)
	}
}

// A column that changes its make far behind the head is seen.
func TestSniffLate(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,v\n")
	for i := range 400_000 {
		if i < 300_000 {
			fmt.Fprintf(&b, "%d,7\n", i)
		} else {
			fmt.Fprintf(&b, "%d,7.5\n", i)
		}
	}
	if s := sniff(t, b.String(), csv.Options{}); s.Columns[1].Type != lake.Double {
		t.Errorf("v is %s", s.Columns[1].Type)
	}
}

func TestSniffRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"empty":         "",
		"blank":         " \n\n  \n",
		"PDF":           "%PDF-1.7\n1,2\n",
		"ZIP":           "PK\x03\x04,,,",
		"gzip":          "\x1f\x8b\x08\x00",
		"Parquet":       "PAR1\x15\x04",
		"NDJSON":        "{\"a\": 1}\n{\"a\": 2}\n",
		"JSON":          "[1, 2]",
		"binary":        strings.Repeat("\x01\x02\x03\x90\x91,\n", 500),
		"web page":      "<!DOCTYPE html>\n<html>,</html>",
		"very wide":     strings.Repeat("a,", 9999) + "a\n" + strings.Repeat("1,", 9999) + "1\n",
		"one long line": strings.Repeat("x", 2<<20),
	} {
		_, err := csv.Sniff(strings.NewReader(in), int64(len(in)), csv.Options{})
		if !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := sniff(t, strings.Repeat("c1,", 1999)+"c2\n"+strings.Repeat("1,", 1999)+"2\n", csv.Options{}); len(s.Columns) != 2000 {
		t.Errorf("2,000 columns: %d", len(s.Columns))
	}
}

type discard struct{}

func (discard) Chunk(csv.Chunk) error         { return nil }
func (discard) Rejects([]ingest.Reject) error { return nil }
