// Package predlog keeps what the models answered. Observe writes one line to a file
// and returns; a goroutine hands the lines of each project to a Sink in batches, and a
// batch's file goes when the sink has taken it. What is left of a process that was
// killed, or that the sink did not take, is handed over later, in its order, under the
// identity that it had: a sink that keeps to BatchID gets every row once.
//
// The file is written without waiting for the disk: it outlives the process, and a
// power cut costs at most the rows of the last Config.Every. Where the disk is full
// rows are in memory alone until the sink takes them; only when neither keeps up does
// Observe wait: no row is dropped. A process that is killed while the disk is full
// loses what only its memory has.
package predlog

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/fault"
	"aiforge.dev/forge/serving"
)

// BatchID names a batch. One that is handed over again, because the answer was lost or
// the process died, has the id that it had before and the same rows, or the first ones
// of them. Of one spool and project the numbers grow.
type BatchID struct {
	Spool  string // of one process
	Number int64
}

// Sink takes rows as NDJSON with the fields of Columns; ndjson must not be kept.
type Sink interface {
	Append(ctx context.Context, scope forge.Scope, id BatchID, ndjson []byte, rows int) error
}

// Config of a log. Zero values take the defaults.
type Config struct {
	Sink   Sink
	Dir    string        // of the batches' files
	Every  time.Duration // longest time that a row stays in memory; 200 ms
	Batch  int           // bytes of a project from which its rows go at once; 1 MiB
	Memory int           // bytes of all rows in memory at which Observe waits; 64 MiB
	Retry  time.Duration // pause after the sink has failed; 2 s
	Limit  time.Duration // longest time that the sink may take for a batch; 10 s
	Log    *slog.Logger
	Fault  fault.Hook // for tests
}

func (c *Config) defaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&c.Every, 200*time.Millisecond)
	set(&c.Retry, 2*time.Second)
	set(&c.Limit, 10*time.Second)
	if c.Batch == 0 {
		c.Batch = 1 << 20
	}
	if c.Memory == 0 {
		c.Memory = 64 << 20
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Log is a serving.Observer.
type Log struct {
	cfg   Config
	spill *spill
	wake  chan struct{}
	stop  chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	room    *sync.Cond // signalled when memory has been given back
	pending map[forge.Scope]*batch
	back    []*batch // that neither sink nor disk took, before the pending ones
	bytes   int      // in pending, in back and with the sink
	unkept  bool     // the last row is not on disk
	closed  bool

	order       sync.Mutex // held during a flush: batches stay in order
	failedUntil time.Time
}

// Open starts the log; batches that an earlier process left in Dir are handed over
// first.
func Open(cfg Config) (*Log, error) {
	cfg.defaults()
	sp, err := openSpill(cfg.Dir)
	if err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg, spill: sp, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}), pending: map[forge.Scope]*batch{}}
	l.room = sync.NewCond(&l.mu)
	if l.Waiting() > 0 {
		l.poke()
	}
	go l.run()
	return l, nil
}

// Observe takes one row. After Close it does nothing but say so in the log.
func (l *Log) Observe(scope forge.Scope, o serving.Observation) {
	l.mu.Lock()
	for l.bytes >= l.cfg.Memory && !l.closed {
		l.poke()
		l.room.Wait()
	}
	if l.closed {
		l.mu.Unlock()
		l.cfg.Log.Error("prediction was answered after its log had been closed", "scope", scope.String(), "prediction", o.ID)
		return
	}
	b := l.pending[scope]
	if b == nil {
		b = l.spill.begin(scope)
		l.pending[scope] = b
	}
	before := len(b.lines)
	b.lines = AppendRow(b.lines, &o)
	b.rows++
	l.bytes += len(b.lines) - before
	l.keep(b)
	full := len(b.lines) >= l.cfg.Batch
	l.mu.Unlock()
	if full {
		l.poke()
	}
}

// keep brings a batch's new rows to its file. Where that fails they stay in memory and
// are tried again with the next row.
func (l *Log) keep(b *batch) {
	err := l.cfg.Fault.At("keep")
	if err == nil {
		err = b.keep()
	}
	if err == nil {
		err = l.cfg.Fault.At("kept")
	}
	if err != nil && !l.unkept {
		l.cfg.Log.Warn("prediction log: rows are in memory alone until the sink takes them", "scope", b.scope.String(), "err", err)
	}
	if l.unkept && err == nil {
		l.poke() // there is room again, for the batches before this one too
	}
	l.unkept = err != nil
}

func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Waiting is the number of batches on disk that the sink has not taken yet.
func (l *Log) Waiting() int { return int(l.spill.length.Load()) }

// Held is the bytes of rows in memory: pending, or with the sink just now.
func (l *Log) Held() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}

// Flush hands over what is in memory now, to the sink or to disk.
func (l *Log) Flush(ctx context.Context) error { return l.flush(ctx, true) }

// Close hands over everything and stops. What the sink does not take in the time
// that ctx leaves is on disk then.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.room.Broadcast()
	l.mu.Unlock()
	close(l.stop)
	<-l.done
	return l.flush(ctx, true)
}

func (l *Log) run() {
	defer close(l.done)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-l.stop
		cancel() // a sink that hangs must not hold up Close
	}()
	tick := time.NewTicker(l.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		case <-l.wake:
		}
		if err := l.flush(ctx, false); err != nil {
			l.cfg.Log.Error("prediction log cannot be kept; predictions will wait", "err", err)
		}
	}
}
