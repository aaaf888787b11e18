// Package fastjson reads and writes JSON for the prediction paths without reflection
// and almost without allocating: the grammar is RFC 8259's, strictly, and every error
// says at which byte and what was wanted. Everything else uses encoding/json.
package fastjson

import (
	"strconv"
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
