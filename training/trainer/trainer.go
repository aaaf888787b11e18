// Package trainer carries out training runs: it checks a spec against its training set,
// exports the rows with a split that is fixed here, launches the trainer, follows its
// events, and takes the model package into the registry once it has been verified.
package trainer

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/fault"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/training"
)

// JobKind is the kind of the jobs that Train handles.
const JobKind = "train"

// Data reads the project's tables, some of them as they were at a snapshot. The SQL is
// ours, never a user's.
type Data interface {
	// Rows returns the few rows of a SELECT.
	Rows(ctx context.Context, scope forge.Scope, sql string, at map[forge.TableName]int64) ([][]any, error)
	// Export writes the rows of a SELECT as Parquet files below dir, an existing empty
	// folder, and returns their number.
	Export(ctx context.Context, scope forge.Scope, sql string, at map[forge.TableName]int64, dir string) (int64, error)
}

// Sets finds a training set by id, or the newest of a name.
type Sets interface {
	TrainingSet(ctx context.Context, scope forge.Scope, idOrName string) (features.TrainingSet, error)
}

// Runs keeps runs.
type Runs interface {
	PutRun(ctx context.Context, scope forge.Scope, r training.Run) error
	Run(ctx context.Context, scope forge.Scope, id string) (training.Run, error)
	Runs(ctx context.Context, scope forge.Scope, limit int) ([]training.Run, error)
}

// Config is what a Trainer works with.
type Config struct {
	Dir      string // the data folder: job directories go to runs/, packages to models/
	Runs     Runs
	Registry training.Registry
	Queue    jobs.Queue
	Sets     Sets
	Data     Data
	Launcher training.Launcher
	Verifier training.Verifier // nil: no model can become ready
	Lineage  forge.Lineage     // nil: none is written
	Threads  int               // that a run may use; 0: the number of processors, at most 8
	Log      *slog.Logger      // nil discards
	Now      func() time.Time  // nil: time.Now
	Fault    fault.Hook        // for tests
}

// Trainer starts and carries out runs.
type Trainer struct {
	cfg Config
	log *slog.Logger
	now func() time.Time
}

// New makes a Trainer. Its method Train must be registered as the handler of JobKind.
func New(cfg Config) *Trainer {
	t := &Trainer{cfg: cfg, log: cfg.Log, now: cfg.Now}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.now == nil {
		t.now = time.Now
	}
	if t.cfg.Threads <= 0 {
		t.cfg.Threads = min(runtime.NumCPU(), 8)
	}
	return t
}

// args of a job of JobKind.
type args struct {
	Run string `json:"run"`
}

// Start checks a spec and enqueues a run of it. What is wrong with the spec or with its
// target is said here, before any job.
func (t *Trainer) Start(ctx context.Context, spec training.Spec) (jobs.Job, training.Run, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return jobs.Job{}, training.Run{}, err
	}
	run, err := t.plan(ctx, scope, spec)
	if err != nil {
		return jobs.Job{}, training.Run{}, err
	}
	if err := t.cfg.Runs.PutRun(ctx, scope, run); err != nil {
		return jobs.Job{}, training.Run{}, err
	}
	title := fmt.Sprintf("Train %s for %s", run.Spec.Model, run.Spec.Target)
	job, err := t.cfg.Queue.Enqueue(ctx, JobKind, title, "", args{Run: run.ID})
	if err != nil {
		run.State, run.Error = "failed", "the job could not be enqueued"
		if e := t.cfg.Runs.PutRun(context.WithoutCancel(ctx), scope, run); e != nil {
			t.log.Error("run stays queued without a job", "run", run.ID, "err", e)
		}
		return jobs.Job{}, training.Run{}, err
	}
	run.Job = job.ID
	return job, run, t.cfg.Runs.PutRun(ctx, scope, run)
}

// Run returns one run of the caller's project.
func (t *Trainer) Run(ctx context.Context, id string) (training.Run, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return training.Run{}, err
	}
	run, err := t.cfg.Runs.Run(ctx, scope, id)
	if err != nil {
		return run, err
	}
	return t.settled(ctx, scope, run), nil
}

// Runs returns at most limit runs of the caller's project, newest first, without their
// curves.
func (t *Trainer) Runs(ctx context.Context, limit int) ([]training.Run, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	runs, err := t.cfg.Runs.Runs(ctx, scope, limit)
	for i := range runs {
		runs[i] = t.settled(ctx, scope, runs[i])
		runs[i].Curves = nil
	}
	return runs, err
}

// settled is the run with the end that its job came to when the handler could not say
// so: cancelled in the queue or while it ran, or failed after its last attempt.
func (t *Trainer) settled(ctx context.Context, scope forge.Scope, run training.Run) training.Run {
	if run.State != "queued" && run.State != "running" || run.Job == "" {
		return run
	}
	job, err := t.cfg.Queue.Get(ctx, run.Job)
	if err != nil || !job.State.Done() || job.State == jobs.Succeeded {
		return run
	}
	run.State, run.Finished = "cancelled", job.Finished
	if job.State == jobs.Failed {
		run.State, run.Error = "failed", job.Error
	}
	if err := t.cfg.Runs.PutRun(ctx, scope, run); err != nil {
		t.log.Error("run's end could not be stored", "run", run.ID, "err", err)
	}
	return run
}

// jobDir is where a run's files are while it runs.
func (t *Trainer) jobDir(scope forge.Scope, run string) string {
	return filepath.Join(t.cfg.Dir, "runs", string(scope.Tenant), string(scope.Project), run)
}

// modelDir is where a package stays.
func (t *Trainer) modelDir(scope forge.Scope, model, digest string) string {
	return filepath.Join(t.cfg.Dir, "models", string(scope.Tenant), string(scope.Project), model, digest)
}
