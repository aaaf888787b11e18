package fastjson

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// String reads a string. The result is valid until the next call of r and may be
// part of the document.
func (r *Reader) String() ([]byte, error) {
	if !r.take('"') {
		return nil, r.want("text in double quotes")
	}
	start, ascii := r.i, true
	for r.i < len(r.b) {
		switch c := r.b[r.i]; {
		case c == '"':
			s := r.b[start:r.i]
			if !ascii && !utf8.Valid(s) {
				return nil, r.Fail("the text is not UTF-8")
			}
			r.i++
			return s, nil
		case c == '\\':
			return r.escaped(start)
		case c < 0x20:
			return nil, r.Fail("a control character in text must be written as \\u%04x", c)
		case c >= utf8.RuneSelf:
			ascii = false
		}
		r.i++
	}
	return nil, r.Fail("the text has no closing quote")
}

// escaped goes on with a string at its first backslash.
func (r *Reader) escaped(start int) ([]byte, error) {
	out := append(r.scratch[:0], r.b[start:r.i]...)
	for r.i < len(r.b) {
		c := r.b[r.i]
		switch {
		case c == '"':
			if !utf8.Valid(out) {
				return nil, r.Fail("the text is not UTF-8")
			}
			r.i++
			r.scratch = out
			return out, nil
		case c < 0x20:
			return nil, r.Fail("a control character in text must be written as \\u%04x", c)
		case c != '\\':
			out = append(out, c)
			r.i++
		default:
			var err error
			if out, err = r.escape(out); err != nil {
				return nil, err
			}
		}
	}
	return nil, r.Fail("the text has no closing quote")
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (r *Reader) escape(out []byte) ([]byte, error) {
	if r.i+1 >= len(r.b) {
		return nil, r.Fail("the text has no closing quote")
	}
	c := r.b[r.i+1]
	if e := escapes[c]; e != 0 {
		r.i += 2
		return append(out, e), nil
	}
	u, ok := r.hex(r.i)
	if !ok {
		return nil, r.Fail("\\%c is not an escape of JSON", c)
	}
	r.i += 6
	if !utf16.IsSurrogate(u) {
		return utf8.AppendRune(out, u), nil
	}
	low, ok := r.hex(r.i)
	if both := utf16.DecodeRune(u, low); ok && both != utf8.RuneError {
		r.i += 6
		return utf8.AppendRune(out, both), nil
	}
	return nil, r.Fail("half of a surrogate pair")
}

// hex reads \uXXXX at i.
func (r *Reader) hex(i int) (rune, bool) {
	if i+6 > len(r.b) || r.b[i] != '\\' || r.b[i+1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(r.b[i+2:i+6]), 16, 16)
	return rune(v), err == nil
}
