// Package metric computes the figures by which models are judged: the same ones under
// the same names as the trainer in Python, whose definitions are scikit-learn's. A
// figure that the rows do not define, such as roc_auc of rows of one class, is not
// there.
package metric

import (
	"math"
	"slices"
)

// names of the metrics of each task; the first is the one to rank by if none is asked.
var names = map[string][]string{
	"binary":     {"roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "f1", "precision", "recall"},
	"multiclass": {"log_loss", "accuracy", "f1_macro", "roc_auc"},
	"regression": {"rmse", "mae", "r2"},
}

// Names returns the metrics of a task, the default first; nil for an unknown task.
func Names(task string) []string { return slices.Clone(names[task]) }

// LowerIsBetter reports whether a metric is a loss.
func LowerIsBetter(name string) bool {
	switch name {
	case "log_loss", "brier", "rmse", "mae":
		return true
	}
	return false
}

// Gain is how much better a is than b by a metric; positive means better.
func Gain(name string, a, b float64) float64 {
	if LowerIsBetter(name) {
		return b - a
	}
	return a - b
}

// Regression measures values against the truth. R² is scikit-learn's: 1 − residual
// over total sum of squares.
func Regression(truth, value []float64) map[string]float64 {
	var square, abs, total, mean float64
	n := float64(len(truth))
	for _, y := range truth {
		mean += y / n
	}
	for i, y := range truth {
		d := y - value[i]
		square += d * d
		abs += math.Abs(d)
		total += (y - mean) * (y - mean)
	}
	r2 := 1 - square/total
	if len(truth) < 2 || total == 0 {
		r2 = math.NaN()
	}
	return defined(map[string]float64{"rmse": math.Sqrt(square / n), "mae": abs / n, "r2": r2})
}

// defined drops what is no number: the rows do not say.
func defined(m map[string]float64) map[string]float64 {
	for name, x := range m {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			delete(m, name)
		}
	}
	return m
}
