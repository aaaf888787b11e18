package metric_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"slices"
	"testing"

	"aiforge.dev/forge/internal/metric"
)

// The metrics are those of scikit-learn, on cases with ties, of one class, and with
// scores of 0 and 1 (testdata/make_cases.py makes them). A null is not defined.
func TestAgainstScikitLearn(t *testing.T) {
	b, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Task   string
		Truth  []float64
		Scores []float64
		K      int
		Want   map[string]*float64
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 19 {
		t.Fatalf("%d cases", len(cases))
	}
	for i, c := range cases {
		classes := make([]int, len(c.Truth))
		for j, x := range c.Truth {
			classes[j] = int(x)
		}
		var got map[string]float64
		switch c.Task {
		case "regression":
			got = metric.Regression(c.Truth, c.Scores)
		case "binary":
			got = metric.Binary(classes, c.Scores, 1)
		default:
			got = metric.Multiclass(classes, c.Scores, c.K)
		}
		if want := slices.Sorted(maps.Keys(c.Want)); !slices.Equal(want, slices.Sorted(slices.Values(metric.Names(c.Task)))) {
			t.Errorf("case %d: the trainer measures %v of %s, we name %v", i, want, c.Task, metric.Names(c.Task))
		}
		for name, want := range c.Want {
			x, ok := got[name]
			switch {
			case ok != (want != nil):
				t.Errorf("case %d (%s): %s is %v, there: %v", i, c.Task, name, x, ok)
			case ok && !(math.Abs(x-*want) <= 1e-12*max(1, math.Abs(*want))):
				t.Errorf("case %d (%s): %s is %v, want %v", i, c.Task, name, x, *want)
			}
		}
	}
}

// The expected values are scikit-learn 1.9.1's for the same inputs.
func TestBinary(t *testing.T) {
	truth := []int{0, 0, 1, 1, 0, 0}
	near(t, metric.Binary(truth, pairs(0.1, 0.4, 0.35, 0.8, 0.8, 0.2), 1),
		map[string]float64{"roc_auc": 0.6875, "pr_auc": 0.5, "log_loss": 0.6202889, "brier": 0.2187500, "accuracy": 4.0 / 6, "precision": 0.5, "recall": 0.5, "f1": 0.5})
	got := metric.Binary([]int{1, 1}, pairs(0.2, 0.3), 1)
	if _, ok := got["roc_auc"]; ok {
		t.Errorf("one class: %v", got)
	}
	turned := metric.Binary([]int{1, 1, 0, 0, 1, 1}, pairs(0.9, 0.6, 0.65, 0.2, 0.2, 0.8), 0)
	near(t, turned, metric.Binary(truth, pairs(0.1, 0.4, 0.35, 0.8, 0.8, 0.2), 1))
}

// pairs are the scores of both classes for those of the second.
func pairs(scores ...float64) []float64 {
	var out []float64
	for _, s := range scores {
		out = append(out, 1-s, s)
	}
	return out
}

func TestRegression(t *testing.T) {
	near(t, metric.Regression([]float64{3, -0.5, 2, 7}, []float64{2.5, 0, 2, 8}), map[string]float64{"rmse": 0.6123724, "mae": 0.5, "r2": 0.9486081})
}

func TestMulticlass(t *testing.T) {
	got := metric.Multiclass([]int{0, 1}, []float64{0.7, 0.2, 0.1, 0.1, 0.3, 0.6}, 3)
	if got["accuracy"] != 0.5 || math.Abs(got["log_loss"]-0.7803239) > 1e-6 {
		t.Errorf("%v", got)
	}
}

func TestNothing(t *testing.T) {
	for name, got := range map[string]map[string]float64{
		"binary": metric.Binary(nil, nil, 1), "multiclass": metric.Multiclass(nil, nil, 3), "regression": metric.Regression(nil, nil),
	} {
		if len(got) > 0 {
			t.Errorf("%s of no rows: %v", name, got)
		}
	}
}

func TestGain(t *testing.T) {
	if metric.Gain("roc_auc", 0.8, 0.7) <= 0 || metric.Gain("rmse", 3, 2) >= 0 {
		t.Error("a higher area and a lower error are the better ones")
	}
}

func near(t *testing.T, got, want map[string]float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%v, want %v", got, want)
	}
	for k, w := range want {
		if g, ok := got[k]; !ok || math.Abs(g-w) > 1e-6 {
			t.Errorf("%s = %v, want %v", k, g, w)
		}
	}
}
