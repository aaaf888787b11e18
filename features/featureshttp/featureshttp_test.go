package featureshttp_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/featureshttp"
	"aiforge.dev/forge/features/onlinekv"
	"aiforge.dev/forge/features/registry"
	"aiforge.dev/forge/features/store"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/httpapi/gatetest"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/laketest"
)

func TestMain(m *testing.M) { laketest.Main(m) }

const editor, viewer, predict, stranger = "editor@acme/bank", "viewer@acme/bank", "predict@acme/bank", "editor@acme/shop"

type site struct {
	*testing.T
	url   string
	queue *jobs.Runner
}

func open(t *testing.T) *site {
	house := laketest.House(t)
	scope := forge.Scope{Tenant: "acme", Project: "bank"}
	rows := `SELECT * FROM (VALUES (1, TIMESTAMP '2009-05-04 09:00:00', 41, 'admin.', 'no'), (9007199254740993, TIMESTAMP '2009-05-20 10:00:00', NULL, 'x', 'yes'))
		AS t(call_id, call_time, age, job, subscribed)`
	if _, err := house.Write(t.Context(), scope, laketest.Name("curated.calls"), lake.Query{SQL: rows}, nil, lake.Append, lake.Change{}); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), laketest.DB(t))
	if err != nil {
		t.Fatal(err)
	}
	kv, err := onlinekv.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kv.Close() })
	now := time.Date(2009, 5, 21, 0, 0, 0, 0, time.UTC)
	svc := registry.New(registry.Config{Store: st, House: house, Online: kv, Now: func() time.Time { return now }})
	queue := jobstest.Start(t, jobstest.SQLite(t)(), jobstest.Config(), func(r *jobs.Runner) {
		r.Register(featureshttp.JobTrainingSet, svc.TrainingSetJob)
		r.Register(featureshttp.JobMaterialize, svc.MaterializeJob)
	})
	s := httpapi.New(gatetest.Gate{}, "test", nil)
	featureshttp.Register(s, svc, queue)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return &site{t, srv.URL, queue}
}

func (s *site) send(token, method, path, body string, into any) int {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if strings.HasSuffix(path, "/apply") {
		req.Header.Set("Content-Type", "application/yaml")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	if into != nil {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(into); err != nil {
			s.Fatalf("%s: %v", raw, err)
		}
	}
	return res.StatusCode
}

func (s *site) job(path, body string) jobs.Job {
	s.Helper()
	var j jobs.Job
	if code := s.send(editor, "POST", path, body, &j); code != http.StatusAccepted {
		s.Fatalf("%s: status %d", path, code)
	}
	j, err := s.queue.Wait(jobstest.As(s.Context(), "acme", "bank"), j.ID)
	if err != nil || j.State != jobs.Succeeded {
		s.Fatalf("%s: %+v, %v", path, j, err)
	}
	return j
}

const document = `
entities: [{name: call, keys: [call_id]}, {name: market, keys: []}]
views:
  - {name: call_profile, entity: call, table: curated.calls, event_time: call_time, columns: [age, job], ttl: 10d, online: true}
  - {name: market, entity: market, sql: "SELECT call_time AS t, age FROM curated.calls", event_time: t, online: true}
`

func TestWholePath(t *testing.T) {
	s := open(t)
	var applied registry.Applied
	if code := s.send(editor, "POST", "/api/features/apply", document, &applied); code != 200 || len(applied.Changed) != 2 {
		t.Fatalf("apply: %d %+v", code, applied)
	}
	made := s.job("/api/features/training-sets", `{"name": "calls", "labels": "curated.calls", "time": "call_time", "label": "subscribed", "views": ["call_profile", "market"]}`)
	var set features.TrainingSet
	if err := json.Unmarshal(made.Result, &set); err != nil || set.Rows != 2 {
		t.Fatalf("%s: %v", made.Result, err)
	}
	s.job("/api/features/materialize", `{"views": ["market", "call_profile"]}`)
	s.job("/api/features/materialize", `{}`)

	var views struct{ Views []features.Version }
	if code := s.send(viewer, "GET", "/api/features/views", "", &views); code != 200 || len(views.Views) != 2 || views.Views[0].Materialized == nil || views.Views[0].Materialized.Entities != 2 {
		t.Errorf("views: %d %+v", code, views)
	}
	var versions struct{ Versions []features.Version }
	if code := s.send(viewer, "GET", "/api/features/views/market", "", &versions); code != 200 || len(versions.Versions) != 1 {
		t.Errorf("versions: %d %+v", code, versions)
	}
	var sets struct {
		Sets []features.TrainingSet `json:"training_sets"`
	}
	if code := s.send(viewer, "GET", "/api/features/training-sets", "", &sets); code != 200 || len(sets.Sets) != 1 || sets.Sets[0].ID != set.ID {
		t.Errorf("sets: %d %+v", code, sets)
	}
	for _, id := range []string{set.ID, "calls"} {
		var got features.TrainingSet
		if code := s.send(viewer, "GET", "/api/features/training-sets/"+id, "", &got); code != 200 || got.ID != set.ID || got.Snapshot != set.Snapshot {
			t.Errorf("set %s: %d %+v", id, code, got)
		}
	}
	s.lookups()
	s.feast()
	s.refused()
}

func (s *site) lookups() {
	s.Helper()
	var got any
	// A number as key keeps all its digits; call 1 is older than the view's ten days.
	code := s.send(viewer, "POST", "/api/features/get", `{"views": ["call_profile", "market@1:age"], "entities": [{"call_id": 9007199254740993}, {"call_id": "1"}, {"call_id": null}, {"call_id": "5"}]}`, &got)
	var want any
	_ = json.Unmarshal([]byte(`{"features": ["call_profile:age", "job", "market:age"], "vectors": [
		{"values": [null, "x", null], "status": ["null", "present", "null"], "event": ["2009-05-20T10:00:00Z", "2009-05-20T10:00:00Z", "2009-05-20T10:00:00Z"]},
		{"values": [null, null, null], "status": ["expired", "expired", "null"], "event": ["2009-05-04T09:00:00Z", "2009-05-04T09:00:00Z", "2009-05-20T10:00:00Z"]},
		{"values": [null, null, null], "status": ["not_found", "not_found", "null"], "event": [null, null, "2009-05-20T10:00:00Z"]},
		{"values": [null, null, null], "status": ["not_found", "not_found", "null"], "event": [null, null, "2009-05-20T10:00:00Z"]}]}`), &want)
	if code != 200 || !reflect.DeepEqual(got, want) {
		s.Errorf("get: %d\n%v\n%v", code, got, want)
	}
}

func (s *site) feast() {
	s.Helper()
	var got, want any
	code := s.send(viewer, "POST", "/get-online-features", `{"features": ["call_profile:job", "call_profile:age"], "entities": {"call_id": [9007199254740993, 1, 5, null]}}`, &got)
	dec := json.NewDecoder(strings.NewReader(`{"metadata": {"feature_names": ["call_id", "job", "age"]}, "results": [
		{"values": [9007199254740993, 1, 5, null], "statuses": ["PRESENT", "PRESENT", "PRESENT", "PRESENT"], "event_timestamps": ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]},
		{"values": ["x", null, null, null], "statuses": ["PRESENT", "OUTSIDE_MAX_AGE", "NOT_FOUND", "NOT_FOUND"], "event_timestamps": ["2009-05-20T10:00:00Z", "2009-05-04T09:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]},
		{"values": [null, null, null, null], "statuses": ["NULL_VALUE", "OUTSIDE_MAX_AGE", "NOT_FOUND", "NOT_FOUND"], "event_timestamps": ["2009-05-20T10:00:00Z", "2009-05-04T09:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]}]}`))
	dec.UseNumber()
	if err := dec.Decode(&want); err != nil || code != 200 || !reflect.DeepEqual(got, want) {
		s.Errorf("feast: %d\n%v\n%v %v", code, got, want, err)
	}
	var answer struct {
		Metadata struct {
			Names []string `json:"feature_names"`
		}
		Results []struct{ Values []any }
	}
	code = s.send(viewer, "POST", "/get-online-features", `{"feature_service": "calls", "entities": {"call_id": ["1"]}, "full_feature_names": true}`, &answer)
	if code != 200 || strings.Join(answer.Metadata.Names, " ") != "call_id call_profile__age call_profile__job market__age" {
		s.Errorf("feature service: %d %+v", code, answer)
	}
	code = s.send(viewer, "POST", "/get-online-features", `{"features": ["market:age"], "entities": {}}`, &answer)
	if code != 200 || len(answer.Results) != 1 || len(answer.Results[0].Values) != 1 {
		s.Errorf("without keys: %d %+v", code, answer)
	}
	code = s.send(viewer, "POST", "/get-online-features", `{"features": ["call_profile:age"], "entities": {"call_id": []}}`, &answer)
	if code != 200 || len(answer.Results[1].Values) != 0 {
		s.Errorf("no entities: %d %+v", code, answer)
	}
}

func (s *site) refused() {
	s.Helper()
	const set = `{"name": "calls", "labels": "curated.calls", "time": "call_time", "label": "subscribed", "views": ["call_profile"]}`
	for _, c := range []struct {
		token, method, path, body string
		code                      int
	}{
		{viewer, "POST", "/api/features/apply", document, 403},
		{viewer, "POST", "/api/features/training-sets", set, 403},
		{viewer, "POST", "/api/features/materialize", `{}`, 403},
		{predict, "POST", "/get-online-features", `{}`, 403},
		{"", "GET", "/api/features/views", "", 401},
		{stranger, "GET", "/api/features/views/market", "", 404},
		{stranger, "GET", "/api/features/training-sets/calls", "", 404},
		{stranger, "POST", "/get-online-features", `{"features": ["market:age"], "entities": {}}`, 404},
		{editor, "POST", "/api/features/apply", "views: [", 422},
		{editor, "POST", "/api/features/apply", "", 400},
		{editor, "POST", "/api/features/apply", strings.Replace(document, "ttl: 10d", "ttl: 10x", 1), 422},
		{editor, "POST", "/api/features/training-sets", strings.Replace(set, "subscribed", "bought", 1), 422},
		{editor, "POST", "/api/features/training-sets", strings.Replace(set, "curated.calls", "calls", 1), 422},
		{editor, "POST", "/api/features/training-sets", `{}`, 422},
		{editor, "POST", "/api/features/materialize", `{"views": ["nothing"]}`, 404},
		{viewer, "POST", "/api/features/get", `{"views": ["call_profile"], "entities": [{}]}`, 422},
		{viewer, "POST", "/api/features/get", `{"views": ["call_profile"], "entities": [{"call_id": "x"}]}`, 422},
		{viewer, "POST", "/api/features/get", `{"views": ["call_profile"], "entities": [{"call_id": [1]}]}`, 422},
		{viewer, "POST", "/api/features/get", `{"views": [], "entities": [{}]}`, 422},
		{viewer, "POST", "/api/features/get", `{"views": ["market:gold"], "entities": [{}]}`, 404},
		{viewer, "POST", "/get-online-features", `not json`, 422},
		{viewer, "POST", "/get-online-features", `{}`, 422},
		{viewer, "POST", "/get-online-features", `{"features": ["call_profile:age"], "entities": {}}`, 422},
		{viewer, "POST", "/get-online-features", `{"features": ["call_profile:age"], "entities": {"call_id": ["one"]}}`, 422},
		{viewer, "POST", "/get-online-features", `{"features": ["call_profile:age"], "entities": {"call_id": [1], "x": [1, 2]}}`, 422},
		{viewer, "POST", "/get-online-features", `{"features": ["call_profile:age", "market:age"], "entities": {"call_id": [1]}}`, 422},
		{viewer, "POST", "/get-online-features", `{"feature_service": "nothing", "entities": {}}`, 404},
		{viewer, "POST", "/get-online-features", `{"features": ["call_profile:age"], "entities": {"call_id": [` + strings.Repeat("1,", 10_000) + `1]}}`, 422},
	} {
		var p httpapi.Problem
		if code := s.send(c.token, c.method, c.path, c.body, &p); code != c.code || p.Detail == "" {
			s.Errorf("%s %s %s %.80s: %d %s, want %d", c.token, c.method, c.path, c.body, code, p.Detail, c.code)
		}
	}
}
