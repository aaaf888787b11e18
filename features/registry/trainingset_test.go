package registry_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/lake"
)

func calls(change func(*features.TrainingSetSpec)) features.TrainingSetSpec {
	spec := features.TrainingSetSpec{
		Name: "calls", Labels: forge.TableName{Namespace: "curated", Name: "calls"}, Time: "call_time", Label: "subscribed",
		Views: []string{"call_profile", "market@1"},
	}
	if change != nil {
		change(&spec)
	}
	return spec
}

const contents = "SELECT * FROM training.calls"

func TestTrainingSet(t *testing.T) {
	w := open(t)
	snap := w.table("curated.calls", callsSQL, lake.Replace)
	w.apply(document)
	set := w.set(calls(nil))
	may, june := time.Date(2009, 5, 4, 9, 0, 0, 0, time.UTC), time.Date(2009, 6, 2, 11, 0, 0, 0, time.UTC)
	want := [][]any{
		{int64(1), may, "no", int64(41), "admin.", 4.8},
		{int64(2), time.Date(2009, 5, 20, 10, 0, 0, 0, time.UTC), "yes", int64(30), nil, 4.8}, // the month's first reading, not its own
		{int64(3), june, "no", int64(55), "retired", 1.3},
	}
	if got := w.rows(contents, nil); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	var columns []string
	for _, c := range set.Columns {
		columns = append(columns, strings.TrimSpace(c.Role+" "+c.Name+" "+c.From))
	}
	if fmt.Sprint(columns) != "[key call_id time call_time label subscribed feature age call_profile@1.age feature job call_profile@1.job feature euribor3m market@1.euribor3m]" {
		t.Errorf("columns %q", columns)
	}
	if set.Rows != 3 || set.Table.String() != "training.calls" || set.Snapshots["curated.calls"] != snap || len(set.Views) != 2 || set.SQL == "" {
		t.Errorf("%+v", set)
	}
	for _, e := range [][2]string{
		{"view:call_profile@1", "trainingset:" + set.ID}, {"view:market@1", "trainingset:" + set.ID},
		{fmt.Sprintf("snapshot:curated.calls@%d", snap), "trainingset:" + set.ID}, {"trainingset:" + set.ID, fmt.Sprintf("snapshot:training.calls@%d", set.Snapshot)},
	} {
		if !w.has(e[0], e[1]) {
			t.Errorf("no edge %v", e)
		}
	}
	for _, ask := range []string{set.ID, "calls"} {
		if got, err := w.svc.TrainingSet(w.ctx, scope, ask); err != nil || !reflect.DeepEqual(got, set) {
			t.Errorf("%s: %+v, %v; want %+v", ask, got, err, set)
		}
	}
}

// TestMadeAgain: the snapshots that a training set names give the same rows again,
// whatever has come since.
func TestMadeAgain(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	w.apply(document)
	set := w.set(calls(nil))
	hash := fmt.Sprintf("SELECT md5(string_agg(CAST(t AS VARCHAR), '|')) AS h, count(*) AS n FROM (%s) AS t", contents)
	before := w.rows(hash, nil)
	w.table("curated.calls", strings.NewReplacer("41", "99", "4.8", "0.1").Replace(callsSQL), lake.Append)
	if w.set(calls(nil)); reflect.DeepEqual(w.rows(hash, nil), before) {
		t.Fatal("new rows change nothing: the test says nothing")
	}
	w.apply(strings.Replace(document, "columns: [age, job]", "columns: [age]", 1))
	again := w.set(calls(func(s *features.TrainingSetSpec) {
		s.AsOf = set.Snapshots
		s.Views = []string{set.Views[0].String(), set.Views[1].String()}
	}))
	if got := w.rows(hash, nil); !reflect.DeepEqual(got, before) {
		t.Errorf("made again: %v, want %v", got, before)
	}
	if again.ID == set.ID || again.SQL != set.SQL || !reflect.DeepEqual(again.Snapshots, set.Snapshots) {
		t.Errorf("%+v", again)
	}
	// And the first one's own snapshot still holds it.
	if got := w.rows(hash, lake.At{set.Table: set.Snapshot}); !reflect.DeepEqual(got, before) {
		t.Errorf("its snapshot: %v, want %v", got, before)
	}
}

// TestAttempts: a job that is run again after its rows were committed makes nothing
// twice.
func TestAttempts(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	w.apply(document)
	run := jobstest.NewRun(t, scope, calls(nil))
	var sets []features.TrainingSet
	for range 2 {
		got, err := w.svc.TrainingSetJob(w.ctx, run)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, got.(features.TrainingSet))
	}
	if !reflect.DeepEqual(sets[0], sets[1]) {
		t.Errorf("%+v\n%+v", sets[0], sets[1])
	}
	if all, err := w.svc.TrainingSets(w.ctx, scope); err != nil || len(all) != 1 {
		t.Errorf("%d sets, %v", len(all), err)
	}
	if snaps, err := w.house.Tables.Snapshots(w.ctx, scope, sets[0].Table); err != nil || len(snaps) != 1 {
		t.Errorf("%d snapshots, %v", len(snaps), err)
	}
}

// Without views the labels' own columns are learnt from, and no time is needed.
func TestTrainingSetOfATableAlone(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	got, err := w.svc.TrainingSetJob(w.ctx, jobstest.NewRun(t, scope, calls(func(s *features.TrainingSetSpec) { s.Views, s.Time, s.Keep = nil, "", nil })))
	if err != nil {
		t.Fatal(err)
	}
	set := got.(features.TrainingSet)
	source, err := w.house.Tables.Load(w.ctx, scope, set.Spec.Labels)
	if err != nil || set.Rows != source.Rows || len(set.Columns) != len(source.Schema.Columns) {
		t.Errorf("%d rows and %d columns of %d and %d (%v)", set.Rows, len(set.Columns), source.Rows, len(source.Schema.Columns), err)
	}
	for _, c := range set.Columns {
		if want := map[bool]string{true: "label", false: "kept"}[c.Name == set.Spec.Label]; c.Role != want {
			t.Errorf("column %s is %s, want %s", c.Name, c.Role, want)
		}
	}
}

func TestTrainingSetRefuses(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	w.table("curated.texts", "SELECT CAST(call_id AS VARCHAR) AS call_id, call_time, subscribed FROM curated.calls", lake.Replace)
	w.apply(document)
	for name, change := range map[string]func(*features.TrainingSetSpec){
		"name":            func(s *features.TrainingSetSpec) { s.Name = "Calls!" },
		"no labels":       func(s *features.TrainingSetSpec) { s.Labels = forge.TableName{} },
		"both":            func(s *features.TrainingSetSpec) { s.LabelsSQL = "SELECT 1" },
		"unknown table":   func(s *features.TrainingSetSpec) { s.Labels.Name = "nothing" },
		"unknown view":    func(s *features.TrainingSetSpec) { s.Views = []string{"nothing"} },
		"no version":      func(s *features.TrainingSetSpec) { s.Views = []string{"market@7"} },
		"view twice":      func(s *features.TrainingSetSpec) { s.Views = []string{"market", "market@1"} },
		"no time":         func(s *features.TrainingSetSpec) { s.Time = "" },
		"time is text":    func(s *features.TrainingSetSpec) { s.Time = "job" },
		"unknown label":   func(s *features.TrainingSetSpec) { s.Label = "bought" },
		"unknown kept":    func(s *features.TrainingSetSpec) { s.Keep = []string{"nothing"} },
		"key's type":      func(s *features.TrainingSetSpec) { s.Labels.Name = "texts" },
		"a file":          labelsSQL("SELECT * FROM read_csv('/etc/passwd')"),
		"not a select":    labelsSQL("DROP TABLE curated.calls"),
		"no rows":         labelsSQL("SELECT * FROM curated.calls WHERE call_id > 9"),
		"one class":       labelsSQL("SELECT * FROM curated.calls WHERE subscribed = 'no'"),
		"all NULL":        labelsSQL("SELECT * REPLACE (NULL::VARCHAR AS subscribed) FROM curated.calls"),
		"nothing matches": labelsSQL("SELECT call_id + 1000 AS call_id, call_time - INTERVAL 1 YEAR AS call_time, subscribed FROM curated.calls"),
		"unread as_of":    func(s *features.TrainingSetSpec) { s.AsOf = map[string]int64{"raw.calls": 1} },
		"unknown as_of":   func(s *features.TrainingSetSpec) { s.AsOf = map[string]int64{"curated.calls": 1} },
		"as_of no table":  func(s *features.TrainingSetSpec) { s.AsOf = map[string]int64{"calls": 1} },
	} {
		_, err := w.svc.TrainingSetJob(w.ctx, jobstest.NewRun(t, scope, calls(change)))
		if k := forge.KindOf(err); err == nil || k != forge.KindInvalid && k != forge.KindNotFound && (k != forge.KindDenied || name != "a file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := w.svc.TrainingSets(w.ctx, scope); err != nil || len(all) != 0 {
		t.Errorf("refused, yet %d sets are there (%v)", len(all), err)
	}
	if _, err := w.house.Tables.Load(w.ctx, scope, forge.TableName{Namespace: "training", Name: "calls"}); forge.KindOf(err) != forge.KindNotFound {
		t.Errorf("refused, yet the table is there (%v)", err)
	}
}

func labelsSQL(sql string) func(*features.TrainingSetSpec) {
	return func(s *features.TrainingSetSpec) { s.Labels, s.LabelsSQL = forge.TableName{}, sql }
}

func TestLabelsSQL(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	w.apply(document)
	spec := calls(labelsSQL("SELECT call_id, call_time, subscribed = 'yes' AS bought, call_id * 10 AS weight FROM curated.calls ORDER BY call_time DESC;"))
	spec.Label, spec.Keep = "bought", []string{"weight"}
	if _, err := w.svc.CheckTrainingSet(w.ctx, scope, spec); err != nil {
		t.Fatal(err)
	}
	w.set(spec)
	got := w.rows("SELECT call_id, bought, weight, age FROM training.calls", nil)
	want := [][]any{{int64(3), false, int64(30), int64(55)}, {int64(2), true, int64(20), int64(30)}, {int64(1), false, int64(10), int64(41)}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v in the order of the labels", got, want)
	}
}
