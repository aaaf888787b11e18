package csv

import "bytes"

// span is one field of a record: b[from:to] without its quotes.
type span struct {
	from, to int
	quoted   bool
	escaped  bool // holds doubled quotes or escapes
}

// form says what the scanner found.
type form int

const (
	whole      form = iota // well formed as RFC 4180 says
	loose                  // to be understood, but must be written anew
	cut                    // goes on beyond the given bytes
	afterQuote             // text between a closing quote and the delimiter
)

// record scans one record at the start of b. n counts its bytes with the line end.
// At the end of the input (eof) the last record needs no line end. inQuote says for
// cut that the bytes ended inside quotes.
func (s syntax) record(b []byte, eof bool, spans []span) (n int, out []span, f form, inQuote bool) {
	i, f := 0, whole
	for {
		from := i
		for i < len(b) && b[i] == ' ' && s.delim != ' ' {
			i++
		}
		if s.quote == 0 || i >= len(b) || b[i] != s.quote {
			i = from
			var sp span
			var lf form
			sp, i, lf = s.bare(b, from)
			if lf == loose {
				f = loose
			}
			spans = append(spans, sp)
		} else {
			if i > from {
				f = loose // blanks before the quote
			}
			sp, end, ok := s.quotedField(b, i)
			if !ok {
				return 0, spans, cut, true
			}
			spans = append(spans, sp)
			i = end
			for i < len(b) && b[i] == ' ' && s.delim != ' ' {
				i, f = i+1, loose
			}
		}
		// After a field: delimiter, line end or the end of the bytes.
		switch {
		case i >= len(b):
			if !eof {
				return 0, spans, cut, false
			}
			return i, spans, f, false
		case s.delim != 0 && b[i] == s.delim:
			i++
		case b[i] == '\n':
			return i + 1, spans, f, false
		case b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n':
			return i + 2, spans, f, false
		case b[i] == '\r' && i+1 >= len(b):
			if !eof {
				return 0, spans, cut, false
			}
			return i + 1, spans, f, false
		default:
			return 0, spans, afterQuote, false
		}
	}
}

// bare scans an unquoted field. A quote or a lone CR inside it is text.
func (s syntax) bare(b []byte, from int) (span, int, form) {
	f := whole
	for i := from; i < len(b); i++ {
		switch c := b[i]; {
		case c == s.delim && s.delim != 0, c == '\n':
			return span{from: from, to: i}, i, f
		case c == '\r':
			if i+1 >= len(b) || b[i+1] == '\n' {
				return span{from: from, to: i}, i, f
			}
			f = loose
		case c == '"', c == s.quote && s.quote != 0:
			f = loose
		}
	}
	return span{from: from, to: len(b)}, len(b), f
}

// quotedField scans from the opening quote at b[i] to behind the closing one.
func (s syntax) quotedField(b []byte, i int) (span, int, bool) {
	sp := span{from: i + 1, quoted: true}
	for i++; ; {
		j := bytes.IndexByte(b[i:], s.quote)
		if s.escape != 0 {
			if e := bytes.IndexByte(b[i:], s.escape); e >= 0 && (j < 0 || e < j) {
				sp.escaped = true
				if i += e + 2; i > len(b) {
					return sp, 0, false
				}
				continue
			}
		}
		if j < 0 {
			return sp, 0, false
		}
		i += j
		if s.escape == 0 && i+1 < len(b) && b[i+1] == s.quote {
			sp.escaped = true
			i += 2
			continue
		}
		sp.to = i
		return sp, i + 1, true
	}
}

// text returns the value of a field.
func (s syntax) text(b []byte, sp span) string {
	v := b[sp.from:sp.to]
	if !sp.escaped {
		return string(v)
	}
	return string(s.unescape(nil, v))
}

func (s syntax) unescape(out, v []byte) []byte {
	mark := s.escape
	if mark == 0 {
		mark = s.quote
	}
	for i := 0; i < len(v); i++ {
		if v[i] == mark && i+1 < len(v) {
			i++
		}
		out = append(out, v[i])
	}
	return out
}

// write appends a record in canonical form, with its line end.
func (s *splitter) write(out, b []byte, spans []span) []byte {
	for i, sp := range spans {
		if i > 0 {
			out = append(out, ',')
		}
		v := b[sp.from:sp.to]
		if sp.escaped {
			s.text = s.syntax.unescape(s.text[:0], v)
			v = s.text
		}
		if !sp.quoted && !bytes.ContainsAny(v, ",\"\r\n") {
			out = append(out, v...)
			continue
		}
		out = append(out, '"')
		for {
			q := bytes.IndexByte(v, '"')
			if q < 0 {
				break
			}
			out = append(out, v[:q+1]...)
			out = append(out, '"')
			v = v[q+1:]
		}
		out = append(out, v...)
		out = append(out, '"')
	}
	return append(out, '\n')
}
