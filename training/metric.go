package training

import "slices"

// Metrics that each task can rank by; the first is the default.
var metrics = map[string][]string{
	"binary":     {"roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "f1", "precision", "recall"},
	"multiclass": {"log_loss", "accuracy", "f1_macro", "roc_auc"},
	"regression": {"rmse", "mae", "r2"},
}

// Metrics returns what a task can rank by, the default first; nil for an unknown task.
func Metrics(task string) []string { return slices.Clone(metrics[task]) }

// LowerIsBetter reports whether a smaller value of the metric is the better one.
func LowerIsBetter(metric string) bool {
	switch metric {
	case "log_loss", "brier", "rmse", "mae":
		return true
	}
	return false
}
