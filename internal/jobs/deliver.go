package jobs

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// courier is what is used of a River client, the same for both databases.
type courier interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Insert(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
	JobGet(ctx context.Context, id int64) (*rivertype.JobRow, error)
}

// delivery is all that River carries: which row to look at. Losing or repeating one
// is harmless, because only the row's compare-and-swap starts work.
type delivery struct {
	Tenant  forge.TenantID  `json:"tenant"`
	Project forge.ProjectID `json:"project"`
	Job     string          `json:"job"`
}

func (delivery) Kind() string { return "forge_job" }

func (d delivery) address() address {
	return address{forge.Scope{Tenant: d.Tenant, Project: d.Project}, d.Job}
}

type worker struct {
	river.WorkerDefaults[delivery]
	r *Runner
}

func (w *worker) Work(ctx context.Context, j *river.Job[delivery]) error {
	return w.r.work(ctx, j.Args.address())
}

// queueOf gives each kind a queue of its own, so that a long one never blocks another
// and a job may wait for jobs of other kinds.
func queueOf(kind string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, kind)
}

func newCourier(r *Runner) (courier, error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{r: r}); err != nil {
		return nil, err
	}
	queues := map[string]river.QueueConfig{}
	for kind, s := range r.kinds {
		queues[queueOf(kind)] = river.QueueConfig{MaxWorkers: s.concurrency}
	}
	cfg := &river.Config{
		ID: r.owner, Queues: queues, Workers: workers, Logger: slog.New(&onlyWarnings{r.cfg.Log.Handler()}),
		JobTimeout:                  -1, // training takes as long as it takes; the lease finds the dead
		RescueStuckJobsAfter:        24 * time.Hour,
		CompletedJobRetentionPeriod: time.Hour, // the story is in our rows
		FetchCooldown:               20 * time.Millisecond,
		FetchPollInterval:           max(r.cfg.Poll, 20*time.Millisecond),
	}
	if len(queues) == 0 {
		cfg.Queues, cfg.Workers = nil, nil
	}
	if r.db.Dialect == sqldb.Postgres {
		return river.NewClient[pgx.Tx](riverpgxv5.New(r.db.Pool), cfg)
	}
	return river.NewClient[*sql.Tx](quiet{riversqlite.New(r.db.DB)}, cfg)
}

// quiet keeps River from listening to a SQLite file, which it would do by reading it
// twenty times a second: a job inserted by this process wakes its queue at once
// without that, and one of another process is found by polling.
type quiet struct{ *riversqlite.Driver }

func (quiet) SupportsListener() bool     { return false }
func (quiet) SupportsListenNotify() bool { return false }

func migrateRiver(ctx context.Context, db *sqldb.DB) error {
	if db.Dialect == sqldb.Postgres {
		return migrateWith[pgx.Tx](ctx, riverpgxv5.New(db.Pool))
	}
	return migrateWith[*sql.Tx](ctx, riversqlite.New(db.DB))
}

func migrateWith[T any](ctx context.Context, d riverdriver.Driver[T]) error {
	m, err := rivermigrate.New(d, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// deliver hands w to River and notes it in the row. When the process dies between the
// two, the reconcile loop delivers again.
func (r *Runner) deliver(ctx context.Context, w waiting) error {
	c := r.courier()
	if c == nil {
		return nil
	}
	res, err := c.Insert(ctx, delivery{w.Tenant, w.Project, w.ID}, &river.InsertOpts{Queue: queueOf(w.kind)})
	if err != nil {
		return err
	}
	return r.rows.delivered(ctx, w, res.Job.ID, r.rows.now().Add(r.cfg.Lease))
}

// onItsWay reports whether River still has w's delivery and may hand it to somebody.
// One that it calls running but that claimed nothing was fetched by a process that died.
func (r *Runner) onItsWay(ctx context.Context, w waiting) bool {
	c := r.courier()
	if c == nil || w.delivery == 0 {
		return false
	}
	job, err := c.JobGet(ctx, w.delivery)
	if err != nil {
		return false
	}
	switch job.State {
	case rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateScheduled, rivertype.JobStateRetryable:
		return true
	case rivertype.JobStateRunning:
		if job.AttemptedAt == nil || r.cfg.Sole && job.AttemptedAt.Before(r.started) {
			return false
		}
		return job.AttemptedAt.Add(r.cfg.Lease).After(r.rows.now())
	}
	return false
}

// onlyWarnings keeps River's chatter out of the server's log.
type onlyWarnings struct{ slog.Handler }

func (h *onlyWarnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

func (h *onlyWarnings) WithAttrs(a []slog.Attr) slog.Handler {
	return &onlyWarnings{h.Handler.WithAttrs(a)}
}

func (h *onlyWarnings) WithGroup(name string) slog.Handler {
	return &onlyWarnings{h.Handler.WithGroup(name)}
}
