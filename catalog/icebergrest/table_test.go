package icebergrest_test

import (
	"os"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
)

var pairsSchema = map[string]any{"type": "struct", "schema-id": 0, "fields": []map[string]any{
	{"id": 1, "name": "n", "type": "long", "required": false},
	{"id": 2, "name": "text", "type": "string", "required": false},
}}

const calls = base + "/raw/tables/calls"

func metadataOf(a answer) map[string]any { m, _ := a.body["metadata"].(map[string]any); return m }

func TestLoad(t *testing.T) {
	w := start(t)
	first := w.pairs(t, catalogtest.Demo, "raw.calls", 3)
	second := w.pairs(t, catalogtest.Demo, "raw.calls", 4)
	a := w.want(t, 200, "", viewer, "GET", calls, nil)
	meta := metadataOf(a)
	if !strings.HasPrefix(meta["location"].(string), "file:///") || !strings.HasPrefix(a.body["metadata-location"].(string), meta["location"].(string)+"/metadata/") {
		t.Errorf("location %v, metadata at %v", meta["location"], a.body["metadata-location"])
	}
	if !strings.Contains(a.text, `"snapshot-id":`+itoa(first.ID)) || !strings.Contains(a.text, `"current-snapshot-id":`+itoa(second.ID)) {
		t.Errorf("snapshots %d and %d are not in %s", first.ID, second.ID, a.text)
	}
	a = w.want(t, 200, "", viewer, "GET", calls+"?snapshots=refs", nil)
	if list := metadataOf(a)["snapshots"].([]any); len(list) != 1 || !strings.Contains(a.text, itoa(second.ID)) {
		t.Errorf("with snapshots=refs: %v", list)
	}
	w.want(t, 400, "BadRequestException", viewer, "GET", calls+"?snapshots=some", nil)
	w.want(t, 204, "", viewer, "HEAD", calls, nil)
	w.want(t, 404, "", viewer, "HEAD", calls+"x", nil)
	a = w.want(t, 404, "NoSuchTableException", viewer, "GET", calls+"x", nil)
	if _, text := a.failure(); text != "Table does not exist: raw.callsx" {
		t.Errorf("text %q", text)
	}
	w.want(t, 204, "", viewer, "POST", calls+"/metrics", `{"report-type":"scan-report","table-name":"calls"}`)
}

func TestETag(t *testing.T) {
	w := start(t)
	w.pairs(t, catalogtest.Demo, "raw.calls", 3)
	tag := w.want(t, 200, "", viewer, "GET", calls, nil).header.Get("ETag")
	a := w.want(t, 304, "", viewer, "GET", calls, nil, "If-None-Match", `"other", W/`+tag)
	if a.text != "" || a.header.Get("ETag") != tag {
		t.Errorf("304 with body %q and tag %q", a.text, a.header.Get("ETag"))
	}
	w.want(t, 200, "", viewer, "GET", calls+"?snapshots=refs", nil, "If-None-Match", tag)
	w.pairs(t, catalogtest.Demo, "raw.calls", 1)
	if next := w.want(t, 200, "", viewer, "GET", calls, nil, "If-None-Match", tag).header.Get("ETag"); next == tag {
		t.Error("the tag stayed although the table changed")
	}
}

func TestCreate(t *testing.T) {
	w := start(t)
	in := map[string]any{
		"name": "calls", "schema": pairsSchema, "properties": map[string]string{"owner": "me"},
		"partition-spec": map[string]any{"spec-id": 0, "fields": []map[string]any{{"name": "n_bucket", "transform": "bucket[4]", "source-id": 1}}},
		"write-order":    map[string]any{"order-id": 1, "fields": []map[string]any{{"transform": "identity", "source-id": 2, "direction": "asc", "null-order": "nulls-first"}}},
	}
	w.want(t, 404, "NoSuchNamespaceException", editor, "POST", base+"/raw/tables", in)
	w.want(t, 200, "", editor, "POST", base, `{"namespace":["raw"]}`)
	meta := metadataOf(w.want(t, 200, "", editor, "POST", base+"/raw/tables", in))
	props := meta["properties"].(map[string]any)
	if meta["format-version"] != 2.0 || props["owner"] != "me" || props["write.metadata.delete-after-commit.enabled"] != "true" {
		t.Errorf("made %v", meta)
	}
	if fields := meta["partition-specs"].([]any)[0].(map[string]any)["fields"].([]any); len(fields) != 1 {
		t.Errorf("partition fields %v", fields)
	}
	w.want(t, 409, "AlreadyExistsException", editor, "POST", base+"/raw/tables", in)
	for name, change := range map[string]func(map[string]any){
		"location elsewhere": func(m map[string]any) { m["location"] = "file:///tmp/elsewhere" },
		"location above":     func(m map[string]any) { m["location"] = strings.TrimSuffix(meta["location"].(string), "/raw/calls") },
		"location of other":  func(m map[string]any) { m["location"] = meta["location"] },
		"version 3":          func(m map[string]any) { m["properties"] = map[string]string{"format-version": "3"} },
		"version x":          func(m map[string]any) { m["properties"] = map[string]string{"format-version": "x"} },
		"no schema":          func(m map[string]any) { delete(m, "schema") },
		"no such source": func(m map[string]any) {
			m["partition-spec"] = map[string]any{"fields": []map[string]any{{"name": "p", "transform": "identity", "source-id": 77}}}
		},
	} {
		bad := map[string]any{"name": "other", "schema": pairsSchema}
		change(bad)
		if a := w.call(t, editor, "POST", base+"/raw/tables", bad); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	if _, err := w.tables.Load(t.Context(), catalogtest.Demo, laketest.Name("raw.other")); forge.KindOf(err) != forge.KindNotFound {
		t.Errorf("a refused table is there: %v", err)
	}
}

// TestFoldersAreNotShared: a table that keeps its folder under another name, or leaves
// it behind, does not lose its files to the next table of its old name.
func TestFoldersAreNotShared(t *testing.T) {
	w := start(t)
	w.pairs(t, catalogtest.Demo, "raw.calls", 3)
	rename := map[string]any{"source": map[string]any{"namespace": []string{"raw"}, "name": "calls"}, "destination": map[string]any{"namespace": []string{"raw"}, "name": "kept"}}
	w.want(t, 204, "", editor, "POST", "/v1/forge/tables/rename", rename)
	w.want(t, 404, "NoSuchTableException", editor, "POST", "/v1/forge/tables/rename", rename)
	w.pairs(t, catalogtest.Demo, "raw.calls", 5) // the lake's own way
	w.want(t, 409, "AlreadyExistsException", editor, "POST", "/v1/forge/tables/rename", rename)
	w.want(t, 204, "", editor, "DELETE", calls+"?purgeRequested=true", nil)
	if files, _, err := w.tables.Files(t.Context(), catalogtest.Demo, laketest.Name("raw.kept"), 0); err != nil || laketest.RowsOf(files) != 3 || gone(files) {
		t.Errorf("the renamed table lost files: %v %v", files, err)
	}
	metadata := w.want(t, 200, "", editor, "GET", base+"/raw/tables/kept", nil).body["metadata-location"].(string)
	w.want(t, 204, "", editor, "DELETE", base+"/raw/tables/kept", nil)
	w.want(t, 200, "", editor, "POST", base, `{"namespace":["back"]}`)
	w.want(t, 404, "NoSuchTableException", editor, "GET", base+"/raw/tables/kept", nil)
	w.want(t, 200, "", editor, "POST", base+"/back/register", map[string]any{"name": "again", "metadata-location": metadata})
	w.want(t, 409, "AlreadyExistsException", editor, "POST", base+"/back/register", map[string]any{"name": "twice", "metadata-location": metadata})
	if files, _, err := w.tables.Files(t.Context(), catalogtest.Demo, laketest.Name("back.again"), 0); err != nil || laketest.RowsOf(files) != 3 || gone(files) {
		t.Errorf("the registered table: %v %v", files, err)
	}
}

func gone(files []lake.DataFile) bool {
	for _, f := range files {
		if _, err := os.Stat(f.Path); err != nil {
			return true
		}
	}
	return len(files) == 0
}
