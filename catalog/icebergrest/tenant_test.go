package icebergrest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/lake/laketest"
)

// TestOthersSeeNothing asks for a project's table with the tokens of another project and
// of another tenant's project of the same name.
func TestOthersSeeNothing(t *testing.T) {
	w := start(t)
	w.pairs(t, catalogtest.Demo, "raw.calls", 3)
	w.want(t, 200, "", editor, "POST", base, `{"namespace":["empty"]}`)
	metadata := w.want(t, 200, "", editor, "GET", calls, nil).body["metadata-location"].(string)
	before := w.want(t, 200, "", editor, "GET", calls, nil).text
	for _, token := range []string{stranger, namesake} {
		if a := w.want(t, 200, "", token, "GET", base, nil); a.text != `{"namespaces":[],"next-page-token":null}` {
			t.Errorf("%s sees %s", token, a.text)
		}
		for _, ns := range []string{"/raw", "/empty"} {
			w.want(t, 404, "NoSuchNamespaceException", token, "GET", base+ns, nil)
			w.want(t, 404, "NoSuchNamespaceException", token, "DELETE", base+ns, nil)
			w.want(t, 404, "NoSuchNamespaceException", token, "POST", base+ns+"/properties", `{"updates":{"a":"b"}}`)
			w.want(t, 404, "NoSuchNamespaceException", token, "GET", base+ns+"/tables", nil)
		}
		w.want(t, 404, "NoSuchTableException", token, "GET", calls, nil)
		w.want(t, 404, "", token, "HEAD", calls, nil)
		w.want(t, 404, "NoSuchTableException", token, "DELETE", calls+"?purgeRequested=true", nil)
		w.want(t, 404, "NoSuchTableException", token, "POST", calls, set("stolen", "1", 0))
		w.want(t, 404, "NoSuchTableException", token, "POST", "/v1/forge/transactions/commit", `{"table-changes":[`+txChange("raw.calls", "", "stolen", "1")+`]}`)
		w.want(t, 200, "", token, "POST", base, `{"namespace":["raw"]}`)
		w.want(t, 404, "NoSuchTableException", token, "POST", "/v1/forge/tables/rename", `{"source":{"namespace":["raw"],"name":"calls"},"destination":{"namespace":["raw"],"name":"mine"}}`)
		a := w.want(t, 400, "BadRequestException", token, "POST", base+"/raw/register", map[string]any{"name": "mine", "metadata-location": metadata})
		if _, text := a.failure(); strings.Contains(text, "snapshot") {
			t.Errorf("the refusal tells of the file: %s", text)
		}
		// The same name is another table.
		w.want(t, 200, "", token, "POST", base+"/raw/tables", map[string]any{"name": "calls", "schema": pairsSchema})
	}
	if after := w.want(t, 200, "", editor, "GET", calls, nil).text; after != before {
		t.Errorf("the table changed:\n%s\n%s", before, after)
	}
}

// TestOthersFiles commits metadata that names files of another project: reading the
// table would read them, and thinning its history remove them.
func TestOthersFiles(t *testing.T) {
	w := start(t)
	snap := w.pairs(t, catalogtest.Demo, "raw.calls", 3)
	theirs := listOf(t, w.want(t, 200, "", editor, "GET", calls, nil))
	w.want(t, 200, "", stranger, "POST", base, `{"namespace":["raw"]}`)
	mine := metadataOf(w.want(t, 200, "", stranger, "POST", base+"/raw/tables", map[string]any{"name": "calls", "schema": pairsSchema}))
	location := mine["location"].(string)
	copied := filepath.Join(strings.TrimPrefix(location, "file://"), "metadata", "snap.avro")
	data, err := os.ReadFile(strings.TrimPrefix(theirs, "file://"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string]string{
		"their list":            theirs,
		"our list, their files": "file://" + copied,
		"by a way around":       location + "/" + laketest.Must(filepath.Rel(strings.TrimPrefix(location, "file://"), strings.TrimPrefix(theirs, "file://"))),
		"not a list":            "file:///etc/hostname",
		"not there":             location + "/metadata/none.avro",
		"no path":               "x",
	} {
		body := fmt.Sprintf(`{"requirements":[],"updates":[{"action":"add-snapshot","snapshot":{"snapshot-id":%d,"sequence-number":1,"timestamp-ms":%d,"manifest-list":%q,"summary":{"operation":"append"},"schema-id":0}},{"action":"set-snapshot-ref","ref-name":"main","type":"branch","snapshot-id":%d}]}`,
			snap.ID, snap.At.UnixMilli()+1000, list, snap.ID)
		a := w.call(t, stranger, "POST", calls, body)
		kind, text := a.failure()
		if a.status != 400 || kind != "BadRequestException" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
		if name == "by a way around" && !strings.Contains(text, "its manifest list") {
			t.Errorf("%s was followed: %s", name, text)
		}
	}
	for what, update := range map[string]string{
		"location":   `{"action":"set-location","location":"file:///tmp"}`,
		"statistics": fmt.Sprintf(`{"action":"set-statistics","snapshot-id":%d,"statistics":{"snapshot-id":%d,"statistics-path":%q,"file-size-in-bytes":1,"file-footer-size-in-bytes":1,"blob-metadata":[]}}`, snap.ID, snap.ID, theirs),
		"version":    `{"action":"upgrade-format-version","format-version":3}`,
	} {
		w.want(t, 400, "BadRequestException", stranger, "POST", calls, `{"requirements":[],"updates":[`+update+`]}`)
		_ = what
	}
	if files, _, err := w.tables.Files(t.Context(), catalogtest.Other, laketest.Name("raw.calls"), 0); err != nil || len(files) != 0 {
		t.Errorf("the other project's table has files %v, %v", files, err)
	}
}

func listOf(t *testing.T, a answer) string {
	t.Helper()
	all := metadataOf(a)["snapshots"].([]any)
	return all[0].(map[string]any)["manifest-list"].(string)
}

// TestRegisterOnlyOwn: a metadata file may claim anything.
func TestRegisterOnlyOwn(t *testing.T) {
	w := start(t)
	w.pairs(t, catalogtest.Demo, "raw.calls", 3)
	w.want(t, 200, "", stranger, "POST", base, `{"namespace":["raw"]}`)
	mine := metadataOf(w.want(t, 200, "", stranger, "POST", base+"/raw/tables", map[string]any{"name": "own", "schema": pairsSchema}))["location"].(string)
	theirs := w.want(t, 200, "", editor, "GET", calls, nil)
	claim := filepath.Join(strings.TrimPrefix(mine, "file://"), "metadata", "claim.metadata.json")
	text := laketest.Must(os.ReadFile(strings.TrimPrefix(theirs.body["metadata-location"].(string), "file://")))
	for _, location := range []string{"", mine, mine + "/data", "file:///"} {
		doc := string(text)
		if location != "" {
			doc = strings.Replace(doc, `"location":"`+metadataOf(theirs)["location"].(string)+`"`, `"location":"`+location+`"`, 1)
		}
		if err := os.WriteFile(claim+"."+fmt.Sprint(len(location)), []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		w.want(t, 400, "BadRequestException", stranger, "POST", base+"/raw/register", map[string]any{"name": "stolen", "metadata-location": "file://" + claim + "." + fmt.Sprint(len(location))})
	}
	for _, location := range []string{"", "x", "file:///etc/passwd", "s3://b/x.metadata.json", mine, mine + "/metadata/none.json"} {
		w.want(t, 400, "BadRequestException", stranger, "POST", base+"/raw/register", map[string]any{"name": "stolen", "metadata-location": location})
	}
	if _, err := w.tables.Load(t.Context(), catalogtest.Other, laketest.Name("raw.stolen")); forge.KindOf(err) != forge.KindNotFound {
		t.Errorf("it is there: %v", err)
	}
}
