package telemetry

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// Sums reads what GET /metrics shows and adds up the samples that differ only in their
// labels.
func Sums(r io.Reader) (map[string]float64, error) {
	out := map[string]float64{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || at < 0 {
			continue
		}
		name, _, _ := strings.Cut(line[:at], "{")
		if v, err := strconv.ParseFloat(line[at+1:], 64); err == nil {
			out[name] += v
		}
	}
	return out, lines.Err()
}
