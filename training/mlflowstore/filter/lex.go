package filter

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is one piece of a filter. quote is the sign a text was written in, 0 for bare
// words, numbers and signs.
type token struct {
	text  string
	quote byte
	kind  byte // w word, n number, s quoted text, o operator, p one of ( ) , .
}

// lex cuts a filter into tokens. A quoted text may hold its own quote sign written twice.
func lex(s string) ([]token, error) {
	if len(s) > MaxLength {
		return nil, bad("it has %d bytes, at most %d are read", len(s), MaxLength)
	}
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return nil, bad("it is not valid text")
	}
	var out []token
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		t, n := token{}, 0
		switch {
		case unicode.IsSpace(r):
			i += size
			continue
		case r == '\'' || r == '"' || r == '`':
			text, n, err := quoted(s[i:])
			if err != nil {
				return nil, err
			}
			out, i = append(out, token{text, byte(r), 's'}), i+n
			continue
		case s[i] == '.' && len(out) > 0 && out[len(out)-1].kind == 'o': // a number such as .5
			t, n = word(s[i:])
		case strings.IndexByte("(),.", s[i]) >= 0:
			t, n = token{text: s[i : i+1], kind: 'p'}, 1
		case strings.IndexByte("=<>!", s[i]) >= 0:
			t, n = operator(s[i:])
		default:
			t, n = word(s[i:])
		}
		if n == 0 {
			return nil, bad("%q at position %d is not expected", r, i)
		}
		out, i = append(out, t), i+n
	}
	return out, nil
}

func quoted(s string) (string, int, error) {
	q := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != q {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == q {
			b.WriteByte(q)
			i++
			continue
		}
		return b.String(), i + 1, nil
	}
	return "", 0, bad("the text that begins with %.20s has no closing %c", s, q)
}

func operator(s string) (token, int) {
	for _, op := range []string{"==", "!=", "<>", "<=", ">=", "=", "<", ">"} {
		if strings.HasPrefix(s, op) {
			text := map[string]string{"==": "=", "<>": "!="}[op]
			if text == "" {
				text = op
			}
			return token{text: text, kind: 'o'}, len(op)
		}
	}
	return token{}, 0
}

// word takes a number, or a run of letters, digits and the signs that MLflow's keys
// may hold unquoted.
func word(s string) (token, int) {
	n := strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-+/:@.", r)
	})
	if n < 0 {
		n = len(s)
	}
	if n == 0 {
		return token{}, 0
	}
	if _, err := strconv.ParseFloat(s[:n], 64); err == nil && strings.IndexByte("0123456789-+.", s[0]) >= 0 {
		return token{text: s[:n], kind: 'n'}, n
	}
	dot := strings.IndexByte(s[:n], '.')
	if dot == 0 {
		return token{}, 0
	}
	if dot > 0 {
		n = dot
	}
	return token{text: s[:n], kind: 'w'}, n
}
