package clean

import (
	"context"
	"errors"
	"strconv"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/lake"
)

// ApplyArgs are the arguments of a recipe.apply job.
type ApplyArgs struct {
	Recipe lake.Recipe `json:"recipe"`
}

// ApplyKind is the kind of the job that applies a recipe.
const ApplyKind = "recipe.apply"

// ApplyJob is the handler of recipe.apply. Its steps may run again: the tables read
// stay pinned from the first attempt on, a repeated write gives the same table, and
// writing an edge twice is harmless.
func (s *Service) ApplyJob(ctx context.Context, run jobs.Run) (any, error) {
	var args ApplyArgs
	if err := run.Args(&args); err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "the job's recipe cannot be read")
	}
	scope, r := run.Scope(), args.Recipe
	var pinned map[string]string
	err := run.Step(ctx, "pin", &pinned, func(ctx context.Context) (any, error) {
		p, err := NewPlan(ctx, r, inputs(s.house, scope, s.key(scope)))
		if err != nil {
			return nil, err
		}
		if err := announce(ctx, s.house, scope, r, s.now()); err != nil {
			return nil, err
		}
		at, err := pin(ctx, s.house, scope, p.Tables)
		return pinnedText(p.Tables, at), err
	})
	if err != nil {
		return nil, err
	}
	at, err := pinnedAt(pinned)
	if err == nil {
		err = s.fault.At("pinned")
	}
	if err != nil {
		return nil, err
	}
	var done Applied
	err = run.Step(ctx, "apply", &done, func(ctx context.Context) (any, error) {
		done, err := Apply(ctx, s.house, scope, r, s.key(scope), at, s.now(), func(step string) {
			run.Progress(jobs.Progress{Step: step})
		})
		return done, errors.Join(err, s.fault.At("written"))
	})
	if err == nil {
		err = s.fault.At("applied")
	}
	if err != nil {
		return nil, err
	}
	for _, c := range done.Steps {
		run.Emit("step", c)
	}
	s.log.Info("recipe applied", "scope", scope.String(), "recipe", done.Recipe, "table", done.Table.String(), "rows", done.Rows, "rejected", done.Rejected)
	return done, s.link(ctx, scope, r, done)
}

// ApplyNow is ApplyJob without a job, for callers that have one of their own (flows).
func (s *Service) ApplyNow(ctx context.Context, scope forge.Scope, r lake.Recipe) (Applied, error) {
	done, err := Apply(ctx, s.house, scope, r, s.key(scope), nil, s.now(), nil)
	if err != nil {
		return done, err
	}
	return done, s.link(ctx, scope, r, done)
}

// link writes the edges source snapshot → result snapshot and recipe → result
// snapshot. The recipe is no station on the way: it is applied again and again, and
// would join every result to every source.
func (s *Service) link(ctx context.Context, scope forge.Scope, r lake.Recipe, done Applied) error {
	if s.lineage == nil || done.Snapshot == 0 {
		return nil
	}
	if done.Unchanged { // by an earlier attempt that ended before its edges, or not at all
		t, err := s.house.Tables.Load(ctx, scope, r.To)
		if err != nil || t.Snapshot == nil || t.Snapshot.Summary[summaryRecipe] != done.Recipe || t.Snapshot.Summary[summaryFrom] != fromText(done.Sources) {
			return err
		}
	}
	at, recipe := s.now().UTC(), forge.Ref{Kind: "recipe", ID: done.Recipe}
	snapshot := func(table string, id string) forge.Ref { return forge.Ref{Kind: "snapshot", ID: table + "@" + id} }
	made := []forge.Ref{snapshot(r.To.String(), strconv.FormatInt(done.Snapshot, 10))}
	if done.RejectsSnapshot != 0 {
		made = append(made, snapshot(done.Rejects, strconv.FormatInt(done.RejectsSnapshot, 10)))
	}
	var edges []forge.Edge
	for _, to := range made {
		edges = append(edges, forge.Edge{From: recipe, To: to, By: ApplyKind, At: at})
		for _, t := range sortedKeys(done.Sources) {
			if done.Sources[t] != "0" {
				edges = append(edges, forge.Edge{From: snapshot(t, done.Sources[t]), To: to, By: ApplyKind, At: at})
			}
		}
	}
	return s.lineage.Link(ctx, scope, edges...)
}

// pinnedText spells pins for the job's record: snapshot ids do not fit JSON numbers.
func pinnedText(tables []forge.TableName, at lake.At) map[string]string {
	m := map[string]string{}
	for _, t := range tables {
		m[t.String()] = strconv.FormatInt(at[t], 10)
	}
	return m
}

func pinnedAt(m map[string]string) (lake.At, error) {
	at := lake.At{}
	for name, id := range m {
		t, err := forge.ParseTableName(name)
		if err != nil {
			return nil, err
		}
		if at[t], err = strconv.ParseInt(id, 10, 64); err != nil {
			return nil, err
		}
	}
	return at, nil
}
