package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// ingest takes a file of a million rows from the upload to the committed table, and
// has DuckDB copy the same file to Parquet. Forge's figure holds all that it does:
// upload, digest, sniffing, the log, the table, rejects, and what it tidies after.
func (b *bench) ingest() error {
	n := 1_000_000
	if b.quick {
		n = 200_000
	}
	file, err := b.wideFile(n)
	if err != nil {
		return err
	}
	s, err := b.serve(filepath.Join(b.dir, "ingest"))
	if err != nil {
		return err
	}
	defer s.stop()
	duck, err := b.peer("lake", "duckdb_peer.py")
	if err != nil {
		return err
	}
	defer duck.end()
	var ours, theirs, wall, theirWall []float64
	var peak float64
	for i := range 1 + b.times(5) {
		s.settle()
		resetPeaks(s.pid())
		mem := watchMemory(s.pid())
		before, clock := s.cpu(), stopwatch()
		if _, err := s.cli("ingest", file, "--table", fmt.Sprintf("raw.wide_%d", i)); err != nil {
			return err
		}
		took := clock()
		s.settle()
		cpu := s.cpu() - before
		peak = max(peak, mem.end().sum)
		var u used
		if err := duck.ask(map[string]any{"op": "copy", "csv": file, "out": filepath.Join(b.dir, "copy.parquet")}, &u); err != nil {
			return err
		}
		if u.Rows != int64(n) {
			return fmt.Errorf("DuckDB copied %d rows of %d", u.Rows, n)
		}
		if i == 0 {
			continue // warms both up
		}
		ours, wall = append(ours, float64(n)/cpu), append(wall, took)
		theirs, theirWall = append(theirs, float64(n)/u.CPU), append(theirWall, u.Wall)
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	f := figure{Name: fmt.Sprintf("rows per CPU second, %s × 20 CSV of %s MB", number(float64(n)), number(float64(info.Size())/1e6)), Unit: "rows/CPU-s",
		Values: ours, Peer: "DuckDB COPY", Peers: theirs, Note: "ratio: DuckDB's rows per CPU second to forge's; the log's hop, digest and sniffing included"}
	f.Ratio = median(theirs) / median(ours)
	b.out.add(f.ratioMost(2.5))
	b.out.add(figure{Name: "upload to committed table", Unit: "s", Values: wall, Peer: "DuckDB COPY", Peers: theirWall})
	b.out.add(figure{Name: "memory of server and workers together, most", Unit: "MB", Value: peak}.most(700))
	return nil
}
