package iceberg

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

var tagName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.:-]{0,99}$`)

// Commit applies a change in one metadata commit. Commits of this process to one
// table queue; when another process was faster the change is made anew on top of
// what that one did, its expectations included.
func (t *Tables) Commit(ctx context.Context, scope forge.Scope, name forge.TableName, ch lake.Change) (lake.Snapshot, error) {
	if err := checkScope(scope); err != nil {
		return lake.Snapshot{}, err
	}
	if ch.Tag != "" && (!tagName.MatchString(ch.Tag) || ch.Tag == table.MainBranch) {
		return lake.Snapshot{}, forge.Errorf(forge.KindInvalid, nil, "snapshot tag %q: want up to 100 letters, digits, _ . : or -, and not main", ch.Tag)
	}
	unlock, err := t.lock(ctx, scope, name)
	if err != nil {
		return lake.Snapshot{}, err
	}
	defer unlock()
	for began, try := time.Now(), 0; ; try++ {
		snap, meta, err := t.commit(ctx, scope, name, ch)
		if err == nil {
			t.thin(ctx, scope, name, meta)
			return snap, nil
		}
		if !errors.Is(err, table.ErrCommitFailed) || ctx.Err() != nil {
			return lake.Snapshot{}, err
		}
		if !patience(ctx, began, try) {
			if ctx.Err() != nil {
				return lake.Snapshot{}, ctx.Err()
			}
			return lake.Snapshot{}, forge.Errorf(forge.KindConflict, err, "table %s is being changed by others all the time; try again later", name)
		}
	}
}

// patience waits before a commit is made anew on top of another's, a random while so
// that two processes do not go on in step, and reports whether to go on at all.
func patience(ctx context.Context, began time.Time, try int) bool {
	if try >= 20 && time.Since(began) > 30*time.Second {
		return false
	}
	wait := time.NewTimer(rand.N(time.Duration(min(try, 10)+1) * 5 * time.Millisecond))
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (t *Tables) commit(ctx context.Context, scope forge.Scope, name forge.TableName, ch lake.Change) (lake.Snapshot, table.Metadata, error) {
	p, meta, err := t.load(ctx, scope, name)
	if err != nil {
		return lake.Snapshot{}, nil, err
	}
	if snap, err := t.landed(name, meta, ch); err != nil || snap != nil {
		return deref(snap), meta, err
	}
	if err := expected(name, meta, ch); err != nil {
		return lake.Snapshot{}, nil, err
	}
	updates, err := t.plan(ctx, name, p, meta, ch)
	if err != nil {
		return lake.Snapshot{}, nil, err
	}
	next, err := table.UpdateTableMetadata(meta, updates, p.metadata)
	if err != nil {
		return lake.Snapshot{}, nil, forge.Errorf(forge.KindInvalid, err, "table %s: this change is not possible: %s", name, err)
	}
	if ch.Tag != "" && next.CurrentSnapshot() == nil {
		return lake.Snapshot{}, nil, forge.Errorf(forge.KindConflict, nil, "table %s has no snapshot that could be tagged %q", name, ch.Tag)
	}
	if ch.Tag != "" {
		tag := table.NewSetSnapshotRefUpdate(ch.Tag, next.CurrentSnapshot().SnapshotID, table.TagRef, 0, 0, 0)
		if next, err = table.UpdateTableMetadata(meta, append(updates, tag), p.metadata); err != nil {
			return lake.Snapshot{}, nil, err
		}
	}
	if len(updates) > 0 || ch.Tag != "" {
		if err := t.swap(ctx, scope, name, p.metadata, meta, next); err != nil {
			return lake.Snapshot{}, nil, err
		}
	}
	cur := next.CurrentSnapshot()
	if cur == nil {
		return lake.Snapshot{}, next, nil // columns or properties of an empty table
	}
	t.remember(meta.CurrentSnapshot(), cur, ch)
	return snapshotOf(next, cur), next, nil
}

func expected(name forge.TableName, meta table.Metadata, ch lake.Change) error {
	for _, key := range slices.Sorted(maps.Keys(ch.Expect)) {
		if have := meta.Properties()[key]; have != ch.Expect[key] {
			return forge.Errorf(forge.KindConflict, nil, "table %s: property %s is %q, not %q; someone else changed it first", name, key, have, ch.Expect[key])
		}
	}
	if ch.Tag == "" {
		return nil
	}
	for ref := range meta.Refs() {
		if ref == ch.Tag {
			return forge.Errorf(forge.KindConflict, nil, "table %s has a snapshot tagged %q already; tags do not move", name, ch.Tag)
		}
	}
	return nil
}

// plan writes the manifests of a change and returns its metadata updates.
func (t *Tables) plan(ctx context.Context, name forge.TableName, p pointer, meta table.Metadata, ch lake.Change) ([]table.Update, error) {
	tx := t.iceberg(name, p.metadata, meta, nil).NewTransaction()
	if err := changeColumns(tx, name, meta, ch); err != nil {
		return nil, err
	}
	if err := setProperties(tx, ch.Properties); err != nil {
		return nil, err
	}
	staged, err := tx.StagedTable()
	if err != nil {
		return nil, err
	}
	add := make([]ice.DataFile, len(ch.Add))
	for i, f := range ch.Add {
		if add[i], err = t.dataFile(name, staged.Metadata(), f); err != nil {
			return nil, err
		}
	}
	if err := t.put(ctx, name, ch.Add); err != nil {
		return nil, err
	}
	wrote, err := t.addFiles(ctx, tx, name, meta, add, ch)
	if err != nil {
		return nil, err
	}
	tc, err := tx.TableCommit()
	if err != nil {
		return nil, err
	}
	updates := tc.Updates
	if !wrote && (ch.ReplaceAll || len(ch.Summary) > 0 || ch.Tag != "" && meta.CurrentSnapshot() == nil) {
		more, err := t.emptySnapshot(staged.Metadata(), ch)
		return append(updates, more...), err
	}
	return updates, nil
}

// put makes a change's files part of the warehouse.
func (t *Tables) put(ctx context.Context, name forge.TableName, files []lake.DataFile) error {
	if len(files) == 0 {
		return nil
	}
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = filepath.Clean(f.Path)
	}
	if err := t.fs.put(ctx, paths); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "table %s: its new files cannot be stored", name)
	}
	return nil
}

// setProperties sets properties and removes those whose value is empty.
func setProperties(tx *table.Transaction, props map[string]string) error {
	set, remove := ice.Properties{}, []string{}
	for k, v := range props {
		if v == "" {
			remove = append(remove, k)
		} else {
			set[k] = v
		}
	}
	slices.Sort(remove)
	if err := tx.SetProperties(set); err != nil {
		return err
	}
	return tx.RemoveProperties(remove)
}

// addFiles stages the change's files and reports whether that made a snapshot.
func (t *Tables) addFiles(ctx context.Context, tx *table.Transaction, name forge.TableName, meta table.Metadata, add []ice.DataFile, ch lake.Change) (bool, error) {
	opts := []table.WriteOption{table.WithoutAutoNameMapping(), table.WithoutDuplicateCheck()}
	if len(ch.Replace) > 0 {
		return true, t.rewrite(ctx, tx, name, meta, add, ch)
	}
	var old []ice.DataFile
	if cur := meta.CurrentSnapshot(); ch.ReplaceAll && cur != nil {
		for df, err := range t.entries(name, cur) {
			if err != nil {
				return false, err
			}
			old = append(old, df)
		}
	}
	var err error
	switch {
	case len(old) > 0:
		err = tx.ReplaceDataFilesWithDataFiles(ctx, old, add, ch.Summary, opts...)
	case len(add) > 0:
		err = tx.AddDataFiles(ctx, add, ch.Summary, opts...)
	default:
		return false, nil
	}
	if err != nil && forge.KindOf(err) == forge.KindInternal {
		err = forge.Errorf(forge.KindUnavailable, err, "table %s: the change could not be prepared", name)
	}
	return true, err
}
