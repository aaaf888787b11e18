package oip_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving/oip"
	"aiforge.dev/forge/serving/servingtest"
)

const length = "Inference-Header-Content-Length"

type world struct {
	servingtest.Client
	t   *testing.T
	log *servingtest.Observations
}

func open(t *testing.T, change func(*oip.Config)) world {
	t.Helper()
	models := servingtest.NewModels(t)
	r := servingtest.NewRouter(t, models, models)
	if _, err := r.Deploy(t.Context(), servingtest.Scope, "calls", "calls/3"); err != nil {
		t.Fatal(err)
	}
	w := world{t: t, log: &servingtest.Observations{}}
	cfg := oip.Config{Deployments: r, Observer: w.log, Version: "test"}
	if change != nil {
		change(&cfg)
	}
	w.Client = servingtest.Serve(t, func(s *httpapi.Server) { oip.Register(s, oip.New(cfg)) })
	return w
}

func p(age, job any) float32 { return servingtest.BinaryScore(age, job, servingtest.Shift(3)) }

type output struct {
	Name       string
	Datatype   string
	Shape      []int
	Data       []any
	Parameters map[string]int
}

type answer struct {
	ModelName    string `json:"model_name"`
	ModelVersion string `json:"model_version"`
	ID           string
	Outputs      []output
}

func (w world) infer(body string, headers ...string) (answer, []byte) {
	w.t.Helper()
	status, text, header := w.Do("POST", "/v2/models/calls/infer", body, headers...)
	if status != 200 {
		w.t.Fatalf("%d %s", status, text)
	}
	n := len(text)
	if h := header.Get(length); h != "" {
		var err error
		if n, err = strconv.Atoi(h); err != nil {
			w.t.Fatal(err)
		}
	}
	var a answer
	if err := json.Unmarshal([]byte(text[:n]), &a); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	return a, []byte(text[n:])
}

const twoRows = `{"id": "r1", "inputs": [
	{"name": "age", "shape": [2, 1], "datatype": "FP32", "data": [41, 30.5]},
	{"name": "job", "shape": [2], "datatype": "BYTES", "data": ["admin.", "student"]}]}`

func TestJSON(t *testing.T) {
	w := open(t, nil)
	a, rest := w.infer(twoRows)
	hi, mid := p(41.0, "admin."), p(30.5, "student")
	want := answer{ModelName: "calls", ModelVersion: "3", ID: "r1", Outputs: []output{
		{Name: "label", Datatype: "BYTES", Shape: []int{2}, Data: []any{"yes", "no"}},
		{Name: "scores", Datatype: "FP32", Shape: []int{2, 2}, Data: []any{float64(1 - hi), float64(hi), float64(1 - mid), float64(mid)}},
	}}
	if len(rest) > 0 || !reflect.DeepEqual(a, want) {
		t.Errorf("got  %+v\nwant %+v", a, want)
	}
	all := w.log.All()
	if len(all) != 2 || all[0].Source != "oip" || all[0].Entity != "r1/0" || all[1].Label != "no" || string(all[1].FeaturesJSON) != `{"age":30.5,"job":"student"}` {
		t.Errorf("logged %+v", all)
	}
}

// Each number type, flat or nested, with the fields in any order, gives the same.
func TestDatatypes(t *testing.T) {
	w := open(t, nil)
	job := `{"name": "job", "shape": [3,1], "datatype": "BYTES", "data": [["student"], [null], [""]]}`
	for _, c := range []struct{ datatype, data string }{
		{"FP32", "[41, null, 3]"}, {"FP64", "[[41.0], [null], [3e0]]"}, {"FP16", "[41,null,3]"}, {"INT64", "[41,null,3]"},
		{"INT8", "[41,null,3.0]"}, {"UINT8", "[41,null,3]"}, {"INT32", "[[41],[null],[3]]"}, {"UINT64", "[41,null,3]"},
	} {
		for _, age := range []string{
			fmt.Sprintf(`{"name": "age", "shape": [3,1], "datatype": %q, "data": %s}`, c.datatype, c.data),
			fmt.Sprintf(`{"data": %s, "extra": {"x": [1]}, "shape": [3,1], "datatype": %q, "name": "age"}`, c.data, c.datatype),
		} {
			a, _ := w.infer(`{"inputs": [` + job + `,` + age + `], "outputs": [{"name": "scores"}]}`)
			want := []any{float64(1 - p(41.0, nil)), float64(p(41.0, nil)), float64(1 - p(nil, nil)), float64(p(nil, nil)), float64(1 - p(3.0, nil)), float64(p(3.0, nil))}
			if len(a.Outputs) != 1 || !reflect.DeepEqual(a.Outputs[0].Data, want) || a.ID == "" {
				t.Errorf("%s: %+v", age, a)
			}
		}
	}
	a, _ := w.infer(`{"inputs": [{"name": "age", "shape": [2], "datatype": "BOOL", "data": [true, false]}, {"name": "job", "shape": [2], "datatype": "BYTES", "data": ["student", "x"]}]}`)
	if a.Outputs[1].Data[1] != float64(p(1.0, "student")) || a.Outputs[1].Data[3] != float64(p(0.0, "x")) {
		t.Errorf("BOOL: %+v", a)
	}
}

func texts(all ...string) []byte {
	var b []byte
	for _, s := range all {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	return b
}

func floats(all ...float32) []byte {
	var b []byte
	for _, x := range all {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// mixed is a request with a binary and a JSON tensor or two binary ones.
func mixed(datatype string, age []byte) (doc string, body string) {
	job := texts("student", "admin.", "")
	doc = fmt.Sprintf(`{"inputs":[{"name":"job","shape":[3],"datatype":"BYTES","parameters":{"binary_data_size":%d}},{"name":"age","shape":[3,1],"datatype":%q,"parameters":{"binary_data_size":%d}}],"outputs":[{"name":"scores","parameters":{"binary_data":true}},{"name":"label"}]}`, len(job), datatype, len(age))
	return doc, doc + string(job) + string(age)
}

func TestBinary(t *testing.T) {
	w := open(t, nil)
	le := binary.LittleEndian
	nan := float32(math.NaN())
	for datatype, age := range map[string][]byte{
		"FP32": floats(41, nan, 3),
		"FP64": le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, math.Float64bits(41)), math.Float64bits(math.NaN())), math.Float64bits(3)),
		"FP16": le.AppendUint16(le.AppendUint16(le.AppendUint16(nil, 0x5120), 0x7e00), 0x4200),
	} {
		doc, body := mixed(datatype, age)
		a, rest := w.infer(body, length, strconv.Itoa(len(doc)))
		want := floats(1-p(41.0, nil), p(41.0, nil), 1-p(nil, nil), p(nil, nil), 1-p(3.0, nil), p(3.0, nil))
		if !bytes.Equal(rest, want) || a.Outputs[0].Name != "scores" || a.Outputs[0].Parameters["binary_data_size"] != len(want) || a.Outputs[0].Data != nil {
			t.Errorf("%s: %+v %x, want %x", datatype, a, rest, want)
		}
		if !reflect.DeepEqual(a.Outputs[1].Data, []any{"yes", "no", "no"}) {
			t.Errorf("%s: %+v", datatype, a.Outputs[1])
		}
	}
	a, rest := w.infer(strings.Replace(twoRows, `"id"`, `"parameters": {"binary_data_output": true}, "id"`, 1))
	if want := append(texts("yes", "no"), floats(1-p(41.0, nil), p(41.0, nil), 1-p(30.5, "student"), p(30.5, "student"))...); !bytes.Equal(rest, want) || len(a.Outputs) != 2 {
		t.Errorf("binary_data_output: %+v %x", a, rest)
	}
}

func TestIntegersInBinary(t *testing.T) {
	w := open(t, nil)
	le := binary.LittleEndian
	for datatype, age := range map[string][]byte{
		"INT8": {41, 40, 0xff}, "UINT8": {41, 40, 0}, "BOOL": {1, 0, 1},
		"INT16":  le.AppendUint16(le.AppendUint16(le.AppendUint16(nil, 41), 40), 0xffff),
		"UINT16": le.AppendUint16(le.AppendUint16(le.AppendUint16(nil, 41), 40), 0),
		"INT32":  le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, 41), 40), 0xffffffff),
		"UINT32": le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, 41), 40), 0),
		"INT64":  le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, 41), 40), math.MaxUint64),
		"UINT64": le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, 41), 40), 0),
	} {
		doc, body := mixed(datatype, age)
		a, _ := w.infer(body, length, strconv.Itoa(len(doc)))
		want := []any{"yes", "no", "no"}
		if datatype == "BOOL" {
			want[0] = "no"
		}
		if !reflect.DeepEqual(a.Outputs[1].Data, want) {
			t.Errorf("%s: %+v", datatype, a.Outputs[1])
		}
	}
}

func TestCompressed(t *testing.T) {
	w := open(t, func(c *oip.Config) { c.MaxBody = 4096 })
	doc, body := mixed("FP32", floats(41, 1, 1))
	var g, z bytes.Buffer
	gw, zw := gzip.NewWriter(&g), zlib.NewWriter(&z)
	for _, x := range []io.WriteCloser{gw, zw} {
		_, _ = x.Write([]byte(body))
		_ = x.Close()
	}
	for encoding, packed := range map[string]string{"gzip": g.String(), "deflate": z.String()} {
		a, _ := w.infer(packed, length, strconv.Itoa(len(doc)), "Content-Encoding", encoding)
		if a.Outputs[1].Data[0] != "yes" {
			t.Errorf("%s: %+v", encoding, a)
		}
	}
	g.Reset()
	gw.Reset(&g)
	_, _ = gw.Write(make([]byte, 1<<20))
	_ = gw.Close()
	if status, text, _ := w.Do("POST", "/v2/models/calls/infer", g.String(), "Content-Encoding", "gzip"); status != 413 || !strings.HasPrefix(text, `{"error":`) {
		t.Errorf("a body that grows beyond the limit: %d %s", status, text)
	}
}

// Whatever is wrong, the answer is JSON with error, and nothing is logged.
func TestRefused(t *testing.T) {
	w := open(t, func(c *oip.Config) { c.MaxRows = 4 })
	age := `{"name":"age","shape":[1],"datatype":"FP32","data":[1]}`
	job := `{"name":"job","shape":[1],"datatype":"BYTES","data":["x"]}`
	in := func(tensors ...string) string { return `{"inputs":[` + strings.Join(tensors, ",") + `]}` }
	change := func(old, new string) string { return in(strings.Replace(age, old, new, 1), job) }
	for _, c := range []struct{ body, want string }{
		{"", "empty"}, {"[]", "object"}, {"{}", `"age" is missing`}, {in(age), `"job" is missing`}, {in(age, age), "twice"},
		{in(age, job, job), "more inputs"}, {in(age, job) + "x", "more follows"}, {in(age)[:20], "no closing quote"},
		{change(`"age"`, `"years"`), `no input "years"; its inputs are age, job`},
		{change("[1]", "[2]"), "1 values in data"}, {change("[1]", "[1,1,1]"), "shape"}, {change("[1]", "[1,2]"), "shape"}, {change("[1]", "[]"), "no shape"},
		{change("[1]", "[-1]"), "shape"}, {change("[1]", "[9223372036854775807]"), "at most 4"}, {change("[1]", "[5]"), "at most 4"},
		{in(strings.Replace(age, `[1]`, `[2]`, 1), job), "values"},
		{change(`"data":[1]`, `"data":[1,2]`), "more data"}, {change(`"data":[1]`, `"data":1`), "array"}, {change(`"data":[1]`, `"data":[[[1]]]`), "number"},
		{change(`"data":[1]`, `"data":["1"]`), "number"}, {change(`"data":[1]`, `"data":[NaN]`), "null"}, {change(`"data":[1]`, `"data":[1e999]`), "too large"},
		{change(`"data":[1]`, `"data":[1e39]`), "32-bit"}, {change(`,"data":[1]`, ""), "no data"}, {change(`,"data":[1]`, `,"data":[1],"data":[1]`), "twice"},
		{in(`{"name":"age","shape":[1],"datatype":"INT64","data":[1.5]}`, job), "whole"},
		{in(`{"name":"age","shape":[1],"datatype":"INT8","data":[300]}`, job), "not INT8"}, {in(`{"name":"age","shape":[1],"datatype":"UINT8","data":[-1]}`, job), "not UINT8"},
		{change("FP32", "FP31"), "datatype"}, {change("FP32", "BYTES"), "datatype"}, {in(age, strings.Replace(job, "BYTES", "FP32", 1)), "takes BYTES"},
		{in(age, strings.Replace(job, `"x"`, `5`, 1)), "text"},
		{change(`"data":[1]`, `"parameters":{"binary_data_size":4}`), "left in the body"}, {change(`"data":[1]`, `"parameters":{"binary_data_size":-4}`), "-4"},
		{change(`"data":[1]`, `"data":[1],"parameters":{"binary_data_size":4}`), "one of them"},
		{change(`"data":[1]`, `"parameters":{"shared_memory_region":"r"}`), "shared memory"},
		{in(age, job)[:len(in(age, job))-1] + `,"outputs":[{"name":"probs"}]}`, "its outputs are label, scores"},
		{in(age, job)[:len(in(age, job))-1] + `,"outputs":[{"name":"label"},{"name":"label"}]}`, "twice"},
		{in(age, job)[:len(in(age, job))-1] + `,"outputs":[{"name":"label","parameters":{"classification":2}}]}`, "classification"},
		{in(age, job)[:len(in(age, job))-1] + `,"id":7}`, "text"},
		{in(age, job)[:len(in(age, job))-1] + `,"inputs":[]}`, `"inputs" is given twice`}, {`{"id":"a","id":"b",` + in(age, job)[1:], `"id" is given twice`},
		{change(`"name":"age"`, `"name":"job","name":"age"`), `"name" is given twice`}, {change(`"shape":[1]`, `"shape":[1],"shape":[1]`), `"shape" is given twice`},
		{change("FP32\"", `BYTES","datatype":"FP32"`), `"datatype" is given twice`}, {change(`"data":[1]`, `"data":[1],"parameters":{},"parameters":{}`), `"parameters" is given twice`},
		{in(age, job)[:len(in(age, job))-1] + `,"outputs":[{"name":"label","name":"scores"}]}`, `"name" is given twice`},
		{change("[1]", "[4611686018427387904]"), "at most 4"}, {change("[1]", "[4611686018427387904,4]"), "shape"}, {change("[1]", "[99999999999999999999]"), "whole"},
		{change("[1]", "[-4611686018427387904]"), "shape"}, {change("[1]", "[1e99]"), "whole"},
		{change(`"data":[1]`, `"parameters":{"binary_data_size":4611686018427387904}`), "left in the body"},
		{change(`"data":[1]`, `"data":[`+strings.Repeat("9", 400)+`]`), "too large"}, {change(`"data":[1]`, `"x":`+strings.Repeat("[", 20_000)), "nested"},
		{in(age, strings.Replace(job, `"x"`, `"\ud800"`, 1)), "surrogate"}, {in(age, strings.Replace(job, "x", "\xff", 1)), "UTF-8"},
	} {
		w.refused("POST", "/v2/models/calls/infer", c.body, 400, c.want)
	}
	doc, body := mixed("FP32", floats(1, 2, 3))
	n := strconv.Itoa(len(doc))
	w.refused("POST", "/v2/models/calls/infer", body+"x", 400, "left in the body", length, n)
	w.refused("POST", "/v2/models/calls/infer", body[:len(body)-1], 400, "left in the body", length, n)
	w.refused("POST", "/v2/models/calls/infer", body, 400, "Content-Length is 99999", length, "99999")
	w.refused("POST", "/v2/models/calls/infer", body, 400, "Content-Length is", length, "x")
	inf, infBody := mixed("FP32", floats(1, float32(math.Inf(1)), 3))
	w.refused("POST", "/v2/models/calls/infer", infBody, 400, "row 1", length, strconv.Itoa(len(inf)))
	short, shortBody := mixed("FP64", floats(1, 2, 3))
	w.refused("POST", "/v2/models/calls/infer", shortBody, 400, "FP64 have 24 bytes", length, strconv.Itoa(len(short)))
	text := `{"inputs":[` + age + `,{"name":"job","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":5}}]}`
	for _, c := range []struct{ blob, want string }{{"\xff\xff\xff\xffx", "job"}, {"\x02\x00\x00\x00x", "job"}, {"\x00\x00\x00\x00\x00", "job"}} {
		w.refused("POST", "/v2/models/calls/infer", text+c.blob, 400, c.want, length, strconv.Itoa(len(text)))
	}
	w.refused("POST", "/v2/models/nothing/infer", twoRows, 404, "nothing")
	w.refused("POST", "/v2/models/calls/versions/2/infer", twoRows, 404, "version 3 now, not 2")
	w.refused("GET", "/v2/models/nothing", "", 404, "nothing")
	w.refused("GET", "/v2/models/nothing/ready", "", 404, "nothing")
	w.refused("GET", "/v2/nothing", "", 404, "not part")
	w.refused("POST", "/v2/repository/models/calls/load", "{}", 404, "api/deployments")
	w.refused("GET", "/v2/models/calls/infer", "", 404, "not part")
	world{w.As(""), t, w.log}.refused("POST", "/v2/models/calls/infer", twoRows, 401, "token")
	if n := len(w.log.All()); n != 0 {
		t.Errorf("%d refused requests are logged", n)
	}
}

func (w world) refused(method, path, body string, status int, want string, headers ...string) {
	w.t.Helper()
	got, text, header := w.Do(method, path, body, headers...)
	var e struct{ Error string }
	if err := json.Unmarshal([]byte(text), &e); err != nil || got != status || !strings.Contains(e.Error, want) || header.Get("Content-Type") != "application/json" {
		w.t.Errorf("%s %.80s: %d %s, want %d %q", path, body, got, text, status, want)
	}
}

func TestMetadata(t *testing.T) {
	w := open(t, nil)
	for path, want := range map[string]string{
		"/v2":                               `{"extensions":["binary_tensor_data","model_configuration"],"name":"forge","version":"test"}`,
		"/v2/health/live":                   `{"live":true}`,
		"/v2/health/ready":                  `{"ready":true}`,
		"/v2/models/calls/ready":            `{"name":"calls","ready":true}`,
		"/v2/models/calls/versions/3/ready": `{"name":"calls","ready":true}`,
		"/v2/models/calls":                  `{"inputs":[{"name":"age","datatype":"FP32","shape":[-1,1]},{"name":"job","datatype":"BYTES","shape":[-1,1]}],"name":"calls","outputs":[{"name":"label","datatype":"BYTES","shape":[-1]},{"name":"scores","datatype":"FP32","shape":[-1,2]}],"platform":"onnxruntime_onnx","versions":["3"]}`,
	} {
		if status, text, _ := w.Do("GET", path, ""); status != 200 || strings.TrimSpace(text) != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, text, _ := w.Do("GET", "/v2/models/calls/config", ""); status != 200 || !strings.Contains(text, `"data_type":"TYPE_STRING"`) {
		t.Errorf("config: %d %s", status, text)
	}
	for _, body := range []string{"", "{}"} {
		if status, text, _ := w.Do("POST", "/v2/repository/index", body); status != 200 || strings.TrimSpace(text) != `[{"name":"calls","version":"3","state":"READY","reason":""}]` {
			t.Errorf("index: %d %s", status, text)
		}
	}
	for _, path := range []string{"/v2", "/v2/health/live", "/v2/health/ready"} {
		if status, _, _ := w.As("").Do("GET", path, ""); status != 200 {
			t.Errorf("%s without a token: %d", path, status)
		}
	}
}

func handler(t testing.TB) http.Handler {
	models := servingtest.NewModels(t)
	r := servingtest.NewRouter(t, models, models)
	if _, err := r.Deploy(t.Context(), servingtest.Scope, "calls", "calls/3"); err != nil {
		t.Fatal(err)
	}
	svc := oip.New(oip.Config{Deployments: r, MaxRows: 100, MaxBody: 1 << 16})
	s := httpapi.New(servingtest.Gate(), "test", nil)
	oip.Register(s, svc)
	return s
}

// labels counts what the output label of an answer holds, and checks its shape.
func labels(t *testing.T, a answer, tail []byte) int {
	t.Helper()
	for _, o := range a.Outputs {
		if o.Name != "label" {
			continue
		}
		n := len(o.Data)
		if size, ok := o.Parameters["binary_data_size"]; ok {
			if size > len(tail) {
				t.Fatalf("binary_data_size %d of %d bytes", size, len(tail))
			}
			for b := tail[:size]; len(b) > 0; n++ {
				b = b[4+binary.LittleEndian.Uint32(b):]
			}
		}
		if len(o.Shape) != 1 || o.Shape[0] != n {
			t.Errorf("%d labels in the shape %v", n, o.Shape)
		}
		return n
	}
	return -1 // not asked for
}

// rowsOf is the number of rows that a request has, by the standard library. Of keys that
// come twice, or that it alone takes for the same, it is not asked.
func rowsOf(doc []byte) (int, bool) {
	var q struct {
		Inputs []struct{ Shape []int }
	}
	odd := bytes.ContainsFunc(doc, func(r rune) bool { return r == '\\' || r > 127 })
	doc = bytes.ToLower(doc)
	if odd || json.Unmarshal(doc, &q) != nil || len(q.Inputs) == 0 || len(q.Inputs[0].Shape) == 0 || bytes.Count(doc, []byte(`"shape"`)) != len(q.Inputs) || bytes.Count(doc, []byte(`"inputs"`)) != 1 {
		return 0, false
	}
	return q.Inputs[0].Shape[0], true
}

// Any body gets an answer of the protocol: 200 with as many labels as rows, or 400
// or 413 with error; never a fault of the server.
func FuzzInfer(f *testing.F) {
	h := handler(f)
	doc, body := mixed("FP32", floats(41, 1, 3))
	f.Add([]byte(body), len(doc))
	f.Add([]byte(twoRows), -1)
	f.Add([]byte(`{"inputs":[{"data":[1],"shape":[1],"name":"age","datatype":"INT8"},{"name":"job","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":5}}]}`+"\x01\x00\x00\x00x"), 141)
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		r := httptest.NewRequest("POST", "/v2/models/calls/infer", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer predict")
		if n >= 0 {
			r.Header.Set(length, strconv.Itoa(n))
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 {
			var e struct{ Error string }
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Error == "" || w.Code != 400 && w.Code != 413 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			return
		}
		text := w.Body.Bytes()
		if l := w.Header().Get(length); l != "" {
			k, err := strconv.Atoi(l)
			if err != nil {
				t.Fatal(err)
			}
			text = text[:k]
		}
		var a answer
		if err := json.Unmarshal(text, &a); err != nil || a.ID == "" && !bytes.Contains(body, []byte(`"id"`)) {
			t.Errorf("%s: %v", text, err)
		}
		doc := body
		if n >= 0 {
			doc = body[:n]
		}
		if rows, ok := rowsOf(doc); ok {
			if k := labels(t, a, w.Body.Bytes()[len(text):]); k >= 0 && k != rows {
				t.Errorf("%d labels for %d rows: %s", k, rows, text)
			}
		}
	})
}

func BenchmarkInfer(b *testing.B) {
	h := handler(b)
	body := []byte(twoRows)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/v2/models/calls/infer", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer predict")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}

// The codecs allocate nothing per row, as JSON and in binary: the model of the test
// makes one allocation per row, and the recorder's buffers grow.
func TestInferAllocatesNothingPerRow(t *testing.T) {
	h := handler(t)
	asJSON := func(rows int) ([]byte, string) {
		ages, jobs := strings.Repeat("41.5,", rows), strings.Repeat(`"admin.",`, rows)
		return fmt.Appendf(nil, `{"inputs":[{"name":"age","datatype":"FP32","shape":[%d],"data":[%s]},{"name":"job","datatype":"BYTES","shape":[%d],"data":[%s]}]}`,
			rows, ages[:len(ages)-1], rows, jobs[:len(jobs)-1]), ""
	}
	inBinary := func(rows int) ([]byte, string) {
		ages, jobs := make([]byte, 4*rows), bytes.Repeat([]byte("\x06\x00\x00\x00admin."), rows)
		head := fmt.Appendf(nil, `{"inputs":[{"name":"age","datatype":"FP32","shape":[%d],"parameters":{"binary_data_size":%d}},{"name":"job","datatype":"BYTES","shape":[%d],"parameters":{"binary_data_size":%d}}],"parameters":{"binary_data_output":true}}`,
			rows, len(ages), rows, len(jobs))
		return append(append(append([]byte{}, head...), ages...), jobs...), strconv.Itoa(len(head))
	}
	for name, request := range map[string]func(int) ([]byte, string){"JSON": asJSON, "binary": inBinary} {
		count := func(rows int) float64 {
			body, head := request(rows)
			return testing.AllocsPerRun(20, func() {
				r := httptest.NewRequest("POST", "/v2/models/calls/infer", bytes.NewReader(body))
				r.Header.Set("Authorization", "Bearer predict")
				if head != "" {
					r.Header.Set(length, head)
				}
				w := httptest.NewRecorder()
				if h.ServeHTTP(w, r); w.Code != 200 {
					t.Fatal(w.Body)
				}
			})
		}
		if few, many := count(10), count(100); many-few > 90+25 {
			t.Errorf("%s: %v allocations for 10 rows, %v for 100", name, few, many)
		}
	}
}
