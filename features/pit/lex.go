package pit

import (
	"strings"
	"unicode/utf8"

	"aiforge.dev/forge/internal/sqltext"
)

type kind uint8

const (
	word   kind = iota // a keyword or a bare name
	quoted             // a name in double quotes
	text               // a string of any form
	punct              // one byte of anything else
)

type token struct {
	kind kind
	text string
}

func (t token) names() bool { return t.kind == word || t.kind == quoted }

func (t token) is(p string) bool { return t.kind == punct && t.text == p }

// lex splits DuckDB SQL into tokens and drops comments. It fails where a quote or a
// comment is not closed.
func lex(s string) ([]token, error) {
	var toks []token
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case spaceAt(s, i) > 0:
			i += spaceAt(s, i)
		case strings.HasPrefix(s[i:], "--"):
			i = lineEnd(s, i)
		case strings.HasPrefix(s[i:], "/*"):
			end := commentEnd(s, i)
			if end < 0 {
				return nil, badSQL("a comment /* is not closed")
			}
			i = end
		case c == '\'' || c == '"':
			escapes := c == '\'' && escaped(s, i)
			end := quoteEnd(s, i, escapes)
			if end < 0 {
				return nil, badSQL("a quote %c is not closed", c)
			}
			k, body := text, s[i+1:end-1]
			if c == '"' {
				k, body = quoted, strings.ReplaceAll(body, `""`, `"`)
			}
			toks = append(toks, token{k, body})
			i = end
		case c == '$':
			end, err := dollarEnd(s, i)
			if err != nil {
				return nil, err
			}
			if end > i {
				toks = append(toks, token{text, s[i:end]})
				i = end
				continue
			}
			toks = append(toks, token{punct, "$"})
			i++
		case wordByte(c):
			j := i + 1
			for j < len(s) && (wordByte(s[j]) || s[j] == '$') && spaceAt(s, j) == 0 {
				j++
			}
			toks = append(toks, token{word, s[i:j]})
			i = j
		default:
			toks = append(toks, token{punct, s[i : i+1]})
			i++
		}
	}
	return toks, nil
}

// spaceAt returns the bytes of the space at i, 0 where there is none.
func spaceAt(s string, i int) int {
	if r, n := utf8.DecodeRuneInString(s[i:]); sqltext.IsSpace(r) {
		return n
	}
	return 0
}

func wordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

func lineEnd(s string, i int) int {
	if n := strings.IndexAny(s[i:], "\r\n"); n >= 0 {
		return i + n
	}
	return len(s)
}

// commentEnd returns the place after a /* comment; they nest.
func commentEnd(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return -1
}

// escaped reports whether the string that opens at i has the prefix E, so that a
// backslash means something in it; DATE'…' has not.
func escaped(s string, i int) bool {
	return i > 0 && (s[i-1] == 'e' || s[i-1] == 'E') && (i == 1 || !wordByte(s[i-2]) && s[i-2] != '$')
}

// quoteEnd returns the place after the quote that opens at i; doubling escapes it.
func quoteEnd(s string, i int, escapes bool) int {
	q := s[i]
	for j := i + 1; j < len(s); j++ {
		switch {
		case escapes && s[j] == '\\':
			j++
		case s[j] == q && j+1 < len(s) && s[j+1] == q:
			j++
		case s[j] == q:
			return j + 1
		}
	}
	return -1
}

// dollarEnd returns the place after a $tag$…$tag$ string, or i if none begins there.
func dollarEnd(s string, i int) (int, error) {
	j := i + 1
	for j < len(s) && wordByte(s[j]) {
		j++
	}
	if j >= len(s) || s[j] != '$' || j > i+1 && s[i+1] >= '0' && s[i+1] <= '9' {
		return i, nil
	}
	tag := s[i : j+1]
	n := strings.Index(s[j+1:], tag)
	if n < 0 {
		return 0, badSQL("a quote %s is not closed", tag)
	}
	return j + 1 + n + len(tag), nil
}
