// Package duck runs SQL in worker processes with DuckDB. A worker gets one request at
// a time, opens a fresh in-memory database for it, and streams the answer back; when
// it crashes, is killed or runs out of memory, its own query fails and nothing else.
// SQL that users wrote gets a process of its own that can open nothing but the files
// of the tables it may read.
package duck

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"github.com/google/uuid"
)

// Config says how workers are started and what a query may use.
type Config struct {
	Command    []string      // program and arguments that call ServeWorker
	Env        []string      // the workers' whole environment; they need none
	MaxWorkers int           // queries at the same time; 0 means 8
	Memory     int64         // of one query, bytes; 0 means 1 GiB
	Threads    int           // of one query; 0 means one per CPU
	TempDir    string        // for spilling; "" means a folder in the system's
	MaxTemp    int64         // spill of one query, bytes; 0 means 20 GiB
	UserTime   time.Duration // longest user query; 0 means 5 minutes
	Log        *slog.Logger  // nil discards
}

// Engine implements lake.Engine.
type Engine struct {
	cfg   Config
	slots chan struct{} // one per query that runs

	mu     sync.Mutex
	idle   []*process
	closed bool
	spares sync.WaitGroup
}

var _ lake.Engine = (*Engine)(nil)

// NewEngine starts nothing yet. Close ends the workers.
func NewEngine(cfg Config) *Engine {
	if cfg.MaxWorkers == 0 {
		cfg.MaxWorkers = 8
	}
	if cfg.Memory == 0 {
		cfg.Memory = 1 << 30
	}
	if cfg.Threads == 0 {
		cfg.Threads = runtime.NumCPU()
	}
	if cfg.TempDir == "" {
		cfg.TempDir = filepath.Join(os.TempDir(), "forge-duck")
	}
	if abs, err := filepath.Abs(cfg.TempDir); err == nil {
		cfg.TempDir = abs // workers run in another folder
	}
	if cfg.MaxTemp == 0 {
		cfg.MaxTemp = 20 << 30
	}
	if cfg.UserTime == 0 {
		cfg.UserTime = 5 * time.Minute
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if note := sandboxMissing(); note != "" {
		cfg.Log.Warn(note)
	}
	return &Engine{cfg: cfg, slots: make(chan struct{}, cfg.MaxWorkers)}
}

// Close ends all workers; queries that still run fail.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	idle := e.idle
	e.idle = nil
	e.mu.Unlock()
	for _, p := range idle {
		p.kill()
	}
	e.spares.Wait()
	return nil
}

// Query runs one trusted SELECT.
func (e *Engine) Query(ctx context.Context, q lake.Query) (lake.Result, error) {
	return e.stream(ctx, opQuery, q)
}

// QueryUser runs one SELECT that a user wrote.
func (e *Engine) QueryUser(ctx context.Context, q lake.Query) (lake.Result, error) {
	if len(q.Setup) > 0 || len(q.Paths) > 0 {
		return nil, forge.Errorf(forge.KindDenied, nil, "a user's query reads tables only")
	}
	if q.Limits.Time == 0 || q.Limits.Time > e.cfg.UserTime {
		q.Limits.Time = e.cfg.UserTime
	}
	return e.stream(ctx, opUser, q)
}

func (e *Engine) stream(ctx context.Context, o op, q lake.Query) (lake.Result, error) {
	c, err := e.start(ctx, o, q, nil)
	if err != nil {
		return nil, err
	}
	schema, err := c.header()
	if err != nil {
		c.end(false)
		return nil, err
	}
	return newResult(c, schema), nil
}

// Describe returns the schema that a SELECT would have.
func (e *Engine) Describe(ctx context.Context, q lake.Query) (lake.Schema, error) {
	c, err := e.start(ctx, opDescribe, q, nil)
	if err != nil {
		return lake.Schema{}, err
	}
	schema, err := c.header()
	if err == nil {
		_, err = c.ending()
	}
	c.end(err == nil)
	return schema, err
}

// Write stores the rows of one trusted SELECT as data files below dir. When it fails
// no file is left.
func (e *Engine) Write(ctx context.Context, q lake.Query, schema lake.Schema, dir string) ([]lake.DataFile, error) {
	if !filepath.IsAbs(dir) {
		return nil, forge.Errorf(forge.KindInternal, nil, "data files need an absolute folder, not %q", dir)
	}
	id, err := uuid.NewV7() // newer files sort later, so that a table's rows are read in the order of its commits
	if err != nil {
		return nil, err
	}
	prefix := id.String()
	c, err := e.start(ctx, opWrite, q, func(r *request) { r.Schema, r.Dir, r.FilePrefix, r.Ordered = schema, dir, prefix, q.Ordered })
	if err != nil {
		return nil, err
	}
	end, err := c.ending()
	c.end(err == nil)
	if err != nil {
		left, _ := filepath.Glob(filepath.Join(dir, "data", prefix+"-*"))
		for _, f := range left {
			_ = os.Remove(f)
		}
		return nil, err
	}
	slices.SortFunc(end.Files, func(a, b lake.DataFile) int { return strings.Compare(a.Path, b.Path) })
	return end.Files, nil
}

// Exec runs trusted statements in one database and returns all their rows.
func (e *Engine) Exec(ctx context.Context, q lake.Query, statements []string) ([]lake.Rows, error) {
	c, err := e.start(ctx, opExec, q, func(r *request) { r.Statements = statements })
	if err != nil {
		return nil, err
	}
	out := make([]lake.Rows, len(statements))
	for i := range out {
		if out[i], err = c.rows(); err != nil {
			break
		}
	}
	if err == nil {
		_, err = c.ending()
	}
	c.end(err == nil)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// start sends a request to a worker of its kind. A worker that died while idle is
// replaced, which is safe because it never saw the request.
func (e *Engine) start(ctx context.Context, o op, q lake.Query, more func(*request)) (*call, error) {
	r, err := e.request(o, q)
	if err != nil {
		return nil, err
	}
	if more != nil {
		more(&r)
	}
	if err := e.enter(ctx); err != nil {
		return nil, err
	}
	for {
		p, fresh, err := e.take(o == opUser)
		if err != nil {
			<-e.slots
			return nil, err
		}
		if r.TempDir, err = p.temp(); err == nil {
			if err = writeJSON(p.in, frameRequest, r); err == nil {
				return newCall(ctx, e, p, o, q.Limits.Time), nil
			}
		}
		p.kill()
		if fresh {
			<-e.slots
			return nil, forge.Errorf(forge.KindUnavailable, errors.Join(err, p.failure()), "the SQL engine's worker process does not start; the server's log has more")
		}
	}
}

func (e *Engine) request(o op, q lake.Query) (request, error) {
	args, err := encodeArgs(q.Args)
	if err != nil {
		return request{}, err
	}
	r := request{
		Op: o, SQL: q.SQL, Args: args, Features: q.Views, Setup: q.Setup, Paths: q.Paths, Rows: q.Limits.Rows,
		Memory: e.cfg.Memory, Threads: e.cfg.Threads, MaxTemp: e.cfg.MaxTemp, Seconds: int((q.Limits.Time + time.Second - 1) / time.Second),
	}
	if q.Limits.Memory > 0 {
		r.Memory = q.Limits.Memory
	}
	for name, src := range q.Sources {
		v := view{Name: name, Schema: src.Schema, Files: make([]string, len(src.Files))}
		for i, f := range src.Files {
			v.Files[i] = f.Path
		}
		r.Views = append(r.Views, v)
	}
	slices.SortFunc(r.Views, func(a, b view) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	return r, nil
}

// busy is how long a query waits for its turn.
const busy = 30 * time.Second

func (e *Engine) enter(ctx context.Context) error {
	select {
	case e.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(busy)
	defer timer.Stop()
	select {
	case e.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return forge.Errorf(forge.KindUnavailable, nil, "%d queries are running already; try again in a moment", cap(e.slots))
	}
}

// take returns an idle worker or starts one. One for a user has never run anything.
func (e *Engine) take(unused bool) (p *process, fresh bool, err error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, false, forge.Errorf(forge.KindUnavailable, nil, "the SQL engine is shut down")
	}
	at := slices.IndexFunc(e.idle, func(p *process) bool { return p.used != unused })
	if at < 0 && !unused && len(e.idle) > 0 {
		at = 0
	}
	if at >= 0 {
		p = e.idle[at]
		e.idle = slices.Delete(e.idle, at, at+1)
	}
	e.mu.Unlock()
	if p == nil {
		fresh = true
		if p, err = startProcess(e.cfg); err != nil {
			return nil, true, forge.Errorf(forge.KindUnavailable, err, "the SQL engine's worker process does not start; the server's log has more")
		}
	}
	p.used = true
	return p, fresh, nil
}

// leave gives the worker back, or ends it. After a user's query a spare is started, so
// that the next one need not wait for a process.
func (e *Engine) leave(p *process, reuse, spare bool) {
	if reuse && e.keep(p) {
		<-e.slots
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		p.kill()
		<-e.slots
		return
	}
	e.spares.Go(func() {
		p.kill()
		<-e.slots
		if !spare || e.hasUnused() {
			return
		}
		if p, err := startProcess(e.cfg); err == nil && !e.keep(p) {
			p.kill()
		}
	})
}

func (e *Engine) hasUnused() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.idle, func(p *process) bool { return !p.used })
}

func (e *Engine) keep(p *process) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || len(e.idle) >= e.cfg.MaxWorkers {
		return false
	}
	e.idle = append(e.idle, p)
	return true
}
