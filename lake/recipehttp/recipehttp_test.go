package recipehttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/httpapi/gatetest"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
	"aiforge.dev/forge/lake/laketest"
	"aiforge.dev/forge/lake/recipehttp"
)

func TestMain(m *testing.M) { laketest.Main(m) }

// recipes stands in for the service; the store and the checks are the real ones.
type recipes struct{ previewed lake.Recipe }

func (r *recipes) Suggest(_ context.Context, _ forge.Scope, t forge.TableName) (lake.Recipe, []clean.Reason, error) {
	if t.Name == "none" {
		return lake.Recipe{}, nil, forge.Errorf(forge.KindNotFound, nil, "table %s does not exist", t)
	}
	return lake.Recipe{Name: t.Name, From: lake.RecipeFrom{t}, To: laketest.Name("curated." + t.Name), Steps: []lake.Step{{Name: "trim", Do: "trim", With: map[string]any{"columns": []any{"a"}}}}},
		[]clean.Reason{{Step: "trim", Column: "a", Text: "3 rows with blanks around"}}, nil
}

func (r *recipes) Preview(_ context.Context, _ forge.Scope, rec lake.Recipe, rows int) (clean.Shown, error) {
	r.previewed = rec
	if err := clean.Check(rec); err != nil {
		return clean.Shown{}, err
	}
	return clean.Shown{Before: [][]any{{int64(rows)}}, Steps: []lake.StepCount{{Name: "trim", RowsIn: 5, RowsOut: 5}}}, nil
}

func (r *recipes) CheckApply(_ context.Context, _ forge.Scope, rec lake.Recipe) error {
	for _, t := range rec.From {
		if t.Name == "none" {
			return forge.Errorf(forge.KindNotFound, nil, "table %s does not exist", t)
		}
	}
	return clean.Check(rec)
}

// queue keeps what is put into it.
type queue struct{ jobs []jobs.Job }

func (q *queue) Enqueue(_ context.Context, kind, title, key string, args any) (jobs.Job, error) {
	b, err := json.Marshal(args)
	j := jobs.Job{ID: "job_1", Kind: kind, Title: title, State: jobs.Queued, Args: b}
	q.jobs = append(q.jobs, j)
	return j, err
}

type client struct {
	t       *testing.T
	server  *httpapi.Server
	recipes *recipes
	queue   *queue
}

func open(t *testing.T) *client {
	store, err := clean.OpenStore(t.Context(), laketest.DB(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t, httpapi.New(gatetest.Gate{}, "test", nil), &recipes{}, &queue{}}
	recipehttp.Register(c.server, c.recipes, store, c.queue)
	return c
}

func (c *client) call(role, method, path, body string) (int, map[string]any) {
	c.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+role+"@acme/bank")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		c.t.Fatalf("%s %s: %s", method, path, w.Body)
	}
	return w.Code, out
}

const recipe = `{"name": "people", "from": "raw.people", "to": "curated.people", "steps": [{"do": "trim", "columns": ["a \ud83d\udcb6"]}]}`

func TestSuggest(t *testing.T) {
	c := open(t)
	code, out := c.call("viewer", "POST", "/api/recipes/suggest", `{"table": "raw.people"}`)
	if code != 200 {
		t.Fatal(code, out)
	}
	r := out["recipe"].(map[string]any)
	if r["from"] != "raw.people" || r["steps"].([]any)[0].(map[string]any)["do"] != "trim" {
		t.Errorf("recipe %v", r)
	}
	if reason := out["reasons"].([]any)[0].(map[string]any); reason["step"] != "trim" || reason["column"] != "a" {
		t.Errorf("reason %v", reason)
	}
	doc := out["yaml"].(string)
	if back, err := lake.ParseRecipe([]byte(doc)); err != nil || back.Steps[0].Name != "trim" || !strings.Contains(doc, "# a: 3 rows with blanks around") {
		t.Errorf("%v in\n%s", err, doc)
	}
	if code, out := c.call("viewer", "POST", "/api/recipes/suggest", `{"table": "raw.none"}`); code != 404 || out["kind"] != "not_found" {
		t.Error(code, out)
	}
	if code, _ := c.call("viewer", "POST", "/api/recipes/suggest", `{"table": "../etc"}`); code != 422 {
		t.Error(code)
	}
}

func TestPreviewTakesObjectsAndYAML(t *testing.T) {
	c := open(t)
	doc, _ := json.Marshal("name: people\nfrom: raw.people\nto: curated.people\nsteps: [{do: trim}]\n")
	for _, body := range []string{`{"recipe": ` + recipe + `, "rows": 7}`, `{"recipe": ` + string(doc) + `, "rows": 7}`} {
		code, out := c.call("viewer", "POST", "/api/recipes/preview", body)
		if code != 200 || out["before"].([]any)[0].([]any)[0] != 7.0 || out["steps"].([]any)[0].(map[string]any)["rows_in"] != 5.0 {
			t.Errorf("%s: %d %v", body, code, out)
		}
	}
	if _, _ = c.call("viewer", "POST", "/api/recipes/preview", `{"recipe": `+recipe+`}`); c.recipes.previewed.Steps[0].With["columns"].([]any)[0] != "a 💶" {
		t.Errorf("column %q", c.recipes.previewed.Steps[0].With["columns"])
	}
}

func TestBadRecipesAreExplained(t *testing.T) {
	c := open(t)
	for body, path := range map[string]string{
		`{"recipe": {"name": "p", "from": "raw.p", "to": "curated.p", "steps": [{"do": "trimm"}]}}`:              "steps[0].do",
		`{"recipe": {"name": "p", "from": "raw.p", "to": "curated.p", "steps": [{"do": "filter"}]}}`:             "steps[0].where",
		`{"recipe": {"name": "p", "from": "raw.p", "to": "curated.p", "steps": [{"do": "trim", "colums": []}]}}`: "steps[0].colums",
		`{"recipe": {"name": "p", "from": "raw.p", "to": "raw.p", "steps": []}}`:                                 "to",
		`{}`: "recipe",
	} {
		code, out := c.call("viewer", "POST", "/api/recipes/preview", body)
		errs, _ := out["errors"].([]any)
		if code != 422 || out["kind"] != "invalid" || len(errs) == 0 || errs[0].(map[string]any)["path"] != path {
			t.Errorf("%s: %d %v, want path %s", body, code, out, path)
		}
	}
	if code, out := c.call("viewer", "POST", "/api/recipes/preview", `{"recipe": {"name": "p", "stps": []}}`); code != 422 || !strings.Contains(out["detail"].(string), "stps") {
		t.Errorf("unknown field: %d %v", code, out)
	}
}

func TestApplyQueuesAJob(t *testing.T) {
	c := open(t)
	if code, _ := c.call("viewer", "POST", "/api/recipes/apply", `{"recipe": `+recipe+`}`); code != 403 || len(c.queue.jobs) != 0 {
		t.Errorf("a viewer may apply: %d, %d jobs", code, len(c.queue.jobs))
	}
	bad := strings.Replace(recipe, "trim", "trimm", 1)
	if code, _ := c.call("editor", "POST", "/api/recipes/apply", `{"recipe": `+bad+`}`); code != 422 || len(c.queue.jobs) != 0 {
		t.Errorf("a bad recipe: %d, %d jobs", code, len(c.queue.jobs))
	}
	gone := strings.ReplaceAll(recipe, "raw.people", "raw.none")
	if code, _ := c.call("editor", "POST", "/api/recipes/apply", `{"recipe": `+gone+`}`); code != 404 || len(c.queue.jobs) != 0 {
		t.Errorf("a recipe of a table that is not there: %d, %d jobs", code, len(c.queue.jobs))
	}
	code, out := c.call("editor", "POST", "/api/recipes/apply", `{"recipe": `+recipe+`}`)
	if code != 202 || out["kind"] != "recipe.apply" || out["id"] != "job_1" {
		t.Fatal(code, out)
	}
	var args clean.ApplyArgs
	if err := json.Unmarshal(c.queue.jobs[0].Args, &args); err != nil || args.Recipe.To.String() != "curated.people" || args.Recipe.Steps[0].Do != "trim" {
		t.Errorf("args %s, %v", c.queue.jobs[0].Args, err)
	}
	if code, _ := c.call("editor", "POST", "/api/recipes/apply", `{"name": "people"}`); code != 202 || !bytes.Equal(c.queue.jobs[0].Args, c.queue.jobs[1].Args) {
		t.Errorf("by name: %d %s", code, c.queue.jobs[len(c.queue.jobs)-1].Args)
	}
}

func TestStored(t *testing.T) {
	c := open(t)
	if code, _ := c.call("viewer", "PUT", "/api/recipes/people", recipe); code != 403 {
		t.Errorf("a viewer may store: %d", code)
	}
	if code, out := c.call("editor", "PUT", "/api/recipes/people", recipe); code != 200 || out["revision"] != 1.0 || out["by"] != "Ann" {
		t.Fatal(code, out)
	}
	changed := strings.Replace(recipe, `"trim"`, `"dedupe", "keys": ["a"], "name": "x"`, 1)
	changed = strings.Replace(changed, `, "columns": ["a \ud83d\udcb6"]`, "", 1)
	if code, out := c.call("editor", "PUT", "/api/recipes/people", `{"recipe": `+changed+`, "revision": 1}`); code != 200 || out["revision"] != 2.0 {
		t.Fatal(code, out)
	}
	if code, out := c.call("editor", "PUT", "/api/recipes/people", `{"recipe": `+recipe+`, "revision": 1}`); code != 409 {
		t.Error(code, out)
	}
	if code, _ := c.call("editor", "PUT", "/api/recipes/others", recipe); code != 422 {
		t.Error(code)
	}
	code, out := c.call("viewer", "GET", "/api/recipes/people", "")
	if code != 200 || out["revision"] != 2.0 || len(out["revisions"].([]any)) != 2 || out["recipe"].(map[string]any)["name"] != "people" {
		t.Error(code, out)
	}
	if code, out := c.call("viewer", "GET", "/api/recipes/people?revision=1", ""); code != 200 || out["revision"] != 1.0 {
		t.Error(code, out)
	}
	if code, out := c.call("viewer", "GET", "/api/recipes", ""); code != 200 || len(out["recipes"].([]any)) != 1 {
		t.Error(code, out)
	}
	if code, _ := c.call("viewer", "GET", "/api/recipes/nothing", ""); code != 404 {
		t.Error(code)
	}
}

func TestStepsAreDescribed(t *testing.T) {
	c := open(t)
	code, out := c.call("viewer", "GET", "/api/recipes/steps", "")
	list, _ := out["steps"].([]any)
	if code != http.StatusOK || len(list) != len(clean.Specs()) {
		t.Fatal(code, out)
	}
	first := list[0].(map[string]any)
	if first["kind"] != "rename" || len(first["fields"].([]any)) == 0 {
		t.Errorf("%v", first)
	}
}
