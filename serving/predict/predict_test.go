package predict_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/admission"
	"aiforge.dev/forge/serving/predict"
	"aiforge.dev/forge/serving/servingtest"
)

type world struct {
	servingtest.Client
	t      *testing.T
	models *servingtest.Models
	log    *servingtest.Observations
}

func open(t *testing.T, change func(*predict.Config)) world {
	t.Helper()
	w := world{t: t, models: servingtest.NewModels(t), log: &servingtest.Observations{}}
	r := servingtest.NewRouter(t, w.models, w.models)
	if _, err := r.Deploy(t.Context(), servingtest.Scope, "calls", "calls/1"); err != nil {
		t.Fatal(err)
	}
	cfg := predict.Config{Deployments: r, Observer: w.log, Features: servingtest.Features{"7": {41.0, "admin."}, "8": {nil, "student"}}}
	if change != nil {
		change(&cfg)
	}
	svc := predict.New(cfg)
	w.Client = servingtest.Serve(t, func(s *httpapi.Server) {
		s.HandleRaw(httpapi.Op{ID: "predict", Method: http.MethodPost, Path: "/v1/predict/{name}", Perm: forge.PermPredict, MaxBody: svc.MaxBody()}, svc.Serve)
	})
	return w
}

type answer struct {
	Model       string
	Version     int
	Predictions []struct {
		ID       string
		Label    string
		Score    float64
		Scores   map[string]float64
		Features map[string]any
	}
}

func (w world) ask(body string, headers ...string) answer {
	w.t.Helper()
	status, text, header := w.Do("POST", "/v1/predict/calls", body, headers...)
	if status != 200 || header.Get("Content-Type") != "application/json" {
		w.t.Fatalf("%d %s", status, text)
	}
	var a answer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	return a
}

func score(age, job any) float64 {
	return serving.Score(servingtest.BinaryScore(age, job, servingtest.Shift(1)))
}

func TestRows(t *testing.T) {
	w := open(t, nil)
	a := w.ask(`{"rows": [{"age": 41, "job": "admin."}, {"job": "student", "age": null}, {}, {"age": true}], "features": true}`)
	if a.Model != "calls" || a.Version != 1 || len(a.Predictions) != 4 {
		t.Fatalf("%+v", a)
	}
	for i, want := range []float64{score(41.0, "admin."), score(nil, "student"), score(nil, nil), score(1.0, nil)} {
		p := a.Predictions[i]
		label := map[bool]string{true: "yes", false: "no"}[want > 0.5]
		if p.Score != want || p.Scores["yes"] != want || p.Label != label || !strings.HasPrefix(p.ID, "p_") {
			t.Errorf("row %d: %+v, want %v", i, p, want)
		}
	}
	if f := a.Predictions[1].Features; f["age"] != nil || f["job"] != "student" {
		t.Errorf("features %v", f)
	}
	if f := a.Predictions[3].Features; f["age"] != 1.0 || f["job"] != nil {
		t.Errorf("features %v", f)
	}
}

func TestEntities(t *testing.T) {
	w := open(t, nil)
	a := w.ask(`{"entities": [{"call_id": "7"}, {"call_id": 8}]}`)
	if a.Predictions[0].Score != score(41.0, "admin.") || a.Predictions[1].Score != score(nil, "student") {
		t.Errorf("%+v", a)
	}
	if a.Predictions[0].Features != nil {
		t.Error("features were not asked for")
	}
	status, text, _ := w.Do("POST", "/v1/predict/calls", `{"entities": [{"call_id": "7"}, {"call_id": "9"}]}`)
	if status != 404 || !strings.Contains(text, `entities[1]: view profile has no row for call_id \"9\"`) {
		t.Errorf("unknown entity: %d %s", status, text)
	}
	if n := len(w.log.All()); n != 2 {
		t.Errorf("%d predictions are logged, want the 2 that were answered", n)
	}
}

func TestIDsAndTimesReachTheLog(t *testing.T) {
	w := open(t, nil)
	a := w.ask(`{"ids": ["c7", 8], "event_times": ["2009-06-01T10:00:00+02:00", null], "rows": [{"age": 41}, {"age": 20, "job": "retired"}]}`)
	if a.Predictions[0].ID != "c7" || a.Predictions[1].ID != "8" {
		t.Errorf("ids %+v", a.Predictions)
	}
	all := w.log.All()
	if len(all) != 2 {
		t.Fatalf("%d rows are logged", len(all))
	}
	o := all[0]
	if o.Entity != "c7" || !o.EventTime.Equal(time.Date(2009, 6, 1, 8, 0, 0, 0, time.UTC)) || o.Source != "api" || o.By != "ann" || o.RequestID == "" ||
		o.Deployment != "calls" || o.Model != "calls" || o.Version != 1 || o.Label != "yes" || o.Score != score(41.0, nil) || len(o.Scores) != 2 || o.Scores[1] != o.Score {
		t.Errorf("%+v", o)
	}
	if string(o.FeaturesJSON) != `{"age":41,"job":null}` || string(all[1].FeaturesJSON) != `{"age":20,"job":"retired"}` {
		t.Errorf("features %s and %s", o.FeaturesJSON, all[1].FeaturesJSON)
	}
	if !all[1].EventTime.IsZero() || o.ID == all[1].ID || !strings.HasPrefix(o.ID, "p_") {
		t.Errorf("%+v", all[1])
	}
	w.ask(`{"entities": [{"call_id": "7"}]}`)
	if o := w.log.All()[2]; o.Entity != "7" || !o.EventTime.Equal(servingtest.FeatureTime) {
		t.Errorf("the entity is %q, its time %v", o.Entity, o.EventTime)
	}
	w.ask(`{"entities": [{"call_id": "7"}], "event_times": ["2010-01-01T00:00:00Z"]}`)
	if o := w.log.All()[3]; o.EventTime.Year() != 2010 {
		t.Errorf("the given time is not kept: %v", o.EventTime)
	}
}

// A refused request answers problem+json that names the place, and leaves nothing in
// the log.
func TestRefused(t *testing.T) {
	w := open(t, func(c *predict.Config) { c.MaxRows, c.MaxBody = 3, 1000 })
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{``, 422, "empty"},
		{`[]`, 422, "want an object"},
		{`{}`, 422, "send either rows or entities"},
		{`{"rows": [], "entities": []}`, 422, "either"},
		{`{"rows": []}`, 422, "no rows"},
		{`{"rows": [{"age": 1}]} x`, 422, "more follows"},
		{`{"rows": [{"age": 1}]`, 422, "ends here"},
		{`{"rows": [{"age": NaN}]}`, 422, "send null"},
		{`{"rows": [{"age": -Infinity}]}`, 422, "send null"},
		{`{"rows": [{"age": 1e999}]}`, 422, "rows[0].age: byte 24 of the JSON: 1e999 is too large"},
		{`{"rows": [{"age": 1e39}]}`, 422, "too large for input"},
		{`{"rows": [{"age": "41"}]}`, 422, "without quotes"},
		{`{"rows": [{"age": [1]}]}`, 422, "want a number"},
		{`{"rows": [{}, {"job": 5}]}`, 422, "rows[1].job"},
		{`{"rows": [{"jbo": "x"}]}`, 422, `"jbo\" is not an input of model calls version 1 (did you mean job?); its inputs are age, job`},
		{`{"rows": [{"age": 1, "age": 2}]}`, 422, "given twice"},
		{`{"row": [{"age": 1}]}`, 422, `"row\" is not a field`},
		{`{"rows": [{}], "rows": [{}]}`, 422, "given twice"},
		{`{"rows": [{}], "ids": []}`, 422, "0 ids for 1 rows"},
		{`{"rows": [{}], "event_times": ["yesterday"]}`, 422, "event_times[0]"},
		{`{"rows": [{},{},{},{}]}`, 422, "more than 3 rows"},
		{`{"rows": [{"job": "` + strings.Repeat("x", 1000) + `"}]}`, 413, "larger than 1000 bytes"},
		{`{"rows": [{"job": "` + "\xff" + `"}]}`, 422, "UTF-8"},
		{`{"entities": [{}]}`, 422, "needs its key"},
		{`{"entities": [{"call_id": 1.5}]}`, 422, "whole number"},
	} {
		status, text, header := w.Do("POST", "/v1/predict/calls", c.body)
		text = strings.ReplaceAll(text, `\"`, `"`)
		if status != c.status || !strings.Contains(text, strings.ReplaceAll(c.want, `\"`, `"`)) || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.60s: %d %s, want %d %q", c.body, status, text, c.status, c.want)
		}
	}
	if n := len(w.log.All()); n != 0 {
		t.Errorf("%d refused predictions are logged", n)
	}
	if status, _, _ := w.Do("POST", "/v1/predict/nothing", `{"rows": [{}]}`); status != 404 {
		t.Errorf("unknown deployment: %d", status)
	}
	if status, _, _ := w.As("").Do("POST", "/v1/predict/calls", `{"rows": [{}]}`); status != 401 {
		t.Errorf("without a token: %d", status)
	}
	if a := w.ask(`{"rows": [{"age": 41}]}`); a.Predictions[0].Label != "yes" {
		t.Errorf("after all that: %+v", a)
	}
}

func TestCompressed(t *testing.T) {
	w := open(t, func(c *predict.Config) { c.MaxBody = 1 << 16 })
	pack := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(s))
		_ = z.Close()
		return b.String()
	}
	if a := w.ask(pack(`{"rows": [{"age": 41}]}`), "Content-Encoding", "gzip"); a.Predictions[0].Label != "yes" {
		t.Errorf("%+v", a)
	}
	bomb := pack(strings.Repeat(" ", 10<<20))
	for body, want := range map[string]int{bomb: 413, "not gzip": 422, pack(`{"rows": [{"age": 41}]}`)[:20]: 422} {
		if status, text, _ := w.Do("POST", "/v1/predict/calls", body, "Content-Encoding", "gzip"); status != want {
			t.Errorf("%d %s, want %d", status, text, want)
		}
	}
	if status, _, _ := w.Do("POST", "/v1/predict/calls", "x", "Content-Encoding", "br"); status != 415 {
		t.Errorf("brotli: %d", status)
	}
}

func TestWithoutFeatureStore(t *testing.T) {
	w := open(t, func(c *predict.Config) { c.Features = nil })
	if status, text, _ := w.Do("POST", "/v1/predict/calls", `{"entities": [{"call_id": "7"}]}`); status != 503 || !strings.Contains(text, "send rows instead") {
		t.Errorf("%d %s", status, text)
	}
}

func TestTooManyCalls(t *testing.T) {
	w := open(t, func(c *predict.Config) { c.Gate = admission.New(admission.Limits{Calls: -1}) })
	status, _, header := w.Do("POST", "/v1/predict/calls", `{"rows": [{}]}`)
	if status != 429 || header.Get("Retry-After") == "" {
		t.Errorf("%d", status)
	}
}

// Any body gets an answer: 200 with as many predictions as rows were given, or a
// refusal; never a fault of the server. What encoding/json cannot read is refused.
func FuzzRows(f *testing.F) {
	models := servingtest.NewModels(f)
	r := servingtest.NewRouter(f, models, models)
	if _, err := r.Deploy(f.Context(), servingtest.Scope, "calls", "calls/1"); err != nil {
		f.Fatal(err)
	}
	svc := predict.New(predict.Config{Deployments: r, MaxRows: 100, MaxBody: 1 << 16, Features: servingtest.Features{"7": {41.0, "admin."}}})
	for _, s := range []string{`{"rows": [{"age": 41, "job": "admin."}, {"job": null}, {}], "ids": [1, "b", "c"], "features": true}`, `{"entities": [{"call_id": "7"}]}`, `{"features": false, "event_times": [null], "rows": [{"age": -1e3}]}`, `{"rows": [{"job": "\u0000"}]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequest("POST", "/v1/predict/calls", strings.NewReader(body))
		req.SetPathValue("name", "calls")
		req = req.WithContext(forge.WithPrincipal(req.Context(), forge.Principal{Scope: servingtest.Scope}))
		w := httptest.NewRecorder()
		err := svc.Serve(w, req)
		var in struct{ Rows, Entities []map[string]any }
		valid := json.Unmarshal([]byte(body), &in) == nil
		if err != nil {
			if p := httpapi.ProblemOf(err, ""); p.Status >= 500 {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		var out answer
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || !valid || len(out.Predictions) != len(in.Rows)+len(in.Entities) {
			t.Errorf("%q gives %s (%v)", body, w.Body, err)
		}
	})
}
