package csv

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"aiforge.dev/forge/ingest"
)

// rejectLine rejects the first line of b only, so that a stray quote cannot swallow
// the rest of the file.
func (s *splitter) rejectLine(b []byte, reason string) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		s.tooLong = true
		s.reject(b, reason)
		s.pos += len(b)
		return
	}
	s.reject(b[:end], reason)
	s.pos += end + 1
	s.line++
	s.gap++
}

// dropLine skips to the next line; false: it is not in the buffer.
func (s *splitter) dropLine() bool {
	end := bytes.IndexByte(s.buf[s.pos:], '\n')
	if end < 0 {
		s.pos = len(s.buf)
		return false
	}
	s.pos += end + 1
	s.line++
	s.gap++
	s.tooLong = false
	return true
}

// reject keeps a record that cannot be taken. The header is never rejected: without
// it nothing after it means anything, and Sniff has read it already.
func (s *splitter) reject(rec []byte, reason string) {
	if s.header {
		s.header = false
		return
	}
	rec = bytes.TrimRight(rec, "\r\n")
	text := strings.ReplaceAll(strings.ToValidUTF8(string(rec[:min(len(rec), maxText)]), "\uFFFD"), "\x00", "\uFFFD")
	if len(rec) > maxText {
		text += "…"
	}
	s.rejects = append(s.rejects, ingest.Reject{Source: s.name, Line: s.line, Reason: reason, Text: text, At: s.now})
	s.rejectBytes += len(text)
	s.stats.Rejected++
	if len(s.rejects) >= maxRejects || s.rejectBytes >= ChunkSize/4 {
		s.flushRejects(true)
	}
}

// flushRejects hands the rejects on. Between chunks they only leave when there are
// many, so that a file with few of them makes few records.
func (s *splitter) flushRejects(all bool) {
	if s.err != nil || len(s.rejects) == 0 || !all && len(s.rejects) < maxRejects/2 {
		return
	}
	s.err = s.out.Rejects(s.rejects)
	s.rejects, s.rejectBytes = nil, 0
}

func badByte(rec []byte) string {
	for i := 0; i < len(rec); {
		r, n := utf8.DecodeRune(rec[i:])
		if r == utf8.RuneError && n == 1 {
			return fmt.Sprintf("byte %d of the record, 0x%02X, is not UTF-8", i+1, rec[i])
		}
		i += n
	}
	return "the record is not UTF-8"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
