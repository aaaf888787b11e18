package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/pit"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/lake"
)

// joinTime bounds the making of a training set.
const joinTime = 2 * time.Hour

// CheckTrainingSet tells what can be told of a spec without reading rows, so that a
// request fails before its job begins. It returns the spec with its defaults.
func (s *Service) CheckTrainingSet(ctx context.Context, scope forge.Scope, spec features.TrainingSetSpec) (features.TrainingSetSpec, error) {
	spec, versions, err := s.resolveSpec(ctx, scope, spec)
	if err != nil {
		return spec, err
	}
	at, err := at(spec.AsOf)
	if err != nil {
		return spec, err
	}
	labels, err := s.labels(ctx, scope, spec, at)
	if err != nil {
		return spec, err
	}
	_, err = pit.Compile(labels, versions)
	return spec, err
}

// TrainingSetJob is the handler of features.training-set.
func (s *Service) TrainingSetJob(ctx context.Context, run jobs.Run) (any, error) {
	var spec features.TrainingSetSpec
	if err := run.Args(&spec); err != nil {
		return nil, err
	}
	return s.MakeTrainingSet(ctx, run, spec)
}

// pinned is what is decided before the join runs, once for all attempts of a job.
type pinned struct {
	ID        string
	Views     []features.ViewRef
	Snapshots map[string]int64
	Created   time.Time
}

// MakeTrainingSet joins labels with views and stores the result.
func (s *Service) MakeTrainingSet(ctx context.Context, run jobs.Run, spec features.TrainingSetSpec) (features.TrainingSet, error) {
	scope := run.Scope()
	spec, versions, err := s.resolveSpec(ctx, scope, spec)
	if err != nil {
		return features.TrainingSet{}, err
	}
	run.Progress(jobs.Progress{Step: "pin snapshots"})
	var p pinned
	err = run.Step(ctx, "pin", &p, func(ctx context.Context) (any, error) { return s.pinSet(ctx, scope, spec, versions) })
	if err != nil {
		return features.TrainingSet{}, err
	}
	for i, ref := range p.Views { // a version may have come since the first attempt
		if versions[i].Ref() == ref {
			continue
		}
		if versions[i], err = s.store.Version(ctx, scope, ref); err != nil {
			return features.TrainingSet{}, err
		}
	}
	set := features.TrainingSet{ID: p.ID, Spec: spec, Table: forge.TableName{Namespace: "training", Name: spec.Name}, Views: p.Views, Snapshots: p.Snapshots, Created: p.Created}
	if err := s.fault.At("pinned"); err != nil {
		return features.TrainingSet{}, err
	}
	if err := s.join(ctx, run, &set, versions); err != nil {
		return features.TrainingSet{}, err
	}
	if err := s.fault.At("joined"); err != nil {
		return features.TrainingSet{}, err
	}
	if err := s.store.PutSet(ctx, scope, set); err != nil {
		return features.TrainingSet{}, err
	}
	if err := s.fault.At("set stored"); err != nil {
		return features.TrainingSet{}, err
	}
	return set, s.link(ctx, scope, setEdges(set))
}

func (s *Service) pinSet(ctx context.Context, scope forge.Scope, spec features.TrainingSetSpec, versions []features.Version) (pinned, error) {
	p := pinned{ID: forge.NewID("set"), Created: s.now().UTC()}
	texts := []string{labelsSQL(spec)}
	for _, v := range versions {
		texts = append(texts, v.View.Source())
		p.Views = append(p.Views, v.Ref())
	}
	tables, err := s.inputs(ctx, scope, texts...)
	if err != nil {
		return p, err
	}
	if p.Snapshots, err = s.pin(ctx, scope, tables, spec.AsOf, setTag(p.ID)); err != nil {
		return p, err
	}
	return p, s.fault.At("tagged")
}

func setTag(id string) string { return "set:" + id }

// join runs the join and fills in what it gave.
func (s *Service) join(ctx context.Context, run jobs.Run, set *features.TrainingSet, versions []features.Version) error {
	scope := run.Scope()
	at, err := at(set.Snapshots)
	if err != nil {
		return err
	}
	run.Progress(jobs.Progress{Step: "check labels"})
	labels, err := s.labels(ctx, scope, set.Spec, at)
	if err != nil {
		return err
	}
	plan, err := pit.Compile(labels, versions)
	if err != nil {
		return err
	}
	if err := s.checkLabels(ctx, scope, labels, at); err != nil {
		return err
	}
	run.Progress(jobs.Progress{Step: "match labels with views"})
	if err := s.checkMatches(ctx, run, plan, versions, at); err != nil {
		return err
	}
	run.Progress(jobs.Progress{Step: "join features"})
	snap, err := s.write(ctx, scope, *set, plan.SQL, at)
	if err != nil {
		return err
	}
	set.Columns, set.SQL, set.Snapshot, set.Rows = plan.Columns, plan.SQL, snap.ID, snap.Rows
	run.Progress(jobs.Progress{Step: "done", Done: snap.Rows, Total: snap.Rows, Unit: "rows"})
	return nil
}

// write stores the join's rows unless an earlier attempt has done so.
func (s *Service) write(ctx context.Context, scope forge.Scope, set features.TrainingSet, sql string, pinned lake.At) (lake.Snapshot, error) {
	done, err := s.house.Tables.Snapshots(ctx, scope, set.Table)
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return lake.Snapshot{}, err
	}
	for _, snap := range done {
		if slices.Contains(snap.Tags, setTag(set.ID)) {
			return snap, nil
		}
	}
	q := lake.Query{SQL: sql, Setup: pit.Setup, Limits: lake.Limits{Time: joinTime}}
	snap, err := s.house.Write(ctx, scope, set.Table, q, pinned, lake.Replace, lake.Change{
		Tag: setTag(set.ID), Summary: map[string]string{"forge.training-set": set.ID, "forge.by": forge.By(ctx)},
	})
	var e *forge.Error
	if errors.As(err, &e) && e.Kind == forge.KindConflict {
		return snap, forge.Errorf(forge.KindConflict, err, "training set %s: its table %s holds other types: %s, or give the set another name", set.Spec.Name, set.Table, e.Text)
	}
	return snap, err
}

func setEdges(set features.TrainingSet) []forge.Edge {
	to := forge.Ref{Kind: "trainingset", ID: set.ID}
	var edges []forge.Edge
	for _, ref := range set.Views {
		edges = append(edges, forge.Edge{From: viewRef(ref), To: to, By: "features.training-set", At: set.Created})
	}
	for table, id := range set.Snapshots {
		edges = append(edges, forge.Edge{From: snapshotRef(table, id), To: to, By: "features.training-set", At: set.Created})
	}
	made := forge.Edge{From: to, To: snapshotRef(set.Table.String(), set.Snapshot), By: "features.training-set", At: set.Created}
	return append(edges, made)
}

// resolveSpec checks a spec's words and finds the versions of its views.
func (s *Service) resolveSpec(ctx context.Context, scope forge.Scope, spec features.TrainingSetSpec) (features.TrainingSetSpec, []features.Version, error) {
	var problems []forge.FieldError
	bad := func(path, format string, args ...any) {
		problems = append(problems, forge.FieldError{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	if err := forge.Ident("training set", spec.Name); err != nil {
		bad("name", "%s", err)
	}
	var err error
	switch none := (forge.TableName{}); {
	case spec.LabelsSQL == "" && spec.Labels == none:
		bad("labels", "say where the labels come from: labels (a table) or labels_sql")
	case spec.LabelsSQL != "" && spec.Labels != none:
		bad("labels", "it has both labels and labels_sql: leave one")
	case spec.LabelsSQL != "":
		if spec.LabelsSQL, err = pit.Fragment(spec.LabelsSQL); err != nil {
			bad("labels_sql", "%s", err)
		}
	}
	if spec.Time == "" && len(spec.Views) > 0 {
		bad("time", "say which column of the labels is their time: views are joined as they were then")
	}
	if spec.Label == "" {
		bad("label", "say which column of the labels to predict")
	}
	versions, err := s.viewsOf(ctx, scope, spec.Views, bad)
	if err != nil {
		return spec, nil, err
	}
	if len(problems) > 0 {
		return spec, nil, forge.Errorf(forge.KindInvalid, nil, "training set: %s: %s", problems[0].Path, problems[0].Text).With(problems...)
	}
	return spec, versions, nil
}

func (s *Service) viewsOf(ctx context.Context, scope forge.Scope, names []string, bad func(path, format string, args ...any)) ([]features.Version, error) {
	var versions []features.Version
	seen := map[string]bool{}
	for i, text := range names {
		path := fmt.Sprintf("views[%d]", i)
		ref, err := features.ParseViewRef(text)
		if err != nil {
			bad(path, "%s", err)
			continue
		}
		if seen[ref.View] {
			bad(path, "view %q is there twice", ref.View)
			continue
		}
		seen[ref.View] = true
		v, err := s.store.Version(ctx, scope, ref)
		if errors.Is(err, forge.ErrNotFound) {
			bad(path, "%s", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		versions = append(versions, v)
	}
	return versions, nil
}
