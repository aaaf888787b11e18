package mlflowhttp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestServer(t *testing.T) {
	s := open(t)
	for path, want := range map[string]string{"/health": "OK", "/version": "3.17.2"} {
		if status, b := s.send("", "GET", path, ""); status != 200 || string(b) != want {
			t.Errorf("%s: %d %s", path, status, b)
		}
	}
	if status, b := s.send("", "GET", "/api/3.0/mlflow/server-info", ""); status != 200 || !strings.Contains(string(b), `"multipart_uploads_enabled":false`) {
		t.Errorf("server-info: %d %s", status, b)
	}
	s.no("", "GET", "experiments/nothing", "", 404, "ENDPOINT_NOT_FOUND")
	s.no("", "POST", "experiments/get", "", 404, "ENDPOINT_NOT_FOUND") // another method
}

// TestWho: every operation wants a token, reading and writing their own permissions.
func TestWho(t *testing.T) {
	s := open(t)
	for _, c := range []struct{ method, path, body string }{
		{"POST", "experiments/create", `{"name": "x"}`}, {"POST", "runs/create", `{"experiment_id": "0"}`}, {"POST", "runs/log-batch", `{}`}, {"POST", "logged-models", `{}`},
		{"POST", "registered-models/create", `{"name": "x"}`}, {"POST", "model-versions/create", `{"name": "calls", "source": "s3://x/y"}`}, {"POST", "registered-models/alias", `{"name": "calls", "alias": "x", "version": "1"}`},
		{"DELETE", "registered-models/alias", `{"name": "calls", "alias": "champion"}`},
	} {
		s.no("", c.method, c.path, c.body, 401, "UNAUTHENTICATED")
		s.no("wrong", c.method, c.path, c.body, 401, "UNAUTHENTICATED")
		s.no(viewer, c.method, c.path, c.body, 403, "PERMISSION_DENIED")
	}
	for _, path := range []string{"experiments/get?experiment_id=0", "runs/get?run_id=run_1", "registered-models/get?name=calls", "artifacts/list?run_id=run_1"} {
		s.no(predict, "GET", path, "", 403, "PERMISSION_DENIED")
		if status, b := s.send(viewer, "GET", api2+path, ""); status != 200 {
			t.Errorf("viewer %s: %d %s", path, status, b)
		}
	}
	for _, path := range []string{"/0/x", "/forge/models/calls/1/MLmodel"} {
		if status, _ := s.send(viewer, "PUT", files+path, "x"); status != 403 {
			t.Errorf("viewer stores %s: %d", path, status)
		}
		if status, _ := s.send("", "GET", files+path, ""); status != 401 {
			t.Errorf("nobody reads %s: %d", path, status)
		}
	}
	if got := s.do("GET", "registered-models/get?name=calls", ""); !reflect.DeepEqual(at(got, "registered_model", "aliases", 0), object{"alias": "champion", "version": "1"}) {
		t.Errorf("after all refusals: %v", got)
	}
}

func testExperiments(t *testing.T, s *site) {
	if got := at(s.do("POST", "experiments/create", `{"name": "a", "tags": [{"key": "team", "value": "risk"}], "unheard": 1}`), "experiment_id"); got != "2" {
		t.Fatalf("first id %v", got)
	}
	s.no(editor, "POST", "experiments/create", `{"name": "a"}`, 400, "RESOURCE_ALREADY_EXISTS")
	s.no(editor, "POST", "experiments/create", `{"name": "forge"}`, 400, "RESOURCE_ALREADY_EXISTS")
	for _, body := range []string{`{}`, `{"name": ""}`, `{"name": 5}`, `[]`, `{"name": "x`, `{"name": "a\u0000b"}`, `{"name": "` + strings.Repeat("x", 501) + `"}`,
		`{"name": "p", "artifact_location": "file:///etc"}`, `{"name": "p", "artifact_location": "/etc"}`, `{"name": "p", "artifact_location": "mlflow-artifacts:/../x"}`, `{"name": "p", "artifact_location": "mlflow-artifacts:/forge/models"}`,
		`{"name": "p", "artifact_location": "s3://b/x?y"}`, `{"name": "p", "tags": [{"key": "", "value": "v"}]}`} {
		s.no(editor, "POST", "experiments/create", body, 400, "INVALID_PARAMETER_VALUE")
	}
	s.no(editor, "POST", "experiments/create", `{"name": "`+strings.Repeat("x", 2<<20)+`"}`, 413, "INVALID_PARAMETER_VALUE")
	e := s.do("GET", "experiments/get?experiment_id=2", "")
	if at(e, "experiment", "artifact_location") != "mlflow-artifacts:/2" || at(e, "experiment", "tags", 0, "value") != "risk" || at(e, "experiment", "lifecycle_stage") != "active" {
		t.Errorf("read back %v", e)
	}
	s.no(editor, "GET", "experiments/get?experiment_id=99", "", 404, "RESOURCE_DOES_NOT_EXIST")
	s.no(editor, "GET", "experiments/get?experiment_id=x", "", 404, "RESOURCE_DOES_NOT_EXIST")
	s.no(editor, "GET", "experiments/get-by-name?experiment_name=zz", "", 404, "RESOURCE_DOES_NOT_EXIST")
	s.no(editor, "POST", "experiments/delete", `{"experiment_id": "1"}`, 400, "INVALID_PARAMETER_VALUE")
	s.no(editor, "POST", "experiments/update", `{"experiment_id": "0", "new_name": "x"}`, 400, "INVALID_PARAMETER_VALUE")
	s.do("POST", "experiments/set-experiment-tag", `{"experiment_id": 2, "key": "n", "value": 7}`) // numbers for texts, from old clients
	s.do("POST", "experiments/delete-experiment-tag", `{"experiment_id": "2", "key": "team"}`)
	s.no(editor, "POST", "experiments/delete-experiment-tag", `{"experiment_id": "2", "key": "team"}`, 404, "RESOURCE_DOES_NOT_EXIST")
	s.do("POST", "experiments/update", `{"experiment_id": "2", "new_name": "b"}`)
	run := s.run("2", "r")
	s.do("POST", "experiments/delete", `{"experiment_id": "2"}`)
	s.no(editor, "POST", "runs/create", `{"experiment_id": "2"}`, 400, "INVALID_PARAMETER_VALUE")
	if got := at(s.do("GET", "runs/get?run_id="+run, ""), "run", "info", "lifecycle_stage"); got != "deleted" {
		t.Errorf("a run of a deleted experiment is %v", got)
	}
	if got := col(s.do("POST", "experiments/search", `{"max_results": "10", "view_type": "DELETED_ONLY", "filter": "tags.n = '7'"}`)["experiments"], "name"); !reflect.DeepEqual(got, []any{"b"}) {
		t.Errorf("deleted ones: %v", got)
	}
	s.do("POST", "experiments/restore", `{"experiment_id": "2"}`)
	if got := col(s.do("GET", "experiments/search?max_results=10&order_by=name&order_by=experiment_id+DESC", "")["experiments"], "name"); !reflect.DeepEqual(got, []any{"Default", "b", "forge"}) {
		t.Errorf("by name: %v", got)
	}
	s.no(editor, "GET", "experiments/search?max_results=-1", "", 400, "INVALID_PARAMETER_VALUE")
	s.no(editor, "GET", "experiments/search?filter=metrics.a+%3E+1", "", 400, "INVALID_PARAMETER_VALUE")
	s.no(editor, "GET", "experiments/search?page_token=zz", "", 400, "INVALID_PARAMETER_VALUE")
}

func testExperimentPages(t *testing.T, s *site) {
	for i := range 5 {
		s.do("POST", "experiments/create", fmt.Sprintf(`{"name": "e%d"}`, i))
	}
	var names []any
	body := `{"max_results": 3, "order_by": ["name ASC"]`
	answer := s.do("POST", "experiments/search", body+"}")
	for {
		names = append(names, col(answer["experiments"], "name")...)
		token, ok := answer["next_page_token"].(string)
		if !ok {
			break
		}
		s.no(editor, "POST", "experiments/search", `{"max_results": 3, "page_token": "`+token+`"}`, 400, "INVALID_PARAMETER_VALUE") // of another search
		answer = s.do("POST", "experiments/search", body+`, "page_token": "`+token+`"}`)
	}
	if !reflect.DeepEqual(names, []any{"Default", "e0", "e1", "e2", "e3", "e4", "forge"}) {
		t.Errorf("pages %v", names)
	}
}

func testRuns(t *testing.T, s *site) {
	id := s.run("0", "one")
	r := s.do("GET", "runs/get?run_uuid="+id, "")
	if at(r, "run", "info", "artifact_uri") != "mlflow-artifacts:/0/"+id+"/artifacts" || at(r, "run", "info", "start_time") != 1.8e12 || at(r, "run", "info", "status") != "RUNNING" || at(r, "run", "data", "tags", 0, "value") != "one" {
		t.Errorf("new run %v", r)
	}
	s.do("POST", "runs/log-metric", `{"run_uuid": "`+id+`", "key": "m", "value": "NaN", "timestamp": "5", "step": "2"}`)
	s.do("POST", "runs/log-metric", `{"run_id": "`+id+`", "key": "m", "value": 0.25, "timestamp": 9, "step": 1}`)
	s.do("POST", "runs/log-metric", `{"run_id": "`+id+`", "key": "far", "value": "-Infinity", "timestamp": 9}`)
	s.do("POST", "runs/log-parameter", `{"run_id": "`+id+`", "key": "p", "value": "4"}`)
	s.do("POST", "runs/log-parameter", `{"run_id": "`+id+`", "key": "p", "value": "4"}`)
	s.no(editor, "POST", "runs/log-parameter", `{"run_id": "`+id+`", "key": "p", "value": "5"}`, 400, "INVALID_PARAMETER_VALUE")
	s.do("POST", "runs/set-tag", `{"run_id": "`+id+`", "key": "mlflow.runName", "value": "two"}`)
	r = s.do("GET", "runs/get?run_id="+id, "")
	if at(r, "run", "info", "run_name") != "two" || at(r, "run", "data", "metrics", 1, "value") != "NaN" || at(r, "run", "data", "metrics", 1, "step") != 2.0 || at(r, "run", "data", "params", 0, "value") != "4" {
		t.Errorf("after logging %v", r)
	}
	h := s.do("GET", "metrics/get-history?metric_key=far&run_id="+id, "")
	if at(h, "metrics", 0, "value") != "-Infinity" {
		t.Errorf("history %v", h)
	}
	u := s.do("POST", "runs/update", `{"run_id": "`+id+`", "status": 3, "end_time": "1800000001000", "run_name": "three"}`)
	if at(u, "run_info", "status") != "FINISHED" || at(u, "run_info", "end_time") != 1.800000001e12 || at(u, "run_info", "run_name") != "three" {
		t.Errorf("updated %v", u)
	}
	s.do("POST", "runs/delete-tag", `{"run_id": "`+id+`", "key": "mlflow.runName"}`)
	for path, body := range map[string]string{
		"runs/log-metric": `{"run_id": "ID", "key": "", "value": 1}`, "runs/set-tag": `{"run_id": "ID", "key": "../x", "value": "1"}`, "runs/update": `{"run_id": "ID", "status": "GREAT"}`,
		"runs/log-parameter": `{"run_id": "ID", "key": "long", "value": "` + strings.Repeat("x", 6001) + `"}`, "runs/log-model": `{"run_id": "ID", "model_json": "no"}`, "runs/log-inputs": `{"run_id": "ID", "datasets": [{"dataset": {}}]}`,
		"runs/log-batch": `{"run_id": "ID", "metrics": [{"key": "m", "value": "x"}]}`,
	} {
		s.no(editor, "POST", path, strings.ReplaceAll(body, "ID", id), 400, "INVALID_PARAMETER_VALUE")
	}
	for _, path := range []string{"log-metric", "log-parameter", "set-tag", "update", "delete", "log-batch", "log-inputs", "outputs"} {
		s.no(editor, "POST", "runs/"+path, `{"run_id": "missing", "key": "k", "value": "1"}`, 404, "RESOURCE_DOES_NOT_EXIST")
	}
	s.do("POST", "runs/delete", `{"run_id": "`+id+`"}`)
	s.no(editor, "POST", "runs/log-metric", `{"run_id": "`+id+`", "key": "m", "value": 1}`, 400, "INVALID_PARAMETER_VALUE")
	s.do("POST", "runs/restore", `{"run_id": "`+id+`"}`)
}

func testLogBatch(t *testing.T, s *site) {
	id := s.run("0", "batch")
	var m []string
	for i := range 500 {
		m = append(m, fmt.Sprintf(`{"key": "loss", "value": %g, "timestamp": "%d", "step": "%d"}`, 1/float64(i+1), 1000+i, i))
	}
	body := `{"run_id": "` + id + `", "metrics": [` + strings.Join(m, ",") + `], "params": [{"key": "a", "value": "1"}], "tags": [{"key": "t", "value": "1"}, {"key": "t", "value": "2"}]}`
	var wg sync.WaitGroup
	for range 4 { // several senders, and a repeated send
		wg.Go(func() {
			if status, b := s.send(editor, "POST", api2+"runs/log-batch", body); status != 200 {
				t.Errorf("%d %s", status, b)
			}
		})
	}
	wg.Wait()
	h := s.do("GET", "metrics/get-history?metric_key=loss&max_results=400&run_id="+id, "")
	rest := s.do("GET", "metrics/get-history?metric_key=loss&max_results=400&run_id="+id+"&page_token="+h["next_page_token"].(string), "")
	if n, k := len(h["metrics"].([]any)), len(rest["metrics"].([]any)); n != 400 || k != 100 || at(rest, "metrics", 99, "step") != 499.0 {
		t.Errorf("history of %d and %d points", n, k)
	}
	r := s.do("GET", "runs/get?run_id="+id, "")
	if at(r, "run", "data", "metrics", 0, "step") != 499.0 || at(r, "run", "data", "tags", 1, "value") != "2" {
		t.Errorf("after the batches %v", r)
	}
	thin := s.do("GET", "metrics/get-history-bulk-interval?run_ids="+id+"&metric_key=loss&start_step=100&end_step=199&max_results=10", "")
	if got := col(thin["metrics"], "step"); len(got) != 10 || got[0] != 100.0 || got[9] != 199.0 {
		t.Errorf("thinned %v", got)
	}
	many := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	for _, bad := range []string{
		`"metrics": [` + many(1001, `{"key": "m", "value": 1}`) + `]`, `"params": [` + many(101, `{"key": "m", "value": "1"}`) + `]`, `"tags": [` + many(101, `{"key": "m", "value": "1"}`) + `]`,
		`"params": [{"key": "b", "value": "1"}, {"key": "b", "value": "2"}]`, `"metrics": [{"key": "new", "value": 1}], "params": [{"key": "a", "value": "other"}]`,
	} {
		s.no(editor, "POST", "runs/log-batch", `{"run_id": "`+id+`", `+bad+`}`, 400, "INVALID_PARAMETER_VALUE")
	}
	if h := s.do("GET", "metrics/get-history?metric_key=new&run_id="+id, ""); len(h["metrics"].([]any)) != 0 {
		t.Errorf("a refused batch left %v", h)
	}
}

func testSearchRuns(t *testing.T, s *site) {
	e := at(s.do("POST", "experiments/create", `{"name": "e"}`), "experiment_id").(string)
	for i := range 12 {
		id := s.run(e, fmt.Sprintf("r%02d", i))
		size := "small"
		if i >= 6 {
			size = "Large*"
		}
		s.do("POST", "runs/log-batch", fmt.Sprintf(`{"run_id": "%s", "metrics": [{"key": "m", "value": %d, "timestamp": 1}], "params": [{"key": "size", "value": "%s"}], "tags": [{"key": "n%d", "value": "x"}]}`, id, i, size, i%3))
		if i == 3 {
			s.do("POST", "runs/log-inputs", `{"run_id": "`+id+`", "datasets": [{"tags": [{"key": "mlflow.data.context", "value": "train"}], "dataset": {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}}]}`)
		}
	}
	find := func(filter, order string) []any {
		t.Helper()
		b, _ := json.Marshal(filter)
		return col(s.do("POST", "runs/search", `{"experiment_ids": ["`+e+`"], "filter": `+string(b)+`, "order_by": ["`+order+`"], "max_results": 50}`)["runs"], "info", "run_name")
	}
	for filter, want := range map[string][]any{
		"metrics.m > 9": {"r10", "r11"}, "metrics.m >= 9 and metrics.m < 11": {"r09", "r10"}, "params.size LIKE 'Large*' and tags.n0 = 'x'": {"r06", "r09"}, "params.size LIKE 'L_rge%' and metrics.m = 7": {"r07"},
		"params.size LIKE 'large%'": {}, "params.size ILIKE 'large%' and metrics.m = 6": {"r06"}, "params.size LIKE '%[*]'": {}, "tags.n1 IS NULL and metrics.m <= 2": {"r00", "r02"}, "tags.n1 IS NOT NULL and metrics.m <= 2": {"r01"},
		"run_name IN ('r01', 'r02')": {"r01", "r02"}, "attributes.status != 'RUNNING'": {}, "datasets.name = 'd' and datasets.context = 'train'": {"r03"}, "start_time > 0 and run_name = 'r05'": {"r05"}, "start_time < 1.5": {},
		"params.size = 'x'' OR 1=1 --'": {},
	} {
		if got := find(filter, "run_name"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", filter, got, want)
		}
	}
	if got := find("metrics.m < 3", "metrics.m DESC"); !reflect.DeepEqual(got, []any{"r02", "r01", "r00"}) {
		t.Errorf("by metric: %v", got)
	}
	if got := find("metrics.m < 4", "tags.n1 ASC\", \"attributes.run_name DESC"); !reflect.DeepEqual(got, []any{"r01", "r03", "r02", "r00"}) {
		t.Errorf("those with the tag first: %v", got)
	}
	all := s.do("POST", "runs/search", `{"experiment_ids": ["`+e+`", "77", "x"], "order_by": ["params.size", "metrics.m"], "max_results": 7}`)
	next := s.do("POST", "runs/search", `{"experiment_ids": ["`+e+`", "77", "x"], "order_by": ["params.size", "metrics.m"], "max_results": 7, "page_token": "`+all["next_page_token"].(string)+`"}`)
	if got := col(all["runs"], "info", "run_name"); got[0] != "r06" || got[6] != "r00" || len(next["runs"].([]any)) != 5 || next["next_page_token"] != nil {
		t.Errorf("pages %v, then %v", got, next)
	}
	if got := s.do("POST", "runs/search", `{}`); len(got["runs"].([]any)) != 0 {
		t.Errorf("of no experiment: %v", got)
	}
	s.no(editor, "POST", "runs/search", `{"experiment_ids": ["0"], "filter": "metrics.m > 1 or metrics.m < 0"}`, 400, "INVALID_PARAMETER_VALUE")
	s.no(editor, "POST", "runs/search", `{"experiment_ids": ["0"], "max_results": 50001}`, 400, "INVALID_PARAMETER_VALUE")
	d := s.do("POST", "experiments/search-datasets", `{"experiment_ids": ["`+e+`"]}`)
	if !reflect.DeepEqual(at(d, "dataset_summaries", 0), object{"experiment_id": e, "name": "d", "digest": "1", "context": "train"}) {
		t.Errorf("datasets %v", d)
	}
}

func testInputsAndModelHistory(t *testing.T, s *site) {
	id := s.run("0", "r")
	s.do("POST", "runs/log-inputs", `{"run_id": "`+id+`", "models": [{"model_id": "m-1"}]}`)
	s.do("POST", "runs/outputs", `{"run_id": "`+id+`", "models": [{"model_id": "m-2", "step": "4"}]}`)
	for _, m := range []string{"a", "b"} {
		s.do("POST", "runs/log-model", `{"run_id": "`+id+`", "model_json": "{\"artifact_path\": \"`+m+`\", \"flavors\": {}}"}`)
	}
	r := s.do("GET", "runs/get?run_id="+id, "")
	if at(r, "run", "inputs", "model_inputs", 0, "model_id") != "m-1" || at(r, "run", "outputs", "model_outputs", 0, "step") != 4.0 {
		t.Errorf("inputs and outputs %v", r)
	}
	var history []object
	if err := json.Unmarshal([]byte(at(r, "run", "data", "tags", 0, "value").(string)), &history); err != nil || len(history) != 2 || history[1]["artifact_path"] != "b" {
		t.Errorf("history of models %v, %v", history, err)
	}
}

// testForgeRuns: what forge trained is a run here, and stays its own.
func testForgeRuns(t *testing.T, s *site) {
	r := s.do("GET", "runs/get?run_id=run_1", "")
	params, metrics := map[any]any{}, map[any]any{}
	for _, p := range at(r, "run", "data", "params").([]any) {
		params[at(p, "key")] = at(p, "value")
	}
	for _, m := range at(r, "run", "data", "metrics").([]any) {
		metrics[at(m, "key")] = at(m, "value")
	}
	if at(r, "run", "info", "status") != "FINISHED" || at(r, "run", "info", "experiment_id") != "1" || params["best.leaves"] != "31" || params["target"] != "subscribed" || metrics["roc_auc"] != 0.79 || metrics["baseline_roc_auc"] != 0.5 || metrics["rows_test"] != 100.0 {
		t.Errorf("forge's run %v", r)
	}
	if at(r, "run", "inputs", "dataset_inputs", 0, "dataset", "name") != "training.calls" {
		t.Errorf("its data %v", at(r, "run", "inputs"))
	}
	if h := s.do("GET", "metrics/get-history?run_id=run_1&metric_key=validation_roc_auc", ""); !reflect.DeepEqual(col(h["metrics"], "value"), []any{0.8, 0.7}) {
		t.Errorf("trials %v", h)
	}
	if got := col(s.do("POST", "runs/search", `{"experiment_ids": ["1"], "filter": "params.model = 'calls' and tags.forge.version = 'calls/1'"}`)["runs"], "info", "run_id"); !reflect.DeepEqual(got, []any{"run_1"}) {
		t.Errorf("search %v", got)
	}
	if got := s.do("GET", "artifacts/list?run_id=run_1&path=model", ""); at(got, "files", 0, "path") != "model/MLmodel" || at(got, "root_uri") != "mlflow-artifacts:/forge/runs/run_1" {
		t.Errorf("files %v", got)
	}
	for path, body := range map[string]string{"runs/set-tag": `{"run_id": "run_1", "key": "a", "value": "b"}`, "runs/log-metric": `{"run_id": "run_1", "key": "a", "value": 1}`, "runs/delete": `{"run_id": "run_1"}`, "runs/update": `{"run_id": "run_1", "status": "FAILED"}`} {
		s.no(editor, "POST", path, body, 400, "INVALID_PARAMETER_VALUE")
	}
	s.no(stranger, "GET", "runs/get?run_id=run_1", "", 404, "RESOURCE_DOES_NOT_EXIST")
	s.no(editor, "GET", "runs/get?run_id=run_none", "", 404, "RESOURCE_DOES_NOT_EXIST")
}

// testProjects: nothing of one project is seen or changed from another.
func testProjects(t *testing.T, s *site) {
	s.do("POST", "experiments/create", `{"name": "mine"}`)
	id := s.run("2", "mine")
	s.do("POST", "runs/set-tag", `{"run_id": "`+id+`", "key": "k", "value": "v"}`)
	if status, b := s.send(editor, "PUT", files+"/2/"+id+"/artifacts/x.txt", "secret"); status != http.StatusOK {
		t.Fatalf("%d %s", status, b)
	}
	m := at(s.do("POST", "logged-models", `{"experiment_id": "2", "name": "l"}`), "model", "info", "model_id").(string)
	for _, c := range []struct{ method, path, body string }{
		{"GET", "experiments/get?experiment_id=2", ""}, {"GET", "experiments/get-by-name?experiment_name=mine", ""}, {"GET", "runs/get?run_id=" + id, ""}, {"POST", "runs/set-tag", `{"run_id": "` + id + `", "key": "k", "value": "w"}`},
		{"POST", "runs/delete", `{"run_id": "` + id + `"}`}, {"GET", "metrics/get-history?metric_key=m&run_id=" + id, ""}, {"GET", "artifacts/list?run_id=" + id, ""}, {"GET", "logged-models/" + m, ""}, {"DELETE", "logged-models/" + m, ""},
		{"GET", "registered-models/get?name=calls", ""}, {"GET", "model-versions/get?name=calls&version=1", ""}, {"GET", "model-versions/get-download-uri?name=calls&version=1", ""}, {"DELETE", "registered-models/delete", `{"name": "calls"}`},
	} {
		s.no(stranger, c.method, c.path, c.body, 404, "RESOURCE_DOES_NOT_EXIST")
	}
	for _, path := range []string{"/2/" + id + "/artifacts/x.txt", "/forge/models/calls/1/MLmodel", "/forge/runs/run_1/model/MLmodel"} {
		if status, b := s.send(stranger, "GET", files+path, ""); status != 404 {
			t.Errorf("%s: %d %s", path, status, b)
		}
	}
	if status, b := s.send(stranger, "POST", api2+"runs/search", `{"experiment_ids": ["0", "1", "2"]}`); status != 200 || !strings.Contains(string(b), `"runs":[]`) {
		t.Errorf("search: %d %s", status, b)
	}
	if got := at(s.do("GET", "runs/get?run_id="+id, ""), "run", "data", "tags", 0, "value"); got != "v" {
		t.Errorf("the tag is %v now", got)
	}
}
