package icebergrest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/catalog/icebergrest"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
)

// bodies are what no operation takes.
var bodies = []string{
	"", "null", "{", "[]", "1", `"x"`, "\x00", `{}{}`, "<xml/>", `{"a":`, "\xff\xfe",
	`{"namespace":"raw"}`, `{"namespace":[1]}`, `{"namespace":null}`, `{"namespace":["ok"],"properties":{"a":1}}`, `{"namespace":["ok"],"properties":[]}`,
	`{"updates":[],"removals":{}}`, `{"updates":{"a":1}}`, `{"removals":[1]}`,
	`{"name":"x"}`, `{"name":"x","schema":null}`, `{"name":"x","schema":{}}`, `{"name":"x","schema":{"type":"struct","fields":null}}`, `{"name":"x","schema":{"type":"struct","fields":[{}]}}`,
	`{"name":"x","schema":{"type":"struct","fields":[{"id":1,"name":"a","type":"nonsense","required":false}]}}`,
	`{"name":"x","schema":{"type":"struct","fields":[{"id":1,"name":"a","type":"long","required":false},{"id":1,"name":"b","type":"long","required":false}]}}`,
	`{"name":"x","schema":{"type":"struct","fields":[{"id":1,"name":"a","type":"long","required":false},{"id":2,"name":"a","type":"long","required":false}]}}`,
	`{"name":"x","schema":{"type":"struct","fields":[{"id":1,"name":"a","type":{"type":"list"},"required":false}]}}`,
	`{"name":"x","schema":{"type":"struct","fields":[{"id":1,"name":"a","type":"long","required":false}]},"partition-spec":{"fields":[{"name":"p","transform":"nonsense","source-id":1}]}}`,
	`{"name":"x","schema":{"type":"struct","fields":[{"id":1,"name":"a","type":"long","required":false}]},"write-order":{"order-id":1,"fields":[{"transform":"identity","source-id":9,"direction":"asc","null-order":"nulls-first"}]}}`,
	`{"name":"x","schema":{"type":"struct","fields":[{"id":1,"name":"a","type":"long","required":false}]},"properties":{"format-version":"9"}}`,
	`{"name":"x","metadata-location":1}`, `{"name":"x","metadata-location":""}`,
	`{"requirements":[]}`, `{"updates":[]}`, `{"requirements":{},"updates":{}}`, `{"requirements":[null],"updates":[]}`, `{"requirements":[{}],"updates":[]}`, `{"requirements":[{"type":"assert-nonsense"}],"updates":[]}`,
	`{"requirements":[{"type":"assert-table-uuid","uuid":"x"}],"updates":[]}`, `{"requirements":[{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":"x"}],"updates":[]}`,
	`{"requirements":[],"updates":[null]}`, `{"requirements":[],"updates":[{}]}`, `{"requirements":[],"updates":[{"action":"nonsense"}]}`, `{"requirements":[],"updates":[{"action":1}]}`,
	`{"requirements":[],"updates":[{"action":"add-schema"}]}`, `{"requirements":[],"updates":[{"action":"add-schema","schema":null}]}`, `{"requirements":[],"updates":[{"action":"add-schema","schema":{}}]}`,
	`{"requirements":[],"updates":[{"action":"set-current-schema","schema-id":77}]}`, `{"requirements":[],"updates":[{"action":"set-current-schema","schema-id":-1}]}`,
	`{"requirements":[],"updates":[{"action":"add-snapshot"}]}`, `{"requirements":[],"updates":[{"action":"add-snapshot","snapshot":{}}]}`, `{"requirements":[],"updates":[{"action":"add-snapshot","snapshot":{"snapshot-id":5,"timestamp-ms":1,"sequence-number":1}}]}`,
	`{"requirements":[],"updates":[{"action":"set-snapshot-ref","ref-name":"main","type":"branch","snapshot-id":5}]}`, `{"requirements":[],"updates":[{"action":"set-snapshot-ref","ref-name":"main","type":"x","snapshot-id":5}]}`,
	`{"requirements":[],"updates":[{"action":"add-spec","spec":{"spec-id":1,"fields":[{"name":"p","transform":"identity","source-id":99,"field-id":1000}]}},{"action":"set-default-spec","spec-id":-1}]}`,
	`{"requirements":[],"updates":[{"action":"set-default-spec","spec-id":9}]}`, `{"requirements":[],"updates":[{"action":"set-default-sort-order","sort-order-id":9}]}`,
	`{"requirements":[],"updates":[{"action":"remove-schemas","schema-ids":[0]}]}`, `{"requirements":[],"updates":[{"action":"remove-partition-specs","spec-ids":[0]}]}`,
	`{"requirements":[],"updates":[{"action":"upgrade-format-version","format-version":1}]}`, `{"requirements":[],"updates":[{"action":"upgrade-format-version","format-version":99}]}`,
	`{"requirements":[],"updates":[{"action":"assign-uuid","uuid":"00000000-0000-0000-0000-000000000000"}]}`,
	`{"requirements":[{"type":"assert-create"}],"updates":[{"action":"set-location","location":"x"}]}`,
	`{"table-changes":[]}`, `{"table-changes":[{}]}`, `{"table-changes":[null]}`, `{"table-changes":{}}`, `{"table-changes":[{"identifier":{}}]}`, `{"table-changes":[{"identifier":{"namespace":[],"name":""},"requirements":[],"updates":[]}]}`,
	`{"source":{},"destination":{}}`, `{"source":null}`, `{"source":{"namespace":["raw"],"name":"calls"}}`, `{"source":{"namespace":["raw"],"name":"calls"},"destination":{"namespace":["a","b"],"name":"x"}}`,
	`{"report-type":1}`, `{"report-type":""}`,
}

// posts are the operations that take a body.
var posts = []string{base, base + "/raw/properties", base + "/raw/tables", base + "/raw/register", calls, base + "/raw/tables/new", calls + "/metrics", "/v1/forge/tables/rename", "/v1/forge/transactions/commit"}

// harmless are bodies that another operation than the one they are meant for may take,
// by leaving out what it does not know.
func harmless(path string) bool { return path == base+"/raw/properties" }

func TestMalformed(t *testing.T) {
	w := start(t)
	w.pairs(t, catalogtest.Demo, "raw.calls", 3)
	before := w.call(t, editor, "GET", calls, nil).text
	for _, path := range posts {
		for _, body := range bodies {
			a := w.call(t, editor, "POST", path, body)
			kind, text := a.failure()
			if a.status == 200 && harmless(path) {
				continue
			}
			if a.status < 400 || a.status >= 500 || kind == "" || text == "" {
				t.Errorf("POST %s %s: %d %s", path, body, a.status, a.text)
			}
		}
	}
	if after := w.call(t, editor, "GET", calls, nil).text; after != before {
		t.Errorf("the table changed:\n%s\n%s", before, after)
	}
	if a := w.call(t, editor, "GET", base, nil); a.text != `{"namespaces":[["raw"]],"next-page-token":null}` {
		t.Errorf("something was made: %s", a.text)
	}
	w.want(t, 400, "BadRequestException", editor, "DELETE", calls+"?purgeRequested=perhaps", nil)
	long := `{"requirements":[],"updates":[],"pad":"` + strings.Repeat("x", 17<<20) + `"}`
	w.want(t, 413, "BadRequestException", editor, "POST", calls, long)
}

// FuzzCommit sends anything as a commit: never a fault of ours, and a refusal changes
// nothing.
func FuzzCommit(f *testing.F) {
	tables := laketest.Tables(f)
	laketest.Must(tables.Create(f.Context(), catalogtest.Demo, laketest.Name("raw.calls"), laketest.Pairs, nil))
	file := laketest.WritePairs(f, tables, catalogtest.Demo, laketest.Name("raw.calls"), 0, 2)
	laketest.Must(tables.Commit(f.Context(), catalogtest.Demo, laketest.Name("raw.calls"), lake.Change{Add: []lake.DataFile{file}}))
	svc, err := icebergrest.New(f.Context(), icebergrest.Config{
		DB: laketest.DB(f), Catalog: func(s forge.Scope) icebergrest.Catalog { return tables.Catalog(s) },
	})
	if err != nil {
		f.Fatal(err)
	}
	api := httpapi.New(&gate{}, "test", nil)
	icebergrest.Register(api, svc)
	for _, body := range bodies {
		f.Add(body)
	}
	f.Add(set("a", "b", 0))
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/iceberg"+calls, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+editor)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		got, err := tables.Load(t.Context(), catalogtest.Demo, laketest.Name("raw.calls"))
		if err != nil {
			t.Errorf("after %d the table cannot be read: %v", w.Code, err)
		}
		if len(got.Schema.Columns) == 0 {
			t.Errorf("after %d the table has no columns", w.Code)
		}
	})
}
