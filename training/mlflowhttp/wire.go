package mlflowhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
)

// The requests are proto-JSON: 64-bit numbers may be texts, NaN and infinities are, a
// list in a query is a repeated key, and unknown fields are passed over.

// whole is a 64-bit number, as a number or as a text.
type whole int64

func (n *whole) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "null" || s == "" {
		return nil
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(s, 64)
		if ferr != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			return forge.Errorf(forge.KindInvalid, err, "%.60s is not a whole number", s)
		}
		v = int64(f)
	}
	*n = whole(v)
	return nil
}

// real is a number, or the text NaN, Infinity or -Infinity.
type real float64

func (n *real) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "null" {
		return nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return forge.Errorf(forge.KindInvalid, err, "%.60s is not a number", s)
	}
	*n = real(v)
	return nil
}

func (n real) MarshalJSON() ([]byte, error) {
	switch v := float64(n); {
	case math.IsNaN(v):
		return []byte(`"NaN"`), nil
	case math.IsInf(v, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-Infinity"`), nil
	}
	return json.Marshal(float64(n))
}

// flag is a truth value, in a query a text.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	switch strings.ToLower(strings.Trim(string(b), `"`)) {
	case "true", "1":
		*f = true
	case "false", "0", "", "null":
	default:
		return forge.Errorf(forge.KindInvalid, nil, "%.60s is neither true nor false", b)
	}
	return nil
}

// texts is a list; in a query a single value is one too.
type texts []string

func (l *texts) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(l))
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if string(b) != "null" {
		*l = texts{s}
	}
	return nil
}

// text is a string; old clients send numbers for ids, and a long text in a query came
// as it is.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		return nil
	case len(b) > 0 && b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	case len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9'):
		*t = text(b)
		return nil
	}
	return forge.Errorf(forge.KindInvalid, nil, "%.60s is not a text", b)
}

// read decodes a request: its query for GET, its body otherwise.
func read(r *http.Request, into any) error {
	var body []byte
	var err error
	if r.Method == http.MethodGet {
		body, err = fromQuery(r.URL.Query())
	} else {
		body, err = io.ReadAll(r.Body)
	}
	if err != nil {
		var tooLong *http.MaxBytesError
		if errors.As(err, &tooLong) {
			return coded(http.StatusRequestEntityTooLarge, "INVALID_PARAMETER_VALUE", fmt.Sprintf("the request has more than %d bytes: send it in parts", tooLong.Limit))
		}
		return forge.Errorf(forge.KindInvalid, err, "the request broke off")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if hasNUL(body) {
		return forge.Errorf(forge.KindInvalid, nil, "the request holds a NUL sign")
	}
	if err := json.Unmarshal(body, into); err != nil {
		if forge.KindOf(err) == forge.KindInvalid {
			return err
		}
		var field *json.UnmarshalTypeError
		if errors.As(err, &field) {
			return forge.Errorf(forge.KindInvalid, err, "field %q of the request is a JSON %s, which does not fit", field.Field, field.Value)
		}
		return forge.Errorf(forge.KindInvalid, err, "the request is not a JSON object")
	}
	return nil
}

// fromQuery makes a JSON object of a query.
func fromQuery(q url.Values) ([]byte, error) {
	m := map[string]any{}
	for k, v := range q {
		if k = strings.TrimSuffix(k, "[]"); len(v) == 1 {
			m[k] = v[0]
		} else {
			m[k] = v
		}
	}
	return json.Marshal(m)
}

// hasNUL finds the escape \u0000, which no database takes in a text.
func hasNUL(b []byte) bool {
	for i := 0; ; {
		j := bytes.Index(b[i:], []byte(`\u0000`))
		if j < 0 {
			return false
		}
		back := 0
		for k := i + j; k >= 0 && b[k] == '\\'; k-- {
			back++
		}
		if back%2 == 1 {
			return true
		}
		i += j + 6
	}
}

func write(w http.ResponseWriter, answer any) error {
	b, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(b)
	return err
}

// call is one operation of the API: path is below /api/2.0/mlflow/.
type call struct {
	id, method, path, summary string
	perm                      forge.Permission
	quiet                     bool
	most                      int64 // bytes of a request; 0: 1 MiB
}

// handle registers an operation that takes and gives JSON.
func handle[In any](s *httpapi.Server, c call, f func(ctx context.Context, scope forge.Scope, in In) (any, error)) {
	handleRequest(s, c, func(r *http.Request, scope forge.Scope, in In) (any, error) { return f(r.Context(), scope, in) })
}

// handleRequest is handle for those who need the path too.
func handleRequest[In any](s *httpapi.Server, c call, f func(r *http.Request, scope forge.Scope, in In) (any, error)) {
	op := httpapi.Op{ID: "mlflow-" + c.id, Method: c.method, Path: Root + "/api/2.0/mlflow/" + c.path, Summary: "MLflow: " + c.summary, Tag: "mlflow", Perm: c.perm, Quiet: c.quiet || c.perm == forge.PermRead, MaxBody: c.most, Refuse: refuse}
	s.HandleRaw(op, func(w http.ResponseWriter, r *http.Request) error {
		scope, err := forge.ScopeFrom(r.Context())
		if err != nil {
			return err
		}
		var in In
		if err := read(r, &in); err != nil {
			return err
		}
		out, err := f(r, scope, in)
		if err != nil {
			return err
		}
		return write(w, out)
	})
}

// none is the answer of an operation that gives nothing.
type none struct{}
