package trainer

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/metric"
	"aiforge.dev/forge/training"
)

// maxTrials bounds the leaderboard that is stored; the best stay.
const maxTrials = 200

// event is one line of events.jsonl. Numbers that the trainer could not tell are null.
type event struct {
	Type     string              `json:"type"`
	Text     string              `json:"text"`
	Column   string              `json:"column"`
	Reason   string              `json:"reason"`
	Family   string              `json:"family"`
	Params   map[string]any      `json:"params"`
	Score    *float64            `json:"score"`
	Metrics  map[string]*float64 `json:"metrics"`
	Seconds  float64             `json:"seconds"`
	Name     string              `json:"name"`
	Value    *float64            `json:"value"`
	Step     string              `json:"step"`
	Done     int64               `json:"done"`
	Total    int64               `json:"total"`
	Unit     string              `json:"unit"`
	Best     string              `json:"best"`
	Metric   string              `json:"metric"`
	Baseline map[string]*float64 `json:"baseline"`
	Curves   json.RawMessage     `json:"curves"`
	Rows     training.Split      `json:"rows"`
	Error    json.RawMessage     `json:"error"` // a text of a trial, an object of a result
}

// follower turns the trainer's events into the run's row and the job's story.
type follower struct {
	t     *Trainer
	scope forge.Scope
	job   jobs.Run
	run   *training.Run
	saved time.Time
}

func (f *follower) event(ctx context.Context, raw json.RawMessage) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		f.t.log.Warn("trainer's event cannot be read", "run", f.run.ID, "err", err)
		return
	}
	switch e.Type {
	case "progress":
		f.job.Progress(jobs.Progress{Step: e.Step, Done: e.Done, Total: e.Total, Unit: e.Unit})
		return
	case "trial":
		f.trial(e)
	case "refused":
		f.refuse(e)
	case "leakage":
		leak := training.Leak{Column: e.Column, Score: number(e.Score), Reason: e.Reason}
		f.run.Leakage = append(f.run.Leakage, leak)
		f.job.Emit("leakage", leak)
	case "warning":
		f.run.Warnings = append(f.run.Warnings, e.Text)
		f.job.Emit("warning", map[string]string{"text": e.Text, "column": e.Column})
	case "log":
		f.job.Emit("log", map[string]string{"text": e.Text, "column": e.Column})
	case "metric":
		f.job.Emit("metric", map[string]any{"name": e.Name, "value": e.Value})
	case "result":
		f.result(e)
	}
	f.save(ctx, false)
}

func (f *follower) trial(e event) {
	trial := training.Trial{Family: e.Family, Params: e.Params, Score: number(e.Score), Metrics: numbers(e.Metrics), Seconds: e.Seconds, Error: text(e.Error)}
	if trial.Params == nil {
		trial.Params = map[string]any{}
	}
	f.run.Leaderboard = append(f.run.Leaderboard, trial)
	rank(f.run.Leaderboard, f.run.Metric)
	if len(f.run.Leaderboard) > maxTrials {
		f.run.Leaderboard = f.run.Leaderboard[:maxTrials]
	}
	f.job.Emit("trial", trial)
}

// refuse marks the trials of a family whose graph does not say what the model says.
func (f *follower) refuse(e event) {
	why := text(e.Error)
	for i := range f.run.Leaderboard {
		if trial := &f.run.Leaderboard[i]; trial.Family == e.Family && trial.Error == "" {
			trial.Error = why
		}
	}
	rank(f.run.Leaderboard, f.run.Metric)
	f.job.Emit("refused", map[string]string{"family": e.Family, "error": why})
}

func (f *follower) result(e event) {
	if len(e.Error) > 0 && string(e.Error) != "null" {
		return // the launcher's error carries its text
	}
	f.run.Best, f.run.Rows, f.run.Curves = e.Best, e.Rows, e.Curves
	f.run.Metrics, f.run.Baseline = numbers(e.Metrics), numbers(e.Baseline)
	if e.Metric != "" && e.Metric != f.run.Metric { // the asked one was not defined on these rows
		f.run.Metric = e.Metric
		rank(f.run.Leaderboard, e.Metric)
	}
}

// save stores the run, at most once a second while it goes on.
func (f *follower) save(ctx context.Context, now bool) {
	if !now && f.t.now().Sub(f.saved) < time.Second {
		return
	}
	f.saved = f.t.now()
	if err := f.t.cfg.Runs.PutRun(ctx, f.scope, *f.run); err != nil {
		f.t.log.Warn("run could not be stored", "run", f.run.ID, "err", err)
	}
}

// rank orders trials from the best; those with an error come last.
func rank(trials []training.Trial, by string) {
	sign := -1.0
	if metric.LowerIsBetter(by) {
		sign = 1
	}
	slices.SortStableFunc(trials, func(a, b training.Trial) int {
		if (a.Error == "") != (b.Error == "") {
			if a.Error == "" {
				return -1
			}
			return 1
		}
		return cmp.Compare(sign*a.Score, sign*b.Score)
	})
}

func number(v *float64) float64 {
	if v == nil || math.IsNaN(*v) {
		return 0
	}
	return *v
}

func numbers(m map[string]*float64) map[string]float64 {
	out := map[string]float64{}
	for k, v := range m {
		if v != nil {
			out[k] = *v
		}
	}
	return out
}

func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}
