package csv

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
)

// Sizes. A chunk is one Kafka record with its headers, whose limit is about 1 MB;
// a record of the file must fit into a chunk.
const (
	ChunkSize  = 900 << 10
	MaxRecord  = ChunkSize
	bufferSize = 4 << 20
	maxText    = 64 << 10 // of a rejected record that is kept
	maxSkips   = 2000     // a chunk ends when its list of skipped lines is full
	maxRejects = 200      // a batch of rejects
)

// Skip says that Lines lines of the file before the chunk's row with index Row are
// not in the chunk: blank ones and rejects.
type Skip struct{ Row, Lines int }

// Chunk is some whole records in canonical form.
type Chunk struct {
	Data  []byte // valid until the call returns
	Rows  int
	Line  int64 // of the first row
	Skips []Skip
}

// SkipsText is the list of skips as ingest.HeaderSkips wants it.
func (c Chunk) SkipsText() string {
	var b strings.Builder
	for i, s := range c.Skips {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d:%d", s.Row, s.Lines)
	}
	return b.String()
}

// Out takes what Split produces, in the order of the file.
type Out interface {
	Chunk(Chunk) error
	Rejects([]ingest.Reject) error
}

// Stats counts what was read. Records = Rows + Rejected, the header not counted.
type Stats struct{ Records, Rows, Rejected, Lines int64 }

// Split cuts a file into chunks. columns is the number of columns that every record
// must have; name is the file's name in rejects. Memory does not grow with the file.
// The same file gives the same chunks and batches of rejects, so that a second run
// after a crash repeats the first.
func Split(ctx context.Context, r io.Reader, d Dialect, columns int, name string, out Out) (Stats, error) {
	if err := d.check(); err != nil {
		return Stats{}, err
	}
	r, err := d.reader(r)
	if err != nil {
		return Stats{}, err
	}
	s := &splitter{
		syntax: d.syntax(), columns: columns, name: name, out: out, r: r,
		buf: make([]byte, 0, bufferSize), line: 1, skip: d.Skip, header: d.Header, now: time.Now().UTC(),
	}
	for !s.eof {
		if err := ctx.Err(); err != nil {
			return s.stats, err
		}
		if err := s.fill(); err != nil {
			return s.stats, err
		}
		if err := s.block(); err != nil {
			return s.stats, err
		}
	}
	s.endChunk()
	s.flushRejects(true)
	s.stats.Records = s.stats.Rows + s.stats.Rejected
	s.stats.Lines = s.line - 1
	return s.stats, s.err
}

type splitter struct {
	syntax  syntax
	columns int
	name    string
	out     Out
	r       io.Reader
	buf     []byte // not yet consumed: buf[pos:]
	pos     int
	eof     bool
	skip    int
	header  bool
	tooLong bool // dropping the rest of an over-long line
	plain   bool // the block has no quotes, CRs, NULs or bad UTF-8
	spans   []span
	anew    []byte // a record that had to be written anew
	text    []byte // a field of it without its escapes
	now     time.Time

	line  int64 // of the next record
	stats Stats
	err   error

	run     [2]int // part of buf that belongs to the chunk as it is
	pending []byte // or the chunk so far, written anew
	rows    int
	first   int64 // line of the chunk's first row
	gap     int   // lines skipped since the last row
	skips   []Skip

	rejects     []ingest.Reject
	rejectBytes int
}

// fill moves the rest to the front and reads until the buffer is full, so that what
// is decided never depends on how the reader cuts.
func (s *splitter) fill() error {
	s.settle()
	n := copy(s.buf[:cap(s.buf)], s.buf[s.pos:])
	s.pos = 0
	m, err := io.ReadFull(s.r, s.buf[n:cap(s.buf)])
	s.buf = s.buf[:n+m]
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		s.eof = true
	} else if err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "%s could not be read to its end", s.name)
	}
	s.plain = (s.syntax.quote == 0 || bytes.IndexByte(s.buf, s.syntax.quote) < 0) && bytes.IndexByte(s.buf, '"') < 0 &&
		bytes.IndexByte(s.buf, '\r') < 0 && bytes.IndexByte(s.buf, 0) < 0 && utf8.Valid(s.validPart())
	return nil
}

// validPart leaves out a last character that may be cut by the buffer's end; the
// record that holds it is looked at again with the next block.
func (s *splitter) validPart() []byte {
	b := s.buf
	if s.eof {
		return b
	}
	return b[:bytes.LastIndexByte(b, '\n')+1]
}

// settle copies the part of the buffer that the chunk still points at.
func (s *splitter) settle() {
	if s.run[1] > s.run[0] {
		s.pending = append(s.pending, s.buf[s.run[0]:s.run[1]]...)
	}
	s.run = [2]int{}
}

// block consumes the records of the buffer.
func (s *splitter) block() error {
	for s.err == nil && s.pos < len(s.buf) {
		if s.tooLong {
			if !s.dropLine() {
				return s.err
			}
			continue
		}
		b := s.buf[s.pos:]
		end := bytes.IndexByte(b, '\n')
		if end < 0 && !s.eof && len(b) <= MaxRecord {
			return nil // more must be read
		}
		line := b
		if end >= 0 {
			line = b[:end]
		}
		if s.skip > 0 && end >= 0 {
			s.skip--
			s.pos += end + 1
			s.line++
			continue
		}
		if s.columns > 0 && len(line) <= MaxRecord && end >= 0 && !s.header && s.easy(line) {
			continue
		}
		if !s.slow(b) {
			return s.err
		}
	}
	return s.err
}

// easy takes a line without quotes and other trouble; false leaves it to slow.
func (s *splitter) easy(line []byte) bool {
	n := len(line)
	if !s.plain {
		if n > 0 && line[n-1] == '\r' {
			n--
		}
		l := line[:n]
		if s.syntax.quote != 0 && bytes.IndexByte(l, s.syntax.quote) >= 0 || bytes.IndexByte(l, '"') >= 0 ||
			bytes.IndexByte(l, '\r') >= 0 || bytes.IndexByte(l, 0) >= 0 || !utf8.Valid(l) {
			return false
		}
	}
	if n == 0 {
		return false
	}
	l := line[:n]
	if fields := s.fields(l); fields != s.columns {
		return false
	}
	from, size := s.pos, n+1
	if s.size()+size > ChunkSize || len(s.skips) >= maxSkips {
		s.endChunk()
	}
	s.addRow()
	switch {
	case s.syntax.canonical() && n == len(line):
		s.keep(from, from+size)
	case s.syntax.canonical():
		s.settle()
		s.pending = append(append(s.pending, l...), '\n')
	case bytes.IndexByte(l, ',') < 0 && s.syntax.delim != 0:
		s.settle()
		at := len(s.pending)
		s.pending = append(append(s.pending, l...), '\n')
		replace(s.pending[at:], s.syntax.delim, ',')
	default:
		s.settle()
		s.pending = s.write(s.pending, l, s.cutFields(l))
	}
	s.pos += len(line) + 1
	s.line++
	return true
}

func (s *splitter) fields(line []byte) int {
	if s.syntax.delim == 0 {
		return 1
	}
	return bytes.Count(line, []byte{s.syntax.delim}) + 1
}

func (s *splitter) cutFields(line []byte) []span {
	s.spans = s.spans[:0]
	_, s.spans, _, _ = s.syntax.record(line, true, s.spans)
	return s.spans
}

func replace(b []byte, old, with byte) {
	for {
		i := bytes.IndexByte(b, old)
		if i < 0 {
			return
		}
		b[i] = with
		b = b[i+1:]
	}
}

// slow takes any record; false: more must be read.
func (s *splitter) slow(b []byte) bool {
	long := len(b) > MaxRecord
	if long {
		b = b[:MaxRecord]
	}
	last := s.eof && !long
	var n int
	var f form
	var inQuote bool
	s.spans = s.spans[:0]
	n, s.spans, f, inQuote = s.syntax.record(b, last, s.spans)
	switch {
	case f == cut && !long && !s.eof:
		return false
	case f == cut && inQuote:
		s.rejectLine(b, fmt.Sprintf("a quote opened in this record is not closed within %d bytes; the record ends at its first line", len(b)))
		return true
	case f == cut:
		s.tooLong = true
		s.reject(b, fmt.Sprintf("the record is longer than %d bytes", MaxRecord))
		lines := bytes.Count(b, []byte{'\n'})
		s.pos += len(b)
		s.line += int64(lines)
		s.gap += lines
		return true
	case f == afterQuote:
		s.rejectLine(b, "text follows the closing quote of a field")
		return true
	}
	s.take(b[:n], f)
	return true
}

// take handles a record whose end is known.
func (s *splitter) take(rec []byte, f form) {
	lines := max(int64(bytes.Count(rec, []byte{'\n'})), 1)
	blank := len(s.spans) == 1 && !s.spans[0].quoted && s.spans[0].from == s.spans[0].to
	switch {
	case blank:
		s.gap += int(lines)
	case s.header:
		s.header = false
	case !utf8.Valid(rec):
		s.reject(rec, badByte(rec))
		s.gap += int(lines)
	case bytes.IndexByte(rec, 0) >= 0:
		s.reject(rec, "the record holds a NUL byte")
		s.gap += int(lines)
	case len(s.spans) != s.columns:
		s.reject(rec, fmt.Sprintf("the record has %s, want %d", plural(len(s.spans), "field"), s.columns))
		s.gap += int(lines)
	default:
		s.row(rec, f)
	}
	s.pos += len(rec)
	s.line += lines
}

func (s *splitter) row(rec []byte, f form) {
	pass := f == whole && s.syntax.canonical() && rec[len(rec)-1] == '\n' && !(len(rec) > 1 && rec[len(rec)-2] == '\r')
	size := len(rec) + 1
	if !pass {
		s.anew = s.write(s.anew[:0], rec, s.spans)
		size = len(s.anew)
	}
	if size > ChunkSize { // quoting can make it longer
		s.reject(rec, fmt.Sprintf("the record is longer than %d bytes", MaxRecord))
		s.gap += int(max(int64(bytes.Count(rec, []byte{'\n'})), 1))
		return
	}
	if s.size()+size > ChunkSize || len(s.skips) >= maxSkips {
		s.endChunk()
	}
	s.addRow()
	if pass {
		s.keep(s.pos, s.pos+len(rec))
		return
	}
	s.settle()
	s.pending = append(s.pending, s.anew...)
}

// keep adds buf[from:to] to the chunk, without a copy where it can.
func (s *splitter) keep(from, to int) {
	switch {
	case len(s.pending) > 0:
		s.pending = append(s.pending, s.buf[from:to]...)
	case s.run[1] == 0:
		s.run = [2]int{from, to}
	case s.run[1] == from:
		s.run[1] = to
	default:
		s.settle()
		s.pending = append(s.pending, s.buf[from:to]...)
	}
}

func (s *splitter) size() int { return len(s.pending) + s.run[1] - s.run[0] }

func (s *splitter) addRow() {
	if s.rows == 0 {
		s.first = s.line
	} else if s.gap > 0 {
		s.skips = append(s.skips, Skip{Row: s.rows, Lines: s.gap})
	}
	s.gap = 0
	s.rows++
}

func (s *splitter) endChunk() {
	if s.rows == 0 || s.err != nil {
		return
	}
	data := s.pending // or, never both, the run
	if len(data) == 0 {
		data = s.buf[s.run[0]:s.run[1]]
	}
	s.err = s.out.Chunk(Chunk{Data: data, Rows: s.rows, Line: s.first, Skips: s.skips})
	s.stats.Rows += int64(s.rows)
	s.pending, s.run, s.rows, s.skips = s.pending[:0], [2]int{}, 0, nil
	s.flushRejects(false)
}
