package metric_test

import (
	"math"
	"testing"

	"aiforge.dev/forge/internal/metric"
)

// The expected values are scikit-learn 1.9.1's for the same inputs.
func TestBinary(t *testing.T) {
	score := []float64{0.1, 0.4, 0.35, 0.8, 0.8, 0.2}
	truth := []bool{false, false, true, true, false, false}
	want := map[string]float64{"roc_auc": 0.6875, "pr_auc": 0.5, "log_loss": 0.6202889, "brier": 0.2187500, "accuracy": 4.0 / 6}
	near(t, metric.Binary(score, truth), want)
	if got := metric.Binary([]float64{0.2, 0.3}, []bool{true, true}); len(got) != 3 {
		t.Errorf("one class: %v", got)
	}
}

func TestRegression(t *testing.T) {
	near(t, metric.Regression([]float64{2.5, 0, 2, 8}, []float64{3, -0.5, 2, 7}), map[string]float64{"rmse": 0.6123724, "mae": 0.5, "r2": 0.9486081})
}

func TestMulticlass(t *testing.T) {
	near(t, metric.Multiclass([][]float64{{0.7, 0.2, 0.1}, {0.1, 0.3, 0.6}}, []int{0, 1}), map[string]float64{"log_loss": 0.7803239, "accuracy": 0.5})
}

func near(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for k, w := range want {
		if g, ok := got[k]; !ok || math.Abs(g-w) > 1e-6 {
			t.Errorf("%s = %v, want %v", k, g, w)
		}
	}
}
