package main

import (
	"context"
	"fmt"
	"math"
	"sort"
	"testing"

	"aiforge.dev/forge/monitoring"
)

// June's report of the first model, computed a second time: the rows come by SQL from
// the training set (which joins what was known at each call, as the predictions did),
// the reference's rows from the same place, and only the frozen edges from the report's
// reference. The formulas are those of ADR 8, written anew.
func TestDriftEqualsAnIndependentComputation(t *testing.T) {
	w := watchedFor(t)
	w.now(t)
	report := w.reportOf(t, 1, "2009-06")
	if report.Rows != w.sizes["2009-06"] {
		t.Errorf("the report has %d rows, June has %d calls", report.Rows, w.sizes["2009-06"])
	}
	ref, ok, err := w.app.watching.watch.Store.Reference(context.Background(), firstProject.Scope, "calls", 1)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	seen := 0
	for i, p := range ref.Profiles {
		d := report.Columns[i]
		if d.Column != p.Column {
			t.Fatalf("column %d is %s, in the reference %s", i, d.Column, p.Column)
		}
		if p.Column == "prediction" {
			continue // below
		}
		before := w.histogram(t, p.Column, "call_time < '2009-06-01'")
		after := w.histogram(t, p.Column, "call_time >= '2009-06-01' and call_time < '2009-07-01'")
		seen++
		if p.Kind == "number" {
			compareNumbers(t, d, p.Edges, before, after)
		} else {
			compareCategories(t, d, before, after)
		}
	}
	if seen < 15 {
		t.Errorf("only %d features were compared", seen)
	}
	w.comparePredictions(t, report.Columns[len(ref.Profiles)-1], ref.Profiles[len(ref.Profiles)-1])
}

func (w *watchedForge) reportOf(t *testing.T, version int, month string) monitoring.Report {
	t.Helper()
	for _, r := range w.checks[month].Reports {
		if r.Version == version && r.From.Format("2006-01") == month {
			return r
		}
	}
	t.Fatalf("no report of version %d for %s", version, month)
	return monitoring.Report{}
}

// values is a column as value → rows; nulls apart.
type values struct {
	number map[float64]int64
	text   map[string]int64
	nulls  int64
	all    int64
}

func (w *watchedForge) histogram(t *testing.T, column, where string) values {
	t.Helper()
	v := values{number: map[float64]int64{}, text: map[string]int64{}}
	for _, r := range w.rows(t, fmt.Sprintf(`select %q, count(*) from training.calls_now where %s group by 1`, column, where)) {
		n := int64(r[1].(float64))
		v.all += n
		switch x := r[0].(type) {
		case nil:
			v.nulls += n
		case float64:
			v.number[x] += n
		case string:
			v.text[x] += n
		case bool:
			v.text[fmt.Sprint(x)] += n
			v.number[map[bool]float64{true: 1}[x]] += n
		}
	}
	return v
}

// upTo is the rows with a value of at most x.
func (v values) upTo(x float64) (n int64) {
	for value, rows := range v.number {
		if value <= x {
			n += rows
		}
	}
	return n
}

func compareNumbers(t *testing.T, d monitoring.Drift, edges []float64, before, after values) {
	t.Helper()
	var ks float64
	for _, e := range edges {
		ks = math.Max(ks, math.Abs(share(before.upTo(e), before.all-before.nulls)-share(after.upTo(e), after.all-after.nulls)))
	}
	near(t, d.Column+" ks", d.Stats["ks"], ks)
	near(t, d.Column+" nulls", d.Stats["nulls"], share(after.nulls, after.all)-share(before.nulls, before.all))
	a, b := tenths(edges, before, after)
	near(t, d.Column+" psi", d.Stats["psi"], psi(append(a, before.nulls), append(b, after.nulls)))
}

// tenths merges the frozen bins from below until each holds a tenth of the reference;
// a rest of less than a twentieth goes to the bin before it, and what lies above all
// of the reference to a bin of its own if there is no rest.
func tenths(edges []float64, before, after values) (a, b []int64) {
	all := before.all - before.nulls
	var doneA, doneB int64
	for _, e := range edges {
		if n := before.upTo(e); (n-doneA)*10 >= all {
			m := after.upTo(e)
			a, b = append(a, n-doneA), append(b, m-doneB)
			doneA, doneB = n, m
		}
	}
	restA, restB := all-doneA, after.all-after.nulls-doneB
	if last := len(a) - 1; last > 0 && restA > 0 && restA*20 < all {
		a[last], b[last] = a[last]+restA, b[last]+restB
		return a, b
	}
	return append(a, restA), append(b, restB)
}

func compareCategories(t *testing.T, d monitoring.Drift, before, after values) {
	t.Helper()
	names := map[string]bool{}
	for n := range before.text {
		names[n] = true
	}
	var other int64
	for n, rows := range after.text {
		if !names[n] {
			other += rows
		}
	}
	a, b := []int64{0, before.nulls}, []int64{other, after.nulls}
	for n := range names {
		a, b = append(a, before.text[n]), append(b, after.text[n])
	}
	near(t, d.Column+" psi", d.Stats["psi"], psi(a, b))
	var chi2 float64
	for i := range a {
		expected := math.Max(float64(a[i])*float64(after.all)/float64(before.all), 0.5)
		if a[i]+b[i] > 0 {
			chi2 += (float64(b[i]) - expected) * (float64(b[i]) - expected) / expected
		}
	}
	near(t, d.Column+" chi2", d.Stats["chi2"], chi2)
}

// comparePredictions does the same for the model's answers: the window's from the
// prediction log, the reference's from its frozen bins, since its test rows' answers
// are nowhere else.
func (w *watchedForge) comparePredictions(t *testing.T, d monitoring.Drift, ref monitoring.Profile) {
	t.Helper()
	var scores []float64
	for _, r := range w.rows(t, `select score from monitoring.predictions where deployment = 'calls' and version = 1 and event_time >= '2009-06-01' and event_time < '2009-07-01'`) {
		scores = append(scores, r[0].(float64))
	}
	sort.Float64s(scores)
	var all, cum int64
	for _, n := range ref.Bins {
		all += n
	}
	var ks float64
	for i, e := range ref.Edges {
		cum += ref.Bins[i]
		k := sort.Search(len(scores), func(j int) bool { return scores[j] > e })
		ks = math.Max(ks, math.Abs(share(cum, all)-share(int64(k), int64(len(scores)))))
	}
	near(t, "prediction ks", d.Stats["ks"], ks)
}

func share(k, n int64) float64 { return float64(k) / float64(n) }

func psi(a, b []int64) (sum float64) {
	var na, nb int64
	for i := range a {
		na, nb = na+a[i], nb+b[i]
	}
	for i := range a {
		p, q := math.Max(share(a[i], na), 1e-4), math.Max(share(b[i], nb), 1e-4)
		sum += (q - p) * math.Log(q/p)
	}
	return sum
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > 1e-9*math.Max(1, math.Abs(want)) {
		t.Errorf("%s is %v, by hand %v", what, got, want)
	}
}
