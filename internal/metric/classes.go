package metric

import "math"

// Binary measures scores, n×2, against the classes' indices.
func Binary(truth []int, scores []float64, positive int) map[string]float64 {
	n := len(truth)
	if n == 0 {
		return map[string]float64{}
	}
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
	return defined(map[string]float64{
		"roc_auc": areaUnderROC(yes, p), "pr_auc": averagePrecision(yes, p), "log_loss": logLoss(truth, scores, 2), "brier": brier / float64(n),
		"accuracy": hit / float64(n), "f1": ratio(2*tp, 2*tp+fp+fn), "precision": ratio(tp, tp+fp), "recall": ratio(tp, tp+fn),
	})
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
	return defined(map[string]float64{"log_loss": logLoss(truth, scores, k), "accuracy": hit / float64(n), "f1_macro": f1 / classes, "roc_auc": areas / counted})
}

func oneAgainstRest(truth []int, scores []float64, k, class int) float64 {
	yes, p := make([]bool, len(truth)), make([]float64, len(truth))
	for i, t := range truth {
		yes[i], p[i] = t == class, scores[i*k+class]
	}
	return areaUnderROC(yes, p)
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
