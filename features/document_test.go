package features_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
)

const small = `entities:
  - name: call
    keys: [call_id]
views:
  - name: call_profile
    entity: call
    table: curated.calls
    event_time: call_time
    columns: [age, job]
    ttl: 30d
    online: true
`

func TestParseDocument(t *testing.T) {
	doc, err := features.ParseDocument([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	v := doc.Views[0]
	if doc.Entities[0].Keys[0] != "call_id" || v.Table.String() != "curated.calls" || !v.Online || v.TTL != "30d" || len(v.Columns) != 2 {
		t.Errorf("%+v", doc)
	}
	asJSON, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := features.ParseDocument(asJSON); err != nil || !reflect.DeepEqual(again, doc) {
		t.Errorf("as JSON: %+v, %v", again, err)
	}
}

func TestParseDocumentRefuses(t *testing.T) {
	for in, path := range map[string]string{
		"":   "",
		"{}": "",
		strings.Replace(small, "event_time", "eventtime", 1):           "line 8",
		strings.Replace(small, "    keys", "    kyes", 1):              "line 3",
		strings.Replace(small, "online: true", "online: sometimes", 1): "line 11",
		strings.Replace(small, "views:", "views: {", 1):                "line ",
		strings.Replace(small, "curated.calls", "calls", 1):            "",
		small + "---\nviews: []\n":                                     "",
		small + "entities: []\n":                                       "line 12",
		strings.Repeat(" ", features.MaxDocument+1):                    "",
	} {
		_, err := features.ParseDocument([]byte(in))
		var e *forge.Error
		if !errors.As(err, &e) || e.Kind != forge.KindInvalid {
			t.Errorf("%.60q: %v", in, err)
			continue
		}
		if path != "" && (len(e.Detail) == 0 || !strings.HasPrefix(e.Detail[0].Path, path)) {
			t.Errorf("%.300q: %v, want it at %q", in, e.Detail, path)
		}
		if strings.Contains(e.Text, "features.View") || strings.Contains(e.Text, "unmarshal") {
			t.Errorf("a text for programmers: %s", e.Text)
		}
	}
}

// FuzzParseDocument: any bytes give a document or an error that says it is invalid.
func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("views: [{name: &a x, entity: *a}]"))
	f.Add([]byte(`{"entities": [{"name": "e", "keys": []}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := features.ParseDocument(b)
		if err != nil {
			if !errors.Is(err, forge.ErrInvalid) {
				t.Errorf("%q: %v", b, err)
			}
			return
		}
		asJSON, err := json.Marshal(doc)
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		again, err := features.ParseDocument(asJSON)
		if err != nil {
			t.Fatalf("%q: its JSON %s: %v", b, asJSON, err)
		}
		if second, err := json.Marshal(again); err != nil || string(second) != string(asJSON) {
			t.Errorf("%q: %s became %s, %v", b, asJSON, second, err)
		}
	})
}
