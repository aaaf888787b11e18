package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// gap stands between two columns.
const gap = "  "

// Table prints aligned columns under a header. On a terminal the widest columns are cut
// until a row fits; elsewhere nothing is cut, so that programs see everything.
func (e *Env) Table(header []string, rows [][]string) {
	widths := make([]int, len(header))
	all := append([][]string{header}, rows...)
	for _, r := range all {
		for i, cell := range r {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	if e.Width > 0 {
		fit(widths, e.Width-len(gap)*(len(widths)-1))
	}
	for n, r := range all {
		line := aligned(r, widths)
		if n == 0 && e.Bold {
			line = "\033[1m" + line + "\033[0m"
		}
		fmt.Fprintln(e.Out, line)
	}
}

// narrowest is how far a column is cut at most.
const narrowest = 8

// fit makes the widest columns narrower until the sum is at most total.
func fit(widths []int, total int) {
	for {
		sum, widest := 0, 0
		for i, w := range widths {
			sum += w
			if w > widths[widest] {
				widest = i
			}
		}
		if sum <= total || widths[widest] <= narrowest {
			return
		}
		widths[widest]--
	}
}

func aligned(cells []string, widths []int) string {
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 {
			b.WriteString(gap)
		}
		cell = cut(oneLine(cell), widths[i])
		b.WriteString(cell)
		b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
	}
	return strings.TrimRight(b.String(), " ")
}

// oneLine keeps line ends and tabs of a value from breaking the table, and control
// characters from reaching the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		}
		return visible(r)
	}, s)
}

// visible replaces characters that steer a terminal or turn the direction of writing.
func visible(r rune) rune {
	if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
		return '\uFFFD'
	}
	return r
}

// cut shortens a text to n letters and shows that it did.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// plural is "1 entity" or "7 entities".
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}
