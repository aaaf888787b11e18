package sink

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
)

const (
	readBytes  = 4 << 20
	maxRecords = 200_000 // of a batch, so that its list of records stays small
	maxText    = 64 << 10
)

var lineEnd = []byte{'\n'}

// batch is what one commit brings.
type batch struct {
	dir     string
	base    string // the state property that the batch is built on
	from    int64
	next    int64
	state   state // after the batch
	groups  []*group
	rejects *spool
	skip    int64  // rejects of records before this offset are in the rejects table
	behind  string // state property of the rejects table that skip was read from
	bytes   int64
	records int
	last    map[string]*group
}

// group is values of one format under one contract.
type group struct {
	spool
	format   ingest.Format
	contract ingest.Contract
	chunks   []chunk
	rows     int64
}

// chunk is one record's value in a group's file.
type chunk struct {
	source, name string
	offset       int64
	at           time.Time
	from, size   int64
	line         int64
	rows         int64
	skips        string
}

// spool is a file that is written once and read by the engine.
type spool struct {
	file *os.File
	buf  *bufio.Writer
	size int64
	rows int64
}

func newSpool(dir, suffix string) (spool, error) {
	f, err := os.CreateTemp(dir, "spool-*"+suffix)
	if err != nil {
		return spool{}, forge.Errorf(forge.KindUnavailable, err, "the spool folder cannot be written; is the disk full?")
	}
	return spool{file: f, buf: bufio.NewWriterSize(f, 256<<10)}, nil
}

func (s *spool) write(b []byte) error {
	n, err := s.buf.Write(b)
	s.size += int64(n)
	if err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "the spool folder cannot be written; is the disk full?")
	}
	return nil
}

func (b *batch) remove() {
	for _, g := range b.groups {
		g.drop()
	}
	if b.rejects != nil {
		b.rejects.drop()
	}
}

func (s *spool) drop() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}

// gather reads the topic until the batch is full or the topic ends.
func (c *committer) gather(ctx context.Context, base string, st state, recs []ingest.Record) (*batch, error) {
	b := &batch{dir: c.s.cfg.Dir, base: base, from: st.Next, next: st.Next, state: state{Topic: c.topic, Sources: maps.Clone(st.Sources)}, last: map[string]*group{}}
	if b.state.Sources == nil {
		b.state.Sources = map[string]position{}
	}
	rejects, rejected, err := c.rejectsState(ctx)
	if err != nil {
		return nil, err
	}
	b.skip, b.behind = rejected.Next, rejects.Properties[stateProperty]
	full := func() bool { return b.bytes >= c.s.cfg.BatchBytes || b.records >= maxRecords }
	for len(recs) > 0 {
		for _, r := range recs {
			if full() {
				break
			}
			if err := c.take(b, r); err != nil {
				b.remove()
				return nil, err
			}
			b.next = r.Offset + 1
		}
		if full() {
			break
		}
		if recs, err = c.s.cfg.Log.Read(ctx, c.topic, b.next, readBytes); err != nil {
			b.remove()
			return nil, err
		}
	}
	b.state.Next = b.next
	for _, g := range b.groups {
		if err := g.buf.Flush(); err != nil {
			b.remove()
			return nil, forge.Errorf(forge.KindUnavailable, err, "the spool folder cannot be written; is the disk full?")
		}
	}
	return b, nil
}

// take adds one record. A record whose source is already past it is a repetition.
func (c *committer) take(b *batch, r ingest.Record) error {
	source := r.Headers[ingest.HeaderSource]
	p := b.state.Sources[source]
	if source != "" {
		seq, err := strconv.ParseInt(r.Headers[ingest.HeaderSeq], 10, 64)
		if err == nil && seq <= p.Seq {
			return nil
		}
		p.Seq = max(p.Seq, seq)
	}
	p.At = r.Offset
	b.bytes += int64(len(r.Value))
	b.records++
	b.state.Sources[source] = p
	switch format := ingest.Format(r.Headers[ingest.HeaderFormat]); format {
	case ingest.FormatRejects:
		return c.takeRejects(b, r)
	case ingest.FormatCSV, ingest.FormatNDJSON:
		k, ok := c.contract(r.Headers[ingest.HeaderSchema])
		if !ok {
			return c.refuse(b, r, "no contract "+r.Headers[ingest.HeaderSchema]+" is known for this table")
		}
		g, err := b.group(format, k)
		if err != nil {
			return err
		}
		if format == ingest.FormatNDJSON {
			return c.takeNDJSON(b, g, r)
		}
		return c.takeCSV(b, g, r)
	default:
		return c.refuse(b, r, "the record has the unknown format "+strconv.Quote(string(format)))
	}
}

func (b *batch) group(format ingest.Format, k ingest.Contract) (*group, error) {
	id := string(format) + k.Fingerprint()
	if g := b.last[id]; g != nil {
		return g, nil
	}
	sp, err := newSpool(b.dir, "."+string(format))
	if err != nil {
		return nil, err
	}
	g := &group{spool: sp, format: format, contract: k}
	b.groups = append(b.groups, g)
	b.last[id] = g
	return g, nil
}

func (b *batch) count(source string, rows, rejected int64) {
	p := b.state.Sources[source]
	p.Rows += rows
	p.Rejected += rejected
	b.state.Sources[source] = p
}

func newChunk(g *group, r ingest.Record) chunk {
	line, _ := strconv.ParseInt(r.Headers[ingest.HeaderLine], 10, 64)
	k := chunk{
		source: r.Headers[ingest.HeaderSource], name: r.Headers[ingest.HeaderName],
		offset: r.Offset, at: r.At, from: g.size, line: line, skips: r.Headers[ingest.HeaderSkips],
	}
	if n := len(g.chunks); n > 0 { // one string for all chunks of a source
		if last := g.chunks[n-1]; last.source == k.source && last.name == k.name {
			k.source, k.name = last.source, last.name
		}
	}
	if k.name == "" {
		k.name = k.source
	}
	return k
}

func (c *committer) takeCSV(b *batch, g *group, r ingest.Record) error {
	if len(r.Value) == 0 {
		return nil
	}
	k := newChunk(g, r)
	rows, err := strconv.ParseInt(r.Headers[ingest.HeaderRows], 10, 64)
	if err != nil {
		rows = countRecords(r.Value)
	}
	if err := g.write(r.Value); err != nil {
		return err
	}
	if r.Value[len(r.Value)-1] != '\n' {
		if err := g.write(lineEnd); err != nil {
			return err
		}
	}
	k.rows, k.size = rows, g.size-k.from
	g.rows += rows
	g.chunks = append(g.chunks, k)
	b.count(k.source, rows, 0)
	return nil
}

// takeNDJSON checks each line here: one that is no object would fail the whole batch
// for ever.
func (c *committer) takeNDJSON(b *batch, g *group, r ingest.Record) error {
	k := newChunk(g, r)
	line := int64(-1)
	for rest := r.Value; len(rest) > 0; {
		var text []byte
		text, rest, _ = bytes.Cut(rest, []byte{'\n'})
		line++
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		if text[0] != '{' || !json.Valid(text) {
			b.count(k.source, 0, 1)
			if err := b.reject(r.Offset, ingest.Reject{Source: k.name, Line: k.line + line, Reason: "the line is not a JSON object", Text: string(text), At: r.At}); err != nil {
				return err
			}
			continue
		}
		if err := g.write(text); err != nil {
			return err
		}
		if err := g.write(lineEnd); err != nil {
			return err
		}
		k.rows++
	}
	k.size = g.size - k.from
	if k.rows > 0 {
		g.rows += k.rows
		g.chunks = append(g.chunks, k)
		b.count(k.source, k.rows, 0)
	}
	return nil
}

// takeRejects passes on what the producer rejected itself.
func (c *committer) takeRejects(b *batch, r ingest.Record) error {
	source := r.Headers[ingest.HeaderSource]
	for line := range bytes.Lines(r.Value) {
		var rej ingest.Reject
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := json.Unmarshal(line, &rej); err != nil {
			rej = ingest.Reject{Source: r.Headers[ingest.HeaderName], Reason: "the reject itself cannot be read", Text: string(line), At: r.At}
		}
		b.count(source, 0, 1)
		if err := b.reject(r.Offset, rej); err != nil {
			return err
		}
	}
	return nil
}

// refuse rejects a whole record.
func (c *committer) refuse(b *batch, r ingest.Record, reason string) error {
	line, _ := strconv.ParseInt(r.Headers[ingest.HeaderLine], 10, 64)
	rows, err := strconv.ParseInt(r.Headers[ingest.HeaderRows], 10, 64)
	if err != nil || rows < 1 {
		rows = 1
	}
	b.count(r.Headers[ingest.HeaderSource], 0, rows)
	return b.reject(r.Offset, ingest.Reject{Source: r.Headers[ingest.HeaderName], Line: line, Reason: reason, Text: string(r.Value), At: r.At})
}

// reject adds a row for the rejects table, unless an earlier attempt at this batch
// has brought it there.
func (b *batch) reject(offset int64, r ingest.Reject) error {
	if offset < b.skip {
		return nil
	}
	if b.rejects == nil {
		sp, err := newSpool(b.dir, ".rejects")
		if err != nil {
			return err
		}
		b.rejects = &sp
	}
	r.Text, r.Value = shorten(r.Text), shorten(r.Value)
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	b.rejects.rows++
	return b.rejects.write(append(line, '\n'))
}

func shorten(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}

// countRecords counts the records of canonical CSV.
func countRecords(b []byte) (n int64) {
	for len(b) > 0 {
		b = b[recordEnd(b):]
		n++
	}
	return n
}

// recordEnd returns the length of the first record of canonical CSV with its line
// end: the first line end with an even number of quotes before it.
func recordEnd(b []byte) int {
	quotes, at := 0, 0
	for {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return len(b)
		}
		quotes += bytes.Count(b[at:at+i], []byte{'"'})
		at += i + 1
		if quotes%2 == 0 {
			return at
		}
	}
}
