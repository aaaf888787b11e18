package clean

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// profile is what Suggest knows of a table, all computed by the engine.
type profile struct {
	house   *lake.House
	scope   forge.Scope
	table   forge.TableName
	at      lake.At
	rows    int64
	doubles int64 // rows that are equal to another one in all columns, beyond the first
	columns []*columnProfile
}

// columnProfile describes one column. Top has its most frequent values, at most
// topValues; for columns with few distinct values it is all of them.
type columnProfile struct {
	lake.Column
	filled   int64 // not NULL and, for texts, not blank
	blank    int64 // texts of nothing but white space
	padded   int64 // texts with white space around
	distinct int64 // about
	numbers  int64 // texts that are numbers
	wholes   int64 // texts that are whole numbers
	min, max float64
	q1, q3   float64
	top      []valueCount
}

type valueCount struct {
	value string
	n     int64
}

const topValues = 300

func profileTable(ctx context.Context, house *lake.House, scope forge.Scope, name forge.TableName) (*profile, error) {
	t, err := house.Tables.Load(ctx, scope, name)
	if err != nil {
		return nil, err
	}
	p := &profile{house: house, scope: scope, table: name, at: lake.At{}}
	if t.Snapshot == nil || t.Snapshot.Rows == 0 {
		return nil, forge.Errorf(forge.KindInvalid, nil, "table %s has no rows yet: load a file first, then ask for a recipe", name)
	}
	p.at[name] = t.Snapshot.ID
	for _, c := range t.Schema.Columns {
		c.ID = 0
		p.columns = append(p.columns, &columnProfile{Column: c})
	}
	for _, step := range []func(context.Context) error{p.aggregate, p.mostFrequent, p.countDoubles} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("profile of %s: %w", name, err)
		}
	}
	return p, nil
}

func (p *profile) query(ctx context.Context, sql string) ([][]any, error) {
	return read(ctx, p.house, p.scope, lake.Query{SQL: sql}, p.at)
}

// perColumn is how many values aggregate asks of each column.
const perColumn = 9

func (p *profile) aggregate(ctx context.Context) error {
	list := []string{"count(*)"}
	for _, c := range p.columns {
		x := ident(c.Name)
		trimmed := "nullif(trim(" + x + "), '')"
		switch {
		case c.Type == lake.String:
			list = append(list, "count("+trimmed+")",
				"count("+x+") - count("+trimmed+")",
				`count(*) FILTER (WHERE regexp_matches(`+x+`, '^[\s\p{Z}]+\S|\S[\s\p{Z}]+$'))`,
				"approx_count_distinct("+x+")",
				"count(*) FILTER (WHERE regexp_full_match("+trimmed+", "+anyNumber+"))",
				"count(*) FILTER (WHERE regexp_full_match("+trimmed+", "+wholeNumber+"))",
				"0", "0", "0")
		case c.Type.Numeric():
			d := "CAST(" + x + " AS DOUBLE)"
			list = append(list, "count("+x+")", "0", "0", "approx_count_distinct("+x+")", "0",
				"CAST(min("+x+") AS DOUBLE)", "CAST(max("+x+") AS DOUBLE)",
				"quantile_cont("+d+", 0.25)", "quantile_cont("+d+", 0.75)")
		default:
			list = append(list, "count("+x+")", "0", "0", "approx_count_distinct("+x+")", "0", "0", "0", "0", "0")
		}
	}
	for i := range list {
		list[i] += fmt.Sprintf(" AS v%d", i)
	}
	rows, err := p.query(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+table(p.table))
	if err != nil {
		return err
	}
	v := rows[0]
	p.rows = asInt(v[0])
	for i, c := range p.columns {
		m := v[1+i*perColumn : 1+(i+1)*perColumn]
		c.filled, c.blank, c.padded, c.distinct, c.numbers = asInt(m[0]), asInt(m[1]), asInt(m[2]), asInt(m[3]), asInt(m[4])
		if c.Type == lake.String {
			c.wholes = asInt(m[5])
		} else {
			c.min, c.max, c.q1, c.q3 = asFloat(m[5]), asFloat(m[6]), asFloat(m[7]), asFloat(m[8])
		}
	}
	return nil
}

func (p *profile) mostFrequent(ctx context.Context) error {
	var parts []string
	for i, c := range p.columns {
		if c.Type == lake.Binary {
			continue
		}
		parts = append(parts, fmt.Sprintf("SELECT * FROM (SELECT %d AS i, %s AS v, count(*) AS n FROM %s WHERE %s IS NOT NULL GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT %d)",
			i, asText(c.Column), table(p.table), ident(c.Name), topValues))
	}
	if len(parts) == 0 {
		return nil
	}
	rows, err := p.query(ctx, strings.Join(parts, "\nUNION ALL "))
	if err != nil {
		return err
	}
	for _, r := range rows {
		c := p.columns[asInt(r[0])]
		s, _ := r[1].(string)
		c.top = append(c.top, valueCount{s, asInt(r[2])})
	}
	return nil
}

// maxCompared is how many rows are compared with each other to find equal ones.
const maxCompared = 5_000_000

func (p *profile) countDoubles(ctx context.Context) error {
	if p.rows > maxCompared {
		return nil
	}
	for _, c := range p.columns {
		if len(c.top) == topValues && c.top[0].n == 1 && c.filled == p.rows {
			return nil // a column of its own for each row: no two are equal
		}
	}
	rows, err := p.query(ctx, "SELECT (SELECT count(*) FROM "+table(p.table)+") - count(*) AS n FROM (SELECT DISTINCT * FROM "+table(p.table)+")")
	if err == nil {
		p.doubles = asInt(rows[0][0])
	}
	return err
}

// timeFormat is a way to write a date, with the shape that texts of it have.
type timeFormat struct {
	shape  *regexp.Regexp
	format string
}

// dateFormats are tried in this order; of two that fit equally the first wins, so
// month before day where no day is above 12.
var dateFormats = []timeFormat{
	{regexp.MustCompile(`^\d{4}-\d{1,2}-\d{1,2}$`), "%Y-%m-%d"},
	{regexp.MustCompile(`^\d{4}/\d{1,2}/\d{1,2}$`), "%Y/%m/%d"},
	{regexp.MustCompile(`^\d{1,2}-\d{1,2}-\d{4}$`), "%m-%d-%Y"},
	{regexp.MustCompile(`^\d{1,2}-\d{1,2}-\d{4}$`), "%d-%m-%Y"},
	{regexp.MustCompile(`^\d{1,2}/\d{1,2}/\d{4}$`), "%m/%d/%Y"},
	{regexp.MustCompile(`^\d{1,2}/\d{1,2}/\d{4}$`), "%d/%m/%Y"},
	{regexp.MustCompile(`^\d{1,2}/\d{1,2}/\d{2}$`), "%m/%d/%y"},
	{regexp.MustCompile(`^\d{1,2}/\d{1,2}/\d{2}$`), "%d/%m/%y"},
	{regexp.MustCompile(`^\d{1,2}\.\d{1,2}\.\d{4}$`), "%d.%m.%Y"},
	{regexp.MustCompile(`^\d{1,2}[ -][A-Za-z]{3}[ -]\d{4}$`), "%d %b %Y"},
	{regexp.MustCompile(`^\d{4}-\d{2}$`), "%Y-%m"},
}

var clockFormats = []timeFormat{
	{regexp.MustCompile(`^\d{1,2}:\d{1,2}$`), "%H:%M"},
	{regexp.MustCompile(`^\d{1,2}:\d{1,2}:\d{1,2}$`), "%H:%M:%S"},
}

// shapes says which formats the column's texts may have, by the shape of the values
// looked at, and the share of values that have any of them.
func (c *columnProfile) shapes() (dates, clocks []string, share float64) {
	hit, all := 0, 0
	seen := map[string]bool{}
	add := func(list *[]string, f string) {
		if !seen[f] {
			seen[f] = true
			*list = append(*list, f)
		}
	}
	for _, v := range c.top {
		s := strings.TrimSpace(v.value)
		if s == "" {
			continue
		}
		all++
		date, clock, both := strings.Cut(s, " ")
		if both && !strings.Contains(clock, ":") {
			date, both = s, false // 12 Jan 1980
		}
		ok := false
		for _, f := range dateFormats {
			if f.shape.MatchString(date) && !both {
				add(&dates, f.format)
				ok = true
			}
			for _, k := range clockFormats {
				if both && f.shape.MatchString(date) && k.shape.MatchString(clock) {
					add(&dates, f.format+" "+k.format)
					ok = true
				}
			}
		}
		for _, k := range clockFormats {
			if k.shape.MatchString(s) {
				add(&clocks, k.format)
				ok = true
			}
		}
		if ok {
			hit++
		}
	}
	if all == 0 {
		return nil, nil, 0
	}
	return dates, clocks, float64(hit) / float64(all)
}

// readable picks formats that read the SQL text expr, best first, until what a further
// one would add is nothing; it returns the number of texts that stay unread.
func (p *profile) readable(ctx context.Context, expr string, formats []string) (chosen []string, read, unread int64, err error) {
	extended := false
	for len(chosen) < 3 {
		list := []string{"count(*) AS n"}
		for i, f := range formats {
			list = append(list, fmt.Sprintf("count(try_strptime(x, %s)) AS f%d", text(f), i))
		}
		where := "x IS NOT NULL"
		if len(chosen) > 0 {
			where += " AND try_strptime(x, [" + texts(chosen) + "]) IS NULL"
		}
		rows, err := p.query(ctx, "SELECT "+strings.Join(list, ", ")+" FROM (SELECT nullif(trim("+expr+"), '') AS x FROM "+table(p.table)+") WHERE "+where)
		if err != nil {
			return nil, 0, 0, err
		}
		unread = asInt(rows[0][0])
		best, n := -1, int64(0)
		for i := range formats {
			if got := asInt(rows[0][i+1]); got > n {
				best, n = i, got
			}
		}
		if best < 0 {
			if unread == 0 || extended || len(chosen) == 0 {
				break
			}
			formats, extended = everyFormat(chosen[0]), true // rare ways to write may be among what was not looked at
			continue
		}
		chosen, read, unread = append(chosen, formats[best]), read+n, unread-n
		if unread == 0 {
			break
		}
	}
	return chosen, read, unread, nil
}

// everyFormat lists all formats for times of day if like has one, else for dates.
func everyFormat(like string) []string {
	var out []string
	for _, d := range dateFormats {
		if !strings.Contains(like, "%H") {
			out = append(out, d.format)
			continue
		}
		for _, k := range clockFormats {
			out = append(out, d.format+" "+k.format)
		}
	}
	return out
}
