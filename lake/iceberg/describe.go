package iceberg

import (
	"context"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"github.com/apache/iceberg-go/table"
)

// List returns the tables of a project by name. One that cannot be read is left out
// and logged, so that it does not hide the others.
func (t *Tables) List(ctx context.Context, scope forge.Scope) ([]lake.Table, error) {
	if err := checkScope(scope); err != nil {
		return nil, err
	}
	names, ps, err := t.pointers(ctx, scope)
	if err != nil {
		return nil, err
	}
	out := make([]lake.Table, 0, len(names))
	for i, name := range names {
		meta, err := t.metadata(ps[i].metadata)
		if err != nil {
			ps[i], meta, err = t.load(ctx, scope, name)
		}
		if forge.KindOf(err) == forge.KindNotFound && err != nil {
			continue
		}
		if err != nil {
			t.cfg.Log.Error("table cannot be read", "scope", scope, "table", name, "err", err)
			continue
		}
		out = append(out, t.describe(name, ps[i], meta))
	}
	return out, nil
}

// Snapshots returns a table's history, newest first.
func (t *Tables) Snapshots(ctx context.Context, scope forge.Scope, name forge.TableName) ([]lake.Snapshot, error) {
	_, meta, err := t.load(ctx, scope, name)
	if err != nil {
		return nil, err
	}
	all := meta.Snapshots()
	out := make([]lake.Snapshot, 0, len(all))
	for i := range slices.Backward(all) {
		out = append(out, snapshotOf(meta, &all[i]))
	}
	return out, nil
}

// describe makes the caller's view of a table.
func (t *Tables) describe(name forge.TableName, p pointer, meta table.Metadata) lake.Table {
	out := lake.Table{
		Name: name, Schema: lakeSchema(meta.CurrentSchema(), meta.Properties()), Location: t.path(p.location),
		LastColumn: meta.LastColumnID(), Snapshots: len(meta.Snapshots()), Properties: maps.Clone(meta.Properties()), Created: p.created, Updated: p.updated,
	}
	tagged := map[int64]bool{}
	for _, ref := range meta.Refs() {
		if ref.SnapshotRefType == table.TagRef {
			tagged[ref.SnapshotID] = true
		}
	}
	out.Tagged = len(tagged)
	if cur := meta.CurrentSnapshot(); cur != nil {
		s := snapshotOf(meta, cur)
		out.Snapshot = &s
		out.Rows = s.Rows
		out.Bytes = total(cur, "total-files-size")
		out.Files = int(total(cur, "total-data-files"))
	}
	return out
}

func snapshotOf(meta table.Metadata, s *table.Snapshot) lake.Snapshot {
	out := lake.Snapshot{ID: s.SnapshotID, At: time.UnixMilli(s.TimestampMs).UTC(), Rows: total(s, "total-records"), Added: total(s, "added-records")}
	if s.ParentSnapshotID != nil {
		out.Parent = *s.ParentSnapshotID
	}
	if s.Summary != nil {
		out.Operation = string(s.Summary.Operation)
		out.Summary = maps.Clone(s.Summary.Properties)
		if out.Summary[lake.SameRows] != "" {
			out.Added = 0 // the same rows in other files
		}
	}
	for name, ref := range meta.Refs() {
		if ref.SnapshotRefType == table.TagRef && ref.SnapshotID == s.SnapshotID {
			out.Tags = append(out.Tags, name)
		}
	}
	slices.Sort(out.Tags)
	return out
}

func total(s *table.Snapshot, key string) int64 {
	if s.Summary == nil {
		return 0
	}
	n, _ := strconv.ParseInt(s.Summary.Properties[key], 10, 64)
	return n
}

// MetadataBytes is the size of the file that each commit to a table writes anew.
func (t *Tables) MetadataBytes(ctx context.Context, scope forge.Scope, name forge.TableName) (int64, error) {
	p, err := t.pointer(ctx, scope, name)
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(t.path(p.metadata))
	if err != nil {
		return 0, nil // no local copy at this moment
	}
	return info.Size(), nil
}
