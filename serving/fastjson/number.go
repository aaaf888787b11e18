package fastjson

import (
	"math"
	"strconv"
)

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
