package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// commit times commits of one small file each on a table with a hundred snapshots: the
// benchmark in lake/iceberg, which has the files written already, and the same by
// PyIceberg.
func (b *bench) commit() error {
	commits := 200
	if b.quick {
		commits = 20
	}
	ice, err := b.peer("lake", "iceberg_peer.py")
	if err != nil {
		return err
	}
	defer ice.end()
	var p50, p95, theirs []float64
	for i := range b.times(3) {
		cmd := exec.CommandContext(b.ctx, "go", "test", "./lake/iceberg", "-run", "^$", "-bench", "^BenchmarkCommit$", "-benchtime", fmt.Sprintf("%dx", commits))
		cmd.Dir = b.root
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("go test ./lake/iceberg: %w: %s", err, out)
		}
		for unit, into := range map[string]*[]float64{"p50-ms": &p50, "p95-ms": &p95} {
			x, err := metricOf(out, unit)
			if err != nil {
				return err
			}
			*into = append(*into, x)
		}
		var u struct{ Took []float64 }
		if err := ice.ask(map[string]any{"dir": fmt.Sprintf("iceberg-%d", i), "before": 100, "commits": commits / 4}, &u); err != nil {
			return err
		}
		theirs = append(theirs, median(u.Took)*1e3)
	}
	b.out.add(figure{Name: "commit of a small file, p50", Unit: "ms", Values: p50, Peer: "PyIceberg, SQLite", Peers: theirs}.most(10))
	b.out.add(figure{Name: "commit of a small file, p95", Unit: "ms", Values: p95}.most(40))
	return nil
}

// metricOf reads a benchmark's own metric.
func metricOf(out []byte, unit string) (float64, error) {
	m := regexp.MustCompile(`([0-9.e+-]+) ` + regexp.QuoteMeta(unit)).FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("the benchmark does not say %s: %s", unit, out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
