// Package watch is the loop's eye: it cuts logged predictions into windows, compares
// each with what the model was trained on, scores it once labels are there, raises
// alerts and starts what the policy says.
package watch

import (
	"context"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/monitoring/profile"
	"aiforge.dev/forge/monitoring/store"
)

// Service watches deployments.
type Service struct {
	Store       *store.Store
	Predictions monitoring.Store
	Trained     monitoring.Trained
	Retrainer   monitoring.Retrainer
	Jobs        jobs.Queue
}

// Args of a monitor.check job.
type Args struct {
	Deployment string `json:"deployment"`
}

// Checked is the result of a monitor.check job: the windows that were compared now,
// and the alerts that they raised.
type Checked struct {
	Reports []monitoring.Report `json:"reports"`
	Alerts  []monitoring.Alert  `json:"alerts"`
}

// SetPolicy checks, completes and stores a policy.
func (s *Service) SetPolicy(ctx context.Context, scope forge.Scope, p monitoring.Policy) (monitoring.Policy, error) {
	p, err := Complete(p)
	if err != nil {
		return p, err
	}
	return p, s.Store.SetPolicy(ctx, scope, p)
}

// Enqueue starts a check.
func (s *Service) Enqueue(ctx context.Context, deployment string) (jobs.Job, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return jobs.Job{}, err
	}
	if _, err := s.Store.Policy(ctx, scope, deployment); err != nil {
		return jobs.Job{}, err
	}
	return s.Jobs.Enqueue(ctx, "monitor.check", "Compare what "+deployment+" sees with its training data", deployment, Args{Deployment: deployment})
}

// Check is the handler of the job kind monitor.check.
func (s *Service) Check(ctx context.Context, run jobs.Run) (any, error) {
	var args Args
	if err := run.Args(&args); err != nil {
		return nil, err
	}
	policy, err := s.Store.Policy(ctx, run.Scope(), args.Deployment)
	if err != nil {
		return nil, err
	}
	spans, err := s.Predictions.Spans(ctx, run.Scope(), args.Deployment)
	if err != nil {
		return nil, err
	}
	out := Checked{Reports: []monitoring.Report{}, Alerts: []monitoring.Alert{}}
	for _, span := range spans {
		reports, err := s.checkSpan(ctx, run, policy, span)
		if err != nil {
			return nil, err
		}
		out.Reports = append(out.Reports, reports...)
	}
	out.Alerts, err = s.raise(ctx, run.Scope(), policy)
	return out, err
}

// checkSpan compares every window in which one version has answered.
func (s *Service) checkSpan(ctx context.Context, run jobs.Run, policy monitoring.Policy, span monitoring.Span) ([]monitoring.Report, error) {
	about, err := s.Trained.About(ctx, run.Scope(), span.Model, span.Version)
	if err != nil {
		return nil, err
	}
	ref, err := s.reference(ctx, run.Scope(), span, about)
	if err != nil {
		return nil, err
	}
	var out []monitoring.Report
	for from := startOf(policy.Window, span.First); !from.After(span.Last); from = next(policy.Window, from) {
		run.Progress(jobs.Progress{Step: "compare " + from.Format("2006-01-02")})
		report, err := s.compare(ctx, run.Scope(), policy, span, ref, about, from)
		if err != nil {
			return nil, err
		}
		if report.Rows == 0 {
			continue
		}
		if err := s.Store.SetReport(ctx, run.Scope(), report); err != nil {
			return nil, err
		}
		out = append(out, report)
	}
	return out, nil
}

func (s *Service) compare(ctx context.Context, scope forge.Scope, policy monitoring.Policy, span monitoring.Span, ref monitoring.Reference, about monitoring.About, from time.Time) (monitoring.Report, error) {
	to := next(policy.Window, from)
	window, judge := profile.NewWindow(ref), newJudge(about)
	labels := labelsOf(policy)
	err := s.Predictions.Read(ctx, scope, policy.Deployment, span.Version, from, to, labels, func(rows []monitoring.Observation) error {
		window.Add(rows)
		judge.add(rows)
		return nil
	})
	report := monitoring.Report{
		Deployment: policy.Deployment, Model: span.Model, Version: span.Version, From: from, To: to,
		Rows: window.Rows(), Columns: window.Compare(policy.PSI, policy.Alpha), Drifted: []string{}, Created: time.Now().UTC(),
	}
	for _, d := range report.Columns {
		if d.Drifted {
			report.Drifted = append(report.Drifted, d.Column)
		}
	}
	if labels != nil && judge.labelled > 0 {
		p := judge.performance()
		p.From, p.To, p.Version = from, to, span.Version
		report.Performance = &p
	}
	return report, err
}

func labelsOf(p monitoring.Policy) *monitoring.Labels {
	if p.Labels == (forge.TableName{}) {
		return nil
	}
	return &monitoring.Labels{Table: p.Labels, Key: p.LabelKey, Label: p.Label}
}

// reference returns the version's frozen profile and makes it the first time.
func (s *Service) reference(ctx context.Context, scope forge.Scope, span monitoring.Span, about monitoring.About) (monitoring.Reference, error) {
	ref, ok, err := s.Store.Reference(ctx, scope, span.Model, span.Version)
	if err != nil || ok {
		return ref, err
	}
	build := profile.NewBuilder(about.Numbers)
	err = s.Trained.Reference(ctx, scope, span.Model, span.Version, func(rows []monitoring.Observation) error {
		build.Add(rows)
		return nil
	})
	if err != nil {
		return ref, err
	}
	ref = build.Reference()
	if ref.Rows == 0 {
		return ref, forge.Errorf(forge.KindUnavailable, nil, "the training rows of %s/%d are gone: there is nothing to compare with", span.Model, span.Version)
	}
	ref.Model, ref.Version, ref.Created = span.Model, span.Version, time.Now().UTC()
	return ref, s.Store.SetReference(ctx, scope, ref)
}
