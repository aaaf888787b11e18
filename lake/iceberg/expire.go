package iceberg

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"github.com/apache/iceberg-go/table"
)

// slots is how many snapshots stay of those that are young enough but too many: one for
// each of so many equal parts of Upkeep.KeepFor.
const slots = 50

// thin expires snapshots when a table has too many, because the cost of a commit grows
// with them. It is housekeeping: a failure is logged and left to the next commit.
func (t *Tables) thin(ctx context.Context, scope forge.Scope, name forge.TableName, meta table.Metadata) {
	if meta == nil || len(meta.Snapshots()) <= t.cfg.MaxSnapshots {
		return
	}
	if _, err := t.expire(ctx, scope, name); err != nil && !errors.Is(err, table.ErrCommitFailed) {
		t.cfg.Log.Warn("old snapshots stay", "scope", scope, "table", name, "err", err)
	}
}

// Expire forgets the snapshots that the table's Upkeep does not keep and returns how
// many. Tagged ones stay, and those that were asked for by number of late. Files that
// nothing uses then are noted; Collect removes them later.
func (t *Tables) Expire(ctx context.Context, scope forge.Scope, name forge.TableName) (int, error) {
	if err := checkScope(scope); err != nil {
		return 0, err
	}
	unlock, err := t.lock(ctx, scope, name)
	if err != nil {
		return 0, err
	}
	defer unlock()
	for began, try := time.Now(), 0; ; try++ {
		n, err := t.expire(ctx, scope, name)
		if err == nil || !errors.Is(err, table.ErrCommitFailed) || !patience(ctx, began, try) {
			return n, err
		}
	}
}

func (t *Tables) expire(ctx context.Context, scope forge.Scope, name forge.TableName) (int, error) {
	p, meta, err := t.load(ctx, scope, name)
	if err != nil {
		return 0, err
	}
	if meta.Properties()["gc.enabled"] == "false" {
		return 0, nil // its owner wants everything
	}
	read, err := t.readers(ctx, scope, p.location)
	if err != nil {
		return 0, err
	}
	old := t.expirable(meta, read)
	if len(old) == 0 {
		return 0, nil
	}
	next, err := table.UpdateTableMetadata(meta, []table.Update{table.NewRemoveSnapshotsUpdate(old, false)}, p.metadata)
	if err != nil {
		return 0, err
	}
	unused, err := t.unused(meta, next)
	if err != nil {
		return 0, err
	}
	if err := t.cfg.Fault.At("expiry planned"); err != nil {
		return 0, err
	}
	return len(old), t.swapWith(ctx, scope, name, p, meta, next, unused)
}

// expirable lists the snapshots that may go.
func (t *Tables) expirable(meta table.Metadata, read map[int64]bool) []int64 {
	all := slices.Clone(meta.Snapshots())
	slices.Reverse(all) // newest first; a rolled back one may be out of order
	slices.SortStableFunc(all, func(a, b table.Snapshot) int { return cmp.Compare(b.SequenceNumber, a.SequenceNumber) })
	keep := t.upkeep(meta)
	now := t.cfg.Now()
	held := map[int64]bool{}
	for _, ref := range meta.Refs() {
		held[ref.SnapshotID] = true
	}
	for _, id := range keep.Held {
		held[id] = true
	}
	many := len(all) > t.cfg.MaxSnapshots
	part := max(keep.KeepFor/slots, time.Millisecond)
	last := int64(-1)
	var old []int64
	for i, s := range all {
		age := now.Sub(time.UnixMilli(s.TimestampMs))
		slot := s.TimestampMs / part.Milliseconds()
		// The newest of a part of time stays: the same one whenever this is asked.
		first := slot != last
		switch {
		case held[s.SnapshotID], read[s.SnapshotID]:
		case i < keep.KeepNewest:
		case age < keep.KeepFor && (!many || first):
		default:
			old = append(old, s.SnapshotID)
			continue
		}
		last = slot
	}
	return old
}

// upkeep is the table's own, bounded by what the store is told of history.
func (t *Tables) upkeep(meta table.Metadata) lake.Upkeep {
	u := lake.UpkeepOf(meta.Properties())
	if meta.Properties()["history.expire.max-snapshot-age-ms"] == "" {
		u.KeepFor = t.cfg.KeepFor
	}
	u.KeepNewest = max(1, min(u.KeepNewest, t.cfg.MaxSnapshots/2))
	return u
}

// unused lists the files that base's snapshots use and next's do not, as URIs.
func (t *Tables) unused(base, next table.Metadata) ([]string, error) {
	kept := &reached{t: t, files: map[string]bool{}}
	for _, s := range next.Snapshots() {
		if err := kept.snapshot(&s); err != nil {
			return nil, err
		}
	}
	gone := &reached{t: t, files: map[string]bool{}, skip: kept.files}
	for _, s := range base.Snapshots() {
		if next.SnapshotByID(s.SnapshotID) != nil {
			continue
		}
		if err := gone.snapshot(&s); err != nil {
			return nil, err
		}
	}
	var out []string
	for f := range gone.files {
		if !kept.files[f] {
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return out, nil
}

// reached gathers the files that snapshots need. A manifest belongs to many snapshots
// and never changes, so it is read once.
type reached struct {
	t     *Tables
	files map[string]bool // URIs
	skip  map[string]bool // manifests, among others, that need not be read
}

func (r *reached) snapshot(s *table.Snapshot) error {
	if r.files[s.ManifestList] {
		return nil
	}
	manifests, err := s.Manifests(r.t.fs)
	if err != nil {
		return err
	}
	for _, m := range manifests {
		if r.files[m.FilePath()] || r.skip[m.FilePath()] {
			continue
		}
		for e, err := range m.Entries(r.t.fs, true) {
			if err != nil {
				return err
			}
			r.files[e.DataFile().FilePath()] = true
		}
		r.files[m.FilePath()] = true
	}
	r.files[s.ManifestList] = true
	return nil
}
