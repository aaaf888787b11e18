package metric

import (
	"math"
	"sort"
)

// logLoss is the mean of −log of the true class's score, scores clipped to [1e-7, 1]
// and brought to a sum of one, as the trainer does.
func logLoss(truth []int, scores []float64, k int) float64 {
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

// areaUnderROC is the area under the ROC curve: the chance that a random yes scores above a
// random no, ties counting half (Mann-Whitney). NaN without both.
func areaUnderROC(yes []bool, score []float64) float64 {
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
