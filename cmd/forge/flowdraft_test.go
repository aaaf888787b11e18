package main

import (
	"fmt"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ui/flow"
)

// TestADraftedFlow: columns are found under the names that they have after cleaning,
// a second flow over the same table gets names of its own, and what cannot be
// predicted is refused with the reason.
func TestADraftedFlow(t *testing.T) {
	f := shared(t)
	var csv strings.Builder
	csv.WriteString("Visit no,Seen on,E-Mail,Left us?\n")
	for i := range 60 {
		fmt.Fprintf(&csv, "%d,2024-03-%02d,u%d@example.org,%s\n", i, 1+i%28, i, []string{"yes", "no"}[i%2])
	}
	f.must(t, nil, "ingest", write(t, "drafted.csv", []byte(csv.String())), "--table", "raw.drafted")

	token := f.owner(t)
	draft := func(body map[string]any) answer { return f.ask(token, "POST", "/api/flows/suggest", body) }
	var saved flow.Saved
	decode(t, draft(map[string]any{"table": "raw.drafted", "target": "Left us?", "time": "Seen on", "name": "drafted_2", "budget": "5s"}), &saved)
	set, train := saved.Flow.Nodes["set"].Config, saved.Flow.Nodes["train"].Config
	for what, pair := range map[string][2]any{
		"flow": {saved.Flow.Metadata.Name, "drafted_2"}, "cleaned table": {saved.Flow.Nodes["clean"].Config["to"], "curated.drafted_2"},
		"label": {set["label"], "left_us"}, "time": {set["time"], "seen_on"}, "training set": {set["name"], "drafted_2"},
		"model": {train["model"], "drafted_2"}, "budget": {train["budget"], "5s"}, "endpoint": {saved.Flow.Nodes["deploy"].Config["name"], "drafted_2"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}

	draft(map[string]any{"table": "raw.drafted", "target": "E-Mail"}).problem(t, "personal data", 422, forge.KindInvalid, "E-Mail", "personal data", "another column")
	draft(map[string]any{"table": "raw.drafted", "target": "gone"}).problem(t, "a missing column", 422, forge.KindInvalid, "gone", "Left us?")
	draft(map[string]any{"table": "raw.drafted", "target": "Left us?", "name": "No!"}).problem(t, "a bad name", 422, forge.KindInvalid, "No!")
	f.ask(token, "GET", "/api/flows/drafted_2", nil).problem(t, "a draft is not stored", 404, forge.KindNotFound, "drafted_2")
}
