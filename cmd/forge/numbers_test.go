package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"aiforge.dev/forge/serving"
)

// now makes training.calls_now: all calls that have arrived, with today's views.
func (w *watchedForge) now(t *testing.T) {
	t.Helper()
	w.must(t, nil, "features", "training-set", "calls_now", "--labels", "curated.calls", "--time", "call_time", "--label", "subscribed", "--views", "call_profile,market")
}

// callsByHand is the training set of the calls in plain SQL: for each call the newest
// row of its own profile, and the newest month, at or before it. It shares nothing
// with the platform's join but the two views' meaning.
const callsByHand = `
with profile as (
  select l.call_id, l.call_time, l.subscribed, p.age, p.job, p.marital, p.education, p."default", p.housing, p.loan, p.contact, p.month,
    p.day_of_week, p.duration, p.campaign, p.pdays, p.was_contacted, p.previous,
    row_number() over (partition by l.call_id order by p.call_time desc) as newest
  from curated.calls l join curated.calls p on p.call_id = l.call_id and p.call_time <= l.call_time),
months as (
  select first.month_start, lead(first.month_start) over (order by first.month_start) as next_start,
    c.emp_var_rate, c.cons_price_idx, c.cons_conf_idx, c.euribor3m, c.nr_employed
  from (select date_trunc('month', call_time) as month_start, min(call_time) as call_time from curated.calls group by 1) first
  join curated.calls c on c.call_time = first.call_time)
select p.call_id, p.call_time, p.subscribed, p.age, p.job, p.marital, p.education, p."default", p.housing, p.loan, p.contact, p.month,
  p.day_of_week, p.duration, p.campaign, p.pdays, p.was_contacted, p.previous,
  m.emp_var_rate, m.cons_price_idx, m.cons_conf_idx, m.euribor3m, m.nr_employed
from profile p left join months m on m.month_start <= p.call_time and (m.next_start is null or p.call_time < m.next_start)
where p.newest = 1`

const callsColumns = `call_id, call_time, subscribed, age, job, marital, education, "default", housing, loan, contact, month,
  day_of_week, duration, campaign, pdays, was_contacted, previous, emp_var_rate, cons_price_idx, cons_conf_idx, euribor3m, nr_employed`

// sameRows compares two SELECTs as bags of rows.
func (f *forged) sameRows(t *testing.T, what, a, b string) {
	t.Helper()
	sql := "with a as materialized (" + a + "),\nb as materialized (" + b + ")\n" +
		"select count(*) from ((from a except all from b) union all (from b except all from a))"
	if n := f.number(t, sql); n != 0 {
		t.Errorf("%s: %d rows are in one and not in the other: %s", what, n, sql)
	}
}

func TestTrainingSetEqualsTheOneByHand(t *testing.T) {
	w := watchedFor(t)
	w.now(t)
	set := "select " + callsColumns + " from training.calls_now"
	if n, want := w.number(t, "select count(*) from training.calls_now"), w.number(t, "select count(*) from curated.calls"); n != want {
		t.Errorf("%d rows for %d labels", n, want)
	}
	w.sameRows(t, "the calls' training set", set, callsByHand)
}

// glucoseByHand computes each window per label from the events themselves, by
// correlated subqueries, without going through views.
const glucoseByHand = `
with readings as (select patient_id, event_time, max(value) as glucose from curated.glucose where kind = 'glucose' group by 1, 2),
labels as (
  select r.patient_id, r.event_time, r.glucose,
    (select min(n.event_time) from readings n where n.patient_id = r.patient_id and n.event_time > r.event_time) as next_time,
    (select max(b.event_time) from readings b where b.patient_id = r.patient_id and b.event_time < r.event_time) as before_time
  from readings r)
select l.patient_id, l.event_time, n.glucose > 180 as high_next, l.glucose,
  l.glucose - b.glucose as glucose_change,
  date_diff('minute', l.before_time, l.event_time) / 60 as hours_between,
  (select max(e.value) from curated.glucose e where e.patient_id = l.patient_id and e.kind = 'glucose' and e.event_time between l.event_time - interval 24 hours and l.event_time) as glucose_max_24h,
  (select count(*) from curated.glucose e where e.patient_id = l.patient_id and e.kind = 'glucose' and e.event_time between l.event_time - interval 24 hours and l.event_time) as readings_24h,
  (select coalesce(sum(e.value), 0) from curated.glucose e where e.patient_id = l.patient_id and e.kind = 'insulin' and e.event_time between l.event_time - interval 6 hours and l.event_time) as insulin_units_6h,
  (select count(*) from curated.glucose e where e.patient_id = l.patient_id and e.kind = 'meal' and e.event_time between l.event_time - interval 6 hours and l.event_time) as meals_6h
from labels l join readings n on n.patient_id = l.patient_id and n.event_time = l.next_time
left join readings b on b.patient_id = l.patient_id and b.event_time = l.before_time`

const glucoseLabels = `with readings as (select patient_id, event_time, max(value) as value from curated.glucose where kind = 'glucose' group by all)
select patient_id, event_time, lead(value) over (partition by patient_id order by event_time) > 180 as high_next
from readings qualify high_next is not null`

func TestWindowsEqualTheOnesByHand(t *testing.T) {
	f := shared(t)
	file := example(t, "glucose/healthcare_glucose_events.csv")
	var load struct{ Rows, Rejected int64 }
	f.must(t, &load, "ingest", file, "--table", "raw.glucose")
	if want := records(exampleBytes("glucose/healthcare_glucose_events.csv")); load.Rows+load.Rejected != want {
		t.Errorf("%d rows and %d rejects of %d records", load.Rows, load.Rejected, want)
	}
	var done appliedResult
	f.must(t, &done, "recipe", "apply", example(t, "glucose/recipe.yaml"))
	steps := done.Steps[len(done.Steps)-1]
	if n := f.number(t, "select count(*) from curated.glucose"); n != done.Rows || steps.Name == "" || done.Rejected == 0 {
		t.Errorf("%d rows in the table, the recipe says %+v", n, done)
	}
	f.must(t, nil, "features", "apply", example(t, "glucose/features.yaml"))
	f.must(t, nil, "features", "training-set", "glucose", "--labels-sql", glucoseLabels, "--time", "event_time", "--label", "high_next", "--views", "last_reading,readings_24h,insulin_6h")
	f.sameRows(t, "the patients' training set",
		"select patient_id, event_time, high_next, glucose, glucose_change, hours_between, glucose_max_24h, readings_24h, insulin_units_6h, meals_6h from training.glucose", glucoseByHand)
	if n := f.number(t, "select count(*) from curated.glucose where not regexp_matches(patient_id, '^patient_[0-9a-zA-Z_-]+$')"); n != 0 {
		t.Errorf("%d rows show the patient's id", n)
	}
}

// predicted is one answer, whichever way it came.
type predicted struct {
	Label string
	Score float64
	Yes   float64
	No    float64
}

// TestAllWaysOfAskingAgree: the same rows give the same numbers by entity, by fields,
// by the Open Inference Protocol, by batch, and by SQL over the batch's table.
func TestAllWaysOfAskingAgree(t *testing.T) {
	w := watchedFor(t)
	w.now(t)
	version := w.version(t, "calls")
	w.must(t, nil, "deploy", ref("calls", version), "--name", "agree")
	var d struct{ Signature serving.Signature }
	w.get(t, &d, "GET", "/api/deployments/agree", nil)
	rows := w.inputs(t, d.Signature.Inputs)
	if len(rows) != int(w.sizes["2009-07"]) {
		t.Fatalf("%d rows of July", len(rows))
	}
	byEntity := w.byREST(t, map[string]any{"entities": entitiesOf(rows)})
	w.must(t, nil, "batch-score", ref("calls", version), "--in", "select * from training.calls_now where call_time >= '2009-07-01'", "--out", "scored.july")
	ways := map[string][]predicted{
		"REST by fields": w.byREST(t, map[string]any{"rows": fieldsOf(rows)}),
		"OIP":            w.byOIP(t, d.Signature, rows),
		"batch":          w.byBatch(t, "/api/tables/scored.july/rows?limit=1000"),
		"SQL":            w.bySQL(t),
	}
	for way, got := range ways {
		if len(got) != len(byEntity) {
			t.Errorf("%s: %d answers, by entity %d", way, len(got), len(byEntity))
			continue
		}
		for i := range got {
			if got[i] != byEntity[i] {
				t.Errorf("call %v: %s answers %+v, by entity %+v", rows[i]["call_id"], way, got[i], byEntity[i])
				break
			}
		}
	}
	var cli struct{ Predictions []struct{ Score float64 } }
	w.must(t, &cli, "predict", "agree", "-e", fmt.Sprintf("call_id=%v", rows[0]["call_id"]))
	// One row alone: ONNX Runtime may round its last bit otherwise than among 178.
	if len(cli.Predictions) != 1 || math.Abs(cli.Predictions[0].Score-byEntity[0].Score) > 1e-6 {
		t.Errorf("forge predict says %+v, by entity %+v", cli, byEntity[0])
	}
}

// inputs reads July's rows of the training set: the model's inputs and the key.
func (w *watchedForge) inputs(t *testing.T, inputs []serving.Input) []map[string]any {
	t.Helper()
	names := []string{"call_id"}
	for _, in := range inputs {
		names = append(names, in.Name)
	}
	var out []map[string]any
	for _, r := range w.rows(t, `select "`+strings.Join(names, `", "`)+`" from training.calls_now where call_time >= '2009-07-01' order by call_id`) {
		m := map[string]any{}
		for i, v := range r {
			m[names[i]] = v
		}
		out = append(out, m)
	}
	return out
}

func entitiesOf(rows []map[string]any) (out []map[string]string) {
	for _, r := range rows {
		out = append(out, map[string]string{"call_id": fmt.Sprintf("%.0f", r["call_id"])})
	}
	return out
}

func fieldsOf(rows []map[string]any) (out []map[string]any) {
	for _, r := range rows {
		m := map[string]any{}
		for k, v := range r {
			if k != "call_id" {
				m[k] = v
			}
		}
		out = append(out, m)
	}
	return out
}

func (w *watchedForge) byREST(t *testing.T, body any) (out []predicted) {
	t.Helper()
	var a struct {
		Predictions []struct {
			Label  string
			Score  float64
			Scores map[string]float64
		}
	}
	w.get(t, &a, "POST", "/v1/predict/agree", body)
	for _, p := range a.Predictions {
		out = append(out, predicted{p.Label, p.Score, p.Scores["yes"], p.Scores["no"]})
	}
	return out
}

func (w *watchedForge) byOIP(t *testing.T, sig serving.Signature, rows []map[string]any) (out []predicted) {
	t.Helper()
	var inputs []map[string]any
	for _, in := range sig.Inputs {
		data := make([]any, len(rows))
		for i, r := range rows {
			data[i] = r[in.Name]
			if yes, ok := data[i].(bool); ok && in.Type != serving.String {
				data[i] = map[bool]int{true: 1}[yes] // FP32 has no true and false
			}
		}
		datatype := "FP32"
		if in.Type == serving.String {
			datatype = "BYTES"
		}
		inputs = append(inputs, map[string]any{"name": in.Name, "datatype": datatype, "shape": []int{len(rows), 1}, "data": data})
	}
	var a struct {
		Outputs []struct {
			Name string
			Data json.RawMessage
		}
	}
	w.get(t, &a, "POST", "/v2/models/agree/infer", map[string]any{"inputs": inputs})
	var labels []string
	var scores []float64
	for _, o := range a.Outputs {
		into := any(&labels)
		if o.Name == "scores" {
			into = &scores
		}
		if err := json.Unmarshal(o.Data, into); err != nil {
			t.Fatal(err)
		}
	}
	yes, no := index(sig.Classes, "yes"), index(sig.Classes, "no")
	for i, l := range labels {
		p := predicted{Label: l, Yes: scores[i*2+yes], No: scores[i*2+no]}
		p.Score = p.Yes // of the positive class, the rarer one
		out = append(out, p)
	}
	return out
}

func index(all []string, s string) int {
	for i := range all {
		if all[i] == s {
			return i
		}
	}
	return -1
}

// byBatch reads the scored table as its page in the studio does.
func (w *watchedForge) byBatch(t *testing.T, path string) []predicted {
	t.Helper()
	var a struct {
		Columns []struct{ Name string }
		Rows    [][]any
	}
	w.get(t, &a, "GET", path, nil)
	at := map[string]int{}
	for i, c := range a.Columns {
		at[c.Name] = i
	}
	byCall := map[float64]predicted{}
	for _, r := range a.Rows {
		byCall[r[at["call_id"]].(float64)] = predicted{r[at["prediction"]].(string), r[at["score"]].(float64), r[at["score_yes"]].(float64), r[at["score_no"]].(float64)}
	}
	var out []predicted
	for _, r := range w.rows(t, "select call_id from scored.july order by call_id") {
		out = append(out, byCall[r[0].(float64)])
	}
	return out
}

func (w *watchedForge) bySQL(t *testing.T) (out []predicted) {
	t.Helper()
	for _, r := range w.rows(t, "select prediction, score, score_yes, score_no from scored.july order by call_id") {
		out = append(out, predicted{r[0].(string), r[1].(float64), r[2].(float64), r[3].(float64)})
	}
	return out
}
