package iceberg

import (
	"context"
	"database/sql"
	"errors"
	"os"

	"aiforge.dev/forge"
	"github.com/apache/iceberg-go/table"
)

// swap writes the next metadata file and moves the pointer to it. When the store's
// answer is lost the pointer's own state tells what happened.
func (t *Tables) swap(ctx context.Context, scope forge.Scope, name forge.TableName, from string, base, next table.Metadata) error {
	return t.swapWith(ctx, scope, name, pointer{metadata: from}, base, next, nil)
}

// swapWith is swap that notes files without a snapshot in the same transaction.
func (t *Tables) swapWith(ctx context.Context, scope forge.Scope, name forge.TableName, p pointer, base, next table.Metadata, unused []string) error {
	from := p.metadata
	err := t.cfg.Fault.At("planned")
	if err != nil {
		return stopped(name, err)
	}
	to, err := t.writeMetadata(next, version(from)+1)
	if err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "table %s: its metadata cannot be written", name)
	}
	if err := t.cfg.Fault.At("metadata written"); err != nil {
		return stopped(name, err)
	}
	moved, err := t.move(ctx, scope, name, p, to, unused)
	if err == nil {
		err = t.cfg.Fault.At("moved")
	}
	if err != nil {
		if moved, err = t.outcome(ctx, scope, name, from, to, err); err != nil {
			return err
		}
	}
	if !moved {
		_ = t.fs.Remove(to)
		return errMoved
	}
	t.cache.nextMeta(from, to, next)
	t.removeOld(base, next)
	return nil
}

// stopped is what a full disk at a fault point comes to.
func stopped(name forge.TableName, cause error) error {
	return forge.Errorf(forge.KindUnavailable, cause, "table %s: the change could not be stored", name)
}

// move moves the pointer and reports whether it was where it should be.
func (t *Tables) move(ctx context.Context, scope forge.Scope, name forge.TableName, p pointer, to string, unused []string) (moved bool, err error) {
	now := t.cfg.Now()
	if len(unused) == 0 {
		return movePointer(ctx, t.db, scope, name, p.metadata, to, now)
	}
	err = t.db.Tx(ctx, func(tx *sql.Tx) error {
		if moved, err = movePointer(ctx, tx, scope, name, p.metadata, to, now); err != nil || !moved {
			return err
		}
		return addGarbage(ctx, tx, scope, p.location, unused, now)
	})
	return moved && err == nil, err
}

var errMoved = forge.Errorf(forge.KindConflict, table.ErrCommitFailed, "the table was changed meanwhile")

// outcome resolves a pointer move whose answer was lost: it landed when the pointer,
// or the history of whatever came after, is ours.
func (t *Tables) outcome(ctx context.Context, scope forge.Scope, name forge.TableName, from, to string, cause error) (bool, error) {
	ctx = context.WithoutCancel(ctx)
	p, meta, err := t.load(ctx, scope, name)
	if err != nil {
		return false, unknown(name, errors.Join(cause, err))
	}
	if p.metadata == to {
		return true, nil
	}
	for e := range meta.PreviousFiles() {
		if e.MetadataFile == to {
			return true, nil
		}
	}
	if p.metadata == from {
		_ = t.fs.Remove(to)
		return false, forge.Errorf(forge.KindUnavailable, cause, "table %s: the metadata store did not take the change; try again", name)
	}
	return false, nil
}

// removeOld deletes metadata files that fell out of the history.
func (t *Tables) removeOld(base, next table.Metadata) {
	if next.Properties()[table.MetadataDeleteAfterCommitEnabledKey] != "true" {
		return // its owner wants them
	}
	keep := map[string]bool{}
	for e := range next.PreviousFiles() {
		keep[e.MetadataFile] = true
	}
	for e := range base.PreviousFiles() {
		if !keep[e.MetadataFile] {
			if err := t.fs.Remove(e.MetadataFile); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.cfg.Log.Warn("old metadata file stays", "err", err)
			}
		}
	}
}
