//go:build longrun

package longrun_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// calls is the bank's calls by month. After the last month they come again, under new
// numbers and later dates, for as long as the run lasts.
type calls struct {
	dir, header string
	history     []string
	months      [][]string // records
	cycle       int        // months from the first to the last
}

const historyEnds = "2009-05"

func readCalls(t *testing.T) *calls {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "calls", "marketing_bank_calls.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	c := &calls{dir: t.TempDir(), header: lines[0]}
	last := ""
	for _, l := range lines[1:] {
		month := strings.SplitN(l, ",", 3)[1]
		switch {
		case month <= historyEnds:
			c.history = append(c.history, l)
			continue
		case month != last:
			c.months = append(c.months, nil)
			last = month
		}
		c.months[len(c.months)-1] = append(c.months[len(c.months)-1], l)
	}
	c.cycle = number(monthOf(c.months[len(c.months)-1][0])) - number(monthOf(c.months[0][0])) + 1
	return c
}

func monthOf(record string) string { return strings.SplitN(record, ",", 3)[1] }

// number counts months, so that they can be added to.
func number(month string) int {
	y, _ := strconv.Atoi(month[:4])
	m, _ := strconv.Atoi(month[5:])
	return y*12 + m - 1
}

func (c *calls) write(t *testing.T, name string, records []string) string {
	t.Helper()
	file := filepath.Join(c.dir, name)
	var b bytes.Buffer
	for _, r := range append([]string{c.header}, records...) {
		b.WriteString(r + "\n")
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// month is the n-th month that arrives: its file and the numbers of its calls.
func (c *calls) month(t *testing.T, n int) (file string, ids []string) {
	t.Helper()
	round := n / len(c.months)
	records := slices.Clone(c.months[n%len(c.months)])
	for i, r := range records {
		parts := strings.SplitN(r, ",", 3)
		id, err := strconv.Atoi(parts[0])
		if err != nil {
			t.Fatal(err)
		}
		later := number(parts[1]) + round*c.cycle
		parts[0] = strconv.Itoa(id + round*100_000)
		parts[1] = fmt.Sprintf("%04d-%02d", later/12, later%12+1)
		records[i] = strings.Join(parts, ",")
		ids = append(ids, parts[0])
	}
	return c.write(t, "month.csv", records), ids
}
