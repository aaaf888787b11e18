package audit

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"aiforge.dev/forge"
)

// maxSeq keeps a forged number from making the next one overflow.
const maxSeq = 1 << 53

// segments returns the first entry's number of each file, ascending.
func (l *Log) segments() ([]int64, error) {
	names, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, err
	}
	var out []int64
	for _, n := range names {
		base, ok := strings.CutSuffix(n.Name(), ".log")
		first, err := strconv.ParseInt(base, 10, 64)
		if ok && err == nil && first > 0 && first < maxSeq && n.Name() == segmentName(first) {
			out = append(out, first)
		}
	}
	slices.Sort(out)
	return out, nil
}

// line is one line of a segment: where it begins and ends, its MAC and its entry's
// bytes. whole is false for a last line without its end.
type line struct {
	begin int64
	end   int64
	sum   mac
	entry []byte
	good  bool // has the form of a line
	whole bool
}

// lines calls f with each line of a segment until it returns false.
func (l *Log) lines(first int64, f func(line) (bool, error)) error {
	file, err := os.Open(filepath.Join(l.dir, segmentName(first)))
	if err != nil {
		return err
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 256<<10)
	var at int64
	for {
		raw, err := r.ReadBytes('\n')
		if len(raw) == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		x := line{begin: at, end: at + int64(len(raw)), whole: err == nil}
		at = x.end
		x.parse(raw)
		if more, err := f(x); err != nil || !more {
			return err
		}
	}
}

func (x *line) parse(raw []byte) {
	sum, entry, ok := bytes.Cut(bytes.TrimSuffix(raw, []byte("\n")), []byte(" "))
	if ok && len(sum) == 2*len(x.sum) {
		_, bad := hex.Decode(x.sum[:], sum)
		x.good, x.entry = bad == nil, entry
	}
}

// recover finds the log's end and takes an unfinished last line off. What is broken in
// the middle stays as it is, for Verify to find and for people to look into.
func (l *Log) recover() error {
	firsts, err := l.segments()
	if err == nil {
		l.head, err = openHead(l.dir, l.key, len(firsts) == 0)
	}
	if err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "audit log in %s cannot be opened: %v", l.dir, err)
	}
	if err := l.findEnd(firsts); err != nil {
		return errors.Join(err, l.head.close())
	}
	switch known, err := l.contains(firsts, l.head.known); {
	case err != nil:
		return errors.Join(err, l.head.close())
	case l.head.lost:
		l.log.Error("audit log: the head file is missing or damaged; forge audit verify says more", "dir", l.dir)
	case !known:
		l.head.frozen = true
		l.log.Error("audit log: entries that were written are not there any more; forge audit verify says more", "dir", l.dir, "seen", l.head.known.seq, "there", l.seq)
	}
	return nil
}

// contains reports whether the log has an entry with this number and MAC.
func (l *Log) contains(firsts []int64, s state) (bool, error) {
	found := s.seq == 0
	for i := len(firsts) - 1; i >= 0 && !found; i-- {
		if firsts[i] > s.seq {
			continue
		}
		err := l.lines(firsts[i], func(x line) (bool, error) {
			found = x.good && x.sum == s.chain
			return !found, nil
		})
		return found, err
	}
	return found, nil
}

// findEnd opens the last segment for appending.
func (l *Log) findEnd(firsts []int64) error {
	if len(firsts) == 0 {
		return nil
	}
	last := firsts[len(firsts)-1]
	l.seq, l.current, l.tail = last-1, last, newIndex(last)
	if err := l.lastChain(firsts); err != nil {
		return err
	}
	var end int64
	err := l.lines(last, func(x line) (bool, error) {
		var e Entry
		if !x.whole || !x.good || json.Unmarshal(x.entry, &e) != nil || e.Seq <= l.seq || e.Seq > maxSeq {
			return x.whole, nil // a damaged line is passed over; an unfinished one ends the log
		}
		l.seq, l.chain, end = e.Seq, x.sum, x.end
		l.tail.add(e.Scope, x.begin)
		return true, nil
	})
	if err != nil {
		return err
	}
	l.file, err = os.OpenFile(filepath.Join(l.dir, segmentName(last)), os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return l.trim(end)
}

// lastChain takes the MAC that the last segment builds on from the one before it.
func (l *Log) lastChain(firsts []int64) error {
	if len(firsts) < 2 {
		return nil
	}
	return l.lines(firsts[len(firsts)-2], func(x line) (bool, error) {
		if x.good {
			l.chain = x.sum
		}
		return true, nil
	})
}

// trim cuts the file after its last whole line.
func (l *Log) trim(end int64) error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	l.size = info.Size()
	if l.size == end {
		return nil
	}
	tail := make([]byte, l.size-end)
	if _, err := l.file.ReadAt(tail, end); err != nil {
		return err
	}
	if i := bytes.LastIndexByte(tail, '\n'); i >= 0 { // whole but damaged lines are evidence
		end += int64(i) + 1
	}
	l.log.Warn("audit log: an unfinished last line was taken off", "bytes", l.size-end)
	l.size = end
	return errors.Join(l.file.Truncate(end), l.file.Sync())
}
