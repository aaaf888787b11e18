package clean

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqltext"
)

// token is a piece of SQL text: a word, a quoted name, a text literal, a number or
// one mark.
type token struct {
	kind byte // w word, q quoted name, s text, n number, m mark
	text string
}

// lex splits SQL that a user wrote. It refuses what could let the text mean something
// else where we place it, or reach a query's arguments, which hold the masking key:
// comments, parameters, dollar quotes, escape texts, unbalanced parentheses and
// anything left open.
func lex(sql string) ([]token, error) {
	if !utf8.ValidString(sql) || strings.ContainsRune(sql, 0) {
		return nil, bad("holds a byte that is not text")
	}
	var out []token
	var open brackets
	for i := 0; i < len(sql); {
		c := sql[i]
		r, size := utf8.DecodeRuneInString(sql[i:])
		switch {
		case sqltext.IsSpace(r):
			i += size
		case c == '\'' || c == '"':
			end := closing(sql, i)
			if end < 0 {
				return nil, bad("has a quote (%c) that is not closed", c)
			}
			if c == '\'' && len(out) > 0 && out[len(out)-1].kind == 'w' && strings.EqualFold(out[len(out)-1].text, "e") {
				return nil, bad("has an escape text e'…': write plain quotes, and chr(10) for a line break")
			}
			out = append(out, token{map[byte]byte{'\'': 's', '"': 'q'}[c], sql[i:end]})
			i = end
		case isWord(r) && !unicode.IsDigit(r):
			end := wordEnd(sql, i)
			out = append(out, token{'w', sql[i:end]})
			i = end
		case c >= '0' && c <= '9':
			j := i
			for j < len(sql) && (isWord(rune(sql[j])) || sql[j] == '.') {
				j++
			}
			out = append(out, token{'n', sql[i:j]})
			i = j
		case strings.HasPrefix(sql[i:], "--") || strings.HasPrefix(sql[i:], "/*"):
			return nil, bad("has a comment: write it in the recipe instead (# …)")
		case c == '$' || c == '?':
			return nil, bad("has a parameter or dollar quote (%c): quote texts with '…'", c)
		case c == ';':
			return nil, bad("has a semicolon: want one expression or statement without it")
		default:
			if err := open.take(c); err != nil {
				return nil, err
			}
			out = append(out, token{'m', sql[i : i+size]})
			i += size
		}
	}
	return out, open.end()
}

// brackets are those that are open, outermost first.
type brackets []byte

var opener = map[byte]byte{')': '(', ']': '[', '}': '{'}

func (b *brackets) take(c byte) error {
	switch c {
	case '(', '[', '{':
		*b = append(*b, c)
	case ')', ']', '}':
		last := len(*b) - 1
		if last < 0 || (*b)[last] != opener[c] {
			return bad("closes a %c that is not open", c)
		}
		*b = (*b)[:last]
	}
	return nil
}

func (b brackets) end() error {
	if len(b) > 0 {
		return bad("leaves a %c open", b[len(b)-1])
	}
	return nil
}

func bad(format string, args ...any) error {
	return forge.Errorf(forge.KindInvalid, nil, "the SQL "+format, args...)
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// wordEnd returns the index after the word that begins at i.
func wordEnd(s string, i int) int {
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !isWord(r) {
			break
		}
		i += n
	}
	return i
}

// closing returns the index after the quote that closes the one at i; a doubled
// quote stands for itself.
func closing(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		if s[j] != s[i] {
			continue
		}
		if j+1 < len(s) && s[j+1] == s[i] {
			j++
			continue
		}
		return j + 1
	}
	return -1
}

// Words that start a query, and functions whose answer changes from run to run: a
// recipe that is repeated must give the same rows.
var (
	queryWords = words("select from with values table pivot unpivot describe show summarize explain call insert update delete merge create drop alter attach copy export import install load set reset pragma use vacuum")
	unsteady   = words("random setseed uuid gen_random_uuid uuidv4 uuidv7 now get_current_timestamp get_current_time current_timestamp current_time current_date localtime localtimestamp today transaction_timestamp nextval currval getvariable getenv current_setting error")
)

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// checkExpression refuses what is not one SQL expression over columns. Names and
// types are the engine's to check.
func checkExpression(sql string) error {
	toks, err := lex(sql)
	if err != nil {
		return err
	}
	if len(toks) == 0 {
		return bad("is empty")
	}
	depth := 0
	for i, t := range toks {
		starts := i == 0 || toks[i-1].text == "("
		if starts && t.kind == 'w' && queryWords[strings.ToLower(t.text)] {
			return bad("holds a query (%s): an expression is over the columns of one row; use the step kind sql or join", t.text)
		}
		if t.kind != 'm' {
			continue
		}
		switch {
		case strings.Contains("([{", t.text):
			depth++
		case strings.Contains(")]}", t.text):
			depth--
		case t.text == "," && depth == 0:
			return bad("has a comma outside parentheses: want one expression")
		}
	}
	for i, t := range toks {
		if depth0Alias(toks, i) {
			return bad("has the word %s outside parentheses: give only the expression", t.text)
		}
	}
	return checkSteady(toks)
}

// depth0Alias finds clause words that would end an expression.
func depth0Alias(toks []token, i int) bool {
	if toks[i].kind != 'w' || !clauseWords[strings.ToLower(toks[i].text)] {
		return false
	}
	depth := 0
	for _, t := range toks[:i] {
		if t.kind == 'm' && strings.Contains("([{", t.text) {
			depth++
		} else if t.kind == 'm' && strings.Contains(")]}", t.text) {
			depth--
		}
	}
	return depth == 0
}

var clauseWords = words("as where group having order limit union intersect except qualify window")

func checkSteady(toks []token) error {
	for i, t := range toks {
		if t.kind != 'w' || i > 0 && toks[i-1].text == "." {
			continue
		}
		w := strings.ToLower(t.text)
		called := i+1 < len(toks) && toks[i+1].text == "("
		if unsteady[w] && (called || strings.HasPrefix(w, "current_") || strings.HasPrefix(w, "local")) {
			return bad("calls %s: a recipe must give the same rows whenever it runs", t.text)
		}
	}
	return nil
}

// checkSelect refuses what is not one SELECT. The text has {{input}} replaced.
func checkSelect(sql string) error {
	toks, err := lex(sql)
	if err != nil {
		return err
	}
	if len(toks) == 0 {
		return bad("is empty")
	}
	switch strings.ToLower(toks[0].text) {
	case "select", "with", "from", "(":
		return checkSteady(toks)
	}
	return bad("starts with %s: want one SELECT", toks[0].text)
}

// mentions returns the words and quoted names of an expression, in small letters.
func mentions(sql string) map[string]bool {
	m := map[string]bool{}
	toks, _ := lex(sql)
	for _, t := range toks {
		switch t.kind {
		case 'w':
			m[strings.ToLower(t.text)] = true
		case 'q':
			m[strings.ToLower(strings.ReplaceAll(t.text[1:len(t.text)-1], `""`, `"`))] = true
		}
	}
	return m
}
