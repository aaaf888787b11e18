package clean

import (
	"fmt"
	"strings"

	"aiforge.dev/forge/lake"
)

// missingTexts are texts that people and programs write for a missing value. "none"
// and "other" are not among them: they are often answers.
var missingTexts = words("unknown n/a na nan null nil missing ? - -- . undefined unspecified #n/a #na")

func (d *draft) missingWords() error {
	values := map[string]bool{}
	var cols []any
	var why []Reason
	for _, c := range d.columns {
		if c.Type != lake.String || d.gone[c.Name] {
			continue
		}
		var n int64
		var found []string
		for _, v := range c.top {
			w := strings.ToLower(strings.TrimSpace(v.value))
			if missingTexts[w] || w == "not available" || w == "not applicable" {
				n += v.n
				values[w] = true
				found = append(found, fmt.Sprintf("%q", strings.TrimSpace(v.value)))
			}
		}
		if n == 0 || n == c.filled {
			continue
		}
		cols = append(cols, d.name(c))
		why = append(why, Reason{Column: d.name(c), Text: fmt.Sprintf("%s in %s", strings.Join(found, ", "), d.share(n))})
		c.filled -= n
	}
	if len(cols) == 0 {
		return nil
	}
	var list []any
	for _, v := range sortedKeys(values) {
		list = append(list, v)
	}
	step := d.add("missing values", "null_values", map[string]any{"columns": cols, "values": list})
	for _, r := range why {
		d.because(step, r.Column, "%s: reads like a missing value", r.Text)
	}
	return nil
}

// categories keeps the fact that a value is missing as a category of its own where
// texts have few different values.
func (d *draft) categories() error {
	var cols []any
	var names []string
	for _, c := range d.columns {
		few := len(c.top) > 1 && len(c.top) <= 50 && int64(len(c.top))*10 < d.rows
		if c.Type != lake.String || d.typeOf(c) != lake.String || d.gone[c.Name] || c.filled == d.rows || !few {
			continue
		}
		cols = append(cols, d.name(c))
		names = append(names, d.name(c))
	}
	if len(cols) == 0 {
		return nil
	}
	step := d.add("missing as category", "fill", map[string]any{"columns": cols, "method": "category", "value": "missing"})
	for _, n := range names {
		d.because(step, n, "few different values: that one is missing may say something, so it becomes a category of its own")
	}
	return nil
}

// numbers casts texts that are numbers. Names of identifiers keep their text: 007 is
// not 7 there.
func (d *draft) numbers() error {
	byType := map[string]any{}
	var why []Reason
	for _, c := range d.columns {
		if c.Type != lake.String || d.gone[c.Name] || d.types[c.Name] != "" || c.filled == 0 || looksLikeCode(c.Name) {
			continue
		}
		if float64(c.numbers) < 0.95*float64(c.filled) {
			continue
		}
		t := lake.Double
		if c.wholes == c.numbers {
			t = lake.Long
		}
		byType[d.name(c)] = string(t)
		d.types[c.Name] = t
		text := "all texts are numbers"
		if wrong := c.filled - c.numbers; wrong > 0 {
			text = fmt.Sprintf("%d of %d texts are numbers; %s such as %s would go to the rejects", c.numbers, c.filled, rows(wrong), d.oddOnes(c))
		}
		why = append(why, Reason{Column: d.name(c), Text: text})
	}
	if len(byType) == 0 {
		return nil
	}
	step := d.add("numbers", "cast", map[string]any{"columns": byType, "on_error": "reject"})
	for _, r := range why {
		d.because(step, r.Column, "%s", r.Text)
	}
	return nil
}

// oddOnes gives examples of texts that are no numbers.
func (d *draft) oddOnes(c *columnProfile) string {
	got, err := d.query(d.ctx, "SELECT DISTINCT trim("+ident(c.Name)+") AS v FROM "+table(d.table)+" WHERE nullif(trim("+ident(c.Name)+"), '') IS NOT NULL AND NOT regexp_full_match(trim("+ident(c.Name)+"), "+anyNumber+") ORDER BY 1 LIMIT 3")
	var out []string
	for _, r := range got {
		s, _ := r[0].(string)
		out = append(out, fmt.Sprintf("%q", short(s)))
	}
	if err != nil || len(out) == 0 {
		return "some"
	}
	return strings.Join(out, ", ")
}

func looksLikeCode(name string) bool {
	for _, w := range strings.FieldsFunc(strings.ToLower(plainName(name, true)), func(r rune) bool { return r == '_' }) {
		switch w {
		case "id", "no", "nr", "number", "code", "zip", "zipcode", "postcode", "postal", "phone", "tel", "key", "uuid", "iban", "ssn", "sku", "ean", "isbn":
			return true
		}
	}
	return false
}

// sentinels finds numbers that stand for "none": 999 where all others are below 28.
func (d *draft) sentinels() error {
	for _, c := range d.columns {
		if !c.Type.Numeric() || d.gone[c.Name] {
			continue
		}
		v, next, n, err := d.sentinel(c)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		name := d.name(c)
		if float64(n) >= 0.05*float64(d.rows) {
			step := d.add("has "+name, "derive", map[string]any{"column": "has_" + name, "expr": fmt.Sprintf("%s <> %v", ident(name), v)})
			d.because(step, name, "whether there is a value is worth a column of its own: %s have none", d.share(n))
		}
		step := d.add("no "+name, "null_values", map[string]any{"columns": []any{name}, "values": []any{int64(v)}})
		d.because(step, name, "%v stands in %s and the next value is %v: it means that there is none", v, d.share(n), next)
	}
	return nil
}

func isSentinel(v float64) bool {
	switch v {
	case 99, 999, 9999, 99999, 999999, -1, -9, -99, -999, -9999:
		return true
	}
	return false
}

// sentinel returns the value, the nearest other one and the number of rows, 0 for none.
func (d *draft) sentinel(c *columnProfile) (v, next float64, n int64, err error) {
	high := isSentinel(c.max)
	if !high && !isSentinel(c.min) || c.min == c.max {
		return 0, 0, 0, nil
	}
	v, other := c.max, "max"
	if !high {
		v, other = c.min, "min"
	}
	x := "CAST(" + ident(c.Name) + " AS DOUBLE)"
	got, err := d.query(d.ctx, fmt.Sprintf("SELECT count(*) FILTER (WHERE %s = %s) AS n, %s(%s) FILTER (WHERE %s <> %s) AS v FROM %s", x, num(v), other, x, x, num(v), table(d.table)))
	if err != nil {
		return 0, 0, 0, err
	}
	n, next = asInt(got[0][0]), asFloat(got[0][1])
	apart := high && next <= v/2 || !high && next >= 0
	if !apart || float64(n) < 0.001*float64(d.rows) {
		return 0, 0, 0, nil
	}
	return v, next, n, nil
}

// spellings makes texts equal that differ by case only, when one way of writing is
// plainly the usual one.
func (d *draft) spellings() error {
	for _, c := range d.columns {
		if c.Type != lake.String || d.typeOf(c) != lake.String || d.gone[c.Name] || looksLikeCode(c.Name) {
			continue
		}
		forms := map[string]map[string]int64{}
		var upper, lower, all int64
		for _, v := range c.top {
			s := strings.TrimSpace(v.value)
			k := strings.ToLower(s)
			if forms[k] == nil {
				forms[k] = map[string]int64{}
			}
			forms[k][s] += v.n
			all += v.n
			if s == strings.ToUpper(s) {
				upper += v.n
			} else if s == strings.ToLower(s) {
				lower += v.n
			}
		}
		d.spelling(c, forms, upper, lower, all)
	}
	return nil
}

func (d *draft) spelling(c *columnProfile, forms map[string]map[string]int64, upper, lower, all int64) {
	fix, example := map[string]any{}, ""
	for _, k := range sortedKeys(forms) {
		if len(forms[k]) < 2 {
			continue
		}
		usual := ""
		for _, s := range sortedKeys(forms[k]) {
			if usual == "" || forms[k][s] > forms[k][usual] {
				usual = s
			}
		}
		for _, s := range sortedKeys(forms[k]) {
			if s != usual {
				fix[s] = usual
				example = fmt.Sprintf("%q and %q", s, usual)
			}
		}
	}
	if len(fix) == 0 {
		return
	}
	with := map[string]any{"columns": []any{d.name(c)}}
	switch {
	case float64(upper) > 0.9*float64(all):
		with["case"] = "upper"
	case float64(lower) > 0.9*float64(all):
		with["case"] = "lower"
	case len(c.top) < topValues && len(fix) <= 50:
		with["map"] = fix
	default:
		return
	}
	step := d.add("spelling of "+d.name(c), "normalise", with)
	d.because(step, d.name(c), "some values differ by case only, such as %s", example)
}
