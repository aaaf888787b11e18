package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// joinData is labels and three views of four features each.
type joinData struct {
	name                   string
	labels, entities, rows int // rows of all views together
	dir                    string
}

const views = 3

func (d joinData) file(name string) string { return filepath.Join(d.dir, d.name+"_"+name+".csv") }

func (d joinData) view(i int) string { return fmt.Sprintf("%s_v%d", d.name, i) }

// write makes the files: times over 90 days, in no order.
func (d joinData) write() error {
	r := rand.New(rand.NewPCG(1, uint64(d.labels)))
	at := func() string { return epoch.Add(time.Duration(r.Int64N(90*86400)) * time.Second).Format(time.RFC3339) }
	err := toFile(d.file("labels"), func(w io.Writer) error {
		_, err := io.WriteString(w, "entity_id,label_time,label\n")
		for i := 0; i < d.labels && err == nil; i++ {
			_, err = fmt.Fprintf(w, "%d,%s,%d\n", r.IntN(d.entities), at(), r.IntN(2))
		}
		return err
	})
	for i := 0; i < views && err == nil; i++ {
		v := d.view(i)
		err = toFile(d.file(v), func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "entity_id,event_time,%s_a,%s_b,%s_c,%s_d\n", v, v, v, v)
			for j := 0; j < d.rows/views && err == nil; j++ {
				_, err = fmt.Fprintf(w, "%d,%s,%.4f,%.4f,%.4f,%.4f\n", r.IntN(d.entities), at(), r.Float64(), r.Float64(), r.Float64(), r.Float64())
			}
			return err
		})
	}
	return err
}

// declare takes the files in and declares the views; none of it is part of a figure.
func (d joinData) declare(s *server) error {
	if _, err := s.cli("ingest", d.file("labels"), "--table", "raw."+d.name+"_labels"); err != nil {
		return err
	}
	var doc strings.Builder
	fmt.Fprintf(&doc, "entities:\n  - name: entity\n    keys: [entity_id]\nviews:\n")
	for i := range views {
		v := d.view(i)
		if _, err := s.cli("ingest", d.file(v), "--table", "raw."+v); err != nil {
			return err
		}
		fmt.Fprintf(&doc, "  - name: %s\n    entity: entity\n    table: raw.%s\n    event_time: event_time\n    columns: [%s_a, %s_b, %s_c, %s_d]\n    ttl: 30d\n", v, v, v, v, v, v)
	}
	path := filepath.Join(d.dir, d.name+".yaml")
	if err := os.WriteFile(path, []byte(doc.String()), 0o600); err != nil {
		return err
	}
	_, err := s.cli("features", "apply", path)
	return err
}

// join measures the training set, to the committed table with all its checks.
func (d joinData) join(s *server, i int) (u used, err error) {
	names := make([]string, views)
	for v := range names {
		names[v] = d.view(v)
	}
	s.settle()
	mem := watchMemory(s.pid())
	before, clock := s.cpu(), stopwatch()
	_, err = s.job("/api/features/training-sets", map[string]any{
		"name": fmt.Sprintf("%s_%d", d.name, i), "labels": "raw." + d.name + "_labels", "time": "label_time", "label": "label", "views": names,
	})
	u.Wall = clock()
	s.settle()
	u.CPU, u.Peak = s.cpu()-before, mem.end().sum
	return u, err
}

// join joins 100,000 labels with three views, beside Feast, and a million labels,
// which Feast did not finish within 11 GB when it was tried.
func (b *bench) join() error {
	s, err := b.serve(filepath.Join(b.dir, "join"))
	if err != nil {
		return err
	}
	defer s.stop()
	feast, err := b.peer("lake", "feast_peer.py")
	if err != nil {
		return err
	}
	defer feast.end()
	// An entity has 8 rows in each view, or 24.
	for _, d := range []joinData{
		{name: "small", labels: 100_000, entities: 10_000, rows: 237_000, dir: b.dir},
		{name: "deep", labels: 100_000, entities: 10_000, rows: 711_000, dir: b.dir},
	} {
		if err := b.joinBeside(s, feast, d); err != nil {
			return err
		}
	}
	feast.end()
	if b.quick {
		return nil
	}
	large := joinData{name: "large", labels: 1_000_000, entities: 100_000, rows: 1_000_000, dir: b.dir}
	if err := large.write(); err != nil {
		return err
	}
	if err := large.declare(s); err != nil {
		return err
	}
	var ours, wall []float64
	var peak float64
	for i := range 2 {
		mine, err := large.join(s, i)
		if err != nil {
			return err
		}
		ours, wall, peak = append(ours, mine.CPU), append(wall, mine.Wall), max(peak, mine.Peak)
	}
	b.out.add(figure{Name: "1 M labels × 3 views, 1 M rows", Unit: "CPU-s", Values: ours}.most(20))
	b.out.add(figure{Name: "the same, memory of server and workers together", Unit: "MB", Value: peak}.most(2000))
	b.out.add(figure{Name: "the same, wall", Unit: "s", Values: wall})
	return nil
}

// joinBeside measures a join by forge and by Feast in turn.
func (b *bench) joinBeside(s *server, feast *peer, d joinData) error {
	if err := d.write(); err != nil {
		return err
	}
	if err := d.declare(s); err != nil {
		return err
	}
	files := map[string]string{}
	for i := range views {
		files[d.view(i)] = d.file(d.view(i))
	}
	var u used
	if err := feast.ask(map[string]any{"op": "load", "name": d.name, "labels": d.file("labels"), "views": files, "features": []string{"a", "b", "c", "d"}, "ttl_days": 30}, &u); err != nil {
		return err
	}
	var ours, theirs, wall, theirWall []float64
	var theirPeak float64
	for i := range 1 + b.times(3) {
		mine, err := d.join(s, i)
		if err != nil {
			return err
		}
		if err := feast.ask(map[string]any{"op": "join", "name": d.name, "out": filepath.Join(b.dir, "feast.parquet")}, &u); err != nil {
			return err
		}
		if u.Rows != int64(d.labels) {
			return fmt.Errorf("Feast returned %d rows of %d", u.Rows, d.labels)
		}
		if i > 0 {
			ours, wall = append(ours, mine.CPU), append(wall, mine.Wall)
			theirs, theirWall, theirPeak = append(theirs, u.CPU), append(theirWall, u.Wall), max(theirPeak, u.Peak)
		}
	}
	name := fmt.Sprintf("%s labels × 3 views, %s rows", number(float64(d.labels)), number(float64(d.rows)))
	b.out.add(figure{Name: name, Unit: "CPU-s", Values: ours, Peer: "Feast", Peers: theirs, Note: fmt.Sprintf("Feast's memory: %s MB", number(theirPeak))}.most(1.5))
	b.out.add(figure{Name: "the same, wall", Unit: "s", Values: wall, Peer: "Feast", Peers: theirWall})
	return nil
}
