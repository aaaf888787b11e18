package icebergrest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/apache/iceberg-go/table"
)

// snapshots says which of a table's snapshots a client wants to see.
type snapshots string

const (
	allSnapshots snapshots = "all"
	refSnapshots snapshots = "refs" // those that branches and tags point at
)

// loaded is a table in answers.
type loaded struct {
	Location string            `json:"metadata-location,omitempty"` // empty: staged
	Metadata any               `json:"metadata"`
	Config   map[string]string `json:"config,omitempty"`
}

// answerTable answers with a table, or says that the client's copy is still right. A
// metadata file never changes, so its name is what the tag is made of.
func answerTable(w http.ResponseWriter, r *http.Request, t *table.Table, which snapshots) error {
	sum := sha256.Sum256([]byte(string(which) + " " + t.MetadataLocation()))
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	w.Header().Set("ETag", tag)
	if r.Method == http.MethodGet && matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	var meta any = t.Metadata()
	if which == refSnapshots {
		var err error
		if meta, err = onlyRefs(t.Metadata()); err != nil {
			return err
		}
	}
	return answer(w, http.StatusOK, loaded{Location: t.MetadataLocation(), Metadata: meta})
}

func matches(headers []string, tag string) bool {
	for _, h := range headers {
		for _, one := range strings.Split(h, ",") {
			if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
				return true
			}
		}
	}
	return false
}

// onlyRefs is metadata without the snapshots that no branch or tag points at. The log
// keeps their times.
func onlyRefs(meta table.Metadata) (any, error) {
	wanted := map[int64]bool{}
	for _, ref := range meta.Refs() {
		wanted[ref.SnapshotID] = true
	}
	data, err := json.Marshal(meta)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	kept := []table.Snapshot{}
	for _, s := range meta.Snapshots() {
		if wanted[s.SnapshotID] {
			kept = append(kept, s)
		}
	}
	if fields["snapshots"], err = json.Marshal(kept); err != nil {
		return nil, err
	}
	return fields, nil
}
