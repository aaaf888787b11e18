package icebergrest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/lake/laketest"
)

// creating is the commit that makes a staged table.
func creating(meta map[string]any, location string) map[string]any {
	updates := []map[string]any{
		{"action": "assign-uuid", "uuid": meta["table-uuid"]},
		{"action": "upgrade-format-version", "format-version": meta["format-version"]},
		{"action": "add-schema", "schema": meta["schemas"].([]any)[0], "last-column-id": meta["last-column-id"]},
		{"action": "set-current-schema", "schema-id": -1},
		{"action": "add-spec", "spec": meta["partition-specs"].([]any)[0]},
		{"action": "set-default-spec", "spec-id": -1},
		{"action": "add-sort-order", "sort-order": meta["sort-orders"].([]any)[0]},
		{"action": "set-default-sort-order", "sort-order-id": -1},
		{"action": "set-location", "location": location},
		{"action": "set-properties", "updates": meta["properties"]},
	}
	return map[string]any{"requirements": []map[string]any{{"type": "assert-create"}}, "updates": updates}
}

func (w *world) stage(t *testing.T, name string) map[string]any {
	t.Helper()
	a := w.want(t, 200, "", editor, "POST", base+"/raw/tables", map[string]any{"name": name, "schema": pairsSchema, "stage-create": true})
	if a.body["metadata-location"] != nil {
		t.Errorf("a staged table has a metadata file: %s", a.text)
	}
	return metadataOf(a)
}

func TestStagedCreate(t *testing.T) {
	w := start(t)
	w.want(t, 200, "", editor, "POST", base, `{"namespace":["raw"]}`)
	meta := w.stage(t, "calls")
	location := meta["location"].(string)
	for _, dir := range []string{"data", "metadata"} { // DuckDB writes only into folders that are there
		if info, err := os.Stat(filepath.Join(strings.TrimPrefix(location, "file://"), dir)); err != nil || !info.IsDir() {
			t.Errorf("%s of the staged table: %v", dir, err)
		}
	}
	w.want(t, 404, "NoSuchTableException", editor, "GET", calls, nil)
	for _, elsewhere := range []string{"", "file:///tmp/calls", location + "/x", location + "-1", strings.TrimSuffix(location, "/calls")} {
		w.want(t, 400, "BadRequestException", editor, "POST", calls, creating(meta, elsewhere))
	}
	w.want(t, 404, "NoSuchNamespaceException", editor, "POST", base+"/none/tables/calls", creating(meta, location))
	a := w.want(t, 200, "", editor, "POST", calls, creating(meta, location))
	if made := metadataOf(a); made["table-uuid"] != meta["table-uuid"] || made["location"] != location || made["format-version"] != 2.0 {
		t.Errorf("staged %v, made %v", meta, made)
	}
	a = w.want(t, 409, "CommitFailedException", editor, "POST", calls, creating(meta, location))
	if _, text := a.failure(); text != "Requirement failed: table already exists" {
		t.Errorf("text %q", text)
	}
	if s := w.pairs(t, catalogtest.Demo, "raw.calls", 3); s.Rows != 3 {
		t.Errorf("the lake wrote %+v", s)
	}
}

// TestCreateInTransaction makes one table and changes another, or neither.
func TestCreateInTransaction(t *testing.T) {
	w := start(t)
	w.pairs(t, catalogtest.Demo, "raw.a", 1)
	meta := w.stage(t, "calls")
	made := creating(meta, meta["location"].(string))
	made["identifier"] = map[string]any{"namespace": []string{"raw"}, "name": "calls"}
	text := func(other string) string {
		data := laketest.Must(json.Marshal(made))
		return `{"table-changes":[` + string(data) + `,` + other + `]}`
	}
	w.want(t, 409, "CommitFailedException", editor, "POST", "/v1/forge/transactions/commit", text(txChange("raw.a", `{"type":"assert-create"}`, "p", "1")))
	if _, err := w.tables.Load(t.Context(), catalogtest.Demo, laketest.Name("raw.calls")); forge.KindOf(err) != forge.KindNotFound {
		t.Fatalf("half a transaction: %v", err)
	}
	w.want(t, 204, "", editor, "POST", "/v1/forge/transactions/commit", text(txChange("raw.a", "", "p", "1")))
	if w.property(t, catalogtest.Demo, "raw.a", "p") != "1" {
		t.Error("the other table did not change")
	}
	w.want(t, 200, "", editor, "GET", calls, nil)
}

// TestSchemaNamedLast makes a table as DuckDB does, which names the current schema last.
func TestSchemaNamedLast(t *testing.T) {
	w := start(t)
	w.want(t, 200, "", editor, "POST", base, `{"namespace":["raw"]}`)
	meta := w.stage(t, "calls")
	in := creating(meta, meta["location"].(string))
	updates := in["updates"].([]map[string]any)
	in["updates"] = append(append(updates[:3:3], updates[4:]...), updates[3])
	made := metadataOf(w.want(t, 200, "", editor, "POST", calls, in))
	if made["current-schema-id"] != 0.0 || len(made["schemas"].([]any)) != 1 {
		t.Errorf("made %v", made)
	}
}
