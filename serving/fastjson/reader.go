// Package fastjson reads and writes JSON for the prediction paths without reflection
// and almost without allocating: the grammar is RFC 8259's, strictly, and every error
// says at which byte and what was wanted. Everything else uses encoding/json.
package fastjson

import (
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"aiforge.dev/forge"
)

// maxDepth of values that are skipped.
const maxDepth = 64

// Reader reads one document.
type Reader struct {
	b       []byte
	i       int
	scratch []byte
}

// Reset starts reading b; the reader keeps its memory.
func (r *Reader) Reset(b []byte) { r.b, r.i = b, 0 }

// Offset is how many bytes have been read.
func (r *Reader) Offset() int { return r.i }

// Rest is what has not been read.
func (r *Reader) Rest() []byte { return r.b[r.i:] }

// Fail is an error at the current place.
func (r *Reader) Fail(format string, args ...any) error {
	e := forge.Errorf(forge.KindInvalid, nil, format, args...)
	e.Text = "byte " + strconv.Itoa(r.i+1) + " of the JSON: " + e.Text
	return e
}

// Peek skips white space and returns the next byte, 0 at the end.
func (r *Reader) Peek() byte {
	for r.i < len(r.b) {
		switch c := r.b[r.i]; c {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return c
		}
	}
	return 0
}

// End fails if anything but white space is left.
func (r *Reader) End() error {
	if r.Peek() != 0 || r.i < len(r.b) {
		return r.Fail("more follows after the end of the value")
	}
	return nil
}

func (r *Reader) take(c byte) bool {
	if r.Peek() == c && r.i < len(r.b) {
		r.i++
		return true
	}
	return false
}

// Object calls f for each key, which is valid during the call; f must read the value.
func (r *Reader) Object(f func(key []byte) error) error {
	if !r.take('{') {
		return r.want("an object {…}")
	}
	if r.take('}') {
		return nil
	}
	for {
		if r.Peek() != '"' {
			return r.want("a key in double quotes")
		}
		key, err := r.String()
		if err != nil {
			return err
		}
		if !r.take(':') {
			return r.want("a colon")
		}
		if err := f(key); err != nil {
			return err
		}
		if r.take('}') {
			return nil
		}
		if !r.take(',') {
			return r.want("a comma or }")
		}
	}
}

// Array calls f for each element; f must read it.
func (r *Reader) Array(f func(i int) error) error {
	if !r.take('[') {
		return r.want("an array […]")
	}
	if r.take(']') {
		return nil
	}
	for i := 0; ; i++ {
		if err := f(i); err != nil {
			return err
		}
		if r.take(']') {
			return nil
		}
		if !r.take(',') {
			return r.want("a comma or ]")
		}
	}
}

// Null reads null if it comes next.
func (r *Reader) Null() bool { return r.word("null") }

// Bool reads true or false.
func (r *Reader) Bool() (bool, error) {
	switch {
	case r.word("true"):
		return true, nil
	case r.word("false"):
		return false, nil
	}
	return false, r.want("true or false")
}

func (r *Reader) word(w string) bool {
	r.Peek()
	if len(r.b)-r.i < len(w) || string(r.b[r.i:r.i+len(w)]) != w {
		return false
	}
	if end := r.i + len(w); end < len(r.b) && isWord(r.b[end]) {
		return false
	}
	r.i += len(w)
	return true
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// Skip reads any value.
func (r *Reader) Skip() error { return r.skip(0) }

func (r *Reader) skip(depth int) error {
	if depth > maxDepth {
		return r.Fail("nested more than %d deep", maxDepth)
	}
	switch r.Peek() {
	case '{':
		return r.Object(func([]byte) error { return r.skip(depth + 1) })
	case '[':
		return r.Array(func(int) error { return r.skip(depth + 1) })
	case '"':
		_, err := r.String()
		return err
	case 't', 'f':
		_, err := r.Bool()
		return err
	case 'n':
		if r.Null() {
			return nil
		}
	}
	_, err := r.Number()
	return err
}

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

// Number reads a finite number.
func (r *Reader) Number() (float64, error) {
	r.Peek()
	t, ok := r.number()
	if !ok {
		return 0, r.want("a number")
	}
	r.i += t.length
	if t.exact() {
		x := float64(t.mantissa)
		if t.exp < 0 {
			x /= pow10[-t.exp]
		} else {
			x *= pow10[t.exp]
		}
		if t.negative {
			x = -x
		}
		return x, nil
	}
	text := r.b[r.i-t.length : r.i]
	x, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsInf(x, 0) {
		return 0, r.Fail("%s is too large for a number", clip(text))
	}
	return x, nil
}

// Int reads a number that must be whole and fit 64 bits.
func (r *Reader) Int() (int64, error) {
	r.Peek()
	t, ok := r.number()
	if !ok {
		return 0, r.want("a whole number")
	}
	text := r.b[r.i : r.i+t.length]
	r.i += t.length
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err == nil {
		return n, nil
	}
	x, err := strconv.ParseFloat(string(text), 64)
	if err == nil && x == math.Trunc(x) && math.Abs(x) <= 1<<53 {
		return int64(x), nil // 3.0 and 1e3 are whole too
	}
	return 0, r.Fail("%s is not a whole number of 64 bits", clip(text))
}

// token is a number's text: its length, and its value if digits and exponent are few.
type token struct {
	length   int
	negative bool
	mantissa uint64
	digits   int
	exp      int
}

// exact reports whether mantissa and power of ten are both exact in a float64, so that
// one division or multiplication rounds correctly (Clinger's fast path).
func (t token) exact() bool {
	return t.digits <= 19 && t.mantissa <= 1<<53 && t.exp >= -22 && t.exp <= 22
}

var pow10 = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// number matches -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? at r.i.
func (r *Reader) number() (t token, ok bool) {
	b, i := r.b, r.i
	if i < len(b) && b[i] == '-' {
		t.negative = true
		i++
	}
	first := i
	i = t.digitRun(b, i)
	if i == first || b[first] == '0' && i > first+1 {
		return t, false
	}
	if i < len(b) && b[i] == '.' {
		dot := i + 1
		i = t.digitRun(b, dot)
		if i == dot {
			return t, false
		}
		t.exp = dot - i
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		e, end, fine := exponent(b, i+1)
		if !fine {
			return t, false
		}
		t.exp += e
		i = end
	}
	if i < len(b) && (isWord(b[i]) || b[i] == '.') {
		return t, false
	}
	t.length = i - r.i
	return t, true
}

func (t *token) digitRun(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		if t.mantissa > 0 || b[i] != '0' {
			t.digits++
		}
		t.mantissa = t.mantissa*10 + uint64(b[i]-'0')
		i++
	}
	return i
}

func exponent(b []byte, i int) (e, end int, ok bool) {
	sign := 1
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		if b[i] == '-' {
			sign = -1
		}
		i++
	}
	first := i
	for i < len(b) && b[i]-'0' <= 9 {
		if e < 1e6 {
			e = e*10 + int(b[i]-'0')
		}
		i++
	}
	return sign * e, i, i > first
}

// want says what was expected and what is there instead.
func (r *Reader) want(what string) error {
	r.Peek()
	if r.i >= len(r.b) {
		return r.Fail("want %s, but the JSON ends here", what)
	}
	rest := r.b[r.i:]
	switch {
	case hasWord(rest, "NaN"), hasWord(rest, "Infinity"), hasWord(rest, "-Infinity"):
		return r.Fail("want %s, found %s: JSON has no such number; send null for a missing value", what, firstWord(rest))
	}
	return r.Fail("want %s, found %s", what, firstWord(rest))
}

func hasWord(b []byte, w string) bool { return len(b) >= len(w) && string(b[:len(w)]) == w }

// firstWord is the beginning of what is there, short enough for a message.
func firstWord(b []byte) string {
	n := 0
	for n < len(b) && n < 24 && b[n] > ' ' && b[n] < utf8.RuneSelf && (n == 0 || b[n] != ',' && b[n] != '}' && b[n] != ']' && b[n] != ':') {
		n++
	}
	if n == 0 {
		n = 1
	}
	return strconv.Quote(string(b[:n]))
}

func clip(b []byte) string {
	if len(b) > 24 {
		return string(b[:24]) + "…"
	}
	return string(b)
}
