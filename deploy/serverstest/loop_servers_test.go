//go:build servers

package serverstest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const highNext = `WITH readings AS (
  SELECT patient_id, event_time, max(value) AS value
  FROM curated.glucose WHERE kind = 'glucose' GROUP BY ALL)
SELECT patient_id, event_time, lead(value) OVER (PARTITION BY patient_id ORDER BY event_time) > 180 AS high_next
FROM readings QUALIFY high_next IS NOT NULL`

// TestLoopOnServers takes the diaries of 70 patients from file to watched predictions
// with nothing in the data folder but keys, packages of models and copies; then another
// server takes over with no copies at all.
func TestLoopOnServers(t *testing.T) {
	f := start(t, t.TempDir(), addresses(t))
	data := func(name string) string { return filepath.Join("examples", "glucose", name) }

	var load struct{ Rows, Rejected int64 }
	f.json(&load, "ingest", data("healthcare_glucose_events.csv"), "--table", "raw.glucose")
	if load.Rows != 29311 || load.Rejected != 19 { // 29,330 records in the file
		t.Errorf("loaded %+v", load)
	}
	var again struct{ Already bool }
	if f.json(&again, "ingest", data("healthcare_glucose_events.csv"), "--table", "raw.glucose"); !again.Already {
		t.Error("the same file was taken twice")
	}
	var applied struct{ Rows, Rejected int64 }
	if f.json(&applied, "recipe", "apply", data("recipe.yaml")); applied.Rows == 0 || applied.Rows+applied.Rejected > load.Rows {
		t.Errorf("recipe: %+v of %d rows", applied, load.Rows)
	}
	if n := f.number("SELECT count(*) FROM curated.glucose"); n != float64(applied.Rows) {
		t.Errorf("curated.glucose has %v rows, want %d", n, applied.Rows)
	}

	f.run("features", "apply", data("features.yaml"))
	var set struct{ Rows int64 }
	f.json(&set, "features", "training-set", "glucose", "--labels-sql", highNext, "--time", "event_time", "--label", "high_next",
		"--views", "last_reading,readings_24h,insulin_6h")
	if n := f.number("SELECT count(*) FROM training.glucose"); set.Rows < 10000 || n != float64(set.Rows) {
		t.Errorf("training set of %d rows, table of %v", set.Rows, n)
	}
	var filled struct{ Views []struct{ Entities int } }
	f.json(&filled, "features", "materialize")
	if len(filled.Views) != 3 || filled.Views[0].Entities != 70 {
		t.Errorf("materialized %+v", filled)
	}
	var trained struct{ State string }
	if f.json(&trained, "train", "glucose", "--training-set", "glucose", "--budget", "5s", "--alias", "champion"); trained.State != "succeeded" {
		t.Fatalf("training: %+v", trained)
	}
	f.run("deploy", "glucose@champion")
	patient := f.text("SELECT patient_id FROM curated.glucose ORDER BY 1 LIMIT 1")
	score := f.predict(patient)

	var batch struct{ Rows int64 }
	if f.json(&batch, "batch-score", "models:/glucose@champion", "--in", "training.glucose", "--out", "scored.glucose"); batch.Rows != set.Rows {
		t.Errorf("scored %d of %d rows", batch.Rows, set.Rows)
	}
	if n := f.number("SELECT count(*) FROM scored.glucose WHERE score BETWEEN 0 AND 1"); n != float64(set.Rows) {
		t.Errorf("%v scores, want %d", n, set.Rows)
	}

	policy := filepath.Join(t.TempDir(), "monitor.yaml")
	if err := os.WriteFile(policy, []byte("deployment: glucose\nwindow: month\nmin_rows: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.run("monitor", "set", "glucose", policy)
	var seen struct{ Reports []struct{ Rows int64 } }
	if f.json(&seen, "drift", "glucose"); len(seen.Reports) != 1 || seen.Reports[0].Rows != 1 {
		t.Errorf("monitoring saw %+v, want the one prediction", seen)
	}
	lineage := f.run("lineage", "glucose@champion")
	for _, part := range []string{"file:", "topic:", "raw.glucose", "curated.glucose", "last_reading", "glucose/1"} {
		if !strings.Contains(lineage, part) {
			t.Errorf("the lineage lacks %s:\n%s", part, lineage)
		}
	}

	f.stop()
	for _, embedded := range []string{"meta.db", "lake", "log", "online"} {
		if _, err := os.Stat(filepath.Join(f.data, embedded)); err == nil {
			t.Errorf("%s is in the data folder although a server was given", embedded)
		}
	}
	if err := os.RemoveAll(filepath.Join(f.data, "copies")); err != nil {
		t.Fatal(err)
	}
	f = start(t, f.data, f.env)
	if n := f.number("SELECT count(*) FROM scored.glucose"); n != float64(set.Rows) {
		t.Errorf("after the restart scored.glucose has %v rows, want %d", n, set.Rows)
	}
	if again := f.predict(patient); again != score {
		t.Errorf("after the restart the prediction is %v, was %v", again, score)
	}
}
