package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/sqldb/sqldbtest"
)

// Everything that is kept says whose it is.

func TestEveryTableOfTheStoreHasTenantAndProject(t *testing.T) {
	f := shared(t)
	if n := sqldbtest.Scoped(t, f.app.db); n < 20 {
		t.Errorf("only %d tables were seen", n)
	}
}

func TestEveryTopicTableAndKeyHasTenantAndProject(t *testing.T) {
	w := watchedFor(t)
	ctx, scope := context.Background(), firstProject.Scope
	topics, err := w.app.ingest.log.Topics(ctx, "")
	if err != nil || len(topics) < 2 {
		t.Fatalf("%v, %v", topics, err)
	}
	for _, topic := range topics {
		if !strings.HasPrefix(topic, "forge."+string(scope.Tenant)+"."+string(scope.Project)+".") {
			t.Errorf("topic %s does not say whose it is", topic)
		}
	}
	tables, err := w.app.house.Tables.List(ctx, scope)
	if err != nil || len(tables) < 5 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, table := range tables {
		if !strings.Contains(table.Location, filepath.Join("lake", string(scope.Tenant), string(scope.Project), table.Name.Namespace)) {
			t.Errorf("table %s lies in %s", table.Name, table.Location)
		}
	}
	for _, kept := range []string{"lake", "models", "runs", "uploads"} {
		w.tenantsOnly(t, kept)
	}
}

// tenantsOnly checks that a folder of the data folder begins with tenants; dropped
// folders lie under a dot until they are removed.
func (f *forged) tenantsOnly(t *testing.T, kept string) {
	t.Helper()
	entries, err := os.ReadDir(f.app.cfg.path(kept))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != string(firstProject.Scope.Tenant) && e.Name() != ".dropped" {
			t.Errorf("%s holds %s, which is no tenant", kept, e.Name())
		}
	}
}

// TestAnotherProjectSeesNothing walks every operation that reads, with the names of
// what the first project has, as the owner of a second one.
func TestAnotherProjectSeesNothing(t *testing.T) {
	w := watchedFor(t)
	other := w.neighbour(t, "second")
	owner := w.owner(t)
	var job struct{ Jobs []struct{ ID string } }
	w.get(t, &job, "GET", "/api/jobs?limit=1&kind=train", nil)
	var sets struct {
		Sets []struct{ ID string } `json:"training_sets"`
	}
	w.get(t, &sets, "GET", "/api/features/training-sets", nil)
	names := map[string]string{
		"table": "curated.calls", "view": "call_profile", "model": "calls", "n": "1", "deployment": "calls", "alias": "champion",
	}
	byOp := map[string]map[string]string{
		"/api/jobs/{id}":                   {"id": job.Jobs[0].ID},
		"/api/jobs/{id}/events":            {"id": job.Jobs[0].ID},
		"/api/runs/{id}":                   {"id": w.run.ID},
		"/api/features/training-sets/{id}": {"id": sets.Sets[0].ID},
		"/api/recipes/{name}":              {"name": "calls"},
		"/api/deployments/{name}":          {"name": "calls"},
		"/api/flows/{name}":                {"name": "calls"},
	}
	seen := 0
	for _, op := range w.app.server.Ops() {
		if op.Method != "GET" || op.Perm == forge.PermPublic || op.Perm == forge.PermSelf {
			continue
		}
		path := pathOf(op, merged(names, byOp[op.Path]))
		if op.Path == "/api/lineage" {
			path += "?ref=model:calls/1&direction=both"
		}
		theirs, ours := w.ask(other, op.Method, path, nil), w.ask(owner, op.Method, path, nil)
		if theirs.status >= 500 || theirs.status == 200 && shows(string(theirs.body), op) {
			t.Errorf("%s: the second project gets %d %.300s", op.ID, theirs.status, theirs.body)
		}
		if ours.status == 200 && shows(string(ours.body), op) {
			seen++ // the walk would notice: the first project does see it here
		}
	}
	if seen < 20 {
		t.Errorf("only %d operations show the first project's things to itself: the walk proves little", seen)
	}
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/v1/predict/calls", `{"rows": [{}]}`},
		{"POST", "/api/sql", `{"sql": "select * from raw.calls"}`},
		{"POST", "/api/features/get", `{"views": ["call_profile"], "entities": [{"call_id": "32000"}]}`},
		{"POST", "/api/recipes/suggest", `{"table": "raw.calls"}`},
		{"POST", "/api/runs", `{"model": "mine", "training_set": "calls"}`},
		{"POST", "/api/batch", `{"ref": "calls@champion", "in": "curated.calls", "out": "mine.scores"}`},
		{"PUT", "/api/deployments/mine", `{"ref": "calls@champion"}`},
		{"PUT", "/api/models/calls/aliases/champion", `{"version": 1}`},
		{"POST", "/api/monitors/calls/check", nil},
		{"POST", "/api/jobs/" + job.Jobs[0].ID + "/cancel", nil},
		{"DELETE", "/api/tables/raw.calls", nil},
		{"DELETE", "/api/deployments/calls", nil},
	} {
		a := w.ask(other, c.method, c.path, c.body)
		if a.status == 202 { // refused by the job
			w.finds(t, other, a, "not_found")
		} else if a.status != 404 && a.status != 422 {
			t.Errorf("%s %s from the second project: %d %s", c.method, c.path, a.status, a.body)
		}
	}
	if n := w.number(t, "select count(*) from raw.calls"); n == 0 {
		t.Error("the second project has emptied the first one's table")
	}
}

// finds waits for the job that a request has started and wants it to fail.
func (f *forged) finds(t *testing.T, token string, started answer, kind string) {
	t.Helper()
	var j struct {
		ID, State, Title string
		ErrorKind        string `json:"error_kind"`
	}
	decode(t, started, &j)
	eventually(t, j.Title+" ends", time.Minute, func() bool {
		decode(t, f.ask(token, "GET", "/api/jobs/"+j.ID, nil), &j)
		return j.State == "failed" || j.State == "succeeded"
	})
	if j.State != "failed" || j.ErrorKind != kind {
		t.Errorf("%s: %s, %s", j.Title, j.State, j.ErrorKind)
	}
}

// shows reports whether an answer has something of the first project in it.
func shows(text string, op httpapi.Op) bool {
	for _, word := range []string{"calls", "call_profile", "subscribed", "champion", "Owner"} {
		if strings.Contains(text, word) && !strings.Contains(op.ID, "operators") && !strings.Contains(op.ID, "recipe-steps") && !strings.Contains(op.Path, "steps") {
			return true
		}
	}
	return false
}

func merged(a, b map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		out[k] = v
	}
	return out
}
