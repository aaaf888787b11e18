package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/fault"
	"aiforge.dev/forge/internal/sqldb"
)

// Config of a Runner. The zero value is what a server wants.
type Config struct {
	Log   *slog.Logger                     // nil discards
	Lease time.Duration                    // a job without a sign of life for so long is given to another process; 0 means 15 s
	Poll  time.Duration                    // how often deliveries and lapsed leases are looked for; 0 means 1 s
	Flush time.Duration                    // how often progress and events are written; 0 means 200 ms
	Back  func(failures int) time.Duration // wait before another attempt; nil means 2 s, 8 s, 32 s, …

	// Sole says that no other process can be alive on this store (the data folder is
	// locked): jobs that a dead process left running start again at once instead of
	// when their lease lapses.
	Sole bool

	// MaxLapses is how often a job may take its process down before it fails; 0 means 5.
	MaxLapses int

	Now   func() time.Time // nil is time.Now
	Fault fault.Hook       // for tests
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&c.Lease, 15*time.Second)
	def(&c.Poll, time.Second)
	def(&c.Flush, 200*time.Millisecond)
	if c.Back == nil {
		c.Back = func(failures int) time.Duration { return time.Second << min(2*failures-1, 10) }
	}
	if c.MaxLapses <= 0 {
		c.MaxLapses = 5
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// spec is one registered kind.
type spec struct {
	handler     Handler
	concurrency int
	attempts    int
}

// Option changes how a kind is run.
type Option func(*spec)

// Concurrency is how many jobs of the kind this process runs at a time; default 2.
func Concurrency(n int) Option { return func(s *spec) { s.concurrency = max(n, 1) } }

// MaxAttempts is how often a job is tried when a part that it needs is unavailable or
// it fails for a reason of ours; default 3. An error of the kinds invalid, not_found,
// conflict and denied is never tried again: it would only fail again.
func MaxAttempts(n int) Option { return func(s *spec) { s.attempts = max(n, 1) } }

// Runner is the Queue of one process, and the worker of the kinds registered in it.
type Runner struct {
	cfg   Config
	rows  rows
	river courier
	db    *sqldb.DB
	kinds map[string]spec
	owner string // this process in the owner column
	bell  bell

	base    context.Context // of all handlers; ends with errStopping
	halt    context.CancelCauseFunc
	quit    chan struct{} // closed when no handler runs any more
	loops   sync.WaitGroup
	started time.Time

	mu      sync.Mutex
	running map[address]*run
	done    bool // Stop was called
}

// The causes with which a handler's context ends.
var (
	errCancelled = errors.New("the job was cancelled")
	errStopping  = errors.New("the server stops")
	errLost      = errors.New("the job's lease was lost")
)

// New prepares the tables of db. Register the kinds, then Start.
func New(db *sqldb.DB, cfg Config) (*Runner, error) {
	ctx := context.Background()
	if err := db.Migrate(ctx, "jobs", migrationFiles); err != nil {
		return nil, err
	}
	if err := migrateRiver(ctx, db); err != nil {
		return nil, fmt.Errorf("migrations of the job queue: %w", err)
	}
	cfg = cfg.withDefaults()
	r := &Runner{
		cfg: cfg, rows: rows{db: db, now: cfg.Now}, db: db, kinds: map[string]spec{},
		owner: forge.NewID("worker"), running: map[address]*run{}, quit: make(chan struct{}),
	}
	r.base, r.halt = context.WithCancelCause(ctx)
	return r, nil
}

// Register says who does the jobs of a kind. All kinds are registered before Start;
// a second handler for a kind, or one that comes too late, is a fault in the program.
func (r *Runner) Register(kind string, h Handler, opts ...Option) {
	if _, twice := r.kinds[kind]; twice || r.river != nil || h == nil || kind == "" {
		panic(fmt.Sprintf("jobs: kind %q: register each kind once, with a handler, before Start", kind))
	}
	s := spec{handler: h, concurrency: 2, attempts: 3}
	for _, o := range opts {
		o(&s)
	}
	r.kinds[kind] = s
}

// Start takes up work, first of all what a process before left undone. Work goes on
// after ctx ends; Stop ends it.
func (r *Runner) Start(ctx context.Context) error {
	c, err := newCourier(r)
	if err != nil {
		return fmt.Errorf("job queue: %w", err)
	}
	r.started = r.rows.now()
	if r.cfg.Sole {
		if err := r.rows.takeOver(ctx); err != nil {
			return fmt.Errorf("job queue: %w", err)
		}
	}
	r.mu.Lock()
	r.river = c
	r.mu.Unlock()
	if err := c.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("job queue: %w", err)
	}
	r.loops.Go(r.renewing)
	r.loops.Go(r.sweeping)
	return nil
}

// Stop ends the contexts of all running jobs, waits for their handlers until ctx ends
// and puts them back into the queue, where this or another process goes on with them.
func (r *Runner) Stop(ctx context.Context) error {
	r.mu.Lock()
	c, again := r.river, r.done
	r.done = true
	r.mu.Unlock()
	if again {
		return nil
	}
	r.halt(errStopping)
	var err error
	if c != nil {
		err = c.Stop(ctx)
	}
	close(r.quit)
	r.loops.Wait()
	return err
}

func (r *Runner) courier() courier {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done {
		return nil
	}
	return r.river
}

// Changed returns a channel that is closed at the next change of a job that this
// process knows of. It makes waiting prompt; polling makes it certain.
func (r *Runner) Changed() <-chan struct{} { return r.bell.next() }

// Stopping returns a channel that is closed when Stop is called, so that those who
// follow a job let go.
func (r *Runner) Stopping() <-chan struct{} { return r.base.Done() }

// bell wakes everybody who waits.
type bell struct {
	mu sync.Mutex
	ch chan struct{}
}

func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
