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
	score    []float64
	truth    []bool
	values   []float64
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
				j.score, j.values = append(j.score, r.Score), append(j.values, v)
			}
		case "binary":
			j.score, j.truth = append(j.score, r.Score), append(j.truth, r.Truth == j.about.Positive)
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
		p.Metrics = metric.Regression(j.score, j.values)
	case "binary":
		p.Metrics = metric.Binary(j.score, j.truth)
	default:
		p.Metrics = map[string]float64{"accuracy": float64(j.right) / float64(j.labelled)}
	}
	return p
}
