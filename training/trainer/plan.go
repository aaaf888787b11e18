package trainer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/metric"
	"aiforge.dev/forge/internal/nearest"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/training"
)

const (
	minRows       = 30
	maxClasses    = 100
	defaultBudget = "60s"
	maxBudget     = 24 * time.Hour
)

// plan turns a spec into a run: everything that can be wrong with it is found here.
func (t *Trainer) plan(ctx context.Context, scope forge.Scope, spec training.Spec) (training.Run, error) {
	if err := checkWords(&spec); err != nil {
		return training.Run{}, err
	}
	set, err := t.cfg.Sets.TrainingSet(ctx, scope, spec.TrainingSet)
	if err != nil {
		return training.Run{}, err
	}
	target, err := checkColumns(&spec, set)
	if err != nil {
		return training.Run{}, err
	}
	c, err := t.census(ctx, scope, set, target.Name)
	if err != nil {
		return training.Run{}, err
	}
	if spec.Task == "" || spec.Task == "auto" {
		spec.Task = taskOf(target, c)
	}
	if err := checkTarget(spec, set, c); err != nil {
		return training.Run{}, err
	}
	if spec.Metric == "" {
		spec.Metric = metric.Names(spec.Task)[0]
	}
	if known := metric.Names(spec.Task); !slices.Contains(known, spec.Metric) {
		return training.Run{}, forge.Errorf(forge.KindInvalid, nil, "metric %q is not there for the task %s; there are %s", spec.Metric, spec.Task, strings.Join(known, ", "))
	}
	return training.Run{
		ID: forge.NewID("run"), Spec: spec, State: "queued", Task: spec.Task, Metric: spec.Metric, Set: set,
		Leaderboard: []training.Trial{}, Leakage: []training.Leak{}, Metrics: map[string]float64{}, Baseline: map[string]float64{},
		Created: t.now().UTC(),
	}, nil
}

// checkWords checks what a spec says without looking at any data.
func checkWords(spec *training.Spec) error {
	if err := forge.Ident("model", spec.Model); err != nil {
		return err
	}
	if spec.Alias != "" {
		if err := forge.Ident("alias", spec.Alias); err != nil {
			return err
		}
	}
	if spec.TrainingSet == "" {
		return forge.Errorf(forge.KindInvalid, nil, "training_set is missing: give the name or id of one; forge features training-sets lists them")
	}
	if !slices.Contains([]string{"", "auto", "binary", "multiclass", "regression"}, spec.Task) {
		return forge.Errorf(forge.KindInvalid, nil, "task %q is not known; want auto, binary, multiclass or regression", spec.Task)
	}
	if spec.Budget == "" {
		spec.Budget = defaultBudget
	}
	d, err := time.ParseDuration(spec.Budget)
	if err != nil || d < time.Second || d > maxBudget {
		return forge.Errorf(forge.KindInvalid, err, "budget %q: want a time from 1s to 24h, for example 60s or 10m", spec.Budget)
	}
	return nil
}

// checkColumns checks the columns that a spec names and returns the target.
func checkColumns(spec *training.Spec, set features.TrainingSet) (features.SetColumn, error) {
	names := make([]string, len(set.Columns))
	for i, c := range set.Columns {
		names[i] = c.Name
		if spec.Target == "" && c.Role == "label" {
			spec.Target = c.Name
		}
	}
	unknown := func(what, name string) error {
		return forge.Errorf(forge.KindInvalid, nil, "%s %q is not a column of the training set %s%s; it has %s", what, name, set.Spec.Name, nearest.Meant(name, names), strings.Join(names, ", "))
	}
	i := slices.Index(names, spec.Target)
	if i < 0 {
		return features.SetColumn{}, unknown("target", spec.Target)
	}
	for what, list := range map[string][]string{"keep: column": spec.Keep, "drop: column": spec.Drop} {
		for _, name := range list {
			if !slices.Contains(names, name) {
				return features.SetColumn{}, unknown(what, name)
			}
		}
	}
	target := set.Columns[i]
	if target.Role == "key" || target.Role == "time" {
		return target, forge.Errorf(forge.KindInvalid, nil, "target %q is the %s of the training set %s: choose another column", target.Name, target.Role, set.Spec.Name)
	}
	return target, nil
}

// census counts what a target holds.
type census struct {
	rows, present, distinct int64
	example                 string // one of its values
	times                   int64  // distinct times of the rows
}

func (t *Trainer) census(ctx context.Context, scope forge.Scope, set features.TrainingSet, target string) (census, error) {
	times := "0"
	if c := columnOf(set, "time"); c != "" {
		times = "count(DISTINCT " + sqltext.Ident(c) + ")"
	}
	y := sqltext.Ident(target)
	sql := fmt.Sprintf(`SELECT count(*), count(%[1]s), count(DISTINCT %[1]s), min(CAST(%[1]s AS VARCHAR)), %[2]s FROM %[3]s`, y, times, sqltext.Table(set.Table))
	rows, err := t.cfg.Data.Rows(ctx, scope, sql, pinned(set))
	if err != nil {
		return census{}, err
	}
	if len(rows) != 1 || len(rows[0]) != 5 {
		return census{}, fmt.Errorf("census of %s: %d rows", set.Table, len(rows))
	}
	c, v := census{}, rows[0]
	for i, into := range map[int]*int64{0: &c.rows, 1: &c.present, 2: &c.distinct, 4: &c.times} {
		n, ok := v[i].(int64)
		if !ok {
			return c, fmt.Errorf("census of %s: column %d is a %T", set.Table, i, v[i])
		}
		*into = n
	}
	c.example, _ = v[3].(string)
	return c, nil
}

// taskOf is the task that a target's type and values speak for.
func taskOf(target features.SetColumn, c census) string {
	number := !slices.Contains([]string{"string", "boolean", "uuid"}, string(target.Type))
	whole := target.Type == "int" || target.Type == "long"
	switch {
	case c.distinct <= 2:
		return "binary"
	case number && !(whole && c.distinct <= 10):
		return "regression"
	}
	return "multiclass"
}

func checkTarget(spec training.Spec, set features.TrainingSet, c census) error {
	bad := func(format string, args ...any) error {
		return forge.Errorf(forge.KindInvalid, nil, "target %q of the training set %s: "+format, append([]any{spec.Target, set.Spec.Name}, args...)...)
	}
	switch {
	case c.present == 0:
		return bad("NULL in all %d rows, there is nothing to learn from", c.rows)
	case c.distinct == 1:
		return bad("only one value (%s) in all %d rows that have one: a model needs rows of at least two classes", c.example, c.present)
	case c.present < minRows:
		return bad("only %d rows have a value; training needs at least %d", c.present, minRows)
	case spec.Task == "binary" && c.distinct != 2:
		return bad("%d different values, the task binary needs two: use multiclass, or regression for a number", c.distinct)
	case spec.Task == "multiclass" && c.distinct > maxClasses:
		return bad("%d different values, at most %d classes can be told apart: use regression for a number, or group them in the view", c.distinct, maxClasses)
	}
	return nil
}

func columnOf(set features.TrainingSet, role string) string {
	for _, c := range set.Columns {
		if c.Role == role {
			return c.Name
		}
	}
	return ""
}
