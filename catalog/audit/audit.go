// Package audit keeps an append-only log whose entries are chained: each one's MAC
// covers the one before it, with a key that is not in the log's folder. Who edits,
// removes or reorders entries breaks the chain, and who cuts its end is found by the
// head, a second file that says how far the log has been.
//
// The folder holds segments NNN.log, named by their first entry's number. A line is
// the entry's MAC in hex, a space, and the entry as JSON; the MAC covers the bytes as
// they stand, so nothing depends on how JSON is written. NNN.idx says where in a full
// segment each project's entries are; it can be made again and proves nothing.
package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"hash"
	"log/slog"
	"os"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/fault"
)

// Entry is one line of the log.
type Entry struct {
	Seq       int64       `json:"seq" doc:"1, 2, 3, … over all projects"`
	At        time.Time   `json:"at"`
	Scope     forge.Scope `json:"scope"`
	User      string      `json:"user"`
	By        string      `json:"by" doc:"Name of who did it, at that time"`
	Kind      string      `json:"kind" doc:"person, key or job; empty when nobody was signed in"`
	Token     string      `json:"token,omitempty" doc:"Id of the key or sign-in"`
	Action    string      `json:"action" doc:"Id of the operation"`
	Target    string      `json:"target"`
	Outcome   string      `json:"outcome" enum:"ok,denied,failed"`
	Status    int         `json:"status,omitempty"`
	Remote    string      `json:"remote,omitempty"`
	RequestID string      `json:"request_id,omitempty"`
	Note      string      `json:"note,omitempty"`
}

type mac [sha256.Size]byte

// Config of a Log.
type Config struct {
	Log     *slog.Logger // nil discards
	Fault   fault.Hook   // for tests
	Segment int64        // bytes after which a new file begins; 0 means 4 MiB
}

// Log is an open audit log. One process has it open at a time.
type Log struct {
	dir     string
	key     []byte
	segment int64
	log     *slog.Logger
	fault   fault.Hook

	work   chan *request
	closed chan struct{}
	done   chan struct{}
	once   sync.Once

	// Of the committer alone, once it runs:
	file   *os.File
	size   int64
	head   *headFile
	seq    int64
	chain  mac
	sums   chainer
	text   bytes.Buffer // of the group in hand
	begin  []int64      // where its entries begin
	broken error        // the log's end is unknown; nothing may be appended any more

	mu        sync.Mutex                     // guards the rest
	committed state                          // what readers may rely on
	current   int64                          // first entry of the segment that is written; 0 before there is one
	tail      *index                         // of that segment
	who       map[int64]map[forge.Scope]bool // whose entries are in a full segment, as far as somebody has asked
}

type state struct {
	seq   int64
	chain mac
}

type request struct {
	entry Entry
	seq   int64
	err   chan error
}

// Open opens or makes the log in dir. key must be 32 secret bytes that are kept
// elsewhere. An unfinished last line, as a crash leaves it, is taken off.
func Open(dir string, key []byte, cfg Config) (*Log, error) {
	if len(key) != 32 {
		return nil, errors.New("audit: the key must have 32 bytes")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Segment <= 0 {
		cfg.Segment = 4 << 20
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "audit folder %s cannot be made: %v", dir, err)
	}
	l := &Log{dir: dir, key: key, segment: cfg.Segment, log: cfg.Log, fault: cfg.Fault, work: make(chan *request, 1024), closed: make(chan struct{}), done: make(chan struct{}), tail: newIndex(1), who: map[int64]map[forge.Scope]bool{}}
	if err := l.recover(); err != nil {
		return nil, err
	}
	l.sums, l.committed = l.chainer(), state{l.seq, l.chain}
	go l.committing()
	return l, nil
}

// Append stores an entry and returns its number when it is on the disk. Many callers
// at a time share one write and one fsync.
func (l *Log) Append(ctx context.Context, e Entry) (int64, error) {
	r := &request{entry: e, err: make(chan error, 1)}
	select {
	case <-l.closed:
		return 0, errClosed
	default:
	}
	select {
	case l.work <- r:
	case <-l.closed:
		return 0, errClosed
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	// From here on it will be written, whatever the caller's context does.
	select {
	case err := <-r.err:
		return r.seq, err
	case <-l.done:
		select {
		case err := <-r.err:
			return r.seq, err
		default:
			return 0, errClosed
		}
	}
}

var errClosed = forge.Errorf(forge.KindUnavailable, nil, "the audit log is closed")

// Close writes what is waiting and closes the log.
func (l *Log) Close() error {
	l.once.Do(func() { close(l.closed) })
	<-l.done
	return nil
}

// Head returns the number of the last entry.
func (l *Log) Head() int64 { return l.state().seq }

func (l *Log) state() state {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.committed
}

// chainer makes the MACs of entries; it is used by one goroutine at a time.
type chainer struct{ h hash.Hash }

func (l *Log) chainer() chainer { return chainer{hmac.New(sha256.New, l.key)} }

// next is the MAC of an entry after prev.
func (c chainer) next(prev mac, entry []byte) (out mac) {
	c.h.Reset()
	c.h.Write(entryWord)
	c.h.Write(prev[:])
	c.h.Write(entry)
	c.h.Sum(out[:0])
	return out
}

var entryWord = []byte("entry")
