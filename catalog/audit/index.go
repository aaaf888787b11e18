package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"aiforge.dev/forge"
)

// index says where in one segment each project's entries begin, so that a project's
// list costs what it shows and not what all projects have written. A full segment's
// index is kept in NNN.idx beside it. It holds nothing that the segment does not: one
// that is missing, damaged, not written with our key or for another length of the
// segment is made again.
type index struct {
	first int64 // number of the segment's first entry
	size  int64 // of the segment
	at    map[forge.Scope][]uint32
}

func newIndex(first int64) *index { return &index{first: first, at: map[forge.Scope][]uint32{}} }

// add notes an entry and where it begins.
func (x *index) add(scope forge.Scope, at int64) {
	x.at[scope] = append(x.at[scope], uint32(at))
}

const indexMagic = "forge-audit-index-1\n"

func indexName(first int64) string { return strings.TrimSuffix(segmentName(first), ".log") + ".idx" }

// encode writes the index: of which segment and of what length, and per project the name, the number of entries
// and the distances between them.
func (x *index) encode(key []byte) []byte {
	b := binary.AppendUvarint([]byte(indexMagic), uint64(x.first))
	b = binary.AppendUvarint(b, uint64(x.size))
	for scope, at := range x.at {
		name := string(scope.Tenant) + "/" + string(scope.Project)
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
		b = binary.AppendUvarint(b, uint64(len(at)))
		last := uint32(0)
		for _, o := range at {
			b = binary.AppendUvarint(b, uint64(o-last))
			last = o
		}
	}
	return append(b, indexMAC(key, b)...)
}

func indexMAC(key, content []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("index"))
	h.Write(content)
	return h.Sum(nil)
}

// decodeIndex reads what encode wrote; false when it is not that.
func decodeIndex(b, key []byte) (*index, bool) {
	n := len(b) - sha256.Size
	if n < len(indexMagic) || !hmac.Equal(b[n:], indexMAC(key, b[:n])) || !bytes.HasPrefix(b, []byte(indexMagic)) {
		return nil, false
	}
	b = b[len(indexMagic):n]
	next := func() uint64 { // the MAC vouches for the form
		v, k := binary.Uvarint(b)
		b = b[max(k, 0):]
		return v
	}
	x := newIndex(int64(next()))
	x.size = int64(next())
	for len(b) > 0 {
		length := next()
		tenant, project, _ := strings.Cut(string(b[:length]), "/")
		b = b[length:]
		at := make([]uint32, next())
		last := uint32(0)
		for i := range at {
			last += uint32(next())
			at[i] = last
		}
		x.at[forge.Scope{Tenant: forge.TenantID(tenant), Project: forge.ProjectID(project)}] = at
	}
	return x, true
}

// save keeps the index of a full segment. It is a convenience: a failure costs the next
// reader one look through the segment.
func (l *Log) save(x *index) {
	if err := os.WriteFile(filepath.Join(l.dir, indexName(x.first)), x.encode(l.key), 0o600); err != nil {
		l.log.Warn("audit log: an index could not be written", "segment", x.first, "err", err)
	}
}

// indexOf returns where a project's entries are in a segment: that of the segment being
// written from memory, a full one's from its file, which is made when it is not good.
func (l *Log) indexOf(first int64, scope forge.Scope) ([]uint32, error) {
	l.mu.Lock()
	if first == l.current {
		defer l.mu.Unlock()
		at := l.tail.at[scope]
		return at[:len(at):len(at)], nil
	}
	in, known := l.who[first]
	l.mu.Unlock()
	if known && !in[scope] {
		return nil, nil
	}
	x, err := l.load(first)
	if err != nil {
		return nil, err
	}
	in = make(map[forge.Scope]bool, len(x.at))
	for s := range x.at {
		in[s] = true
	}
	l.mu.Lock()
	l.who[first] = in
	l.mu.Unlock()
	return x.at[scope], nil
}

// load reads a full segment's index, or makes it.
func (l *Log) load(first int64) (*index, error) {
	info, err := os.Stat(filepath.Join(l.dir, segmentName(first)))
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(l.dir, indexName(first)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if x, ok := decodeIndex(b, l.key); ok && x.first == first && x.size == info.Size() {
		return x, nil
	}
	x := newIndex(first)
	err = l.lines(first, func(y line) (bool, error) {
		var e struct{ Scope forge.Scope }
		if y.whole && y.good && json.Unmarshal(y.entry, &e) == nil {
			x.add(e.Scope, y.begin)
		}
		x.size = y.end
		return true, nil
	})
	if err == nil {
		l.save(x)
	}
	return x, err
}
