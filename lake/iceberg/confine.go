package iceberg

import (
	"path/filepath"
	"strings"

	"aiforge.dev/forge"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// confine refuses metadata of another program that names files outside the table's
// folder: they could be another project's, which readers would then see and the
// thinning of old snapshots remove. base is what is known to be in order; nil for a
// table that is new here.
func (t *Tables) confine(name forge.TableName, base, next table.Metadata) error {
	if next.Version() > 2 {
		return forge.Errorf(forge.KindInvalid, nil, "table %s: format version %d: this lake reads and writes versions 1 and 2; leave format-version out", name, next.Version())
	}
	in := inside{t, name, t.path(next.Location()) + string(filepath.Separator)}
	for s := range next.Statistics() {
		if err := in.check("statistics", s.StatisticsPath); err != nil {
			return err
		}
	}
	for s := range next.PartitionStatistics() {
		if err := in.check("statistics", s.StatisticsPath); err != nil {
			return err
		}
	}
	if base == nil {
		for e := range next.PreviousFiles() {
			if err := in.check("metadata file", e.MetadataFile); err != nil {
				return err
			}
		}
	}
	known := map[string]bool{}
	for _, s := range next.Snapshots() {
		if base != nil && base.SnapshotByID(s.SnapshotID) != nil {
			continue
		}
		if err := t.confineSnapshot(in, base, s, known); err != nil {
			return err
		}
	}
	return nil
}

// confineSnapshot checks one new snapshot. Manifests that an older snapshot has were
// checked with it.
func (t *Tables) confineSnapshot(in inside, base table.Metadata, s table.Snapshot, known map[string]bool) error {
	lists := s.ManifestLocations
	if s.ManifestList != "" {
		lists = []string{s.ManifestList}
	}
	for _, l := range lists {
		if err := in.check("manifest list", l); err != nil {
			return err
		}
	}
	if base != nil && s.ParentSnapshotID != nil {
		if parent := base.SnapshotByID(*s.ParentSnapshotID); parent != nil {
			if old, err := parent.Manifests(t.fs); err == nil {
				for _, m := range old {
					known[m.FilePath()] = true
				}
			}
		}
	}
	unread := func(err error) error {
		return forge.Errorf(forge.KindInvalid, err, "table %s: the file list of snapshot %d cannot be read: is the program that wrote it on this machine, with the same data folder?", in.name, s.SnapshotID)
	}
	manifests, err := s.Manifests(t.fs)
	if err != nil {
		return unread(err)
	}
	for _, m := range manifests {
		if err := in.check("manifest", m.FilePath()); err != nil {
			return err
		}
		if known[m.FilePath()] {
			continue
		}
		known[m.FilePath()] = true
		for e, err := range m.Entries(t.fs, true) {
			if err != nil {
				return unread(err)
			}
			if m.ManifestContent() != ice.ManifestContentData {
				return forge.Errorf(forge.KindInvalid, nil, "table %s: row-level deletes (merge-on-read) would make it unreadable for all that is built on it here: delete and update by copy-on-write (write.delete.mode, write.update.mode, write.merge.mode)", in.name)
			}
			if err := in.check("data file", e.DataFile().FilePath()); err != nil {
				return err
			}
		}
	}
	return nil
}

// inside is a table and its folder, with the separator at its end.
type inside struct {
	t    *Tables
	name forge.TableName
	dir  string
}

func (in inside) check(what, loc string) error {
	p := in.t.path(loc)
	if strings.HasPrefix(p, in.dir) && filepath.Clean(p) == p {
		return nil
	}
	return forge.Errorf(forge.KindInvalid, nil, "table %s: its %s %s lies outside the table's folder; write below the table's location", in.name, what, loc)
}
