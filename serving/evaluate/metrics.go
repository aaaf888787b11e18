package evaluate

import (
	"math"
	"sort"
)

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
	return map[string]float64{"rmse": math.Sqrt(square / n), "mae": abs / n, "r2": r2}
}

// Binary measures scores, n×2, against the classes' indices.
func Binary(truth []int, scores []float64, positive int) map[string]float64 {
	n := len(truth)
	p, yes := make([]float64, n), make([]bool, n)
	var hit, brier float64
	var tp, fp, fn float64
	for i, k := range truth {
		p[i], yes[i] = scores[2*i+positive], k == positive
		d := p[i]
		if yes[i] {
			d--
		}
		brier += d * d
		said := argmax(scores[2*i:2*i+2]) == positive
		switch {
		case said && yes[i]:
			tp++
		case said:
			fp++
		case yes[i]:
			fn++
		}
		if said == yes[i] {
			hit++
		}
	}
	return map[string]float64{
		"roc_auc": AUC(yes, p), "pr_auc": averagePrecision(yes, p), "log_loss": LogLoss(truth, scores, 2), "brier": brier / float64(n),
		"accuracy": hit / float64(n), "f1": ratio(2*tp, 2*tp+fp+fn), "precision": ratio(tp, tp+fp), "recall": ratio(tp, tp+fn),
	}
}

// Multiclass measures scores, n×k, against the classes' indices. f1_macro and
// roc_auc are means over the classes: of those that occur in truth or answers, and of
// each class that occurs against the rest.
func Multiclass(truth []int, scores []float64, k int) map[string]float64 {
	n := len(truth)
	tp, fp, fn := make([]float64, k), make([]float64, k), make([]float64, k)
	var hit float64
	for i, t := range truth {
		said := argmax(scores[i*k : (i+1)*k])
		if said == t {
			hit++
			tp[t]++
			continue
		}
		fp[said]++
		fn[t]++
	}
	var f1, classes, areas, counted float64
	for c := range k {
		if tp[c]+fp[c]+fn[c] > 0 {
			f1 += 2 * tp[c] / (2*tp[c] + fp[c] + fn[c])
			classes++
		}
		if a := oneAgainstRest(truth, scores, k, c); !math.IsNaN(a) {
			areas += a
			counted++
		}
	}
	return map[string]float64{"log_loss": LogLoss(truth, scores, k), "accuracy": hit / float64(n), "f1_macro": f1 / classes, "roc_auc": areas / counted}
}

func oneAgainstRest(truth []int, scores []float64, k, class int) float64 {
	yes, p := make([]bool, len(truth)), make([]float64, len(truth))
	for i, t := range truth {
		yes[i], p[i] = t == class, scores[i*k+class]
	}
	return AUC(yes, p)
}

func argmax(x []float64) int {
	best := 0
	for i := range x {
		if x[i] > x[best] {
			best = i
		}
	}
	return best
}

// ratio is 0 where it is not defined, as scikit-learn's zero_division=0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// LogLoss is the mean of −log of the true class's score, scores clipped to [1e-7, 1]
// and brought to a sum of one, as the trainer does.
func LogLoss(truth []int, scores []float64, k int) float64 {
	var sum float64
	for i, t := range truth {
		var total, own float64
		for c := range k {
			p := min(max(scores[i*k+c], 1e-7), 1)
			total += p
			if c == t {
				own = p
			}
		}
		sum -= math.Log(own / total)
	}
	return sum / float64(len(truth))
}

// AUC is the area under the ROC curve: the chance that a random yes scores above a
// random no, ties counting half (Mann-Whitney). NaN without both.
func AUC(yes []bool, score []float64) float64 {
	order := byScore(score)
	var ranks, ups float64
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && score[order[j]] == score[order[i]] {
			j++
		}
		rank := float64(i+j+1) / 2 // mean rank of the tie, from 1
		for ; i < j; i++ {
			if yes[order[i]] {
				ranks += rank
				ups++
			}
		}
	}
	downs := float64(len(order)) - ups
	return (ranks - ups*(ups+1)/2) / (ups * downs)
}

// averagePrecision is the sum over thresholds of precision times gain of recall,
// from the highest score down (scikit-learn's average_precision_score).
func averagePrecision(yes []bool, score []float64) float64 {
	order := byScore(score)
	var total float64
	for _, y := range yes {
		if y {
			total++
		}
	}
	var sum, tp, before float64
	for i := len(order) - 1; i >= 0; {
		j := i
		for j >= 0 && score[order[j]] == score[order[i]] {
			if yes[order[j]] {
				tp++
			}
			j--
		}
		sum += (tp - before) / total * tp / float64(len(order)-1-j)
		before, i = tp, j
	}
	return sum
}

func byScore(score []float64) []int {
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return score[order[a]] < score[order[b]] })
	return order
}
