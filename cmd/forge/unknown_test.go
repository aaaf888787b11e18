package main

import (
	"net/http"
	"strings"
	"testing"
)

// unknown are, for every operation that starts long work, requests that name something
// which is not there.
var unknown = map[string][]struct{ path, body string }{
	"ingest": {{"", `{"upload": "up_0123456789abcdef0123", "table": "raw.x"}`}},
	"apply-recipe": {
		{"", `{"name": "nosuch"}`},
		{"", `{"recipe": {"name": "x", "from": "raw.nosuch", "to": "curated.x", "steps": [{"do": "trim"}]}}`},
	},
	"make-training-set": {
		{"", `{"name": "x", "labels": "raw.nosuch", "label": "y"}`},
		{"", `{"name": "x", "labels": "unknown.some", "label": "y", "time": "at", "views": ["nosuch"]}`},
		{"", `{"name": "x", "labels_sql": "select * from raw.nosuch", "label": "y"}`},
	},
	"materialize-features": {{"", `{"views": ["nosuch"]}`}},
	"start-run":            {{"", `{"model": "x", "training_set": "nosuch"}`}},
	"batch-score": {
		{"", `{"ref": "nosuch@champion", "in": "raw.calls", "out": "scored.x"}`},
		{"", `{"ref": "nosuch/1", "in": "raw.nosuch", "out": "scored.x"}`},
	},
	"run-upkeep":    {{"/api/tables/raw.nosuch/upkeep", ``}},
	"check-monitor": {{"/api/monitors/nosuch/check", ``}},
	"run-flow":      {{"/api/flows/nosuch/run", `{}`}},
}

// TestUnknownThingsStartNoWork: long work on something that does not exist is refused
// when it is asked for, not by a job that fails a moment later.
func TestUnknownThingsStartNoWork(t *testing.T) {
	f := shared(t)
	token := f.owner(t)
	before := len(f.jobs(t))
	for _, op := range f.app.server.Ops() {
		if op.Status != http.StatusAccepted {
			continue
		}
		asks, ok := unknown[op.ID]
		if !ok {
			t.Errorf("%s %s starts work; what if it names something that is not there? Say so in the table", op.Method, op.Path)
		}
		for _, q := range asks {
			path := op.Path
			if q.path != "" {
				path = q.path
			}
			var body any
			if q.body != "" {
				body = q.body
			}
			a := f.ask(token, op.Method, path, body)
			if a.status != http.StatusNotFound && a.status != http.StatusUnprocessableEntity { // 422 names the field
				t.Errorf("%s %s: %d %s %v", op.ID, q.body, a.status, a.body, a.err)
			}
			if !strings.Contains(string(a.body), "nosuch") && !strings.Contains(string(a.body), "up_0123") {
				t.Errorf("%s: the refusal does not name what is missing: %s", op.ID, a.body)
			}
		}
	}
	if after := len(f.jobs(t)); after != before {
		t.Errorf("%d jobs before, %d after", before, after)
	}
}
