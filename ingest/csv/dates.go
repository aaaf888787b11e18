package csv

import (
	"strings"

	"aiforge.dev/forge/lake"
)

// shape is how a date is written: 05/06/2024 9:30 is {sep '/', ymd false, both
// orders possible, 4-digit year, clock "HM"}.
type shape struct {
	sep   byte // of the date
	year  bool // comes first
	mdy   bool // may be month, day, year
	dmy   bool // may be day, month, year
	short bool // two-digit year
	tee   bool // T between date and time
	clock string
	ampm  bool
	zone  bool
}

// dateShape returns the zero shape for what is no date.
func dateShape(s string) shape {
	var sh shape
	a, rest := number(s)
	if rest == "" || len(s)-len(rest) > 4 || len(s) > 40 {
		return shape{}
	}
	sh.sep = rest[0]
	if sh.sep != '-' && sh.sep != '/' && sh.sep != '.' {
		return shape{}
	}
	la := len(s) - len(rest)
	b, rest2 := number(rest[1:])
	lb := len(rest) - 1 - len(rest2)
	if lb == 0 || lb > 2 || rest2 == "" || rest2[0] != sh.sep {
		return shape{}
	}
	c, tail := number(rest2[1:])
	lc := len(rest2) - 1 - len(tail)
	switch {
	case la == 4 && lc > 0 && lc <= 2:
		if b < 1 || b > 12 || c < 1 || c > daysIn(a, b) {
			return shape{}
		}
		sh.year = true
	case la <= 2 && (lc == 4 || lc == 2):
		year := c
		if lc == 2 {
			sh.short = true
			year += 2000
			if c >= 69 {
				year -= 100
			}
		}
		sh.mdy = a >= 1 && a <= 12 && b >= 1 && b <= daysIn(year, a)
		sh.dmy = b >= 1 && b <= 12 && a >= 1 && a <= daysIn(year, b)
		if !sh.mdy && !sh.dmy {
			return shape{}
		}
	default:
		return shape{}
	}
	if !sh.time(tail) {
		return shape{}
	}
	return sh
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// time reads what follows the date.
func (sh *shape) time(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != ' ' && s[0] != 'T' {
		return false
	}
	sh.tee = s[0] == 'T'
	h, s := number(s[1:])
	if h > 24 || s == "" || s[0] != ':' {
		return false
	}
	m, s := number(s[1:])
	if m > 59 {
		return false
	}
	sh.clock = "HM"
	if s != "" && s[0] == ':' {
		var sec int
		sec, s = number(s[1:])
		if sec > 60 {
			return false
		}
		sh.clock = "HMS"
	}
	if s != "" && (s[0] == '.' || s[0] == ',') && sh.clock == "HMS" {
		_, rest := number(s[1:])
		if len(rest) == len(s)-1 {
			return false
		}
		sh.clock, s = "HMSf", rest
	}
	if u := strings.ToUpper(s); u == " AM" || u == " PM" || u == "AM" || u == "PM" {
		sh.ampm = true
		return h >= 1 && h <= 12 && u[0] == ' '
	}
	if s == "Z" || s == "z" {
		sh.zone = true
		return true
	}
	if s != "" && (s[0] == '+' || s[0] == '-') && len(s) >= 3 && len(s) <= 6 && strings.Trim(s[1:], "0123456789:") == "" {
		sh.zone = true
		return true
	}
	return s == ""
}

// number reads digits; -1 if there are none.
func number(s string) (int, string) {
	n, i := 0, 0
	for i < len(s) && i < 9 && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int(s[i]-'0')
		i++
	}
	if i == 0 {
		return -1, s
	}
	return n, s[i:]
}

// order is one reading of a shape.
type order struct {
	shape
	dayFirst bool
}

// format returns the strptime format that reads the most cells as typ, and how many.
// ISO 8601, which the engine reads by itself, is "".
func (t *tally) format(typ lake.Type) (string, int) {
	iso := 0
	count := map[order]int{}
	for sh, n := range t.dates {
		if sh.zone != (typ == lake.Timestamptz) && (sh.zone || !sh.plainISO()) {
			continue
		}
		if typ == lake.Date && sh.clock != "" {
			continue
		}
		if sh.plainISO() {
			iso += n
			continue
		}
		key := sh
		key.mdy, key.dmy = false, false
		if sh.year || sh.mdy {
			count[order{key, false}] += n
		}
		if sh.dmy {
			count[order{key, true}] += n
		}
	}
	var best order
	most, format := iso, ""
	for o, n := range count {
		if n > most || n == most && format != "" && o.before(best) {
			best, most, format = o, n, o.format()
		}
	}
	return format, most
}

// before decides between readings that fit equally well: the day comes first where
// dots separate, the month elsewhere; else by name, so that the answer is always
// the same.
func (o order) before(p order) bool {
	if o.shape == p.shape {
		return o.dayFirst == (o.sep == '.')
	}
	return o.format() < p.format()
}

func (sh shape) plainISO() bool { return sh.year && sh.sep == '-' && !sh.ampm }

// ambiguous reports whether the sample would read as well with day and month
// exchanged.
func (t *tally) ambiguous(f string) bool {
	if f == "" || strings.HasPrefix(f, "%Y") {
		return false
	}
	for sh := range t.dates {
		if !sh.year && sh.mdy != sh.dmy {
			return false
		}
	}
	return true
}

func (o order) format() string {
	sep := string(o.sep)
	y := "%Y"
	if o.short {
		y = "%y"
	}
	f := "%m" + sep + "%d" + sep + y
	switch {
	case o.year:
		f = "%Y" + sep + "%m" + sep + "%d"
	case o.dayFirst:
		f = "%d" + sep + "%m" + sep + y
	}
	if o.clock == "" {
		return f
	}
	if o.tee {
		f += "T"
	} else {
		f += " "
	}
	hour := "%H"
	if o.ampm {
		hour = "%I"
	}
	f += map[string]string{"HM": hour + ":%M", "HMS": hour + ":%M:%S", "HMSf": hour + ":%M:%S.%f"}[o.clock]
	if o.ampm {
		f += " %p"
	}
	if o.zone {
		f += "%z"
	}
	return f
}
