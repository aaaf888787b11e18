package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
)

// memory takes in a file of 5 GB, which is made as it is sent, and watches what the
// server and its workers hold.
func (b *bench) memory() error {
	size := int64(5e9)
	if b.quick {
		size = 5e8
	}
	s, err := b.serve(filepath.Join(b.dir, "memory"))
	if err != nil {
		return err
	}
	defer s.stop()
	mem := watchMemory(s.pid())
	before, clock := s.cpu(), stopwatch()
	upload, rows, err := s.uploadWide(size)
	if err != nil {
		return err
	}
	sent := clock()
	result, err := s.job("/api/ingest", map[string]any{"upload": upload, "table": "raw.wide"})
	if err != nil {
		return err
	}
	took := clock()
	cpu := s.cpu() - before
	mem.end()
	var l struct{ Rows int64 }
	if err := json.Unmarshal(result, &l); err != nil {
		return err
	}
	if l.Rows != int64(rows) {
		return fmt.Errorf("%d rows arrived of %d", l.Rows, rows)
	}
	name := fmt.Sprintf("%s GB, %s rows × 20: ", number(float64(size)/1e9), number(float64(rows)))
	b.out.add(figure{Name: name + "memory of server and workers together, most", Unit: "MB", Value: mem.sum}.most(700))
	b.out.add(figure{Name: "the same, server", Unit: "MB", Value: mem.server})
	b.out.add(figure{Name: "the same, largest worker", Unit: "MB", Value: mem.child})
	b.out.add(figure{Name: "rows per CPU second", Unit: "rows/CPU-s", Value: float64(rows) / cpu})
	b.out.add(figure{Name: "upload, as fast as the rows are made", Unit: "s", Value: sent})
	b.out.add(figure{Name: "from there to the committed table", Unit: "s", Value: took - sent})
	return nil
}

// uploadWide sends a file of at least size bytes in parts.
func (s *server) uploadWide(size int64) (id string, rows int, err error) {
	count, exact, err := writeWide(io.Discard, 1<<40, size) // the size must be told first
	if err != nil {
		return "", 0, err
	}
	b, err := s.call("POST", "/api/uploads", map[string]any{"name": "wide.csv", "size": exact})
	if err != nil {
		return "", 0, err
	}
	var up struct {
		ID       string `json:"id"`
		PartSize int    `json:"part_size"`
	}
	if err := json.Unmarshal(b, &up); err != nil {
		return "", 0, err
	}
	w := &parts{s: s, id: up.ID, size: up.PartSize}
	if _, _, err = writeWide(w, count, 0); err == nil {
		err = w.flush()
	}
	return up.ID, count, err
}

// parts sends what is written to it as the parts of an upload.
type parts struct {
	s      *server
	id     string
	size   int
	offset int64
	buf    []byte
}

func (p *parts) Write(b []byte) (int, error) {
	n := len(b)
	for len(p.buf)+len(b) >= p.size {
		k := p.size - len(p.buf)
		p.buf, b = append(p.buf, b[:k]...), b[k:]
		if err := p.flush(); err != nil {
			return 0, err
		}
	}
	p.buf = append(p.buf, b...)
	return n, nil
}

func (p *parts) flush() error {
	if len(p.buf) == 0 {
		return nil
	}
	_, err := p.s.send("PATCH", fmt.Sprintf("/api/uploads/%s?offset=%d", p.id, p.offset), "application/octet-stream", bytes.NewReader(p.buf))
	p.offset += int64(len(p.buf))
	p.buf = p.buf[:0]
	return err
}
