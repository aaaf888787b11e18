package filter

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Parse reads a filter; an empty one has no comparisons.
func (d Dialect) Parse(s string) ([]Comparison, error) {
	tokens, err := lex(s)
	if err != nil {
		return nil, err
	}
	p := parser{dialect: d, rest: tokens}
	var out []Comparison
	for len(p.rest) > 0 {
		if len(out) > 0 && !p.word("AND") {
			return nil, bad("%q is not expected after a comparison; comparisons are joined by AND", p.rest[0].text)
		}
		c, err := p.comparison()
		if err != nil {
			return nil, err
		}
		if out = append(out, c); len(out) > MaxClauses {
			return nil, bad("more than %d comparisons", MaxClauses)
		}
	}
	return out, nil
}

// ParseOrder reads keys such as "metrics.roc_auc DESC".
func (d Dialect) ParseOrder(keys []string) ([]Order, error) {
	if len(keys) > MaxClauses {
		return nil, bad("more than %d keys to order by", MaxClauses)
	}
	var out []Order
	for _, s := range keys {
		tokens, err := lex(s)
		if err != nil {
			return nil, err
		}
		p := parser{dialect: d, rest: tokens}
		kind, key, err := p.key()
		if err != nil {
			return nil, err
		}
		o := Order{Kind: kind, Key: key, Desc: p.word("DESC")}
		if !o.Desc {
			p.word("ASC")
		}
		if len(p.rest) > 0 || kind == Dataset {
			return nil, bad("order by %q: want a key, then ASC or DESC", s)
		}
		out = append(out, o)
	}
	return out, nil
}

type parser struct {
	dialect Dialect
	rest    []token
}

// next takes a token; the zero token at the end.
func (p *parser) next() token {
	if len(p.rest) == 0 {
		return token{}
	}
	t := p.rest[0]
	p.rest = p.rest[1:]
	return t
}

// word takes a keyword if it comes next.
func (p *parser) word(want string) bool {
	if len(p.rest) == 0 || p.rest[0].kind != 'w' || !strings.EqualFold(p.rest[0].text, want) {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) sign(want string) bool {
	if len(p.rest) == 0 || p.rest[0].kind != 'p' || p.rest[0].text != want {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// key reads KIND.KEY or a bare attribute; a key's own dots belong to it, and quotes or
// backticks take what is in them as it is.
func (p *parser) key() (kind, key string, err error) {
	first := p.next()
	if first.kind != 'w' && first.kind != 's' || first.quote == '\'' {
		return "", "", bad("%q: want a key such as metrics.roc_auc or attributes.status", first.text)
	}
	if !p.sign(".") {
		// "run name" is the one bare attribute of two words
		if strings.EqualFold(first.text, "run") && p.word("name") {
			return p.dialect.key("", "run name")
		}
		return p.dialect.key("", first.text)
	}
	t := p.next()
	if t.kind == 's' && t.quote != '\'' {
		return p.dialect.key(first.text, t.text)
	}
	var b strings.Builder
	for {
		if t.kind != 'w' && t.kind != 'n' {
			return "", "", bad("a key is missing after %s. ; keys with other signs than letters, digits, _ - / : are put in double quotes or backticks", first.text)
		}
		b.WriteString(t.text)
		if !p.sign(".") {
			return p.dialect.key(first.text, b.String())
		}
		b.WriteByte('.')
		t = p.next()
	}
}

func (p *parser) comparison() (Comparison, error) {
	kind, key, err := p.key()
	if err != nil {
		return Comparison{}, err
	}
	c := Comparison{Kind: kind, Key: key}
	if c.Op, err = p.operator(); err != nil {
		return c, err
	}
	if err := p.dialect.fits(c); err != nil {
		return c, err
	}
	switch {
	case strings.HasPrefix(c.Op, "IS "):
		return c, nil
	case strings.HasSuffix(c.Op, "IN"):
		c.List, err = p.list()
	case p.dialect.numeric(kind, key):
		c.Number, err = p.number(key)
	default:
		c.Text, err = p.text(key)
	}
	return c, err
}

func (p *parser) operator() (string, error) {
	t := p.next()
	if t.kind == 'o' {
		return t.text, nil
	}
	if t.kind == 'w' {
		switch op := strings.ToUpper(t.text); op {
		case "LIKE", "ILIKE", "IN":
			return op, nil
		case "NOT":
			if p.word("IN") {
				return "NOT IN", nil
			}
		case "IS":
			not := p.word("NOT")
			if p.word("NULL") {
				if not {
					return "IS NOT NULL", nil
				}
				return "IS NULL", nil
			}
		}
	}
	return "", bad("%q is not a comparison; want = != < <= > >= LIKE ILIKE IN, NOT IN, IS NULL or IS NOT NULL", t.text)
}

// fits checks that an operator makes sense for a key.
func (d Dialect) fits(c Comparison) error {
	var ops []string
	switch {
	case d.numeric(c.Kind, c.Key):
		ops = []string{"=", "!=", "<", "<=", ">", ">="}
	case c.Kind == Attribute, c.Kind == Dataset:
		ops = []string{"=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"}
	default:
		ops = []string{"=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL"}
	}
	if !slices.Contains(ops, c.Op) {
		return bad("%s cannot be compared with %s; want one of %s", c.Key, c.Op, strings.Join(ops, " "))
	}
	return nil
}

func (p *parser) number(key string) (float64, error) {
	t := p.next()
	v, err := strconv.ParseFloat(t.text, 64)
	if t.kind != 'n' || err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, bad("%s is compared with %q; want a number", key, t.text)
	}
	return v, nil
}

func (p *parser) text(key string) (string, error) {
	t := p.next()
	if t.kind != 's' || t.quote == '`' {
		return "", bad("%s is compared with %q; want a text in quotes", key, t.text)
	}
	return t.text, nil
}

func (p *parser) list() ([]string, error) {
	if !p.sign("(") {
		return nil, bad("IN wants a list such as ('a', 'b')")
	}
	var out []string
	for {
		t := p.next()
		if t.kind != 's' || t.quote == '`' {
			return nil, bad("IN wants a list of texts in quotes, such as ('a', 'b')")
		}
		out = append(out, t.text)
		if p.sign(",") {
			continue
		}
		if p.sign(")") {
			return out, nil
		}
		return nil, bad("the list after IN has no closing parenthesis")
	}
}
