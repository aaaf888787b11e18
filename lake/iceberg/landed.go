package iceberg

import (
	"slices"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"github.com/apache/iceberg-go/table"
)

// remember keeps the new snapshot's file list, which is known without reading it back.
func (t *Tables) remember(old, cur *table.Snapshot, ch lake.Change) {
	var before []lake.DataFile
	if old != nil && !ch.ReplaceAll {
		var ok bool
		if before, ok = t.cache.list(old.ManifestList); !ok {
			return
		}
	}
	if old == nil || old.SnapshotID != cur.SnapshotID {
		gone := make(map[string]bool, len(ch.Replace))
		for _, f := range ch.Replace {
			gone[f.Path] = true
		}
		after := slices.DeleteFunc(slices.Clone(before), func(f lake.DataFile) bool { return gone[f.Path] })
		after = append(after, ch.Add...)
		slices.SortFunc(after, func(a, b lake.DataFile) int { return strings.Compare(a.Path, b.Path) })
		t.cache.putList(cur.ManifestList, after)
	}
}

func deref(s *lake.Snapshot) lake.Snapshot {
	if s == nil {
		return lake.Snapshot{}
	}
	return *s
}

// landed finds the snapshot that already holds the change's files: the caller tries
// again because it lost the answer. Some but not all of them there is a mistake.
func (t *Tables) landed(name forge.TableName, meta table.Metadata, ch lake.Change) (*lake.Snapshot, error) {
	if len(ch.Add) == 0 || meta.CurrentSnapshot() == nil {
		return nil, nil
	}
	there, err := t.files(name, meta.CurrentSnapshot())
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(there))
	for _, f := range there {
		known[f.Path] = true
	}
	n := 0
	for _, f := range ch.Add {
		if known[f.Path] {
			n++
		}
	}
	switch n {
	case 0:
		return nil, nil
	case len(ch.Add):
		return t.holder(name, meta, ch.Add[0].Path)
	}
	return nil, forge.Errorf(forge.KindInvalid, nil, "%d of the %d files are part of table %s already", n, len(ch.Add), name)
}

// holder is the oldest snapshot that has the file.
func (t *Tables) holder(name forge.TableName, meta table.Metadata, file string) (*lake.Snapshot, error) {
	snaps := meta.Snapshots()
	found := meta.CurrentSnapshot()
	for i := len(snaps) - 1; i >= 0; i-- {
		files, err := t.files(name, &snaps[i])
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(files, func(f lake.DataFile) bool { return f.Path == file }) {
			break
		}
		found = &snaps[i]
	}
	s := snapshotOf(meta, found)
	return &s, nil
}
