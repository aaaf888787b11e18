package csv

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"aiforge.dev/forge"
	"golang.org/x/text/transform"
)

// kinds of files that people drop by mistake, by their first bytes.
var magics = []struct{ magic, what string }{
	{"%PDF", "a PDF document"},
	{"PK\x03\x04", "a ZIP archive or an Excel workbook (.xlsx): save the sheet as CSV, or unpack the archive"},
	{"PK\x05\x06", "an empty ZIP archive"},
	{"\x1f\x8b", "gzip data: unpack it first"},
	{"BZh", "bzip2 data: unpack it first"},
	{"\xfd7zXZ", "xz data: unpack it first"},
	{"\x28\xb5\x2f\xfd", "zstd data: unpack it first"},
	{"PAR1", "a Parquet file"},
	{"ARROW1", "an Arrow file"},
	{"SQLite format 3", "an SQLite database"},
	{"\x89PNG", "a PNG picture"},
	{"\xff\xd8\xff", "a JPEG picture"},
	{"GIF8", "a GIF picture"},
	{"\x7fELF", "a program"},
	{"MZ\x90", "a program"},
	{"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls) or Word document: save it as CSV"},
	{"<?xml", "XML"},
	{"<!DOCTYPE", "a web page"},
	{"<html", "a web page"},
}

func notCSV(head []byte) error {
	if len(head) == 0 {
		return forge.Errorf(forge.KindInvalid, nil, "the file is empty: there is nothing to take in")
	}
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return forge.Errorf(forge.KindInvalid, nil, "the file is not a CSV; it looks like %s", m.what)
		}
	}
	first, _, _ := bytes.Cut(bytes.TrimSpace(head), []byte{'\n'})
	if len(first) > 1 && (first[0] == '{' && json.Valid(first) || first[0] == '[' && (json.Valid(first) || len(bytes.TrimSpace(first)) == 1)) {
		return forge.Errorf(forge.KindInvalid, nil, "the file is not a CSV; it looks like JSON")
	}
	return nil
}

// control refuses text that is mostly not text.
func control(text []byte) error {
	odd := 0
	for _, c := range text {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			odd++
		}
	}
	if odd*20 > len(text) {
		return forge.Errorf(forge.KindInvalid, nil, "the file is not a CSV; it looks like binary data: %d of its first %d bytes are control characters", odd, len(text))
	}
	return nil
}

// encodingOf looks for a byte order mark, then for the zeros of UTF-16, then asks
// whether what is not ASCII makes UTF-8.
func encodingOf(head []byte, f io.ReaderAt, size int64) string {
	switch {
	case bytes.HasPrefix(head, bom):
		return UTF8
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		return UTF16LE
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return UTF16BE
	}
	even, odd := zeros(head)
	half := len(head) / 2
	if half > 1 && odd*10 > half*4 && even*20 < half {
		return UTF16LE
	}
	if half > 1 && even*10 > half*4 && odd*20 < half {
		return UTF16BE
	}
	good, bad, c1 := nonASCII(head)
	// The head may be plain ASCII while the rest is not.
	if rest := size - int64(len(head)); good+bad == 0 && rest > 0 {
		buf := make([]byte, min(rest, sampleWindow))
		for i := range int64(sampleWindows) {
			n, _ := f.ReadAt(buf, int64(len(head))+i*rest/sampleWindows)
			g, b, c := nonASCII(buf[:n])
			good, bad, c1 = good+g, bad+b, c1+c
		}
	}
	switch {
	case bad*4 <= good:
		return UTF8
	case c1 > 0:
		return Windows1252
	}
	return Latin1
}

func zeros(b []byte) (even, odd int) {
	for i, c := range b {
		if c != 0 {
			continue
		}
		if i%2 == 0 {
			even++
		} else {
			odd++
		}
	}
	return even, odd
}

// nonASCII counts the multi-byte characters that are UTF-8, the bytes that are not,
// and those of them that only Windows-1252 uses. A character that is cut at either
// end does not count.
func nonASCII(b []byte) (good, bad, c1 int) {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r != utf8.RuneError || n > 1:
			good++
		case i < 3 && !utf8.RuneStart(b[i]), !utf8.FullRune(b[i:]):
		default:
			bad++
			if b[i] < 0xA0 {
				c1++
			}
		}
		i += n
	}
	return good, bad, c1
}

// decode turns a sample into UTF-8; what is cut at its end is dropped.
func decode(d Dialect, b []byte, partial bool) ([]byte, error) {
	if partial && (d.Encoding == UTF16LE || d.Encoding == UTF16BE) {
		b = b[:len(b)&^1]
	}
	r, err := d.reader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	if err != nil && err != transform.ErrShortSrc && err != io.ErrUnexpectedEOF {
		return nil, forge.Errorf(forge.KindInvalid, err, "the file cannot be read as %s", d.Encoding)
	}
	return text, nil
}

var delimiters = []string{",", ";", "\t", "|"}

// guessSyntax takes the delimiter under which the most rows have the same number of
// fields, and of equals the one that makes the most fields.
func guessSyntax(d *Dialect, text []byte, whole bool) {
	text = text[:min(len(text), 256<<10)]
	whole = whole && len(text) < 256<<10
	type guess struct {
		Dialect
		score float64
		width int
	}
	best := guess{Dialect: Dialect{Quote: `"`}, score: -1}
	for _, q := range quotes(text) {
		for _, delim := range delimiters {
			g := guess{Dialect: Dialect{Delimiter: delim, Quote: q.quote, Escape: q.escape}}
			rows, bad := parse(g.syntax(), text, whole, 2000)
			g.width, g.Skip = modalWidth(rows)
			if g.width < 2 {
				continue
			}
			same := 0
			for _, r := range rows[g.Skip:] {
				if len(r) == g.width {
					same++
				}
			}
			g.score = float64(same) / float64(len(rows)-g.Skip+bad)
			if g.Skip > 0 {
				g.score *= 0.9 // leading lines of another make are rare
			}
			if g.score > best.score+0.02 || g.score > best.score-0.02 && g.width > best.width {
				best = g
			}
		}
	}
	d.Quote, d.Escape = best.Quote, best.Escape
	switch {
	case best.score >= 0.5:
		d.Delimiter, d.Skip = best.Delimiter, best.Skip
	case bytes.IndexByte(text, ',') < 0:
		d.Delimiter = "," // one column
	}
	if d.Delimiter == "" { // free text, a line is a cell
		d.Quote, d.Escape = "", ""
	}
}

type quoting struct{ quote, escape string }

// quotes lists the ways of quoting that the sample may use.
func quotes(text []byte) []quoting {
	out := []quoting{{`"`, ""}}
	if bytes.Contains(text, []byte(`\"`)) && !bytes.Contains(text, []byte(`\",`)) {
		out = []quoting{{`"`, `\`}, {`"`, ""}}
	}
	if bytes.IndexByte(text, '"') < 0 && singleQuoted.Match(text) {
		out = []quoting{{`'`, ""}, {`"`, ""}}
	}
	return out
}

var singleQuoted = regexp.MustCompile(`(?m)(^|[,;\t|])'[^'\n]*'([,;\t|]|\r?$)`)

// modalWidth returns the most frequent number of fields and how many leading
// records (a title, a note) do not have it.
func modalWidth(rows [][]string) (width, skip int) {
	count := map[int]int{}
	for _, r := range rows {
		count[len(r)]++
	}
	for w, n := range count {
		if n > count[width] || n == count[width] && w > width {
			width = w
		}
	}
	for skip < len(rows) && skip < 10 && len(rows[skip]) == 1 && width > 1 {
		skip++
	}
	if skip == 10 || skip == len(rows) {
		skip = 0
	}
	return width, skip
}

func skipLines(text []byte, n int) []byte {
	for range n {
		_, text, _ = bytes.Cut(text, []byte{'\n'})
	}
	return text
}

var namelike = regexp.MustCompile(`^[\pL_#@$(][^\n]{0,120}$`)

// hasHeader reports whether the first row looks like names above values.
func hasHeader(rows [][]string) bool {
	first := rows[0]
	seen := map[string]bool{}
	empty, names := 0, 0
	for _, c := range first {
		c = strings.TrimSpace(c)
		switch {
		case c == "":
			empty++
		case isNumber(c) || dateShape(c) != (shape{}):
			// A number among names may be a year; a row of numbers is data.
		case namelike.MatchString(c):
			names++
		}
		if c != "" && seen[c] && len(first) < 50 {
			names-- // names are rarely the same
		}
		seen[c] = true
	}
	if names*2 < len(first)-empty || names == 0 || empty > len(first)/2 {
		return false
	}
	if len(rows) == 1 {
		return names+empty == len(first)
	}
	return !looksLikeRows(first, rows[1:min(len(rows), 500)])
}

// looksLikeRows reports whether a first row of texts is more like the rows below:
// its texts occur there again, and no column below is of another kind.
func looksLikeRows(first []string, rows [][]string) bool {
	again := 0
	for i, c := range first {
		numbers, filled := 0, 0
		found := false
		for _, r := range rows {
			if i >= len(r) || r[i] == "" {
				continue
			}
			filled++
			if isNumber(r[i]) || dateShape(r[i]) != (shape{}) {
				numbers++
			}
			found = found || r[i] == c
		}
		if filled > 0 && numbers*10 >= filled*9 && !isNumber(c) && dateShape(c) == (shape{}) {
			return false
		}
		if found && c != "" {
			again++
		}
	}
	return again*3 >= len(first)
}

func isNumber(s string) bool {
	s = strings.TrimSpace(s)
	if s == "" {
		return false
	}
	c := s[0]
	if c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && !strings.ContainsAny(s, "xX_pP")
}
