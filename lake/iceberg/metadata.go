package iceberg

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"aiforge.dev/forge/lake"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
)

// writeMetadata writes a metadata file and returns its URI.
func (t *Tables) writeMetadata(meta table.Metadata, version int) (string, error) {
	data, err := json.Marshal(meta)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(t.path(meta.Location()), "metadata")
	loc := t.uri(filepath.Join(dir, fmt.Sprintf("%05d-%s.metadata.json", version, uuid.New())))
	if err := t.fs.WriteFile(loc, data); err != nil {
		return "", err
	}
	return loc, t.fs.settle(t.path(meta.Location()))
}

// version reads the number in a metadata file's name; -1 when there is none.
func version(loc string) int {
	number, _, _ := strings.Cut(filepath.Base(loc), "-")
	n, err := strconv.Atoi(number)
	if err != nil {
		return -1
	}
	return n
}

// emptySnapshot makes a snapshot that adds no files: the record that something was
// done and found no rows. iceberg-go makes none in that case.
func (t *Tables) emptySnapshot(meta table.Metadata, ch lake.Change) ([]table.Update, error) {
	snap := table.Snapshot{
		SnapshotID: newSnapshotID(meta), SequenceNumber: meta.LastSequenceNumber() + 1, TimestampMs: t.cfg.Now().UnixMilli(),
		Summary: &table.Summary{Operation: table.OpAppend, Properties: ice.Properties{"total-records": "0", "total-data-files": "0", "total-files-size": "0"}},
	}
	schemaID := meta.CurrentSchema().ID
	snap.SchemaID = &schemaID
	var manifests []ice.ManifestFile
	if cur := meta.CurrentSnapshot(); cur != nil {
		snap.ParentSnapshotID = &cur.SnapshotID
		snap.TimestampMs = max(snap.TimestampMs, cur.TimestampMs)
		var err error
		if manifests, err = cur.Manifests(t.fs); err != nil {
			return nil, err
		}
		for _, key := range []string{"total-records", "total-data-files", "total-files-size"} {
			snap.Summary.Properties[key] = strconv.FormatInt(total(cur, key), 10)
		}
	}
	for k, v := range ch.Summary {
		snap.Summary.Properties[k] = v
	}
	snap.ManifestList = t.uri(filepath.Join(t.path(meta.Location()), "metadata", fmt.Sprintf("snap-%d-0-%s.avro", snap.SnapshotID, uuid.New())))
	out, err := t.fs.Create(snap.ManifestList)
	if err != nil {
		return nil, err
	}
	err = ice.WriteManifestList(meta.Version(), out, snap.SnapshotID, snap.ParentSnapshotID, &snap.SequenceNumber, 0, manifests)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return []table.Update{
		table.NewAddSnapshotUpdate(&snap),
		table.NewSetSnapshotRefUpdate(table.MainBranch, snap.SnapshotID, table.BranchRef, 0, 0, 0),
	}, err
}

func newSnapshotID(meta table.Metadata) int64 {
	for {
		u := uuid.New()
		var id int64
		for _, b := range u[:8] {
			id = id<<8 | int64(b)
		}
		id &= 1<<62 - 1 // positive, and exact in more readers
		if id != 0 && meta.SnapshotByID(id) == nil {
			return id
		}
	}
}
