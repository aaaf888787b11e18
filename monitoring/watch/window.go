package watch

import (
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/monitoring"
)

// next is the start of the following window.
func next(window string, from time.Time) time.Time {
	switch window {
	case "month":
		return from.AddDate(0, 1, 0)
	case "week":
		return from.AddDate(0, 0, 7)
	case "day":
		return from.AddDate(0, 0, 1)
	}
	return from.Add(time.Hour)
}

// Complete fills a policy's defaults and refuses what makes no sense.
func Complete(p monitoring.Policy) (monitoring.Policy, error) {
	if err := forge.Ident("deployment", p.Deployment); err != nil {
		return p, err
	}
	p.Window = def(p.Window, "day")
	p.MinRows = def(p.MinRows, 100)
	p.PSI = def(p.PSI, 0.25)
	p.Alpha = def(p.Alpha, 0.01)
	labels := p.Labels != (forge.TableName{})
	switch {
	case p.Window != "month" && p.Window != "week" && p.Window != "day" && p.Window != "hour":
		return p, forge.Errorf(forge.KindInvalid, nil, "window %q: want month, week, day or hour", p.Window)
	case p.Alpha < 0 || p.Alpha > 0.5:
		return p, forge.Errorf(forge.KindInvalid, nil, "alpha %v: want a false discovery rate between 0 and 0.5, for example 0.01", p.Alpha)
	case p.PSI < 0:
		return p, forge.Errorf(forge.KindInvalid, nil, "psi %v: want a positive number, for example 0.25", p.PSI)
	case labels && (p.LabelKey == "" || p.Label == ""):
		return p, forge.Errorf(forge.KindInvalid, nil, "labels in %s need label_key (the column that names the entity) and label (the column with the truth)", p.Labels)
	case p.Metric != "" && !labels:
		return p, forge.Errorf(forge.KindInvalid, nil, "metric %q needs labels: the table with the truth", p.Metric)
	case p.Retrain != nil && p.Retrain.TrainingSet == "":
		return p, forge.Errorf(forge.KindInvalid, nil, "retrain needs training_set: the name of the training set to make again")
	}
	p.NextCheck = nil
	if p.Check = strings.TrimSpace(p.Check); p.Check == "never" {
		p.Check = ""
	}
	if p.Check != "" {
		if _, err := monitoring.ParseSchedule(p.Check); err != nil {
			return p, err
		}
	}
	if p.Retrain != nil {
		r := *p.Retrain
		r.Budget, r.Alias = def(r.Budget, "60s"), def(r.Alias, "champion")
		p.Retrain = &r
	}
	return p, nil
}

func def[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
