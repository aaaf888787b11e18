package clean

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/mask"
)

// Applied is what a run of a recipe did.
type Applied struct {
	Recipe          string            `json:"recipe" doc:"Name and hash: calls@5f0c…"`
	Table           forge.TableName   `json:"table"`
	Snapshot        int64             `json:"snapshot,string"`
	Rows            int64             `json:"rows" doc:"Rows written by this run"`
	Rejected        int64             `json:"rejected"`
	Rejects         string            `json:"rejects,omitempty" doc:"Table of the rejected rows"`
	RejectsSnapshot int64             `json:"rejects_snapshot,string,omitempty"`
	Sources         map[string]string `json:"sources" doc:"Table → snapshot that was read"`
	Unchanged       bool              `json:"unchanged,omitempty" doc:"Append found no new rows and wrote nothing"`
	Steps           []lake.StepCount  `json:"steps"`
}

// What a snapshot's summary says of the recipe that wrote it.
const (
	summaryRecipe = "forge.recipe"
	summaryFrom   = "forge.from"
)

// applyTime bounds one query of a run.
const applyTime = 6 * time.Hour

// application is one run of a recipe over pinned tables.
type application struct {
	house *lake.House
	scope forge.Scope
	plan  *Plan
	at    lake.At
	now   time.Time
	tell  func(step string)
}

// Apply runs a recipe: the result goes to the recipe's table in one commit, rows that
// steps turn away go to its __rejects table, in one commit before it. at pins the
// tables that are read; nil takes their present state. In mode replace a repeated run
// gives the same table; in mode append each row of the sources is taken once: the
// table's properties say up to which snapshot, and the commit fails if that changed.
func Apply(ctx context.Context, house *lake.House, scope forge.Scope, r lake.Recipe, key mask.Key, at lake.At, now time.Time, tell func(step string)) (Applied, error) {
	if err := Check(r); err != nil {
		return Applied{}, err
	}
	in := inputs(house, scope, key)
	var err error
	if in.Tags, err = personalTags(ctx, house, scope, r.From); err != nil {
		return Applied{}, err
	}
	p, err := NewPlan(ctx, r, in)
	if err != nil {
		return Applied{}, err
	}
	if at == nil {
		if err := announce(ctx, house, scope, r, now); err != nil {
			return Applied{}, err
		}
		if at, err = pin(ctx, house, scope, p.Tables); err != nil {
			return Applied{}, err
		}
	}
	if tell == nil {
		tell = func(string) {}
	}
	a := application{house, scope, p, at, now, tell}
	out, err := a.run(ctx)
	if err == nil {
		err = a.hold(ctx)
	}
	return out, err
}

func (a *application) run(ctx context.Context) (Applied, error) {
	p, r := a.plan, a.plan.Recipe
	out := Applied{Recipe: r.Name + "@" + r.Hash(), Table: r.To, Sources: a.sources()}
	a.tell("reading " + namesText(r.From))
	sources, fresh, err := a.delta(ctx, r.To)
	if err != nil {
		return out, err
	}
	if !fresh {
		return a.unchanged(ctx, out)
	}
	a.tell("counting")
	steps, rows, err := a.count(ctx, sources)
	if err != nil {
		return out, p.blame(ctx, a.house, a.scope, a.at, sources, err)
	}
	out.Steps, out.Rows = steps, rows
	for _, s := range steps {
		out.Rejected += s.Rejected
	}
	if err := a.writeRejects(ctx, &out); err != nil {
		return out, err
	}
	a.tell("writing " + r.To.String())
	snap, err := a.write(ctx, r.To, p.Select(), p.Schema, sources)
	if err != nil {
		return out, p.blame(ctx, a.house, a.scope, a.at, sources, err)
	}
	out.Snapshot = snap.ID
	return out, nil
}

func (a *application) count(ctx context.Context, sources map[forge.TableName]lake.Source) ([]lake.StepCount, int64, error) {
	return counts(ctx, a.house, a.scope, a.plan, a.at, sources, applyTime)
}

// writeRejects replaces or extends the table of rejects; it is made when there is a
// first reject.
func (a *application) writeRejects(ctx context.Context, out *Applied) error {
	to := a.plan.Recipe.Rejects()
	_, err := a.house.Tables.Load(ctx, a.scope, to)
	missing := err != nil && forge.KindOf(err) == forge.KindNotFound
	if err != nil && !missing {
		return err
	}
	if out.Rejected == 0 && (missing || a.appends()) {
		return nil
	}
	sources, fresh, err := a.delta(ctx, to)
	if err != nil {
		return err
	}
	out.Rejects = to.String()
	if !fresh {
		return nil // an earlier attempt of this run has written them
	}
	a.tell("writing " + to.String())
	snap, err := a.write(ctx, to, a.plan.Rejects(a.from(), a.now), rejectColumns, sources)
	out.RejectsSnapshot = snap.ID
	return err
}

// write stores a query's rows in a table, which gets the columns' tags when made.
func (a *application) write(ctx context.Context, to forge.TableName, sql string, schema lake.Schema, sources map[forge.TableName]lake.Source) (lake.Snapshot, error) {
	q := a.plan.Query(sql)
	q.Sources = copySources(sources)
	q.Limits.Time = applyTime
	change := lake.Change{
		Properties: a.progress(),
		Summary:    map[string]string{"forge.action": ApplyKind, summaryRecipe: a.plan.Recipe.Name + "@" + a.plan.Recipe.Hash(), summaryFrom: a.from()},
	}
	mode := lake.Replace
	if a.appends() {
		mode = lake.Append
		expect, err := a.progressOf(ctx, to)
		if err != nil {
			return lake.Snapshot{}, err
		}
		change.Expect = expect
		if _, err := a.widen(ctx, to, schema); err != nil {
			return lake.Snapshot{}, err
		}
	}
	return a.house.WriteAs(ctx, a.scope, to, q, a.at, mode, schema, change)
}

// widen gives a table that rows are appended to the columns that it lacks.
func (a *application) widen(ctx context.Context, to forge.TableName, schema lake.Schema) (lake.Table, error) {
	got, err := a.house.Ensure(ctx, a.scope, to, schema)
	if err != nil && forge.KindOf(err) == forge.KindConflict {
		return got, forge.Errorf(forge.KindConflict, err, "%s: %s; or run the recipe once with mode: replace", to, err)
	}
	return got, err
}

func (a *application) appends() bool { return a.plan.Recipe.Mode == lake.Append }

// announce keeps the sources' files as they are before a recipe that appends reads them
// for the first time, because it tells new rows by their files.
func announce(ctx context.Context, house *lake.House, scope forge.Scope, r lake.Recipe, now time.Time) error {
	if r.Mode != lake.Append {
		return nil
	}
	for _, t := range r.From {
		got, err := house.Tables.Load(ctx, scope, t)
		if err != nil {
			return err
		}
		if lake.UpkeepOf(got.Properties).Held[r.To] > 0 {
			continue
		}
		if _, err := house.Tables.Commit(ctx, scope, t, lake.Change{Properties: lake.Announce(r.To, now)}); err != nil {
			return err
		}
	}
	return nil
}

// hold keeps the snapshots up to which rows are taken, in place of those before.
func (a *application) hold(ctx context.Context) error {
	if !a.appends() {
		return nil
	}
	r := a.plan.Recipe
	for _, t := range r.From {
		got, err := a.house.Tables.Load(ctx, a.scope, t)
		if err != nil {
			return err
		}
		if id := a.at[t]; id != 0 && lake.UpkeepOf(got.Properties).Held[r.To] != id {
			if _, err := a.house.Tables.Commit(ctx, a.scope, t, lake.Change{Properties: lake.Hold(r.To, id)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// property is the name under which a table keeps up to which snapshot of a source it
// has taken rows.
func property(source forge.TableName) string { return "forge.recipe.read." + source.String() }

func (a *application) progress() map[string]string {
	m := map[string]string{}
	for _, t := range a.plan.Recipe.From {
		m[property(t)] = strconv.FormatInt(a.at[t], 10)
	}
	return m
}

func (a *application) progressOf(ctx context.Context, to forge.TableName) (map[string]string, error) {
	m := map[string]string{}
	got, err := a.house.Tables.Load(ctx, a.scope, to)
	if err != nil && forge.KindOf(err) != forge.KindNotFound {
		return nil, err
	}
	for _, t := range a.plan.Recipe.From {
		m[property(t)] = got.Properties[property(t)]
	}
	return m, nil
}

// delta gives the sources' files that a table has not taken yet, and whether there is
// anything to do. In mode replace everything is taken anew.
func (a *application) delta(ctx context.Context, to forge.TableName) (map[forge.TableName]lake.Source, bool, error) {
	if !a.appends() {
		return nil, true, nil
	}
	progress, err := a.progressOf(ctx, to)
	if err != nil {
		return nil, false, err
	}
	out, fresh := map[forge.TableName]lake.Source{}, false
	for _, t := range a.plan.Recipe.From {
		if a.at[t] == 0 {
			continue // no rows yet
		}
		files, schema, err := a.house.Tables.Files(ctx, a.scope, t, a.at[t])
		if err != nil {
			return nil, false, err
		}
		if seen := progress[property(t)]; seen != "" && seen != "0" {
			if files, err = a.newFiles(ctx, t, seen, files); err != nil {
				return nil, false, err
			}
		}
		fresh = fresh || len(files) > 0
		out[t] = lake.Source{Files: files, Schema: schema}
	}
	return out, fresh, nil
}

// newFiles takes the files of an earlier snapshot away. If one of them is gone, the
// source was rewritten and rows taken before cannot be told from new ones.
func (a *application) newFiles(ctx context.Context, t forge.TableName, seen string, files []lake.DataFile) ([]lake.DataFile, error) {
	id, err := strconv.ParseInt(seen, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("property %s: %q is no snapshot", property(t), seen)
	}
	old, _, err := a.house.Tables.Files(ctx, a.scope, t, id)
	if err != nil && forge.KindOf(err) != forge.KindNotFound {
		return nil, err
	}
	have := map[string]bool{}
	for _, f := range files {
		have[f.Path] = true
	}
	gone := err != nil
	for _, f := range old {
		gone = gone || !have[f.Path]
		delete(have, f.Path)
	}
	if gone {
		return nil, forge.Errorf(forge.KindConflict, err, "%s was rewritten since recipe %q last ran, so new rows cannot be told from old ones: run it once with mode: replace", t, a.plan.Recipe.Name)
	}
	return slices.DeleteFunc(files, func(f lake.DataFile) bool { return !have[f.Path] }), nil
}

func (a *application) unchanged(ctx context.Context, out Applied) (Applied, error) {
	got, err := a.widen(ctx, out.Table, a.plan.Schema)
	if err != nil {
		return out, err
	}
	if got.Snapshot != nil {
		out.Snapshot = got.Snapshot.ID
	}
	out.Unchanged, out.Steps = true, []lake.StepCount{}
	return out, nil
}

func (a *application) sources() map[string]string {
	m := map[string]string{}
	for _, t := range a.plan.Tables {
		m[t.String()] = strconv.FormatInt(a.at[t], 10)
	}
	return m
}

// from names the sources with their snapshots.
func (a *application) from() string { return fromText(a.sources()) }

func fromText(m map[string]string) string {
	var out []string
	for _, t := range slices.Sorted(maps.Keys(m)) {
		out = append(out, t+"@"+m[t])
	}
	return strings.Join(out, ", ")
}

func namesText(list []forge.TableName) string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = t.String()
	}
	return strings.Join(out, ", ")
}
