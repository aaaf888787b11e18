package duck

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"aiforge.dev/forge"
)

// token is one lexical piece of SQL, as far as rewriting needs to know.
type token struct {
	kind tokenKind
	text string
}

type tokenKind int

const (
	tokenOther   tokenKind = iota // words, operators, quoted text
	tokenBlank                    // spaces and comments
	tokenParam                    // $1
	tokenSemi                     // ;
	tokenInvalid                  // a quote or comment without an end
)

// scan cuts SQL into tokens by the rules of DuckDB's lexer (PostgreSQL's): quotes
// double themselves, E strings have backslashes, $tag$ quotes, comments nest.
func scan(sql string) []token {
	var out []token
	for sql != "" {
		kind, n := next(sql)
		out = append(out, token{kind, sql[:n]})
		sql = sql[n:]
	}
	return out
}

func next(s string) (tokenKind, int) {
	switch c := s[0]; {
	case c == '\'' || c == '"':
		return quoted(s, 1, c, false)
	case (c == 'e' || c == 'E') && strings.HasPrefix(s[1:], "'"):
		return quoted(s, 2, '\'', true)
	case strings.HasPrefix(s, "--"):
		if i := strings.IndexAny(s, "\n\r"); i >= 0 {
			return tokenBlank, i + 1
		}
		return tokenBlank, len(s)
	case strings.HasPrefix(s, "/*"):
		return comment(s)
	case c == '$':
		return dollar(s)
	case c == ';':
		return tokenSemi, 1
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
		return tokenBlank, 1
	case word(c, true):
		n := 1
		for n < len(s) && word(s[n], false) {
			n++
		}
		return tokenOther, n
	}
	_, n := utf8.DecodeRuneInString(s)
	return tokenOther, n
}

func word(c byte, first bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 || !first && (c >= '0' && c <= '9' || c == '$')
}

func quoted(s string, from int, quote byte, backslash bool) (tokenKind, int) {
	for i := from; i < len(s); i++ {
		switch {
		case backslash && s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return tokenOther, i + 1
		}
	}
	return tokenInvalid, len(s)
}

func comment(s string) (tokenKind, int) {
	depth := 1
	for i := 2; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return tokenBlank, i + 1
			}
		}
	}
	return tokenInvalid, len(s)
}

// dollar reads $1 or a $tag$ … $tag$ string.
func dollar(s string) (tokenKind, int) {
	n := 1
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	if n > 1 {
		return tokenParam, n
	}
	for n < len(s) && word(s[n], n == 1) && s[n] != '$' {
		n++
	}
	if n == len(s) || s[n] != '$' {
		return tokenOther, 1 // an operator, or a named parameter, which we do not have
	}
	tag := s[:n+1]
	if i := strings.Index(s[n+1:], tag); i >= 0 {
		return tokenOther, n + 1 + i + len(tag)
	}
	return tokenInvalid, len(s)
}

// rewrite prepares SQL: a trailing semicolon goes, and each $n is cast to the type
// of its argument. A second statement or an argument that is not given is refused.
func rewrite(sql string, args []arg) (string, error) {
	if strings.ContainsRune(sql, 0) {
		return "", forge.Errorf(forge.KindInvalid, nil, "the SQL has a NUL character in it")
	}
	tokens := scan(sql)
	for len(tokens) > 0 && (tokens[len(tokens)-1].kind == tokenBlank || tokens[len(tokens)-1].kind == tokenSemi) {
		tokens = tokens[:len(tokens)-1]
	}
	if len(tokens) == 0 {
		return "", forge.Errorf(forge.KindInvalid, nil, "there is no SQL to run")
	}
	var b strings.Builder
	for _, t := range tokens {
		switch t.kind {
		case tokenInvalid:
			return "", forge.Errorf(forge.KindInvalid, nil, "the SQL has a quote or comment that does not end: %s", cut(t.text, 40))
		case tokenSemi:
			return "", forge.Errorf(forge.KindInvalid, nil, "the SQL has more than one statement: send one at a time")
		case tokenParam:
			n, err := strconv.Atoi(t.text[1:])
			if err != nil || n < 1 || n > len(args) {
				return "", forge.Errorf(forge.KindInvalid, nil, "the SQL uses %s, but %d values are given", t.text, len(args))
			}
			if a := args[n-1]; a.Type == "null" {
				b.WriteString("NULL")
			} else {
				fmt.Fprintf(&b, "CAST($%d AS %s)", n, a.sqlType())
			}
		default:
			b.WriteString(t.text)
		}
	}
	return b.String(), nil
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
