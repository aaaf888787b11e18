package trainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/training"
)

// Result is what a job of JobKind returns.
type Result struct {
	Run      string             `json:"run"`
	Model    string             `json:"model"`
	Version  int                `json:"version"`
	Alias    string             `json:"alias,omitempty"`
	Task     string             `json:"task"`
	Best     string             `json:"best"`
	Metric   string             `json:"metric"`
	Metrics  map[string]float64 `json:"metrics"`
	Baseline map[string]float64 `json:"baseline"`
	Rows     training.Split     `json:"rows"`
	Leakage  []training.Leak    `json:"leakage"`
	Warnings []string           `json:"warnings"`
}

// Train is the handler of JobKind. Its steps: train (export, launch, keep the package),
// register, verify, then alias and lineage, which may be repeated.
func (t *Trainer) Train(ctx context.Context, job jobs.Run) (any, error) {
	var a args
	if err := job.Args(&a); err != nil {
		return nil, err
	}
	run, err := t.cfg.Runs.Run(ctx, job.Scope(), a.Run)
	if err != nil {
		return nil, err
	}
	run.Job, run.State = job.ID(), "running"
	err = t.carryOut(ctx, job, &run)
	if err != nil {
		return nil, t.failed(ctx, job, run, err)
	}
	return Result{
		Run: run.ID, Model: run.Spec.Model, Version: run.Version, Alias: run.Spec.Alias, Task: run.Task, Best: run.Best, Metric: run.Metric,
		Metrics: run.Metrics, Baseline: run.Baseline, Rows: run.Rows, Leakage: run.Leakage, Warnings: run.Warnings,
	}, nil
}

func (t *Trainer) carryOut(ctx context.Context, job jobs.Run, run *training.Run) error {
	scope := job.Scope()
	var made kept
	err := job.Step(ctx, "train", &made, func(ctx context.Context) (any, error) { return t.make(ctx, job, *run) })
	if err != nil {
		return err
	}
	*run = made.Run
	run.State = "running"
	version := training.Version{
		Model: run.Spec.Model, Status: "pending", Run: run.ID, Digest: made.Digest, Dir: t.modelDir(scope, run.Spec.Model, made.Digest),
		Task: run.Task, Metrics: run.Metrics, Set: run.Set.ID, By: forge.By(ctx),
	}
	if version, err = t.cfg.Registry.Register(ctx, scope, version); err != nil {
		return err
	}
	run.Version = version.Number
	if err := t.cfg.Fault.At("registered"); err != nil {
		return err
	}
	job.Progress(jobs.Progress{Step: "verify"})
	if err := t.verify(ctx, scope, version); err != nil {
		return err
	}
	if err := t.cfg.Fault.At("ready"); err != nil {
		return err
	}
	if err := t.publish(ctx, scope, *run); err != nil {
		return err
	}
	if err := t.cfg.Fault.At("published"); err != nil {
		return err
	}
	finished := t.now().UTC()
	run.State, run.Finished = "succeeded", &finished
	return t.cfg.Runs.PutRun(ctx, scope, *run)
}

// kept is the result of the step train.
type kept struct {
	Run    training.Run `json:"run"` // with what the trainer told
	Digest string       `json:"digest"`
}

// make exports the rows, launches the trainer and keeps its package.
func (t *Trainer) make(ctx context.Context, job jobs.Run, run training.Run) (kept, error) {
	scope := job.Scope()
	// An attempt before this one may have left half of its story.
	run.Leaderboard, run.Leakage, run.Warnings = []training.Trial{}, []training.Leak{}, nil
	f := &follower{t: t, scope: scope, job: job, run: &run}
	f.save(ctx, true)
	job.Progress(jobs.Progress{Step: "export", Unit: "rows"})
	dir, err := t.prepare(ctx, scope, run)
	defer t.tidy(ctx, t.jobDir(scope, run.ID))
	if err != nil {
		return kept{}, err
	}
	if err := t.cfg.Fault.At("exported"); err != nil {
		return kept{}, err
	}
	err = t.cfg.Launcher.Launch(ctx, dir, func(e json.RawMessage) { f.event(ctx, e) })
	f.save(context.WithoutCancel(ctx), true) // also the story of a run that failed
	if err != nil {
		return kept{}, trainerFailed(err)
	}
	if err := t.cfg.Fault.At("package received"); err != nil {
		return kept{}, err
	}
	digest, err := t.keep(scope, run, filepath.Join(dir, "package"))
	if err != nil {
		return kept{}, err
	}
	return kept{Run: run, Digest: digest}, t.cfg.Fault.At("package kept")
}

// trainerFailed makes the trainer's own failure something that the user may read and
// that is not tried again: with the same rows and seed it would fail the same way.
func trainerFailed(err error) error {
	var e *forge.Error
	if errors.As(err, &e) && e.Kind == forge.KindInternal {
		return forge.Errorf(forge.KindInvalid, err, "%s", e.Text)
	}
	return err
}

// tidy removes what a run needs no more: its rows, or everything when it was cut off.
func (t *Trainer) tidy(ctx context.Context, dir string) {
	gone := []string{filepath.Join(dir, dataDir), filepath.Join(dir, "tmp"), filepath.Join(dir, "package")}
	if ctx.Err() != nil {
		gone = []string{dir}
	}
	for _, p := range gone {
		if err := os.RemoveAll(p); err != nil {
			t.log.Warn("left behind by a run", "path", p, "err", err)
		}
	}
}

// verify lets the serving runtime reproduce the trainer's answers; only then is the
// version ready. One that differs is refused for good.
func (t *Trainer) verify(ctx context.Context, scope forge.Scope, v training.Version) error {
	if v.Status == "pending" {
		if t.cfg.Verifier == nil {
			return forge.Errorf(forge.KindUnavailable, nil, "model %s/%d cannot be checked: no serving runtime is there; forge doctor says what is missing", v.Model, v.Number)
		}
		err := t.cfg.Verifier.Verify(ctx, v.Dir)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && errors.Is(err, forge.ErrUnavailable) {
			return err
		}
		if ferr := t.cfg.Fault.At("verified"); ferr != nil {
			return ferr
		}
		v.Status = "ready"
		if err != nil {
			v.Status, v.Reason = "refused", userText(err)
		}
		if v, err = t.cfg.Registry.Register(ctx, scope, v); err != nil {
			return err
		}
	}
	if v.Status == "refused" {
		return forge.Errorf(forge.KindInvalid, nil, "model %s/%d was refused: %s", v.Model, v.Number, v.Reason)
	}
	return nil
}

// publish sets the alias that was asked for and writes where the version came from.
func (t *Trainer) publish(ctx context.Context, scope forge.Scope, run training.Run) error {
	if run.Spec.Alias != "" {
		if err := t.cfg.Registry.SetAlias(ctx, scope, run.Spec.Model, run.Spec.Alias, run.Version, 0); err != nil {
			return err
		}
	}
	if t.cfg.Lineage == nil {
		return nil
	}
	this := forge.Ref{Kind: "run", ID: run.ID}
	model := forge.Ref{Kind: "model", ID: fmt.Sprintf("%s/%d", run.Spec.Model, run.Version)}
	return t.cfg.Lineage.Link(ctx, scope,
		forge.Edge{From: forge.Ref{Kind: "trainingset", ID: run.Set.ID}, To: this, By: JobKind, At: t.now().UTC()},
		forge.Edge{From: this, To: model, By: JobKind, At: t.now().UTC()},
	)
}

// failed stores why a run failed, unless its job will be tried again or was stopped
// from outside: how the job ends then decides; see settled.
func (t *Trainer) failed(ctx context.Context, job jobs.Run, run training.Run, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if kind := forge.KindOf(err); kind == forge.KindUnavailable || kind == forge.KindInternal {
		return err
	}
	if now, e := t.cfg.Runs.Run(ctx, job.Scope(), run.ID); e == nil && len(run.Leaderboard) == 0 {
		run.Leaderboard, run.Leakage, run.Warnings = now.Leaderboard, now.Leakage, now.Warnings
	}
	finished := t.now().UTC()
	run.State, run.Error, run.Finished = "failed", userText(err), &finished
	if e := t.cfg.Runs.PutRun(ctx, job.Scope(), run); e != nil {
		t.log.Error("run's failure could not be stored", "run", run.ID, "err", e)
	}
	return err
}

func userText(err error) string {
	var e *forge.Error
	if errors.As(err, &e) {
		return e.Text
	}
	return strings.TrimSpace(err.Error())
}
