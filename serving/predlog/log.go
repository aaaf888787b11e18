// Package predlog keeps what the models answered. Observe writes one line into
// memory and returns; a goroutine hands the lines of each project to a Sink in
// batches. If the sink fails or falls behind, batches go to files and are handed over
// later, after a restart too, in their order. A row is handed over at least once;
// prediction_id tells copies apart. Only when neither sink nor disk keeps up does
// Observe wait: no row is dropped. A process that is killed loses the rows of its
// last Config.Every.
package predlog

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
)

// Sink takes rows as NDJSON with the fields of Columns; ndjson must not be kept.
type Sink interface {
	Append(ctx context.Context, scope forge.Scope, ndjson []byte, rows int) error
}

// Config of a log. Zero values take the defaults.
type Config struct {
	Sink   Sink
	Dir    string        // for batches that the sink does not take now
	Every  time.Duration // longest time that a row stays in memory; 200 ms
	Batch  int           // bytes of a project from which its rows go at once; 1 MiB
	Memory int           // bytes of all rows in memory at which Observe waits; 64 MiB
	Retry  time.Duration // pause after the sink has failed; 2 s
	Limit  time.Duration // longest time that the sink may take for a batch; 10 s
	Log    *slog.Logger
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
	bytes   int // in pending and with the sink
	closed  bool

	order       sync.Mutex // held during a flush: batches stay in order
	failedUntil time.Time
}

// batch is rows of one project.
type batch struct {
	scope forge.Scope
	lines []byte
	rows  int
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
		b = &batch{scope: scope}
		l.pending[scope] = b
	}
	before := len(b.lines)
	b.lines = AppendRow(b.lines, &o)
	b.rows++
	l.bytes += len(b.lines) - before
	full := len(b.lines) >= l.cfg.Batch
	l.mu.Unlock()
	if full {
		l.poke()
	}
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
