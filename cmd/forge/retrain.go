package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/metric"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/serving/evaluate"
	"aiforge.dev/forge/training"
)

const retrainKind = "monitor.retrain"

// retrainer starts the answer to an alert.
type retrainer struct{ a *App }

// retrainArgs are the arguments of a monitor.retrain job.
type retrainArgs struct {
	Policy monitoring.Policy `json:"policy"`
	Alert  monitoring.Alert  `json:"alert"`
}

// answered is the result of a monitor.retrain job.
type answered struct {
	Outcome    string             `json:"outcome"`
	Promoted   bool               `json:"promoted"`
	Champion   string             `json:"champion"`
	Challenger string             `json:"challenger"`
	Metric     string             `json:"metric"`
	Before     map[string]float64 `json:"before" doc:"The champion on the newest labelled rows"`
	After      map[string]float64 `json:"after" doc:"The challenger on the same rows"`
}

// Retrain implements monitoring.Retrainer.
func (r retrainer) Retrain(ctx context.Context, _ forge.Scope, p monitoring.Policy, alert monitoring.Alert) (string, error) {
	j, err := r.a.jobs.Enqueue(ctx, retrainKind, "Retrain "+p.Deployment+" after an alert", p.Deployment, retrainArgs{p, alert})
	return j.ID, err
}

// retrain closes the loop: the training set is made again with what is known now, a
// challenger is trained, both models answer the same newest labelled rows that
// neither was fitted to, and the alias moves only if the challenger is better.
func (a *App) retrain(ctx context.Context, run jobs.Run) (any, error) {
	var args retrainArgs
	if err := run.Args(&args); err != nil {
		return nil, err
	}
	out, err := a.challenge(ctx, run, args)
	if err != nil {
		outcome := "retraining failed: " + firstLine(err.Error())
		if ctx.Err() == nil {
			err = errors.Join(err, a.watching.watch.Answered(ctx, run.Scope(), args.Alert.ID, outcome))
		}
		return nil, err
	}
	return out, a.watching.watch.Answered(ctx, run.Scope(), args.Alert.ID, out.Outcome)
}

// firstLine leaves out the trace that a trainer's failure may carry; the run has it.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func (a *App) challenge(ctx context.Context, run jobs.Run, args retrainArgs) (answered, error) {
	scope, plan := run.Scope(), args.Policy.Retrain
	d, _, err := a.serving.router.Describe(scope, args.Policy.Deployment)
	if err != nil {
		return answered{}, err
	}
	champion, err := a.training.store.Resolve(ctx, scope, d.Model+"@"+plan.Alias)
	if err != nil {
		return answered{}, err
	}
	spec, err := a.challengerSpec(ctx, scope, champion, args)
	if err != nil {
		return answered{}, err
	}
	var set features.TrainingSet
	err = run.Step(ctx, "training set", &set, func(ctx context.Context) (any, error) {
		run.Progress(jobs.Progress{Step: "make the training set again"})
		return a.remake(ctx, scope, plan.TrainingSet)
	})
	if err != nil {
		return answered{}, err
	}
	spec.TrainingSet = set.ID
	var trained training.Run
	err = run.Step(ctx, "train", &trained, func(ctx context.Context) (any, error) {
		run.Progress(jobs.Progress{Step: "train a challenger"})
		job, r, err := a.training.trainer.Start(ctx, spec)
		if err != nil {
			return nil, err
		}
		if err := await(ctx, a.jobs, job, nil); err != nil {
			return nil, err
		}
		return a.training.store.Run(ctx, scope, r.ID)
	})
	if err != nil {
		return answered{}, err
	}
	run.Progress(jobs.Progress{Step: "compare on the same rows"})
	return a.compare(ctx, scope, args, champion, trained)
}

// challengerSpec asks for the champion's training again, with the newest window split
// between learning and judging.
func (a *App) challengerSpec(ctx context.Context, scope forge.Scope, champion training.Version, args retrainArgs) (training.Spec, error) {
	first, err := a.training.store.Run(ctx, scope, champion.Run)
	if err != nil {
		return training.Spec{}, err
	}
	spec := first.Spec
	spec.Alias, spec.Budget = "", args.Policy.Retrain.Budget
	from := args.Alert.Window[0].UTC()
	spec.TestFrom = &from
	return spec, nil
}

// remake makes the newest training set of a name again, with the tables as they are.
func (a *App) remake(ctx context.Context, scope forge.Scope, name string) (features.TrainingSet, error) {
	var set features.TrainingSet
	last, err := a.features.registry.TrainingSet(ctx, scope, name)
	if err != nil {
		return set, err
	}
	spec := last.Spec
	spec.AsOf = nil
	return set, a.child(ctx, "features.training-set", "Make training set "+name+" again", spec, &set)
}

// compare lets both answer the challenger's test rows, which lie in the alert's
// window and were seen by neither, and moves the alias if the challenger is better.
func (a *App) compare(ctx context.Context, scope forge.Scope, args retrainArgs, champion training.Version, run training.Run) (answered, error) {
	plan, name := args.Policy.Retrain, args.Policy.Metric
	if name == "" {
		name = run.Metric
	}
	out := answered{Champion: modelRef(champion.Model, champion.Number), Challenger: modelRef(run.Spec.Model, run.Version), Metric: name}
	var err error
	if out.Before, err = a.judge(ctx, scope, out.Champion, run); err != nil {
		return out, err
	}
	if out.After, err = a.judge(ctx, scope, out.Challenger, run); err != nil {
		return out, err
	}
	gain := metric.Gain(name, out.After[name], out.Before[name])
	out.Promoted = gain > plan.MinGain
	verdict := "stays"
	if out.Promoted {
		if err := a.training.store.SetAlias(ctx, scope, run.Spec.Model, plan.Alias, run.Version, champion.Number); err != nil {
			return out, err
		}
		if err := a.answers(ctx, scope, args.Policy.Deployment, run.Version); err != nil {
			return out, err
		}
		verdict = "gives way"
	}
	out.Outcome = fmt.Sprintf("%s %s: %s %.3f against %.3f of the challenger %s on %.0f rows from %s on that neither has seen",
		out.Champion, verdict, name, out.Before[name], out.After[name], out.Challenger, out.After["rows"], args.Alert.Window[0].Format(time.DateOnly))
	return out, nil
}

func (a *App) judge(ctx context.Context, scope forge.Scope, ref string, run training.Run) (map[string]float64, error) {
	h, err := a.serving.router.Load(ctx, scope, ref)
	if err != nil {
		return nil, err
	}
	defer h.Release()
	rows, err := a.runRows(ctx, scope, run, "test")
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Evaluate has said what there is to say
	return evaluate.Evaluate(ctx, h.Predictor, rows, run.Spec.Target)
}

// answers waits until the deployment answers with a version; the router follows an
// alias within a second.
func (a *App) answers(ctx context.Context, scope forge.Scope, deployment string, version int) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		d, _, err := a.serving.router.Describe(scope, deployment)
		if err != nil || d.Version == version {
			return err
		}
		if d.Error != "" {
			return forge.Errorf(forge.KindUnavailable, nil, "deployment %s does not go over to version %d: %s", deployment, version, d.Error)
		}
		select {
		case <-ctx.Done():
			return forge.Errorf(forge.KindUnavailable, ctx.Err(), "deployment %s still answers with version %d", deployment, d.Version)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
