package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// queries are what people ask of a table of orders: %s is the table.
var queries = []struct{ name, sql string }{
	{"count", "SELECT count(*) n FROM %s"},
	{"groups", "SELECT country, status, count(*) n, sum(price) revenue, avg(score) s FROM %s GROUP BY 1, 2 ORDER BY 1, 2"},
	{"filter", "SELECT count(*) n, sum(price) revenue FROM %s WHERE country = 'de' AND ordered_at >= TIMESTAMP '2024-06-01' AND quantity > 10"},
	{"one row", "SELECT * FROM %s WHERE id = 424242"},
	{"top ten", "SELECT customer_id, count(*) n, sum(price - discount) paid FROM %s GROUP BY 1 ORDER BY paid DESC, customer_id LIMIT 10"},
	{"days", "SELECT CAST(ordered_at AS DATE) AS day, count(DISTINCT customer_id) buyers FROM %s GROUP BY 1 ORDER BY 1"},
	{"all columns", "SELECT max(id), sum(customer_id), sum(store_id), sum(quantity), sum(points), sum(price), sum(discount), sum(tax), sum(weight), sum(distance), sum(score), sum(ratio), min(country), min(status), min(channel), max(comment), max(ordered_at), max(shipped_at), max(due_date) FROM %s"},
	{"10,000 rows", "SELECT id, country, price, ordered_at FROM %s WHERE id < 10000 ORDER BY id"},
}

// query asks each by HTTP, as a user's SQL in a process of its own, and DuckDB in a
// process that has been running, with its view open.
func (b *bench) query() error {
	n := 1_000_000
	file, err := b.wideFile(n)
	if err != nil {
		return err
	}
	s, err := b.serve(filepath.Join(b.dir, "query"))
	if err != nil {
		return err
	}
	defer s.stop()
	if _, err := s.cli("ingest", file, "--table", "raw.wide"); err != nil {
		return err
	}
	duck, err := b.peer("lake", "duckdb_peer.py")
	if err != nil {
		return err
	}
	defer duck.end()
	files, err := filepath.Glob(filepath.Join(s.data, "lake", "*", "*", "raw", "wide*", "data", "*.parquet"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("the table's files are not where they should be: %v", err)
	}
	var none used
	if err := duck.ask(map[string]any{"op": "open", "name": "wide", "files": files}, &none); err != nil {
		return err
	}
	s.settle()
	var sum, theirSum float64
	for _, q := range queries {
		var ours, theirs []float64
		before, theirCPU := s.cpu(), 0.0
		times := b.times(15)
		for i := range times + 2 {
			took, rows, err := s.sql(fmt.Sprintf(q.sql, "raw.wide"))
			if err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			var u used
			if err := duck.ask(map[string]any{"op": "sql", "sql": fmt.Sprintf(q.sql, "wide")}, &u); err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			if int64(rows) != u.Rows {
				return fmt.Errorf("%s: %d rows, DuckDB has %d", q.name, rows, u.Rows)
			}
			theirCPU += u.CPU
			if i >= 2 {
				ours, theirs = append(ours, took*1e3), append(theirs, u.Wall*1e3)
			}
			// A person looks at the answer; a program that asks again at once is the next figure.
			time.Sleep(100 * time.Millisecond)
		}
		cpu := (s.cpu() - before) / float64(times+2) * 1e3
		sum, theirSum = sum+median(ours), theirSum+median(theirs)
		b.out.add(figure{Name: q.name, Unit: "ms", Values: ours, Peer: "DuckDB", Peers: theirs,
			Note: fmt.Sprintf("CPU: forge %s ms, DuckDB %s ms", number(cpu), number(theirCPU/float64(times+2)*1e3))})
	}
	b.out.add(figure{Name: "all eight together", Unit: "ms", Value: sum, Peer: "DuckDB", PeerAt: theirSum, Peers: []float64{theirSum}}.ratioMost(1.2))
	return b.queryAgain(s, duck)
}

// queryAgain asks one query again and again without a pause.
func (b *bench) queryAgain(s *server, duck *peer) error {
	var ours, theirs []float64
	for range b.times(30) {
		took, _, err := s.sql(fmt.Sprintf(queries[1].sql, "raw.wide"))
		if err != nil {
			return err
		}
		ours = append(ours, took*1e3)
	}
	for range b.times(30) {
		var u used
		if err := duck.ask(map[string]any{"op": "sql", "sql": fmt.Sprintf(queries[1].sql, "wide")}, &u); err != nil {
			return err
		}
		theirs = append(theirs, u.Wall*1e3)
	}
	b.out.add(figure{Name: "groups, again and again without a pause", Unit: "ms", Values: ours, Peer: "DuckDB", Peers: theirs})
	return nil
}

// sql asks a query and returns the seconds to its whole answer and its rows.
func (s *server) sql(text string) (took float64, rows int, err error) {
	clock := stopwatch()
	b, err := s.call("POST", "/api/sql", map[string]any{"sql": text, "limit": 20_000})
	took = clock()
	if err != nil {
		return took, 0, err
	}
	var out struct{ Rows []json.RawMessage }
	if err := json.Unmarshal(b, &out); err != nil {
		return took, 0, err
	}
	if strings.Contains(string(b[max(0, len(b)-300):]), `"error"`) {
		return took, 0, fmt.Errorf("the answer breaks off: %s", b[max(0, len(b)-300):])
	}
	return took, len(out.Rows), nil
}

func stopwatch() func() float64 {
	began := time.Now()
	return func() float64 { return time.Since(began).Seconds() }
}
