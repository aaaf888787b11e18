package httpapi_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
)

// TestHostileBodies: what readers of JSON could take differently, or that grows in
// memory, is refused before the handler sees it.
func TestHostileBodies(t *testing.T) {
	type part struct {
		Size int `json:"size" maximum:"9"`
		Kind int `json:"kind,omitempty"`
	}
	type in struct {
		Body struct {
			Name string         `json:"name"`
			Part part           `json:"part,omitempty"`
			Free map[string]any `json:"free,omitempty"`
		}
	}
	s := httpapi.New(&gate{}, "test", nil)
	var got []string
	httpapi.Handle(s, httpapi.Op{ID: "hostile", Method: "POST", Path: "/api/hostile", Perm: forge.PermWrite, MaxBody: 4 << 20}, func(_ context.Context, in *in) (*struct{}, error) {
		got = append(got, fmt.Sprintf("%q %d", in.Body.Name, in.Body.Part.Size))
		return nil, nil
	})
	deep := strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)
	for _, c := range []struct {
		what, body string
		status     int
		word       string
	}{
		{"plain", `{"name":"a","free":{"name":1,"b":[{"name":2},{"name":3}]}}`, 204, ""},
		{"a pair of surrogates", `{"name":"\ud83e\udd8a"}`, 204, ""},
		{"half a pair", `{"name":"\ud83e"}`, 204, ""}, // is U+FFFD, as for every reader in Go
		{"a name twice", `{"name":"a","name":"b"}`, 400, "twice"},
		{"the same twice", `{"name":"a","name":"a"}`, 400, "twice"},
		{"twice, once escaped", `{"name":"a","n\u0061me":"b"}`, 400, "twice"},
		{"another case", `{"name":"a","NAME":"b"}`, 422, "NAME"},
		{"a part in another case", `{"name":"a","part":{"size":1},"Part":{"SIZE":99}}`, 422, "Part"},
		{"a letter that folds", `{"name":"a","part":{"size":1,"ſize":99}}`, 422, "ize"},
		{"a part that the check does not see", `{"name":"a","part":{"size":99},"part":{"size":1}}`, 400, "twice"},
		{"a part put together from two", `{"name":"a","part":{"size":99},"part":{"kind":1}}`, 400, "twice"},
		{"twice in something free", `{"name":"a","free":{"x":{"y":1,"y":2}}}`, 400, `\"y\" is given twice`},
		{"deep", `{"name":"a","free":` + deep + `}`, 400, "depth"},
		{"deep arrays", `{"name":"a","free":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, 400, "depth"},
		{"as deep as may be", `{"name":"a","free":` + strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000) + `}`, 204, ""},
		{"a huge exponent", `{"name":"a","free":{"x":1e999}}`, 400, "1e999"},
		{"400 digits", `{"name":"a","free":{"x":` + strings.Repeat("9", 400) + `}}`, 400, "number"},
		{"300 digits for a small number", `{"name":"a","part":{"size":-` + strings.Repeat("9", 300) + `}}`, 422, "number"},
		{"not UTF-8", "{\"name\":\"a\xff\"}", 400, "UTF-8"},
		{"a key that is not UTF-8", "{\"name\":\"a\",\"free\":{\"\xff\":1}}", 400, "UTF-8"},
		{"more after it", `{"name":"a"}{"name":"b"}`, 400, "after top-level value"},
		{"UTF-16", "\xff\xfe{\x00}\x00", 400, "invalid character"},
	} {
		got = nil
		r := httptest.NewRequest("POST", "/api/hostile", strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer owner")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		text := w.Body.String()
		if w.Code != c.status || !strings.Contains(text, c.word) || len(text) > 4096 || (len(got) > 0) != (c.status == 204) {
			t.Errorf("%s: %d %.300s, want %d %q; handled %q", c.what, w.Code, text, c.status, c.word, got)
		}
	}
}
