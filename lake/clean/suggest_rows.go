package clean

import (
	"fmt"
	"math"
	"strings"

	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/mask"
)

// times reads texts that are dates, and joins a date with its time of day.
func (d *draft) times() error {
	var dates, clocks []*columnProfile
	dateForms, clockForms := map[string][]string{}, map[string][]string{}
	for _, c := range d.columns {
		if d.gone[c.Name] {
			continue
		}
		switch c.Type {
		case lake.Date:
			dates = append(dates, c)
		case lake.Time:
			clocks = append(clocks, c)
		case lake.String:
			df, kf, share := c.shapes()
			if share < 0.7 {
				continue
			}
			if len(kf) > 0 && len(df) == 0 {
				clocks, clockForms[c.Name] = append(clocks, c), kf
			} else if len(df) > 0 {
				dates, dateForms[c.Name] = append(dates, c), df
			}
		}
	}
	if len(dates) == 1 && len(clocks) == 1 {
		done, err := d.joinTimes(dates[0], clocks[0], dateForms[dates[0].Name], clockForms[clocks[0].Name])
		if err != nil || done {
			return err
		}
	}
	for _, c := range dates {
		if c.Type == lake.String {
			if err := d.readTimes(c, dateForms[c.Name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// joinTimes makes one time of a date and a time of day.
func (d *draft) joinTimes(date, clock *columnProfile, df, kf []string) (bool, error) {
	for _, f := range df {
		if strings.Contains(f, "%H") {
			return false, nil // the date has a time of day of its own
		}
	}
	with := map[string]any{"column": "event_time", "from": []any{d.name(date), d.name(clock)}, "required": true, "on_error": "reject"}
	if n := strings.ToLower(d.name(date)); n != "date" && n != "day" {
		with["column"] = strings.TrimSuffix(n, "_date") + "_time"
	}
	why := "a date and its time of day belong together"
	if len(df) > 0 || len(kf) > 0 {
		if len(df) == 0 {
			df = []string{"%Y-%m-%d"}
		}
		if len(kf) == 0 {
			kf = []string{"%H:%M:%S"}
		}
		var both []string
		for _, f := range df {
			for _, k := range kf {
				both = append(both, f+" "+k)
			}
		}
		expr := "CAST(" + ident(date.Name) + " AS VARCHAR) || ' ' || CAST(" + ident(clock.Name) + " AS VARCHAR)"
		formats, read, _, err := d.readable(d.ctx, expr, both)
		if err != nil || float64(read) < 0.9*float64(d.rows) {
			return false, err
		}
		with["formats"] = anyList(formats)
		why += fmt.Sprintf("; %s reads %d of %d rows", strings.Join(formats, " or "), read, d.rows)
		if read < d.rows {
			why += fmt.Sprintf(", the others (%d) have no possible time and would go to the rejects", d.rows-read)
		}
	}
	step := d.add("event time", "parse_time", with)
	d.because(step, with["column"].(string), "%s", why)
	d.gone[date.Name], d.gone[clock.Name] = true, true
	return true, nil
}

func (d *draft) readTimes(c *columnProfile, forms []string) error {
	formats, read, unread, err := d.readable(d.ctx, ident(c.Name), forms)
	if err != nil || len(formats) == 0 || float64(read) < 0.9*float64(read+unread) {
		return err
	}
	t := lake.Date
	for _, f := range formats {
		if strings.Contains(f, "%H") {
			t = lake.Timestamp
		}
	}
	with := map[string]any{"columns": map[string]any{d.name(c): string(t)}, "formats": anyList(formats), "on_error": "reject"}
	step := d.add("time of "+d.name(c), "cast", with)
	d.types[c.Name] = t
	why := fmt.Sprintf("%d of %d texts are times written %s", read, read+unread, strings.Join(formats, " or "))
	if unread > 0 {
		why += fmt.Sprintf("; the others (%d) would go to the rejects", unread)
	}
	if formats[0] == "%Y-%m" {
		why += "; the month becomes its first day, since there is no day"
	}
	d.because(step, d.name(c), "%s", why)
	return nil
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// duplicates removes rows that are there twice only where a row is one event of one
// thing at one moment. Elsewhere equal rows may well be different cases.
func (d *draft) duplicates() error {
	if d.doubles == 0 {
		return nil
	}
	share := float64(d.doubles) / float64(d.rows)
	var thing, moment string
	for _, c := range d.columns {
		t := d.typeOf(c)
		switch {
		case looksLikeCode(c.Name) && len(c.top) > 20 && thing == "":
			thing = d.name(c)
		case t == lake.Timestamp || t == lake.Timestamptz:
			moment = d.name(c)
		}
	}
	for _, s := range d.recipe.Steps {
		if s.Do == "parse_time" {
			moment, _ = s.With["column"].(string)
		}
	}
	if thing == "" || moment == "" || share > 0.05 {
		d.because("", "", "%s equal another row in all columns. They stay: without an identifier and a time, equal rows may be different cases. Add a dedupe step if they are not", d.share(d.doubles))
		return nil
	}
	step := d.add("duplicates", "dedupe", map[string]any{})
	d.because(step, "", "%s equal another row in all columns, %s and %s among them: the same thing taken down twice", d.share(d.doubles), thing, moment)
	return nil
}

// outliers turns away a handful of numbers that are beyond anything else. Skewed
// columns have far values that are true, so the fence is very far: Q3 + 100·IQR.
func (d *draft) outliers() error {
	for _, c := range d.columns {
		iqr := c.q3 - c.q1
		if !c.Type.Numeric() || iqr <= 0 || d.gone[c.Name] || looksLikeCode(c.Name) {
			continue
		}
		fence := nice(c.q3 + 100*iqr)
		if c.max <= fence {
			continue
		}
		got, err := d.query(d.ctx, "SELECT count(*) AS n FROM "+table(d.table)+" WHERE "+ident(c.Name)+" > "+num(fence))
		if err != nil {
			return err
		}
		n := asInt(got[0][0])
		if n == 0 || float64(n) > 0.005*float64(d.rows) {
			continue
		}
		var bound any = fence
		if fence == math.Trunc(fence) {
			bound = int64(fence)
		}
		step := d.add("far values of "+d.name(c), "outliers", map[string]any{"columns": []any{d.name(c)}, "method": "bounds", "max": bound, "action": "reject"})
		d.because(step, d.name(c), "%s above %v, up to %v, while half of all lie between %v and %v", d.share(n), bound, c.max, c.q1, c.q3)
	}
	return nil
}

// nice rounds up to 1, 2 or 5 times a power of ten.
func nice(f float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(f)))
	for _, m := range []float64{1, 2, 5, 10} {
		if f <= m*p {
			return m * p
		}
	}
	return f
}

// personal masks columns that hold personal data.
func (d *draft) personal() error {
	for _, f := range mask.Detect(d.lookedAt()) {
		c := d.column(f.Column)
		if d.gone[f.Column] {
			continue
		}
		with := map[string]any{"columns": []any{d.name(c)}}
		t := d.typeOf(c)
		temporal := t == lake.Date || t == lake.Timestamp || t == lake.Timestamptz
		switch {
		case f.Kind == mask.PersonID || f.Kind == mask.Email || f.Kind == mask.IP || f.Kind == mask.SSN:
			with["method"] = "hash"
		case f.Kind == mask.Phone || f.Kind == mask.Card || f.Kind == mask.IBAN:
			with["method"] = "partial"
		case f.Kind == mask.BirthDate && temporal:
			with["method"], with["to"] = "generalise", "year"
		default:
			with["method"] = "redact"
		}
		step := d.add("hide "+d.name(c), "mask", with)
		d.because(step, d.name(c), "personal data (%s, %.0f %% sure): %s", f.Kind, 100*f.Confidence, f.Reason)
	}
	return nil
}

func (d *draft) column(name string) *columnProfile {
	for _, c := range d.columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// lookedAt gives the detectors the columns with their most frequent values.
func (p *profile) lookedAt() []mask.Column {
	var out []mask.Column
	for _, c := range p.columns {
		m := mask.Column{Name: c.Name, Numeric: c.Type.Numeric()}
		for _, v := range c.top {
			m.Values = append(m.Values, v.value)
		}
		out = append(out, m)
	}
	return out
}
