package iceberg

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"github.com/apache/iceberg-go/table"
)

// step is one table's part of a commit of several.
type step struct {
	name forge.TableName
	from pointer        // zero: the table is made
	base table.Metadata // nil: the table is made
	next table.Metadata
	to   string // metadata file of next; empty: nothing changes

	unused []string // files that lose their last snapshot
}

// CommitTables applies the changes of other programs to several tables, all of them or
// none. A table is made when its requirements say that it must not exist. The
// requirements are checked again whenever another commit came first.
func (c *Catalog) CommitTables(ctx context.Context, changes []table.TableCommit) ([]*table.Table, error) {
	names := make([]forge.TableName, len(changes))
	for i, ch := range changes {
		var err error
		if names[i], err = tableName(ch.Identifier); err != nil {
			return nil, err
		}
		if slices.Contains(names[:i], names[i]) {
			return nil, forge.Errorf(forge.KindInvalid, nil, "table %s is changed twice in one commit", names[i])
		}
	}
	unlock, err := c.lockAll(ctx, names)
	if err != nil {
		return nil, err
	}
	defer unlock()
	for began, try := time.Now(), 0; ; try++ {
		out, err := c.commitOnce(ctx, names, changes)
		if err == nil {
			for i, name := range names {
				c.tables.thin(ctx, c.scope, name, out[i].Metadata())
			}
			return out, nil
		}
		if !errors.Is(err, errMoved) || !patience(ctx, began, try) {
			return nil, err
		}
	}
}

// lockAll takes the tables' places in one order, so that two commits never wait for
// each other.
func (c *Catalog) lockAll(ctx context.Context, names []forge.TableName) (unlock func(), err error) {
	sorted := slices.Clone(names)
	slices.SortFunc(sorted, func(a, b forge.TableName) int { return strings.Compare(a.String(), b.String()) })
	var held []func()
	unlock = func() {
		for _, f := range held {
			f()
		}
	}
	for _, name := range sorted {
		one, err := c.tables.lock(ctx, c.scope, name)
		if err != nil {
			unlock()
			return nil, err
		}
		held = append(held, one)
	}
	return unlock, nil
}

func (c *Catalog) commitOnce(ctx context.Context, names []forge.TableName, changes []table.TableCommit) ([]*table.Table, error) {
	steps := make([]step, len(names))
	for i, name := range names {
		var err error
		if steps[i], err = c.prepare(ctx, name, changes[i]); err != nil {
			return nil, err
		}
	}
	if err := c.tables.swapAll(ctx, c.scope, steps); err != nil {
		return nil, err
	}
	out := make([]*table.Table, len(steps))
	for i, s := range steps {
		loc := s.to
		if loc == "" {
			loc = s.from.metadata
		}
		out[i] = c.tables.iceberg(s.name, loc, s.next, c)
	}
	return out, nil
}

// prepare checks one table's requirements and makes its next metadata.
func (c *Catalog) prepare(ctx context.Context, name forge.TableName, ch table.TableCommit) (step, error) {
	s := step{name: name}
	p, meta, err := c.tables.load(ctx, c.scope, name)
	if err != nil && (forge.KindOf(err) != forge.KindNotFound || !creates(ch)) {
		return s, err
	}
	if err == nil {
		s.from, s.base = p, meta
	}
	for _, r := range ch.Requirements {
		if err := r.Validate(s.base); err != nil {
			return s, forge.Errorf(forge.KindConflict, errors.Join(table.ErrCommitFailed, err), "%s", err)
		}
	}
	s.next = s.base
	if len(ch.Updates) == 0 && s.base != nil {
		return s, nil
	}
	if s.next, err = apply(s.base, ch.Updates, s.from.metadata); err != nil {
		return s, forge.Errorf(forge.KindInvalid, err, "table %s: this change is not possible: %s", name, err)
	}
	if s.base == nil {
		if err := c.tables.checkNew(ctx, c.scope, name, s.next); err != nil {
			return s, err
		}
	} else if c.tables.path(s.next.Location()) != c.tables.path(s.base.Location()) {
		return s, forge.Errorf(forge.KindInvalid, nil, "table %s: its location cannot be changed", name)
	}
	if err := c.tables.confine(name, s.base, s.next); err != nil {
		return s, err
	}
	if s.unused, err = c.tables.expiredBy(s.base, s.next); err != nil {
		return s, forge.Errorf(forge.KindUnavailable, err, "table %s: the files of the snapshots that expire cannot be listed", name)
	}
	return s, nil
}

// creates reports whether a commit asks for a table that does not exist.
func creates(ch table.TableCommit) bool {
	return slices.ContainsFunc(ch.Requirements, func(r table.Requirement) bool { return r.GetType() == table.AssertCreate().GetType() })
}

// apply makes metadata from updates that another program sent. What iceberg-go does
// not expect in them is the sender's mistake, also where it would end the process.
func apply(base table.Metadata, updates []table.Update, from string) (next table.Metadata, err error) {
	defer func() {
		if v := recover(); v != nil {
			next, err = nil, forge.Errorf(forge.KindInvalid, nil, "its updates do not fit together")
		}
	}()
	if base != nil {
		return table.UpdateTableMetadata(base, updates, from)
	}
	b, err := table.NewMetadataBuilder(formatVersion(updates))
	if err != nil {
		return nil, err
	}
	for _, u := range schemaFirst(updates) {
		if u.Action() == table.UpdateUpgradeFormatVersion {
			continue // the builder began with it
		}
		if err := u.Apply(b); err != nil {
			return nil, err
		}
	}
	return b.Build()
}

// schemaFirst puts the updates of a new table in the order that they need each other in:
// DuckDB, for one, says which schema is the current one after all that refers to it.
func schemaFirst(updates []table.Update) []table.Update {
	rank := map[string]int{table.UpdateAssignUUID: -3, table.UpdateAddSchema: -2, table.UpdateSetCurrentSchema: -1}
	out := slices.Clone(updates)
	slices.SortStableFunc(out, func(a, b table.Update) int { return rank[a.Action()] - rank[b.Action()] })
	return out
}

// formatVersion is the version that the updates of a new table ask for.
func formatVersion(updates []table.Update) int {
	version := 2
	for _, u := range updates {
		if u.Action() != table.UpdateUpgradeFormatVersion {
			continue
		}
		var wire struct {
			FormatVersion int `json:"format-version"`
		}
		if data, err := json.Marshal(u); err == nil && json.Unmarshal(data, &wire) == nil {
			version = wire.FormatVersion
		}
	}
	return version
}

// swapAll writes the steps' metadata files and moves all pointers in one transaction.
func (t *Tables) swapAll(ctx context.Context, scope forge.Scope, steps []step) error {
	if err := t.writeAll(steps); err != nil {
		t.discard(steps)
		return err
	}
	err := t.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, s := range steps {
			if err := t.take(ctx, tx, scope, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = t.cfg.Fault.At("moved")
	}
	if err != nil && !errors.Is(err, errMoved) {
		err = t.outcomeAll(ctx, scope, steps, err)
	}
	if err != nil {
		if !isUnknown(err) {
			t.discard(steps)
		}
		return err
	}
	for _, s := range steps {
		if s.to == "" {
			continue
		}
		t.cache.nextMeta(s.from.metadata, s.to, s.next)
		if s.base != nil {
			t.removeOld(s.base, s.next)
		}
	}
	return nil
}

func (t *Tables) writeAll(steps []step) error {
	for i := range steps {
		s := &steps[i]
		if s.next == s.base {
			continue
		}
		number := 0
		if s.base != nil {
			number = version(s.from.metadata) + 1
		} else if err := makeFolder(s.name, t.path(s.next.Location())); err != nil {
			return err
		}
		var err error
		if s.to, err = t.writeMetadata(s.next, number); err != nil {
			return forge.Errorf(forge.KindUnavailable, err, "table %s: its metadata cannot be written", s.name)
		}
	}
	return nil
}

// take moves one pointer within the transaction.
func (t *Tables) take(ctx context.Context, tx *sql.Tx, scope forge.Scope, s step) error {
	if s.to == "" {
		return nil
	}
	now := t.cfg.Now()
	if s.base == nil {
		err := insertPointer(ctx, tx, scope, s.name, pointer{location: t.uri(t.path(s.next.Location())), metadata: s.to, created: now, updated: now})
		if err != nil && sqldb.IsUnique(err) {
			return errMoved // the requirements are checked against what is there now
		}
		return err
	}
	moved, err := movePointer(ctx, tx, scope, s.name, s.from.metadata, s.to, now)
	switch {
	case err != nil:
		return err
	case !moved:
		return errMoved
	}
	return addGarbage(ctx, tx, scope, s.from.location, s.unused, now)
}

// outcomeAll resolves a transaction whose answer was lost. It landed for all tables or
// for none, so that the first one tells.
func (t *Tables) outcomeAll(ctx context.Context, scope forge.Scope, steps []step, cause error) error {
	i := slices.IndexFunc(steps, func(s step) bool { return s.to != "" })
	if i < 0 {
		return cause
	}
	s := steps[i]
	p, meta, err := t.load(context.WithoutCancel(ctx), scope, s.name)
	switch {
	case forge.KindOf(err) == forge.KindNotFound && err != nil && s.base == nil:
		return notTaken(s.name, cause)
	case err != nil:
		return unknown(s.name, errors.Join(cause, err))
	case p.metadata == s.to:
		return nil
	case p.metadata == s.from.metadata:
		return notTaken(s.name, cause)
	}
	for e := range meta.PreviousFiles() {
		if e.MetadataFile == s.to {
			return nil
		}
	}
	return errMoved
}

func notTaken(name forge.TableName, cause error) error {
	return forge.Errorf(forge.KindUnavailable, cause, "table %s: the metadata store did not take the change; try again", name)
}

// discard removes metadata files that no pointer got.
func (t *Tables) discard(steps []step) {
	for _, s := range steps {
		if s.to != "" {
			_ = t.fs.Remove(s.to)
		}
	}
}

// stateUnknown is the cause of an error after which nobody knows whether a commit
// landed. Programs that speak Iceberg must not remove their files then.
type stateUnknown struct{ error }

// CommitStateUnknown marks it for packages that cannot name the type.
func (stateUnknown) CommitStateUnknown() {}

func (u stateUnknown) Unwrap() error { return u.error }

func unknown(name forge.TableName, cause error) error {
	return forge.Errorf(forge.KindUnavailable, stateUnknown{cause}, "table %s: the metadata store does not answer; whether the change landed is unknown, try it again as it is", name)
}

func isUnknown(err error) bool { return errors.As(err, &stateUnknown{}) }
