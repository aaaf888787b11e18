package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
)

// What one project has, asked for by another one: every operation, by name and by id.

// belongings is something of every kind that the first project has.
type belongings struct {
	values  map[string]string            // by the names of paths' parameters
	byPath  map[string]map[string]string // where a name means something else
	mlflow  map[string]any               // every field that MLflow's requests name things by
	tells   []string                     // texts that only the first project's data has
	upload  string
	artful  string // an artifact's path
	version string
}

func (w *watchedForge) belongings(t *testing.T) belongings {
	t.Helper()
	var made struct {
		ID, User     string
		Key          struct{ ID string }
		ExperimentID string `json:"experiment_id"`
		Jobs         []struct{ ID string }
		Sets         []struct{ ID string } `json:"training_sets"`
		Alerts       []struct{ ID string }
		Run          struct {
			Info struct {
				RunID string `json:"run_id"`
			}
		}
		Model struct {
			Info struct {
				ModelID string `json:"model_id"`
			}
		}
		Offset int64
	}
	get := func(method, path string, body any) {
		t.Helper()
		w.get(t, &made, method, path, body)
	}
	get("POST", "/api/uploads", map[string]any{"name": "theirs.csv", "size": 4})
	upload := made.ID
	if a := w.ask(w.owner(t), "PATCH", "/api/uploads/"+upload+"?offset=0", "a\n1\n"); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	get("POST", "/api/members", map[string]any{"email": "theirs@forge.local", "role": "viewer", "password": "a long enough secret 9"})
	get("POST", "/api/keys", map[string]any{"name": "theirs", "role": "viewer"})
	get("GET", "/api/jobs?limit=1&kind=train", nil)
	get("GET", "/api/features/training-sets", nil)
	get("GET", "/api/alerts", nil)
	w.get(t, nil, "PUT", "/api/flows/calls", map[string]any{"flow": draft(t, w.forged)})
	const ml = "/mlflow/api/2.0/mlflow"
	for i := range 5 { // ids are numbers: let the second project's own be others
		get("POST", ml+"/experiments/create", map[string]any{"name": fmt.Sprint("theirs", i)})
	}
	get("POST", ml+"/runs/create", map[string]any{"experiment_id": made.ExperimentID, "start_time": 1})
	get("POST", ml+"/logged-models", map[string]any{"experiment_id": made.ExperimentID, "name": "theirs"})
	b := belongings{upload: upload, artful: "theirs/" + made.Run.Info.RunID + "/secret.txt", version: made.Sets[0].ID}
	w.get(t, nil, "PUT", ml+"-artifacts/artifacts/"+b.artful, "secret words")
	b.values = map[string]string{
		"table": "curated.calls", "view": "call_profile", "model": "calls", "n": "1", "deployment": "calls", "alias": "champion",
		"user": made.User, "m": "calls", "v": "1", "namespace": "curated", "rest": b.artful, "name": "calls",
	}
	id := func(v string) map[string]string { return map[string]string{"id": v} }
	b.byPath = map[string]map[string]string{
		"/api/keys/": id(made.Key.ID), "/api/jobs/": id(made.Jobs[0].ID), "/api/uploads/": id(upload), "/api/runs/": id(w.run.ID),
		"/api/features/training-sets/": id(made.Sets[0].ID), "/api/alerts/": id(made.Alerts[0].ID),
		"/mlflow/api/2.0/mlflow/logged-models/": {"model": made.Model.Info.ModelID}, "/iceberg/": {"table": "calls"},
	}
	b.mlflow = map[string]any{
		"experiment_id": made.ExperimentID, "experiment_ids": []string{made.ExperimentID}, "experiment_name": "theirs4", "run_id": made.Run.Info.RunID, "run_uuid": made.Run.Info.RunID,
		"run_ids": []string{made.Run.Info.RunID}, "model_id": made.Model.Info.ModelID, "name": "calls", "version": "1", "alias": "champion", "key": "k", "value": "1", "timestamp": 1, "step": 1,
		"path": "forge/models/calls/1", "source": "runs:/" + made.Run.Info.RunID + "/model", "new_name": "stolen", "metric_key": "roc_auc", "stage": "Production", "status": "FINISHED", "start_time": 1,
	}
	b.tells = []string{
		"subscribed", "euribor", "nr_employed", "call_profile", "owner@forge.local", "theirs", "secret words", "lightgbm", "logistic_regression", "hist_gradient",
		made.User, made.Key.ID, made.Jobs[0].ID, upload, w.run.ID, made.Sets[0].ID, made.Alerts[0].ID, made.Run.Info.RunID, made.Model.Info.ModelID, `"project":"demo"`,
	}
	return b
}

// draft is a flow that the studio would suggest.
func draft(t *testing.T, f *forged) json.RawMessage {
	t.Helper()
	var out struct{ Flow json.RawMessage }
	f.get(t, &out, "POST", "/api/flows/suggest", map[string]any{"table": "curated.calls", "target": "subscribed"})
	return out.Flow
}

// ask is a request of another project, and what it must be answered with; 0 is 404.
type ask struct {
	path, body string
	status     int
}

const emptied = http.StatusOK // nothing of the other project in it

// asks are the requests of operations whose path does not say enough. Those with
// another status than 404 find nothing, or make something of the asking project's own, and so are answered.
var asks = map[string][]ask{
	"lineage":              {{"/api/lineage?ref=model:calls/1&direction=both", "", 0}, {"/api/lineage?ref=deployment:calls&direction=both", "", 0}},
	"run-sql":              {{"", `{"sql": "select * from raw.calls"}`, 422}, {"", `{"sql": "select * from \"raw\".\"calls\""}`, 422}},
	"write-upload":         {{"/api/uploads/{id}?offset=4", `x`, 0}},
	"ingest":               {{"", `{"upload": "{id}", "table": "raw.stolen"}`, 0}},
	"list-loads":           {{"/api/loads?table=raw.calls", "", emptied}},
	"suggest-recipe":       {{"", `{"table": "raw.calls"}`, 0}},
	"preview-recipe":       {{"", `{"name": "calls"}`, 0}, {"", `{"recipe": {"name": "x", "from": "raw.calls", "to": "curated.x", "steps": [{"do": "trim"}]}}`, 0}},
	"apply-recipe":         {{"", `{"name": "calls"}`, 0}, {"", `{"recipe": {"name": "x", "from": "raw.calls", "to": "curated.x", "steps": [{"do": "trim"}]}}`, 0}},
	"make-training-set":    {{"", `{"name": "x", "labels": "curated.calls", "label": "subscribed"}`, 0}, {"", `{"name": "x", "labels_sql": "select * from curated.calls", "label": "subscribed"}`, 422}},
	"materialize-features": {{"", `{"views": ["call_profile"]}`, 0}},
	"get-features":         {{"", `{"views": ["call_profile"], "entities": [{"call_id": "32000"}]}`, 0}},
	"get-online-features":  {{"", `{"features": ["call_profile:age"], "entities": {"call_id": ["32000"]}}`, 0}, {"", `{"feature_service": "calls", "entities": {"call_id": ["32000"]}}`, 0}},
	"apply-features":       {{"", `{"entities": [{"name": "call", "keys": ["call_id"]}], "views": [{"name": "x", "entity": "call", "source": {"table": "curated.calls"}, "time": "call_time", "features": [{"column": "age"}]}]}`, 422}},
	"start-run":            {{"", `{"model": "x", "training_set": "calls"}`, 0}, {"", `{"model": "x", "training_set": "{set}"}`, 0}},
	"set-model-alias":      {{"", `{"version": 1}`, 0}},
	"put-deployment":       {{"", `{"ref": "calls@champion"}`, 0}, {"/api/deployments/mine", `{"ref": "calls/1"}`, 0}},
	"batch-score":          {{"", `{"ref": "calls@champion", "in": "curated.calls", "out": "scored.x"}`, 0}, {"", `{"ref": "models:/calls@champion", "in": "curated.calls", "out": "scored.x", "log": "calls"}`, 0}},
	"predict":              {{"", `{"rows": [{}]}`, 0}, {"", `{"entities": [{"call_id": "32000"}]}`, 0}},
	"oip-index":            {{"", `{}`, emptied}},
	"oip-infer":            {{"", `{"inputs": []}`, 0}},
	"oip-infer-version":    {{"", `{"inputs": []}`, 0}},
	"change-member":        {{"", `{"role": "owner"}`, 0}, {"", `{"password": "a long enough secret 3"}`, 0}},
	"suggest-flow":         {{"", `{"table": "curated.calls", "target": "subscribed"}`, 0}},
	"run-flow":             {{"", `{}`, 0}},
	"validate-flow":        {{"", `{"flow": {"apiVersion": "aiforge.dev/v1", "kind": "Pipeline", "metadata": {"name": "calls"}, "nodes": {}}}`, emptied}}, // checks what it is given
	"sniff-upload":         {{"", ``, 0}},
	"cancel-job":           {{"", ``, 0}},
	"check-monitor":        {{"", ``, 0}},
	"resolve-alert":        {{"", ``, 0}},
	"list-drift":           {{"", "", emptied}}, "list-performance": {{"", "", emptied}}, "list-predictions": {{"", "", emptied}},
	"list-alerts": {{"/api/alerts?deployment=calls", "", emptied}},

	"backup":     {{"", `{"passphrase": "a long enough secret 1"}`, 403}}, // a copy of every project
	"put-upkeep": {{"", `{"auto": false, "keep_for": "720h", "keep_newest": 1, "target_bytes": 134217728}`, 0}}, "run-upkeep": {{"", ``, 0}},
	"switch-project": {{"", `{"to": "demo"}`, 403}}, // a key; people: TestSwitchProject

	"login": {{"", `{"email": "theirs@forge.local", "password": "wrong"}`, 401}}, "refresh": {{"", `{}`, 401}}, "logout": {{"", ``, 204}}, "change-me": {{"", `{}`, 403}},
	"create-key": {{"", `{"name": "mine", "role": "viewer"}`, 201}}, "add-member": {{"", `{"email": "mine@forge.local", "role": "viewer", "password": "a long enough secret 2"}`, 201}},
	"create-upload": {{"", `{"name": "theirs.csv", "size": 4}`, 200}}, "put-recipe": {{"", `{"name": "calls", "from": "raw.calls", "to": "curated.calls", "steps": [{"do": "trim"}]}`, 200}},
	"put-flow": {{"/api/flows/mine", `{"flow": {"apiVersion": "aiforge.dev/v1", "kind": "Pipeline", "metadata": {"name": "mine"}, "nodes": {}}}`, 200}}, "put-monitor": {{"", `{}`, 0}},

	"mlflow-create-registered-model": {{"", `{"name": "mine"}`, emptied}}, "mlflow-list-artifacts": {{"/mlflow/api/2.0/mlflow-artifacts/artifacts?path=forge/models/calls/1", "", 0}},
	"mlflow-put-artifact":          {{"/mlflow/api/2.0/mlflow-artifacts/artifacts/mine.txt", `x`, emptied}},
	"mlflow-log-model":             {{"", `{"run_id": "{run}", "model_json": "{\"artifact_path\": \"m\", \"flavors\": {}}"}`, 0}},
	"mlflow-finalize-logged-model": {{"", `{"model_id": "{logged}", "status": "LOGGED_MODEL_READY"}`, 0}},

	"iceberg-create-namespace":   {{"", `{"namespace": ["mine"]}`, 200}},
	"iceberg-update-namespace":   {{"", `{"updates": {"a": "b"}}`, 0}},
	"iceberg-create-table":       {{"", `{"name": "stolen", "schema": {"type": "struct", "schema-id": 0, "fields": []}}`, 0}},
	"iceberg-commit-table":       {{"", `{"requirements": [], "updates": [{"action": "set-properties", "updates": {"a": "b"}}]}`, 0}},
	"iceberg-report-metrics":     {{"", `{"report-type": "scan-report"}`, 0}},
	"iceberg-register-table":     {{"", `{"name": "stolen", "metadata-location": "{metadata}"}`, 0}, {"/iceberg/v1/forge/namespaces/mine/register", `{"name": "stolen", "metadata-location": "{metadata}"}`, 400}},
	"iceberg-rename-table":       {{"", `{"source": {"namespace": ["curated"], "name": "calls"}, "destination": {"namespace": ["mine"], "name": "stolen"}}`, 0}},
	"iceberg-commit-transaction": {{"", `{"table-changes": [{"identifier": {"namespace": ["curated"], "name": "calls"}, "requirements": [], "updates": [{"action": "set-properties", "updates": {"a": "b"}}]}]}`, 0}},
}

// answering are the operations of MLflow that search, or make something of one's own.
var answering = regexp.MustCompile(`^mlflow-(search-|list-experiments|list-artifacts|create-experiment|create-registered-model|multipart-)`)

// TestAnotherProjectReachesNothing walks every operation as the owner of a second
// project of the same tenant, with the names and ids of what the first one has. A new
// operation fails here until asks knows what it could reach.
func TestAnotherProjectReachesNothing(t *testing.T) {
	w := watchedFor(t)
	b := w.belongings(t)
	other, owner := w.neighbour(t, "second"), w.owner(t)
	var loaded struct {
		Metadata string `json:"metadata-location"`
	}
	w.get(t, &loaded, "GET", "/iceberg/v1/forge/namespaces/curated/tables/calls", nil)
	before, seen := w.everything(t, owner, b)
	if seen < 50 {
		t.Errorf("only %d operations show the first project's things to itself: the walk proves little", seen)
	}
	fill := strings.NewReplacer("{id}", b.upload, "{set}", b.version, "{metadata}", loaded.Metadata, "{run}", b.mlflow["run_id"].(string), "{logged}", b.mlflow["model_id"].(string))
	for _, op := range w.app.server.Ops() {
		if op.Hidden { // gRPC and metrics: below
			continue
		}
		values := b.of(op)
		list, listed := asks[op.ID]
		if !listed {
			q := ask{}
			if strings.HasPrefix(op.Path, "/mlflow/") {
				q = b.asMLflow(op)
			} else if op.Method != "GET" && op.Method != "DELETE" && op.Method != "HEAD" {
				t.Errorf("%s %s: what could it reach of another project? Say so in asks", op.Method, op.Path)
			} else if !strings.Contains(op.Path, "{") {
				q.status = emptied
			}
			list = []ask{q}
		}
		for _, q := range list {
			if q.path == "" {
				q.path = pathOf(op, values)
			}
			q.path, q.body = fill.Replace(strings.ReplaceAll(q.path, "/uploads/{id}", "/uploads/"+b.upload)), fill.Replace(q.body)
			w.reachesNothing(t, op, other, q, b)
		}
	}
	for _, c := range []struct{ method, message string }{{"ModelReady", "\n\x05calls"}, {"ModelMetadata", "\n\x05calls"}, {"ModelInfer", "\n\x05calls"}} {
		if status, answer := w.call(t, other, "/inference.GRPCInferenceService/"+c.method, []byte(c.message)); status != "5" {
			t.Errorf("%s: status %s %q", c.method, status, answer)
		}
	}
	if status, answer := w.call(t, other, "/inference.GRPCInferenceService/RepositoryIndex", nil); status != "0" || strings.Contains(string(answer), "calls") {
		t.Errorf("RepositoryIndex: status %s %q", status, answer)
	}
	if a := w.ask(other, "GET", "/metrics", nil); a.status != 200 || strings.Contains(string(a.body), `project="demo"`) || strings.Contains(string(a.body), `deployment="calls"`) {
		t.Errorf("metrics: %d %.600s", a.status, a.body)
	}
	after, _ := w.everything(t, owner, b)
	for path, text := range before {
		if after[path] != text {
			t.Errorf("the second project has changed the first one's %s:\n%.600s\n%.600s", path, text, after[path])
		}
	}
}

// of is what the path of an operation is filled with.
func (b belongings) of(op httpapi.Op) map[string]string {
	values := merged(b.values, nil)
	for root, v := range b.byPath {
		if strings.HasPrefix(op.Path, root) {
			values = merged(values, v)
		}
	}
	return values
}

// asMLflow names everything at once: unknown fields are passed over.
func (b belongings) asMLflow(op httpapi.Op) ask {
	q := ask{path: pathOf(op, b.of(op))}
	if answering.MatchString(op.ID) || op.Perm == forge.PermPublic {
		q.status = emptied
	}
	if strings.HasPrefix(op.ID, "mlflow-multipart") {
		q.status = http.StatusNotImplemented
	}
	if op.Method == "GET" {
		v := url.Values{}
		for name, value := range b.mlflow {
			if list, ok := value.([]string); ok {
				value = list[0]
			}
			v.Set(name, fmt.Sprint(value))
		}
		if !strings.Contains(op.Path, "{") && !strings.Contains(op.Path, "*") || strings.Contains(op.Path, "logged-models") {
			q.path += "?" + v.Encode()
		}
		return q
	}
	body, _ := json.Marshal(b.mlflow) // plain values
	q.body = string(body)
	return q
}

func (w *watchedForge) reachesNothing(t *testing.T, op httpapi.Op, other string, q ask, b belongings) {
	t.Helper()
	var body any
	if q.body != "" {
		body = q.body
	}
	if q.status == 0 {
		q.status = http.StatusNotFound
	}
	a := w.ask(other, op.Method, q.path, body)
	if a.err != nil || a.status != q.status {
		t.Errorf("%s: %s %s %.200s: the second project gets %d, want %d: %.300s %v", op.ID, op.Method, q.path, q.body, a.status, q.status, a.body, a.err)
	}
	text, sent := string(a.body), q.path+q.body
	if plain, err := url.PathUnescape(q.path); err == nil {
		sent += plain
	}
	if op.ID == "list-audit" { // it says what the second project has asked for
		sent += strings.Join(b.tells[:len(b.tells)-1], "")
	}
	for _, word := range b.tells {
		if strings.Contains(text, word) && !strings.Contains(sent, word) && !describes(op) {
			t.Errorf("%s: %s %s tells the second project of %q: %.400s", op.ID, op.Method, q.path, word, a.body)
		}
	}
}

// describes are the operations that tell of the product, with examples.
func describes(op httpapi.Op) bool {
	return op.ID == "list-flow-operators" || op.ID == "list-recipe-steps"
}

// changing is what changes by being looked at, or by itself.
var changing = regexp.MustCompile(`"(used|requests|failed|p50|p99|p50_ms|p99_ms|rps|ms|last_used|latency[a-z_]*)": ?("[^"]*"|[0-9.e+-]+)`)

// everything is what the owner sees by every operation that reads, and how many of them
// show something.
func (w *watchedForge) everything(t *testing.T, owner string, b belongings) (map[string]string, int) {
	t.Helper()
	out, seen := map[string]string{}, 0
	for _, op := range w.app.server.Ops() {
		if op.Method != "GET" || op.Perm == forge.PermPublic || op.Perm == forge.PermSelf || op.Hidden || op.ID == "list-audit" || op.ID == "verify-audit" || describes(op) {
			continue
		}
		path := pathOf(op, b.of(op))
		if strings.HasPrefix(op.Path, "/mlflow/") {
			path = b.asMLflow(op).path
		}
		if list := asks[op.ID]; len(list) > 0 {
			path = list[0].path
		}
		a := w.ask(owner, "GET", path, nil)
		if a.err != nil || a.status >= 500 {
			t.Errorf("%s: the owner gets %d %s %v", path, a.status, a.body, a.err)
		}
		if a.status == 200 && len(a.body) > 40 {
			seen++
		}
		out[path] = fmt.Sprint(a.status, " ", changing.ReplaceAllString(string(a.body), ""))
	}
	return out, seen
}
