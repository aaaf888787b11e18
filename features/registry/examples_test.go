package registry_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/lake"
)

// The examples' own data, brought into the shape that their recipes give it. The
// recipes themselves are the lake's to test.
const (
	curatedCalls = `SELECT * REPLACE (nullif(pdays, 999) AS pdays) RENAME ("emp.var.rate" AS emp_var_rate, "cons.price.idx" AS cons_price_idx,
		"cons.conf.idx" AS cons_conf_idx, "nr.employed" AS nr_employed), pdays <> 999 AS was_contacted,
		strptime(call_month, '%%Y-%%m') + to_seconds(call_id) AS call_time FROM read_csv('%s', types = {'call_month': 'VARCHAR'})`
	curatedGlucose = `SELECT 'patient_' || patient_id AS patient_id, try_strptime("date" || ' ' || "time", '%%m-%%d-%%Y %%H:%%M') AS event_time,
		CASE WHEN code BETWEEN 33 AND 35 THEN 'insulin' WHEN code = 48 OR code BETWEEN 57 AND 64 THEN 'glucose' WHEN code BETWEEN 66 AND 68 THEN 'meal' ELSE 'event' END AS kind,
		code, TRY_CAST("value" AS DOUBLE) AS "value" FROM read_csv('%s', types = {'date': 'VARCHAR', 'time': 'VARCHAR', 'value': 'VARCHAR', 'code': 'BIGINT'})
		WHERE event_time IS NOT NULL AND TRY_CAST("value" AS DOUBLE) IS NOT NULL`
	curatedOrders = `SELECT InvoiceNo AS invoice_no, Quantity AS quantity, TRY_CAST(InvoiceDate AS TIMESTAMP) AS invoice_date, CAST(CustomerID AS VARCHAR) AS customer_id, Country AS country,
		round(Quantity * UnitPrice, 2) AS amount, InvoiceNo LIKE 'C%%' AS is_return FROM read_csv('%s', types = {'InvoiceNo': 'VARCHAR', 'InvoiceDate': 'VARCHAR', 'Quantity': 'BIGINT', 'UnitPrice': 'DOUBLE'})`
)

func example(t *testing.T, name, csv, sql string) *world {
	t.Helper()
	w := open(t)
	w.now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	dir, err := filepath.Abs("../../examples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, csv)
	table := forge.TableName{Namespace: "curated", Name: name}
	_, err = w.house.Write(w.ctx, scope, table, lake.Query{SQL: fmt.Sprintf(sql, file), Paths: []string{file}}, nil, lake.Append, lake.Change{})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(dir, "features.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w.apply(string(doc))
	return w
}

func (w *world) one(sql string) any {
	w.Helper()
	return w.rows(sql, nil)[0][0]
}

func (w *world) zero(what, sql string) {
	w.Helper()
	if n := w.one("SELECT count(*) AS n FROM (" + sql + ")"); n != int64(0) {
		w.Errorf("%s: %v rows are wrong", what, n)
	}
}

func TestCallsExample(t *testing.T) {
	w := example(t, "calls", "marketing_bank_calls.csv", curatedCalls)
	set := w.set(features.TrainingSetSpec{Name: "calls", Labels: forge.TableName{Namespace: "curated", Name: "calls"}, Time: "call_time", Label: "subscribed", Views: []string{"call_profile", "market"}})
	if set.Rows != 41188 || len(set.Columns) != 3+15+5 {
		t.Errorf("%d rows, %d columns", set.Rows, len(set.Columns))
	}
	w.zero("profile", `SELECT * FROM training.calls s JOIN curated.calls c USING (call_id)
		WHERE (s.age, s.job, s."default", s.duration, s.was_contacted) IS DISTINCT FROM (c.age, c.job, c."default", c.duration, c.was_contacted) OR s.pdays IS DISTINCT FROM c.pdays`)
	w.zero("market", `WITH firsts AS (SELECT call_month, min(call_id) AS first_id FROM curated.calls GROUP BY 1)
		SELECT * FROM training.calls s JOIN curated.calls c USING (call_id) JOIN firsts f USING (call_month) JOIN curated.calls x ON x.call_id = f.first_id
		WHERE s.euribor3m IS DISTINCT FROM x.euribor3m OR s.nr_employed IS DISTINCT FROM x.nr_employed OR s.emp_var_rate IS DISTINCT FROM x.emp_var_rate`)
	got := w.materialize()
	if len(got.Views) != 2 || got.Views[0].Entities != 41188 || got.Views[1].Entities != 1 {
		t.Errorf("%+v", got)
	}
	wants, err := w.svc.Wants(w.ctx, scope, []string{"call_profile@1", "market@1:euribor3m"})
	if err != nil {
		t.Fatal(err)
	}
	v := w.lookup(wants, "32000")
	row := w.rows(`SELECT age, job, duration FROM curated.calls WHERE call_id = 32000`, nil)[0]
	if !reflect.DeepEqual([]any{v.Values[0], v.Values[1], v.Values[10]}, row) || v.Values[15] == nil {
		t.Errorf("%+v, want %v", v.Values, row)
	}
}

func TestGlucoseExample(t *testing.T) {
	w := example(t, "glucose", "healthcare_glucose_events.csv", curatedGlucose)
	spec := features.TrainingSetSpec{Name: "glucose", Time: "event_time", Label: "high_next", Views: []string{"last_reading", "readings_24h", "insulin_6h"}, LabelsSQL: `
		WITH readings AS (
		  SELECT patient_id, event_time, max(value) AS value
		  FROM curated.glucose WHERE kind = 'glucose' GROUP BY ALL)
		SELECT patient_id, event_time,
		  lead(value) OVER (PARTITION BY patient_id ORDER BY event_time) > 180 AS high_next
		FROM readings
		QUALIFY high_next IS NOT NULL`}
	set := w.set(spec)
	if want := w.one(`SELECT count(DISTINCT (patient_id, event_time)) - count(DISTINCT patient_id) AS n FROM curated.glucose WHERE kind = 'glucose'`); set.Rows != want {
		t.Errorf("%d rows, want %v", set.Rows, want)
	}
	w.zero("windows", `SELECT s.patient_id, s.event_time, s.insulin_units_6h, s.readings_24h, s.glucose, s.glucose_mean_24h,
		coalesce(sum(g.value) FILTER (g.kind = 'insulin' AND g.event_time >= s.event_time - INTERVAL 6 HOURS), 0) AS units,
		count(*) FILTER (g.kind = 'glucose' AND g.event_time >= s.event_time - INTERVAL 24 HOURS) AS n,
		avg(g.value) FILTER (g.kind = 'glucose' AND g.event_time >= s.event_time - INTERVAL 24 HOURS) AS mean,
		max(g.value) FILTER (g.kind = 'glucose' AND g.event_time = s.event_time) AS last
		FROM training.glucose s JOIN curated.glucose g ON g.patient_id = s.patient_id AND g.event_time <= s.event_time
		WHERE hash(s.patient_id, s.event_time) % 20 = 0 GROUP BY ALL
		HAVING (s.insulin_units_6h, s.readings_24h, s.glucose) IS DISTINCT FROM (units, n, last) OR abs(s.glucose_mean_24h - mean) > 1e-9`)
	hash := "SELECT md5(string_agg(CAST(t AS VARCHAR), '|')) AS h FROM training.glucose AS t"
	before := w.one(hash)
	spec.AsOf = set.Snapshots
	if w.set(spec); w.one(hash) != before {
		t.Error("made again, the set has other rows")
	}
	if got := w.materialize(); len(got.Views) != 3 || got.Views[0].Entities < 60 {
		t.Errorf("%+v", got)
	}
}

func TestOrdersExample(t *testing.T) {
	w := example(t, "orders", "ecommerce_orders.csv", curatedOrders)
	got := w.materialize()
	if customers := w.one(`SELECT count(DISTINCT customer_id) AS n FROM curated.orders WHERE invoice_date IS NOT NULL`); len(got.Views) != 2 || got.Views[0].Entities != customers || got.Views[1].Entities != customers {
		t.Errorf("%+v, want %v customers", got, customers)
	}
	row := w.rows(`SELECT customer_id, count(DISTINCT invoice_no) AS n FROM curated.orders o
		WHERE invoice_date >= (SELECT max(invoice_date) FROM curated.orders l WHERE l.customer_id = o.customer_id) - INTERVAL 90 DAYS GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1`, nil)[0]
	v, err := w.svc.Lookup(w.ctx, scope, want("customer_90d", 0, "invoices_90d"), map[string]string{"customer_id": row[0].(string)})
	if err != nil || v.Values[0] != row[1] {
		t.Errorf("%v: %+v, %v", row, v, err)
	}
}
