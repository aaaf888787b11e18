// Package sink moves topics into tables: one committer per table reads the table's
// topic from the offset stored in the table, spools values to files, has the engine
// cast and write them, and commits rows, offset and source positions at once. A row
// whose cell does not fit its column goes to the rejects table.
//
// Exactly once comes from positions: the table's property is the truth about what
// is in it. A commit expects the property that the batch was built on, so a
// committer that was overtaken fails and starts again from what is there; records of
// a source at or below its stored position are dropped, so producers may repeat
// themselves. Rejects are committed first, under a property of their own, and are
// not written again when the batch is repeated.
package sink

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/store"
	"aiforge.dev/forge/internal/fault"
	"aiforge.dev/forge/lake"
)

// Store is what the sink needs of the metadata store.
type Store interface {
	AddContract(ctx context.Context, scope forge.Scope, c ingest.Contract) error
	Contracts(ctx context.Context) ([]store.Wanted, error)
	Acquire(ctx context.Context, scope forge.Scope, name, holder string, ttl time.Duration, takeover bool) (epoch int64, ok bool, err error)
	Release(ctx context.Context, scope forge.Scope, name, holder string) error
}

// Config says what the sink works with. Zero sizes and times take the defaults.
type Config struct {
	Log     ingest.Log
	Tables  lake.Tables
	Engine  lake.Engine
	Store   Store
	Lineage forge.Lineage // may be nil
	// Untraced says of which tables no lineage is written: those of a stream that comes
	// from nowhere, whose commits are too many to be told one by one. nil: of none.
	Untraced func(forge.TableName) bool
	Dir      string // for spooled values; emptied at Open

	BatchBytes int64         // of one commit; 0 means 64 MiB
	MaxWait    time.Duration // between commits of a table that nobody waits for; 0 means 2 s
	Workers    int           // commits at the same time; 0 means 2
	Exclusive  bool          // no other process feeds these tables: take leases at once
	Logger     *slog.Logger  // nil discards

	Fault fault.Hook // for tests: an error stops the committer as a crash would
}

// Sink follows topics into tables.
type Sink struct {
	cfg    Config
	holder string
	slots  chan struct{}
	ctx    context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	committers map[key]*committer
}

type key struct {
	scope forge.Scope
	table forge.TableName
}

var _ ingest.Sink = (*Sink)(nil)

// Open starts the sink and goes on with every table that was wanted before.
func Open(ctx context.Context, cfg Config) (*Sink, error) {
	if cfg.BatchBytes == 0 {
		cfg.BatchBytes = 64 << 20
	}
	if cfg.MaxWait == 0 {
		cfg.MaxWait = 2 * time.Second
	}
	if cfg.Workers == 0 {
		cfg.Workers = 2
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := emptyDir(cfg.Dir); err != nil {
		return nil, err
	}
	wanted, err := cfg.Store.Contracts(ctx)
	if err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Sink{
		cfg: cfg, holder: forge.NewID("sink"), slots: make(chan struct{}, cfg.Workers),
		ctx: run, stop: stop, committers: map[key]*committer{},
	}
	for _, w := range wanted {
		s.follow(w.Scope, w.Table, w.Contracts...)
	}
	return s, nil
}

// emptyDir makes the spool folder and removes what a crash left in it.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "the spool folder %s cannot be written", dir)
	}
	left, err := filepath.Glob(filepath.Join(dir, "spool-*"))
	if err != nil {
		return err
	}
	for _, f := range left {
		_ = os.Remove(f)
	}
	return nil
}

// Close stops the committers. What is in the topics stays there for the next Open.
func (s *Sink) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.wg.Wait()
	return nil
}

// Want makes the table and its topic, if need be, and follows the topic from now on,
// also after a restart. A contract may be wanted again and changed at any time: its
// new columns are added to the table, and a column that the table has keeps the
// table's type.
func (s *Sink) Want(ctx context.Context, scope forge.Scope, contract ingest.Contract) error {
	if !scope.Valid() {
		return forge.Errorf(forge.KindDenied, nil, "no project in this request: sign in first")
	}
	if err := check(contract); err != nil {
		return err
	}
	if err := s.cfg.Log.Create(ctx, ingest.TableTopic(scope, contract.Table)); err != nil {
		return err
	}
	if err := s.prepare(ctx, scope, contract); err != nil {
		return err
	}
	if err := s.cfg.Store.AddContract(ctx, scope, contract); err != nil {
		return err
	}
	s.follow(scope, contract.Table, contract)
	return nil
}

func check(c ingest.Contract) error {
	for _, name := range []forge.TableName{c.Table, ingest.RejectsTable(c.Table)} {
		if _, err := forge.ParseTableName(name.String()); err != nil {
			return forge.Errorf(forge.KindInvalid, err, "table name %q: want NAMESPACE.NAME in lower case letters, digits and _, up to 54 of them in NAME, for example raw.calls", c.Table)
		}
	}
	return c.Schema.Check()
}

// Flush returns when everything that the table's topic held at the call is committed.
func (s *Sink) Flush(ctx context.Context, scope forge.Scope, table forge.TableName) error {
	s.mu.Lock()
	c := s.committers[key{scope, table}]
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return forge.Errorf(forge.KindUnavailable, nil, "the server is stopping; what was sent to %s is kept and goes on at the next start", table)
	}
	if c == nil {
		return forge.Errorf(forge.KindNotFound, nil, "nothing feeds table %s", table)
	}
	_, end, err := s.cfg.Log.Bounds(ctx, c.topic)
	if err != nil {
		return err
	}
	w := &waiter{target: end, done: make(chan error, 1)}
	c.add(w)
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return forge.Errorf(forge.KindUnavailable, nil, "the server is stopping; what was sent to %s is kept and goes on at the next start", table)
	}
}

// Taken says how far a source has got into a table. A source that was never seen has
// taken nothing; one that was last seen long ago may be forgotten.
func (s *Sink) Taken(ctx context.Context, scope forge.Scope, table forge.TableName, source string) (ingest.Taken, error) {
	t, err := s.cfg.Tables.Load(ctx, scope, table)
	if err != nil {
		return ingest.Taken{}, err
	}
	st, err := parseState(t.Properties[stateProperty])
	if err != nil {
		return ingest.Taken{}, err
	}
	p := st.Sources[source]
	return ingest.Taken{Seq: p.Seq, Rows: p.Rows, Rejected: p.Rejected}, nil
}

// follow starts the table's committer, or gives it one more contract.
func (s *Sink) follow(scope forge.Scope, table forge.TableName, contracts ...ingest.Contract) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	k := key{scope, table}
	c := s.committers[k]
	if c == nil {
		c = newCommitter(s, scope, table)
		s.committers[k] = c
		s.wg.Go(c.run)
	}
	c.learn(contracts...)
}
