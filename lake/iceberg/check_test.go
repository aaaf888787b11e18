package iceberg_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
)

// TestCheck: a warehouse is whole where it was made and where it has been moved; what is
// wrong with it is named, also what no lost file shows.
func TestCheck(t *testing.T) {
	base := t.TempDir()
	db, root, moved := laketest.DB(t), filepath.Join(base, "a"), filepath.Join(base, "b c")
	tables := laketest.Must(iceberg.New(db, root, iceberg.Config{}))
	fillWarehouse(t, tables)
	files, _, err := tables.Files(t.Context(), laketest.Scope, laketest.Name("raw.calls"), 0)
	must(t, err)
	whole := func(at string) map[string]iceberg.Checked {
		out := map[string]iceberg.Checked{}
		for _, c := range laketest.Must(iceberg.Check(t.Context(), db, at)) {
			out[c.Name.String()] = c
			if len(c.Wrong) > 0 {
				t.Errorf("at %s, %s: %q", at, c.Name, c.Wrong)
			}
		}
		return out
	}
	var bytes int64
	for _, f := range files {
		bytes += f.Size
	}
	got := whole(root)
	if c := got["raw.calls"]; len(got) != 3 || c.Snapshots != 3 || c.Files != 3 || c.Bytes != bytes || c.Properties["offset"] != "3" {
		t.Errorf("%d tables, %+v, want 3 files with %d bytes", len(got), c, bytes)
	}
	must(t, os.Rename(root, moved))
	whole(moved)

	// A manifest that names the file of another one: both are there, with their sizes.
	var manifests []string
	for _, m := range laketest.Must(filepath.Glob(filepath.Join(moved, "*/*/raw/calls/metadata/*.avro"))) {
		if !strings.HasPrefix(filepath.Base(m), "snap-") {
			manifests = append(manifests, m)
		}
	}
	for _, m := range manifests {
		raw := laketest.Must(os.ReadFile(m))
		raw = laketest.Must(iceberg.RewriteAvro(raw, func(r map[string]any) error {
			f := r["data_file"].(map[string]any)
			f["file_path"], f["file_size_in_bytes"] = tables.URI(files[0].Path), files[0].Size
			return nil
		}))
		must(t, os.WriteFile(m, raw, 0o600))
	}
	// A tag whose snapshot is not there.
	newest := laketest.Must(filepath.Glob(filepath.Join(moved, "*/*/raw/before/metadata/*.json")))
	var doc map[string]any
	at := newest[len(newest)-1]
	must(t, json.Unmarshal(laketest.Must(os.ReadFile(at)), &doc))
	doc["snapshots"] = []any{}
	must(t, os.WriteFile(at, laketest.Must(json.Marshal(doc)), 0o600))

	wrong := map[string]string{}
	for _, c := range laketest.Must(iceberg.Check(t.Context(), db, moved)) {
		wrong[c.Name.String()] = strings.Join(c.Wrong, "\n")
	}
	if w := wrong["raw.calls"]; !strings.Contains(w, filepath.Base(files[0].Path)+" twice") || strings.Contains(w, "cannot be read") {
		t.Errorf("raw.calls: %q", w)
	}
	if w := wrong["raw.orders"]; !strings.Contains(w, "snapshot") {
		t.Errorf("raw.orders: %q", w)
	}
	if w := wrong["raw.empty"]; w != "" {
		t.Errorf("raw.empty: %q", w)
	}
}
