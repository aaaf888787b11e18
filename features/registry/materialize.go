package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/pit"
	"aiforge.dev/forge/features/store"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/lake"
)

// MaterializeArgs are the arguments of features.materialize.
type MaterializeArgs struct {
	// Views are "view" or "view@3"; none: every online view, and older versions of
	// them that are in use.
	Views []string `json:"views,omitempty"`
}

// Materialized is what features.materialize returns.
type Materialized struct {
	Views   []MaterializedView `json:"views"`
	Dropped []string           `json:"dropped" doc:"Versions that nothing uses any more"`
}

// MaterializedView says what happened to one view version.
type MaterializedView struct {
	View     string    `json:"view"`
	Version  int       `json:"version"`
	Entities int64     `json:"entities"`
	Until    time.Time `json:"until" doc:"Latest event time that is in"`
	Skipped  bool      `json:"skipped" doc:"Its tables have not changed since the last time"`
}

// MaterializeJob is the handler of features.materialize.
func (s *Service) MaterializeJob(ctx context.Context, run jobs.Run) (any, error) {
	var args MaterializeArgs
	if err := run.Args(&args); err != nil {
		return nil, err
	}
	return s.Materialize(ctx, run.Scope(), args, run.Progress)
}

// Materialize brings the online store up to date with the lake. It may be called at
// any time and as often as one likes.
func (s *Service) Materialize(ctx context.Context, scope forge.Scope, args MaterializeArgs, progress func(jobs.Progress)) (Materialized, error) {
	mu, _ := s.filling.LoadOrStore(scope, new(sync.Mutex))
	mu.(*sync.Mutex).Lock()
	defer mu.(*sync.Mutex).Unlock()
	wanted, err := s.CheckMaterialize(ctx, scope, args)
	if err != nil {
		return Materialized{}, err
	}
	out := Materialized{Views: []MaterializedView{}, Dropped: []string{}}
	var failed []error
	for i, v := range wanted {
		show := func(rows int64) {
			if progress != nil {
				progress(jobs.Progress{Step: fmt.Sprintf("%s (%d of %d)", v.Ref(), i+1, len(wanted)), Done: rows, Unit: "rows"})
			}
		}
		show(0)
		m, err := s.fill(ctx, scope, v, show)
		if err != nil {
			failed = append(failed, named(v.Ref(), err))
			if ctx.Err() != nil {
				break
			}
			continue // one view that cannot be read must not leave the others stale
		}
		out.Views = append(out.Views, m)
	}
	if len(failed) > 0 {
		return out, errors.Join(failed...)
	}
	if len(args.Views) == 0 {
		out.Dropped, err = s.dropUnused(ctx, scope, wanted)
	}
	return out, err
}

// named adds to a user's error which view it is about.
func named(ref features.ViewRef, err error) error {
	var e *forge.Error
	if errors.As(err, &e) {
		return forge.Errorf(e.Kind, err, "view %s: %s", ref, e.Text).With(e.Detail...)
	}
	return fmt.Errorf("view %s: %w", ref, err)
}

// CheckMaterialize returns the view versions that args mean.
func (s *Service) CheckMaterialize(ctx context.Context, scope forge.Scope, args MaterializeArgs) ([]features.Version, error) {
	if len(args.Views) == 0 {
		return s.allOnline(ctx, scope)
	}
	var out []features.Version
	for i, text := range args.Views {
		ref, err := features.ParseViewRef(text)
		if err != nil {
			return nil, err
		}
		v, err := s.store.Version(ctx, scope, ref)
		if err != nil {
			return nil, err
		}
		if !v.View.Online {
			return nil, forge.Errorf(forge.KindInvalid, nil, "view %s is not online: set online: true in features.yaml and apply it", v.Ref()).
				With(forge.FieldError{Path: fmt.Sprintf("views[%d]", i), Text: "not online"})
		}
		out = append(out, v)
	}
	return out, nil
}

// allOnline lists the newest version of every online view and the older ones in use.
func (s *Service) allOnline(ctx context.Context, scope forge.Scope) ([]features.Version, error) {
	out, err := s.store.Newest(ctx, scope)
	if err != nil {
		return nil, err
	}
	used, err := s.inUse(ctx, scope)
	if err != nil {
		return nil, err
	}
	for _, ref := range used {
		if ref.Version == 0 || slices.ContainsFunc(out, func(v features.Version) bool { return v.Ref() == ref }) {
			continue
		}
		v, err := s.store.Version(ctx, scope, ref)
		if errors.Is(err, forge.ErrNotFound) {
			s.log.Warn("a view version in use does not exist", "scope", scope.String(), "view", ref.String())
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return slices.DeleteFunc(out, func(v features.Version) bool { return !v.View.Online }), nil
}

// fill writes a version's rows into a group that belongs to the state of its tables
// and then makes that group the one that answers; rows that have left the tables are
// gone with the group before.
func (s *Service) fill(ctx context.Context, scope forge.Scope, v features.Version, show func(int64)) (MaterializedView, error) {
	out := MaterializedView{View: v.View.Name, Version: v.Number}
	tables, err := s.inputs(ctx, scope, v.View.Source())
	if err != nil {
		return out, err
	}
	snapshots := newest(tables)
	before, err := s.store.Materialized(ctx, scope, v.Ref())
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return out, err
	}
	if err == nil && before.Later == 0 && maps.Equal(before.Materialization.Snapshots, snapshots) {
		out.Entities, out.Until, out.Skipped = before.Materialization.Entities, before.Materialization.Until, true
		return out, nil
	}
	now := s.now().UTC()
	next := store.Materialized{Ref: v.Ref(), Group: groupOf(v.Ref(), snapshots), Materialization: features.Materialization{At: now, Snapshots: snapshots}}
	if err := s.stream(ctx, scope, v, now, &next, show); err != nil {
		return out, err
	}
	if err := s.fault.At("filled"); err != nil {
		return out, err
	}
	if err := s.store.PutMaterialized(ctx, scope, next); err != nil {
		return out, err
	}
	s.cache.forget(scope)
	if err := s.fault.At("switched"); err != nil {
		return out, err
	}
	if before.Group != "" && before.Group != next.Group {
		if err := s.online.Drop(ctx, scope, before.Group); err != nil {
			return out, err
		}
	}
	out.Entities, out.Until = next.Materialization.Entities, next.Materialization.Until
	return out, nil
}

func groupOf(ref features.ViewRef, snapshots map[string]int64) string {
	h := sha256.New()
	for _, table := range slices.Sorted(maps.Keys(snapshots)) {
		fmt.Fprintf(h, "%s@%d\n", table, snapshots[table])
	}
	return ref.String() + "." + hex.EncodeToString(h.Sum(nil)[:6])
}

// stream copies the newest row of each entity into the online store.
func (s *Service) stream(ctx context.Context, scope forge.Scope, v features.Version, now time.Time, next *store.Materialized, show func(int64)) error {
	pinned, err := at(next.Materialization.Snapshots)
	if err != nil {
		return err
	}
	m := &next.Materialization
	err = s.each(ctx, scope, pit.Newest(v, now), pinned, func(rows []features.Row) error {
		for _, r := range rows {
			if m.Entities == 0 || r.Event.After(m.Until) {
				m.Until = r.Event
			}
			m.Entities++
		}
		show(m.Entities)
		return s.online.Put(ctx, scope, next.Group, rows)
	}, len(v.Entity.Keys))
	if err != nil {
		return err
	}
	if m.Entities == 0 { // so that the group exists
		if err := s.online.Put(ctx, scope, next.Group, nil); err != nil {
			return err
		}
	}
	// A group filled earlier for the same tables may hold more only if time went
	// back; it holds less if another process dropped it meanwhile.
	if n, err := s.online.Count(ctx, scope, next.Group); err != nil || n < m.Entities {
		return forge.Errorf(forge.KindUnavailable, err, "the online store holds %d of %d entities: something else removes them; materialize again", n, m.Entities)
	}
	next.Later, err = s.later(ctx, scope, v, now, pinned)
	return err
}

// putRows is the number of rows in one Put.
const putRows = 4096

func (s *Service) each(ctx context.Context, scope forge.Scope, sql string, pinned lake.At, f func([]features.Row) error, keys int) error {
	res, err := s.house.Query(ctx, scope, lake.Query{SQL: sql, Limits: lake.Limits{Time: joinTime}}, pinned)
	if err != nil {
		return err
	}
	defer res.Close() //nolint:errcheck // the rows have come or an error has
	for {
		batch, err := res.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		rows, err := onlineRows(batch, keys)
		if err != nil {
			return err
		}
		for part := range slices.Chunk(rows, putRows) {
			if err := f(part); err != nil {
				return err
			}
		}
	}
	if res.Truncated() {
		return forge.Errorf(forge.KindInternal, nil, "the engine cut the result short")
	}
	return nil
}

func (s *Service) later(ctx context.Context, scope forge.Scope, v features.Version, now time.Time, pinned lake.At) (int64, error) {
	row, err := s.row(ctx, scope, pit.Later(v, now), pinned)
	if err != nil {
		return 0, err
	}
	n, _ := row[0].(int64)
	return n, nil
}

// dropUnused removes versions that are not wanted, and groups that an interrupted run
// left behind.
func (s *Service) dropUnused(ctx context.Context, scope forge.Scope, wanted []features.Version) ([]string, error) {
	all, err := s.store.Materializations(ctx, scope)
	if err != nil {
		return nil, err
	}
	dropped := []string{}
	keep := map[string]bool{}
	for _, m := range all {
		if slices.ContainsFunc(wanted, func(v features.Version) bool { return v.Ref() == m.Ref }) {
			keep[m.Group] = true
			continue
		}
		if err := s.store.DropMaterialized(ctx, scope, m.Ref); err != nil {
			return dropped, err
		}
		dropped = append(dropped, m.Ref.String())
	}
	s.cache.forget(scope)
	groups, err := s.online.Groups(ctx, scope)
	if err != nil {
		return dropped, err
	}
	for _, g := range groups {
		if !keep[g] {
			if err := s.online.Drop(ctx, scope, g); err != nil {
				return dropped, err
			}
		}
	}
	return dropped, nil
}
