package watch

import (
	"strconv"

	"aiforge.dev/forge/internal/metric"
	"aiforge.dev/forge/monitoring"
)

// judge scores predictions whose truth has arrived.
type judge struct {
	about    monitoring.About
	labelled int64
	missing  int64
	scores   []float64 // regression: the answer; binary: of the negative and the positive class
	truth    []int     // binary: 1 for the positive class
	values   []float64 // regression
	right    int64
}

func newJudge(about monitoring.About) *judge { return &judge{about: about} }

func (j *judge) add(rows []monitoring.Observation) {
	for _, r := range rows {
		if !r.HasTruth {
			j.missing++
			continue
		}
		j.labelled++
		switch j.about.Task {
		case "regression":
			if v, err := strconv.ParseFloat(r.Truth, 64); err == nil {
				j.scores, j.values = append(j.scores, r.Score), append(j.values, v)
			}
		case "binary":
			truth := 0
			if r.Truth == j.about.Positive {
				truth = 1
			}
			j.scores, j.truth = append(j.scores, 1-r.Score, r.Score), append(j.truth, truth)
		default:
			if r.Truth == r.Label {
				j.right++
			}
		}
	}
}

func (j *judge) performance() monitoring.Performance {
	p := monitoring.Performance{Rows: j.labelled, Missing: j.missing}
	switch j.about.Task {
	case "regression":
		p.Metrics = metric.Regression(j.values, j.scores)
	case "binary":
		p.Metrics = metric.Binary(j.truth, j.scores, 1)
	default:
		p.Metrics = map[string]float64{"accuracy": float64(j.right) / float64(j.labelled)}
	}
	return p
}
