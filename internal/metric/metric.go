// Package metric computes the figures by which models are judged. Scores and truths
// are parallel slices; a truth of a class problem is 1 for the positive class and 0
// otherwise. Definitions follow scikit-learn.
package metric

import (
	"math"
	"sort"
)

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

// Binary returns roc_auc, pr_auc, log_loss, brier and accuracy (at 0.5). roc_auc and
// pr_auc are absent when only one class is there, and all when nothing is.
func Binary(score []float64, truth []bool) map[string]float64 {
	n := len(score)
	if n == 0 {
		return map[string]float64{}
	}
	var loss, brier, right float64
	for i, s := range score {
		y := 0.0
		if truth[i] {
			y = 1
		}
		loss -= y*math.Log(clip(s)) + (1-y)*math.Log(1-clip(s))
		brier += (s - y) * (s - y)
		if s >= 0.5 == truth[i] {
			right++
		}
	}
	out := map[string]float64{"log_loss": loss / float64(n), "brier": brier / float64(n), "accuracy": right / float64(n)}
	if auc, ok := ROCAUC(score, truth); ok {
		out["roc_auc"] = auc
		out["pr_auc"] = averagePrecision(score, truth)
	}
	return out
}

// clip keeps a probability away from 0 and 1 by float32's resolution.
func clip(p float64) float64 { return min(max(p, 1e-7), 1-1e-7) }

// ROCAUC is the area under the ROC curve: the chance that a positive scores above a
// negative, ties counting half. ok is false when one of the classes is missing.
func ROCAUC(score []float64, truth []bool) (auc float64, ok bool) {
	order := descending(score)
	var pos, neg, area float64
	for i := 0; i < len(order); {
		j, p, q := i, 0.0, 0.0
		for ; j < len(order) && score[order[j]] == score[order[i]]; j++ {
			if truth[order[j]] {
				p++
			} else {
				q++
			}
		}
		area += q * (pos + p/2)
		pos, neg, i = pos+p, neg+q, j
	}
	if pos == 0 || neg == 0 {
		return 0, false
	}
	return area / (pos * neg), true
}

// averagePrecision is the sum of precisions weighted by the steps of recall.
func averagePrecision(score []float64, truth []bool) float64 {
	order := descending(score)
	var all float64
	for _, t := range truth {
		if t {
			all++
		}
	}
	var pos, ap float64
	for i := 0; i < len(order); {
		j, p := i, 0.0
		for ; j < len(order) && score[order[j]] == score[order[i]]; j++ {
			if truth[order[j]] {
				p++
			}
		}
		pos += p
		ap += p / all * pos / float64(j)
		i = j
	}
	return ap
}

func descending(score []float64) []int {
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return score[order[a]] > score[order[b]] })
	return order
}

// Multiclass returns log_loss and accuracy. scores has one row of class
// probabilities per truth, truth the index of the true class.
func Multiclass(scores [][]float64, truth []int) map[string]float64 {
	if len(scores) == 0 {
		return map[string]float64{}
	}
	var loss, right float64
	for i, row := range scores {
		best := 0
		for k, p := range row {
			if p > row[best] {
				best = k
			}
		}
		if best == truth[i] {
			right++
		}
		loss -= math.Log(clip(row[truth[i]]))
	}
	n := float64(len(scores))
	return map[string]float64{"log_loss": loss / n, "accuracy": right / n}
}

// Regression returns rmse, mae and r2 (absent when the truth is constant).
func Regression(value, truth []float64) map[string]float64 {
	n := float64(len(value))
	if n == 0 {
		return map[string]float64{}
	}
	var mean, sq, abs, total float64
	for _, t := range truth {
		mean += t / n
	}
	for i, v := range value {
		d := v - truth[i]
		sq += d * d
		abs += math.Abs(d)
		total += (truth[i] - mean) * (truth[i] - mean)
	}
	out := map[string]float64{"rmse": math.Sqrt(sq / n), "mae": abs / n}
	if total > 0 {
		out["r2"] = 1 - sq/total
	}
	return out
}
