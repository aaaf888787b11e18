package mlflowhttp_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/training"
)

// upload stores all files of a folder as artifacts of a run.
func (s *site) upload(run, to, dir string) {
	s.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			s.Fatal(err)
		}
		s.put("/0/"+run+"/artifacts/"+to+"/"+e.Name(), string(b))
	}
}

func (s *site) put(path, body string) {
	s.Helper()
	if status, b := s.send(editor, "PUT", files+path, body); status != 200 {
		s.Fatalf("%s: %d %s", path, status, b)
	}
}

func (s *site) register(model, source, more string) object {
	s.Helper()
	return at(s.do("POST", "model-versions/create", `{"name": "`+model+`", "source": "`+source+`"`+more+`}`), "model_version").(object)
}

func tag(v any, key string) any {
	for _, t := range at(v, "tags").([]any) {
		if at(t, "key") == key {
			return at(t, "value")
		}
	}
	return nil
}

func testForgeModels(t *testing.T, s *site) {
	v := at(s.do("GET", "registered-models/alias?name=calls&alias=champion", ""), "model_version")
	if at(v, "version") != "1" || at(v, "run_id") != "run_1" || at(v, "source") != "mlflow-artifacts:/forge/models/calls/1" || at(v, "status") != "READY" || tag(v, "forge.servable") != "true" || tag(v, "forge.digest") != "d1" || at(v, "model_metrics", 0, "value") != 0.79 {
		t.Errorf("version %v", v)
	}
	if got := s.do("GET", "model-versions/get-download-uri?name=calls&version=1", ""); got["artifact_uri"] != "mlflow-artifacts:/forge/models/calls/1" {
		t.Errorf("address %v", got)
	}
	if status, b := s.send(editor, "GET", files+"/forge/models/calls/1/card.md", ""); status != 200 || string(b) != "# calls\n" {
		t.Errorf("%d %s", status, b)
	}
	if status, b := s.send(editor, "GET", files+"?path=forge/models/calls/1", ""); status != 200 || !strings.Contains(string(b), `{"path":"model.onnx","is_dir":false,"file_size":5}`) {
		t.Errorf("%d %s", status, b)
	}
	for _, c := range []struct{ method, path string }{{"PUT", "/forge/models/calls/1/card.md"}, {"PUT", "/forge/x"}, {"DELETE", "/forge/models/calls/1"}, {"DELETE", "/forge"}} {
		if status, b := s.send(editor, c.method, files+c.path, "x"); status != 403 || !strings.Contains(string(b), "PERMISSION_DENIED") {
			t.Errorf("%v: %d %s", c, status, b)
		}
	}
	s.no(editor, "DELETE", "model-versions/delete", `{"name": "calls", "version": "1"}`, 409, "INVALID_STATE")
	s.no(editor, "DELETE", "registered-models/delete", `{"name": "calls"}`, 409, "INVALID_STATE")
	s.no(editor, "POST", "registered-models/rename", `{"name": "calls", "new_name": "x"}`, 409, "INVALID_STATE")
	if b, err := os.ReadFile(filepath.Join(s.pack, "card.md")); err != nil || string(b) != "# calls\n" {
		t.Errorf("the package is %q now, %v", b, err)
	}
}

func testRegisteredModels(t *testing.T, s *site) {
	s.do("POST", "registered-models/create", `{"name": "mine", "description": "d", "tags": [{"key": "team", "value": "risk"}]}`)
	s.no(editor, "POST", "registered-models/create", `{"name": "mine"}`, 400, "RESOURCE_ALREADY_EXISTS")
	s.no(editor, "POST", "registered-models/create", `{"name": "calls"}`, 400, "RESOURCE_ALREADY_EXISTS")
	for _, name := range []string{"", "My Model", "a/b", "../x"} {
		s.no(editor, "POST", "registered-models/create", `{"name": "`+name+`"}`, 400, "INVALID_PARAMETER_VALUE")
	}
	s.do("PATCH", "registered-models/update", `{"name": "mine", "description": "new"}`)
	s.do("POST", "registered-models/set-tag", `{"name": "mine", "key": "k", "value": "v"}`)
	s.do("DELETE", "registered-models/delete-tag", `{"name": "mine", "key": "team"}`)
	m := at(s.do("GET", "registered-models/get?name=mine", ""), "registered_model")
	if at(m, "description") != "new" || !reflect.DeepEqual(at(m, "tags"), []any{object{"key": "k", "value": "v"}}) {
		t.Errorf("read back %v", m)
	}
	search := func(q string) []any {
		return col(s.do("GET", "registered-models/search?"+q, "")["registered_models"], "name")
	}
	for q, want := range map[string][]any{
		"": {"calls", "mine"}, "filter=name+LIKE+'mi%25'": {"mine"}, "filter=tags.k+%3D+'v'": {"mine"}, "order_by=name+DESC": {"mine", "calls"}, "max_results=1": {"calls"},
		"filter=tags.%60mlflow.prompt.is_prompt%60+!%3D+'true'": {"calls", "mine"}, "filter=name+%3D+'x'": {},
	} {
		if got := search(q); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", q, got, want)
		}
	}
	s.no(editor, "GET", "registered-models/search?filter=run_id+%3D+'x'", "", 400, "INVALID_PARAMETER_VALUE")
	s.do("POST", "registered-models/rename", `{"name": "mine", "new_name": "yours"}`)
	s.no(editor, "GET", "registered-models/get?name=mine", "", 404, "RESOURCE_DOES_NOT_EXIST")
	s.do("DELETE", "registered-models/delete", `{"name": "yours"}`)
	if got := search(""); !reflect.DeepEqual(got, []any{"calls"}) {
		t.Errorf("after the deletion %v", got)
	}
	s.do("POST", "registered-models/create", `{"name": "yours"}`)
	if m := at(s.do("GET", "registered-models/get?name=yours", ""), "registered_model"); len(at(m, "tags").([]any)) != 0 {
		t.Errorf("made anew, it has %v", m)
	}
	for _, c := range []struct{ method, path, body string }{
		{"PATCH", "registered-models/update", `{"name": "none"}`}, {"DELETE", "registered-models/delete", `{"name": "none"}`}, {"POST", "registered-models/set-tag", `{"name": "none", "key": "k"}`}, {"DELETE", "registered-models/delete-tag", `{"name": "none", "key": "k"}`},
		{"POST", "registered-models/alias", `{"name": "none", "alias": "a", "version": "1"}`}, {"DELETE", "registered-models/alias", `{"name": "none", "alias": "a"}`}, {"POST", "model-versions/create", `{"name": "none", "source": "s3://x"}`},
		{"POST", "registered-models/get-latest-versions", `{"name": "none"}`}, {"GET", "model-versions/get?name=calls&version=9", ""}, {"POST", "model-versions/transition-stage", `{"name": "calls", "version": "9", "stage": "None"}`},
	} {
		s.no(editor, c.method, c.path, c.body, 404, "RESOURCE_DOES_NOT_EXIST")
	}
}

// testRegisterPackage: a model package that a client registers is verified; only then
// may it be served.
func testRegisterPackage(t *testing.T, s *site) {
	run := s.run("0", "r")
	dir := filepath.Join(t.TempDir(), "p")
	writePackage(t, dir, nil)
	s.upload(run, "model", dir)
	s.put("/0/"+run+"/artifacts/model/registered_model_meta", "model_name: calls\n") // as the client adds
	s.do("POST", "registered-models/create", `{"name": "mine"}`)
	v := s.register("mine", "runs:/"+run+"/model", `, "run_id": "`+run+`", "tags": [{"key": "k", "value": "v"}], "description": "d"`)
	if at(v, "version") != "1" || at(v, "status") != "READY" || tag(v, "forge.servable") != "true" || at(v, "run_id") != run || tag(v, "k") != "v" || at(v, "user_id") != "Ann" || s.verifier.calls != 1 {
		t.Errorf("registered %v, verified %d times", v, s.verifier.calls)
	}
	got, err := s.reg.Resolve(t.Context(), scope, "mine")
	if err != nil || got.Task != "binary" || got.Metrics["roc_auc"] != 0.79 || !strings.HasPrefix(got.Dir, filepath.Join(s.dir, "models", "acme", "bank", "mine")) {
		t.Errorf("for serving %+v, %v", got, err)
	}
	// what the run does later does not reach the version
	s.put("/0/"+run+"/artifacts/model/model.onnx", "other")
	if b, err := os.ReadFile(filepath.Join(got.Dir, "model.onnx")); err != nil || string(b) != "graph" {
		t.Errorf("the version's graph is %q, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(got.Dir, "registered_model_meta")); err == nil {
		t.Error("the client's own file is part of the package")
	}
	v = s.register("mine", "mlflow-artifacts:/0/"+run+"/artifacts/model", "") // now its checksums are wrong
	if at(v, "status") != "FAILED_REGISTRATION" || !strings.Contains(at(v, "status_message").(string), "model.onnx") {
		t.Errorf("changed after it was written: %v", v)
	}
	wrong := filepath.Join(t.TempDir(), "w")
	writePackage(t, wrong, map[string]string{"model.onnx": "other"})
	s.upload(run, "wrong", wrong)
	v = s.register("mine", s.url+"/mlflow/api/2.0/mlflow-artifacts/artifacts/0/"+run+"/artifacts/wrong", "")
	if at(v, "version") != "3" || at(v, "status") != "FAILED_REGISTRATION" || !strings.Contains(at(v, "status_message").(string), "row 0") {
		t.Errorf("another graph: %v", v)
	}
	if _, err := s.reg.Resolve(t.Context(), scope, "mine/3"); !errors.Is(err, forge.ErrConflict) {
		t.Errorf("a refused version resolves: %v", err)
	}
	s.no(editor, "POST", "registered-models/alias", `{"name": "mine", "alias": "champion", "version": "3"}`, 409, "INVALID_STATE")
	if v := s.register("mine", "models:/mine/1", ""); at(v, "version") != "4" || at(v, "status") != "READY" {
		t.Errorf("a copy %v", v)
	}
	left, _ := filepath.Glob(filepath.Join(s.dir, "models", "acme", "bank", "mine", ".incoming-*"))
	if len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
}

// testRegisterOther: anything else is kept and never loaded.
func testRegisterOther(t *testing.T, s *site) {
	run := s.run("0", "r")
	s.put("/0/"+run+"/artifacts/m/MLmodel", "flavors: {sklearn: {pickled_model: model.pkl}}")
	s.put("/0/"+run+"/artifacts/m/model.pkl", "cos\nsystem\n(S'x'\ntR.")
	s.do("POST", "registered-models/create", `{"name": "mine"}`)
	v := s.register("mine", "runs:/"+run+"/m", "")
	if at(v, "status") != "READY" || tag(v, "forge.servable") != "false" || !strings.Contains(at(v, "status_message").(string), "not served") || s.verifier.calls != 0 {
		t.Errorf("registered %v, verified %d times", v, s.verifier.calls)
	}
	var e *forge.Error
	if _, err := s.reg.Resolve(t.Context(), scope, "mine/1"); !errors.As(err, &e) || e.Kind != forge.KindConflict || !strings.Contains(e.Text, "external") {
		t.Errorf("for serving: %v", err)
	}
	if status, b := s.send(editor, "GET", files+"/forge/models/mine/1/model.pkl", ""); status != 200 || !strings.HasPrefix(string(b), "cos") {
		t.Errorf("download %d %s", status, b)
	}
	for _, source := range []string{"s3://bucket/model", "runs:/" + run + "/nothing", "dbfs:/x", "mlflow-artifacts://elsewhere:5000/0/x"} {
		v := s.register("mine", source, "")
		if at(v, "status") != "READY" || tag(v, "forge.servable") != "false" || at(v, "source") != source {
			t.Errorf("%s: %v", source, v)
		}
		if got := s.do("GET", "model-versions/get-download-uri?name=mine&version="+at(v, "version").(string), ""); got["artifact_uri"] != source {
			t.Errorf("%s comes from %v", source, got)
		}
	}
	for _, source := range []string{"", "/etc", "file:///etc", "models:/mine", "models:/../x/1"} {
		status, b := s.send(editor, "POST", api2+"model-versions/create", `{"name": "mine", "source": "`+source+`"}`)
		if status != 400 && status != 404 {
			t.Errorf("%q: %d %s", source, status, b)
		}
	}
	s.no(editor, "POST", "model-versions/create", `{"name": "mine", "source": "runs:/missing/m"}`, 404, "RESOURCE_DOES_NOT_EXIST")
	s.no(editor, "POST", "model-versions/create", `{"name": "mine", "source": "models:/m-none"}`, 404, "RESOURCE_DOES_NOT_EXIST")
	s.no(editor, "POST", "model-versions/create", `{"name": "mine", "source": "models:/calls/7"}`, 404, "RESOURCE_DOES_NOT_EXIST")
	s.do("DELETE", "model-versions/delete", `{"name": "mine", "version": "1"}`)
	s.no(editor, "GET", "model-versions/get?name=mine&version=1", "", 404, "RESOURCE_DOES_NOT_EXIST")
	s.do("DELETE", "registered-models/delete", `{"name": "mine"}`)
	s.no(editor, "GET", "registered-models/get?name=mine", "", 404, "RESOURCE_DOES_NOT_EXIST")
	s.do("POST", "registered-models/create", `{"name": "mine"}`)
	if v := s.register("mine", "s3://bucket/again", ""); at(v, "version") != "6" {
		t.Errorf("a number is given twice: %v", v)
	}
}

func testAliases(t *testing.T, s *site) {
	if _, err := s.reg.Register(t.Context(), scope, training.Version{Model: "calls", Status: "ready", Run: "run_2", Digest: "d2", Dir: s.pack}); err != nil {
		t.Fatal(err)
	}
	s.register("calls", "s3://bucket/x", "") // 3, not servable
	alias := func(name, version string) string {
		return `{"name": "calls", "alias": "` + name + `", "version": "` + version + `"}`
	}
	s.do("POST", "registered-models/alias", alias("champion", "2"))
	if v, err := s.reg.Resolve(t.Context(), scope, "calls@champion"); err != nil || v.Number != 2 {
		t.Errorf("forge's own alias is on %d, %v", v.Number, err)
	}
	s.no(editor, "POST", "registered-models/alias", alias("champion", "3"), 409, "INVALID_STATE")
	s.no(editor, "POST", "registered-models/alias", alias("Not This", "1"), 400, "INVALID_PARAMETER_VALUE")
	s.no(editor, "POST", "registered-models/alias", alias("a", "x"), 400, "INVALID_PARAMETER_VALUE")
	s.do("POST", "registered-models/alias", alias("draft", "3"))
	s.no(editor, "GET", "registered-models/alias?name=calls&alias=none", "", 400, "INVALID_PARAMETER_VALUE")
	if got := at(s.do("GET", "registered-models/alias?name=calls&alias=draft", ""), "model_version", "version"); got != "3" {
		t.Errorf("draft is on %v", got)
	}
	if _, err := s.reg.Resolve(t.Context(), scope, "calls@draft"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("serving sees the alias of a version that it cannot serve: %v", err)
	}
	s.do("POST", "registered-models/alias", alias("draft", "1")) // from one to the other kind
	if v, err := s.reg.Resolve(t.Context(), scope, "calls@draft"); err != nil || v.Number != 1 {
		t.Errorf("draft is on %d, %v", v.Number, err)
	}
	s.do("DELETE", "registered-models/alias", `{"name": "calls", "alias": "draft"}`)
	s.do("DELETE", "registered-models/alias", `{"name": "calls", "alias": "draft"}`)
	if got := at(s.do("GET", "registered-models/get?name=calls", ""), "registered_model", "aliases"); !reflect.DeepEqual(got, []any{object{"alias": "champion", "version": "2"}}) {
		t.Errorf("aliases %v", got)
	}
}

func testStages(t *testing.T, s *site) {
	if _, err := s.reg.Register(t.Context(), scope, training.Version{Model: "calls", Status: "ready", Run: "run_2", Digest: "d2", Dir: s.pack}); err != nil {
		t.Fatal(err)
	}
	move := func(version, stage string, archive bool) {
		t.Helper()
		got := s.do("POST", "model-versions/transition-stage", fmt.Sprintf(`{"name": "calls", "version": "%s", "stage": "%s", "archive_existing_versions": %v}`, version, stage, archive))
		if at(got, "model_version", "current_stage") != stage {
			t.Errorf("%s to %s: %v", version, stage, got)
		}
	}
	stages := func() string {
		out := ""
		for _, n := range []string{"1", "2"} {
			out += fmt.Sprint(at(s.do("GET", "model-versions/get?name=calls&version="+n, ""), "model_version", "current_stage"), " ")
		}
		return out
	}
	move("1", "Production", false)
	move("2", "Staging", false)
	if got := stages(); got != "Production Staging " {
		t.Error(got)
	}
	if got := col(s.do("POST", "registered-models/get-latest-versions", `{"name": "calls", "stages": ["production"]}`)["model_versions"], "version"); !reflect.DeepEqual(got, []any{"1"}) {
		t.Errorf("in production: %v", got)
	}
	move("2", "Production", true)
	if got := stages(); got != "Archived Production " {
		t.Error(got)
	}
	if v, err := s.reg.Resolve(t.Context(), scope, "calls@production"); err != nil || v.Number != 2 {
		t.Errorf("alias production on %d, %v", v.Number, err)
	}
	move("2", "None", false)
	move("1", "Staging", false)
	if got := stages(); got != "Staging None " {
		t.Error(got)
	}
	if got := col(s.do("GET", "registered-models/get-latest-versions?name=calls", "")["model_versions"], "version"); !reflect.DeepEqual(got, []any{"2", "1"}) {
		t.Errorf("newest of each stage: %v", got)
	}
	s.no(editor, "POST", "model-versions/transition-stage", `{"name": "calls", "version": "1", "stage": "Great"}`, 400, "INVALID_PARAMETER_VALUE")
}

func testModelVersions(t *testing.T, s *site) {
	s.do("PATCH", "model-versions/update", `{"name": "calls", "version": "1", "description": "words"}`)
	s.do("POST", "model-versions/set-tag", `{"name": "calls", "version": 1, "key": "k", "value": "v"}`)
	v := at(s.do("GET", "model-versions/get?name=calls&version=1", ""), "model_version")
	if at(v, "description") != "words" || tag(v, "k") != "v" || at(v, "run_id") != "run_1" {
		t.Errorf("read back %v", v)
	}
	s.do("DELETE", "model-versions/delete-tag", `{"name": "calls", "version": "1", "key": "k"}`)
	s.no(editor, "DELETE", "model-versions/delete-tag", `{"name": "calls", "version": "1", "key": "k"}`, 404, "RESOURCE_DOES_NOT_EXIST")
	for i := range 3 {
		s.register("calls", fmt.Sprintf("s3://bucket/%d", i), `, "run_id": "r`+fmt.Sprint(i)+`"`)
	}
	for q, want := range map[string][]any{
		"filter=name%3D'calls'&order_by=version_number+ASC": {"1", "2", "3", "4"}, "filter=run_id+IN+('r0','r2')&order_by=version_number": {"2", "4"}, "filter=source_path+LIKE+'s3%25'+and+version_number+>+3": {"4"},
		"filter=run_id%3D'run_1'": {"1"}, "filter=name%3D'none'": {}, "max_results=2&order_by=version_number+DESC": {"4", "3"}, "filter=tags.%60forge.servable%60%3D'true'": {"1"},
	} {
		if got := col(s.do("GET", "model-versions/search?"+q, "")["model_versions"], "version"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", q, got, want)
		}
	}
}

// testRegisterAtOnce: many clients register at once, each gets a number of its own.
func testRegisterAtOnce(t *testing.T, s *site) {
	run := s.run("0", "r")
	dir := filepath.Join(t.TempDir(), "p")
	writePackage(t, dir, nil)
	s.upload(run, "model", dir)
	s.do("POST", "registered-models/create", `{"name": "mine"}`)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			status, b := s.send(editor, "POST", api2+"model-versions/create", `{"name": "mine", "source": "runs:/`+run+`/model"}`)
			if status != 200 || !strings.Contains(string(b), `"READY"`) {
				t.Errorf("%d %s", status, b)
			}
		})
	}
	wg.Wait()
	if got := s.do("GET", "model-versions/search?filter=name%3D'mine'", ""); len(got["model_versions"].([]any)) != 6 {
		t.Errorf("versions %v", got)
	}
}
