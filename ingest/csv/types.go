package csv

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/lake"
)

// tolerance is the share of a column's filled cells that must fit a type for the
// column to have it; the others become rejects.
const tolerance = 0.98

// Names of columns whose values are codes: one that does not look like a number
// makes the column text, whatever its share.
var idName = regexp.MustCompile(`(?i)(^|[^a-z])(id|ids|no|nr|num|number|code|sku|key|uuid|ref|iban|account|invoice\w*|stock\w*)$|[a-z](ID|Id|No|Nr|Code|Key|Number)$`)

// Names of columns whose leading zeros matter even when not every value has one.
var zeroName = regexp.MustCompile(`(?i)(zip|postal|postcode|plz|phone|fax|mobile|iban|ean|gtin|upc|fips)`)

// tally counts how the cells of a column look.
type tally struct {
	filled, ints, floats, bools int
	zeros                       int // whole numbers with a leading zero
	wide                        int // whole numbers beyond 64 bits
	commas                      int // numbers with a decimal comma
	dates                       map[shape]int
}

func (t *tally) add(c string) {
	t.filled++
	switch strings.ToLower(c) {
	case "true", "false":
		t.bools++
		return
	}
	if wholeNumber(c) {
		digits := strings.TrimLeft(c, "+-")
		if len(digits) > 1 && digits[0] == '0' {
			t.zeros++
		}
		if _, err := strconv.ParseInt(strings.TrimPrefix(c, "+"), 10, 64); err != nil {
			t.wide++
		}
		t.ints++
		return
	}
	if isNumber(c) {
		t.floats++
		return
	}
	if s := dateShape(c); s != (shape{}) {
		t.dates[s]++
		return
	}
	if strings.Count(c, ",") == 1 && isNumber(strings.Replace(c, ",", ".", 1)) {
		t.commas++
	}
}

func wholeNumber(c string) bool {
	c = strings.TrimLeft(c, "+-")
	if c == "" {
		return false
	}
	for i := range len(c) {
		if c[i] < '0' || c[i] > '9' {
			return false
		}
	}
	return true
}

// column decides the type of column i.
func column(name string, i int, rows [][]string, opt Options, s *Sniffed) Column {
	c := Column{Name: name, Type: lake.String, Examples: []string{}}
	t := tally{dates: map[shape]int{}}
	blank := 0
	for _, r := range rows {
		cell := strings.TrimSpace(r[i])
		switch {
		case cell == "" || slices.Contains(opt.Null, r[i]):
			blank++
			continue
		case slices.Contains(ingest.MissingTexts, strings.ToLower(cell)):
			c.Nulls++
		default:
			t.add(cell)
		}
		if len(c.Examples) < 3 && len(cell) < 200 && !slices.Contains(c.Examples, cell) {
			c.Examples = append(c.Examples, cell)
		}
	}
	fit := t.decide(&c, s)
	if want, ok := opt.Types[name]; ok && want != c.Type {
		c.Type, fit = want, t.fits(want)
		if !temporal(want) {
			c.Format = ""
		} else if c.Format == "" {
			c.Format, _ = t.format(want)
		}
	}
	if c.Type == lake.String {
		c.Nulls, fit = blank, t.filled
	} else {
		c.Nulls += blank
	}
	c.Bad = t.filled - fit
	return c
}

// decide sets type and format, and returns how many cells fit.
func (t *tally) decide(c *Column, s *Sniffed) int {
	if t.filled == 0 {
		return 0
	}
	need := int(math.Ceil(tolerance * float64(t.filled)))
	numbers := t.ints + t.floats
	coded := t.zeros > 0 && (t.zeros == t.filled || zeroName.MatchString(c.Name)) || t.wide > 0 || numbers < t.filled && idName.MatchString(c.Name)
	switch {
	case numbers >= need && !coded && t.floats == 0:
		c.Type = lake.Long
		return t.ints
	case numbers >= need && !coded:
		c.Type = lake.Double
		return numbers
	case t.bools >= need:
		c.Type = lake.Boolean
		return t.bools
	case t.commas >= need && t.filled > 0:
		s.warn("column %q has numbers with a decimal comma and is kept as text", c.Name)
	}
	for _, typ := range []lake.Type{lake.Date, lake.Timestamp, lake.Timestamptz} {
		if f, n := t.format(typ); n >= need {
			c.Type, c.Format = typ, f
			if t.ambiguous(f) {
				s.warn("column %q: day and month cannot be told apart in the sample; read as %s", c.Name, f)
			}
			return n
		}
	}
	return t.filled
}

// fits says how many cells fit a type that was asked for.
func (t *tally) fits(typ lake.Type) int {
	switch typ {
	case lake.Int, lake.Long:
		return t.ints
	case lake.Boolean:
		return t.bools
	case lake.Date, lake.Timestamp, lake.Timestamptz:
		_, n := t.format(typ)
		return n
	case lake.String, lake.Binary, lake.UUID, lake.Time:
		return t.filled
	}
	return t.ints + t.floats
}

func temporal(t lake.Type) bool {
	return t == lake.Date || t == lake.Timestamp || t == lake.Timestamptz
}
