package csv

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// Limits of a sample: a head and windows spread over the rest of the file, so that
// a column that changes its make half way is seen.
const (
	sampleHead    = 1 << 20
	sampleWindow  = 64 << 10
	sampleWindows = 16
	maxSampleRows = 20_000
	maxColumns    = 2_000 // an engine takes tens of seconds per batch beyond
	previewRows   = 20
)

// Column is what the sample says about one column.
type Column struct {
	Name     string    `json:"name"`
	Type     lake.Type `json:"type"`
	Format   string    `json:"format,omitempty" doc:"strptime format of dates and timestamps; empty for ISO 8601"`
	Nulls    int       `json:"nulls" doc:"Missing cells in the sample"`
	Examples []string  `json:"examples"`
	Bad      int       `json:"bad" doc:"Cells of the sample that do not fit the type; such rows become rejects"`
}

// Sniffed is a guess from a sample.
type Sniffed struct {
	Dialect
	Columns     []Column   `json:"columns"`
	RowsSampled int        `json:"rows_sampled"`
	Preview     [][]string `json:"preview"`
	Warnings    []string   `json:"warnings"`
}

// Options overrule the guess; nil and empty leave it.
type Options struct {
	Header *bool
	Types  map[string]lake.Type
	Null   []string
}

// Sniff guesses how a file is written from a sample of it. It fails with
// KindInvalid when the file is not delimited text, saying what it looks like.
func Sniff(f io.ReaderAt, size int64, opt Options) (*Sniffed, error) {
	head := make([]byte, min(size, sampleHead))
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, forge.Errorf(forge.KindUnavailable, err, "the file could not be read")
	}
	head = head[:n]
	if err := notCSV(head); err != nil {
		return nil, err
	}
	d := Dialect{Encoding: encodingOf(head, f, size)}
	text, err := decode(d, head, size > int64(len(head)))
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') >= 0 {
		d.LineEnd = "cr"
		text = bytes.ReplaceAll(text, []byte{'\r'}, []byte{'\n'})
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, forge.Errorf(forge.KindInvalid, nil, "the file holds no text: there is nothing to take in")
	}
	if err := control(text); err != nil {
		return nil, err
	}
	whole := size <= int64(len(head))
	guessSyntax(&d, text, whole)
	s := &Sniffed{Dialect: d, Warnings: []string{}}
	rows, lost := parse(d.syntax(), skipLines(text, d.Skip), whole, maxSampleRows)
	if len(rows) == 0 {
		return nil, forge.Errorf(forge.KindInvalid, nil, "no record could be read: the first line is longer than %d bytes, or its quotes are not closed", len(text))
	}
	if lost > 0 {
		s.warn("%d records of the sample are not well formed and would become rejects", lost)
	}
	return s, s.columns(f, size, int64(len(head)), rows, opt)
}

func (s *Sniffed) warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// columns decides about the header and the types.
func (s *Sniffed) columns(f io.ReaderAt, size, from int64, rows [][]string, opt Options) error {
	width := len(rows[0])
	if width > maxColumns {
		return forge.Errorf(forge.KindInvalid, nil, "the file has %d columns, the limit is %d: is %q really its delimiter?", width, maxColumns, s.Delimiter)
	}
	if opt.Header != nil {
		s.Header = *opt.Header
	} else {
		s.Header = hasHeader(rows)
	}
	names := make([]string, width)
	if s.Header {
		names = rows[0]
		rows = rows[1:]
	}
	var ragged int
	rows, ragged = sameWidth(rows, width)
	if ragged > 0 {
		s.warn("%d records of the sample do not have %d fields and would become rejects", ragged, width)
	}
	s.Preview = rows[:min(len(rows), previewRows)]
	if len(rows) == 0 {
		s.Preview = [][]string{}
		s.warn("the file has a header and no rows")
	}
	rows = append(rows, s.windows(f, size, from, width)...)
	s.RowsSampled = len(rows)
	s.Columns = make([]Column, width)
	for i, name := range safeNames(names, s) {
		s.Columns[i] = column(name, i, rows, opt, s)
	}
	return unknownTypes(s.Columns, opt.Types)
}

func sameWidth(rows [][]string, width int) (kept [][]string, ragged int) {
	for _, r := range rows {
		if len(r) == width {
			kept = append(kept, r)
		}
	}
	return kept, len(rows) - len(kept)
}

// windows reads rows from places spread over the rest of the file. A window begins
// at the first line end; rows of another width, which a cut inside quotes makes,
// are left out.
func (s *Sniffed) windows(f io.ReaderAt, size, from int64, width int) [][]string {
	if size-from < sampleWindow*2 || s.Encoding == UTF16LE || s.Encoding == UTF16BE || width > 2000 {
		return nil
	}
	var out [][]string
	step := (size - from) / sampleWindows
	buf := make([]byte, min(sampleWindow, step))
	for i := range int64(sampleWindows) {
		at := from + i*step
		if i == sampleWindows-1 {
			at = size - int64(len(buf))
		}
		n, err := f.ReadAt(buf, at)
		if err != nil && err != io.EOF {
			return out
		}
		text, err := decode(s.Dialect, buf[:n], true)
		if err != nil {
			return out
		}
		if s.LineEnd == "cr" {
			text = bytes.ReplaceAll(text, []byte{'\r'}, []byte{'\n'})
		}
		nl := bytes.IndexByte(text, '\n')
		if nl < 0 {
			continue
		}
		rows, _ := parse(s.syntax(), text[nl+1:], false, maxSampleRows/sampleWindows)
		rows, _ = sameWidth(rows, width)
		out = append(out, rows...)
	}
	return out
}

// parse reads at most limit records; a last one that is cut off is left out.
func parse(s syntax, b []byte, eof bool, limit int) (rows [][]string, bad int) {
	var spans []span
	for len(b) > 0 && len(rows) < limit {
		n, sp, f, inQuote := s.record(b, eof, spans[:0])
		spans = sp
		if f == cut && !inQuote {
			return rows, bad
		}
		if f == cut && len(b) < MaxRecord && !eof {
			return rows, bad
		}
		if f == cut || f == afterQuote {
			bad++
			nl := bytes.IndexByte(b, '\n')
			if nl < 0 {
				return rows, bad
			}
			b = b[nl+1:]
			continue
		}
		if len(sp) > 1 || sp[0].quoted || sp[0].to > sp[0].from {
			row := make([]string, len(sp))
			for i := range sp {
				row[i] = s.text(b, sp[i])
			}
			rows = append(rows, row)
		}
		b = b[n:]
	}
	return rows, bad
}

// safeNames trims the names, names the nameless and makes them distinct also for
// engines that do not tell upper from lower case.
func safeNames(names []string, s *Sniffed) []string {
	out := make([]string, len(names))
	seen, next := map[string]bool{}, map[string]int{}
	for i, n := range names {
		n = strings.TrimSpace(strings.Map(func(r rune) rune {
			if readsOtherwise(r) {
				return ' '
			}
			return r
		}, n))
		if r := []rune(n); len(r) > 200 {
			n = strings.TrimSpace(string(r[:200]))
		}
		if n == "" {
			n = fmt.Sprintf("column_%d", i+1)
		}
		base := n
		for k := max(next[base], 2); seen[strings.ToLower(n)]; k++ {
			n = fmt.Sprintf("%s_%d", base, k)
			next[base] = k + 1
		}
		if n != base && len(s.Warnings) < 20 {
			s.warn("column %d: the name %q is there twice; it is called %q", i+1, base, n)
		}
		seen[strings.ToLower(n)] = true
		out[i] = n
	}
	return out
}

// readsOtherwise are characters that make a name look like another one: what cannot be
// seen or was not text, and what turns the direction of the text after it.
func readsOtherwise(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\uFFFD' || r == '\uFEFF' || r == '\u200B' || r == '\u2060'
}

func unknownTypes(cols []Column, types map[string]lake.Type) error {
	for name := range types {
		found := false
		for _, c := range cols {
			found = found || c.Name == name
		}
		if !found {
			return forge.Errorf(forge.KindInvalid, nil, "types name a column %q that the file does not have; it has %s", name, nameList(cols))
		}
	}
	return nil
}

func nameList(cols []Column) string {
	var names []string
	for _, c := range cols[:min(len(cols), 40)] {
		names = append(names, c.Name)
	}
	if len(cols) > 40 {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}
