// Package watch is the loop's eye: it cuts logged predictions into windows, compares
// each with what the model was trained on, scores it once labels are there, raises
// alerts and starts what the policy says.
package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
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
	Log         *slog.Logger     // nil discards
	Now         func() time.Time // of the schedule; nil is time.Now
	Deployments Deployments      // nil: any name may be watched
}

// Deployments knows what answers under a name.
type Deployments interface {
	// Exists fails with KindNotFound for a name under which nothing answers.
	Exists(scope forge.Scope, name string) error
}

// Kind of a check's job.
const Kind = "monitor.check"

// Args of a monitor.check job.
type Args struct {
	Deployment string `json:"deployment"`
}

// Checked is the result of a monitor.check job: the reports of all
// windows, and the alerts that this check raised.
type Checked struct {
	Reports []monitoring.Report `json:"reports"`
	Alerts  []monitoring.Alert  `json:"alerts"`
}

// SetPolicy checks, completes and stores a policy.
func (s *Service) SetPolicy(ctx context.Context, scope forge.Scope, p monitoring.Policy) (monitoring.Policy, error) {
	p, err := Complete(p)
	if err == nil && s.Deployments != nil {
		err = s.Deployments.Exists(scope, p.Deployment)
	}
	if err != nil {
		return p, err
	}
	var next time.Time
	if p.Check != "" {
		rule, err := monitoring.ParseSchedule(p.Check)
		if err != nil {
			return p, err
		}
		next = rule.Next(time.Time{}, s.now())
	}
	if err := s.Store.SetPolicy(ctx, scope, p, next); err != nil {
		return p, err
	}
	return s.Policy(ctx, scope, p.Deployment)
}

// Policy returns a policy and when its next check is due.
func (s *Service) Policy(ctx context.Context, scope forge.Scope, deployment string) (monitoring.Policy, error) {
	p, err := s.Store.Policy(ctx, scope, deployment)
	if err != nil || p.Check == "" {
		return p, err
	}
	next, err := s.Store.NextCheck(ctx, scope, deployment)
	if !next.IsZero() {
		p.NextCheck = &next
	}
	return p, err
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
	return s.Jobs.Enqueue(ctx, Kind, "Compare what "+deployment+" sees with its training data", deployment, Args{Deployment: deployment})
}

// Check is the handler of jobs of Kind.
func (s *Service) Check(ctx context.Context, run jobs.Run) (any, error) {
	var args Args
	if err := run.Args(&args); err != nil {
		return nil, err
	}
	policy, err := s.Store.Policy(ctx, run.Scope(), args.Deployment)
	if err != nil {
		return nil, err
	}
	windows, err := s.Predictions.Windows(ctx, run.Scope(), args.Deployment, policy.Window)
	if err != nil {
		return nil, err
	}
	before, err := s.Store.Reports(ctx, run.Scope(), args.Deployment)
	if err != nil {
		return nil, err
	}
	versions := map[string]version{}
	for i, w := range windows {
		if settled(policy, w, before) {
			continue
		}
		run.Progress(jobs.Progress{Step: "compare " + w.From.Format(time.DateOnly), Done: int64(i), Total: int64(len(windows)), Unit: "windows"})
		v, err := s.version(ctx, run.Scope(), w, versions)
		if err != nil {
			return nil, err
		}
		report, err := s.compare(ctx, run.Scope(), policy, w, v)
		if err != nil {
			return nil, err
		}
		if err := s.Store.SetReport(ctx, run.Scope(), report); err != nil {
			return nil, err
		}
	}
	out := Checked{Alerts: []monitoring.Alert{}}
	if out.Reports, err = s.Store.Reports(ctx, run.Scope(), args.Deployment); err != nil {
		return nil, err
	}
	out.Alerts, err = s.raise(ctx, run.Scope(), policy)
	return out, err
}

// settled reports whether a window has a report that nothing can change: no answer
// came since, the policy compares in the same way, and all labels were there.
func settled(policy monitoring.Policy, w monitoring.Window, reports []monitoring.Report) bool {
	for _, r := range reports {
		if r.Version != w.Version || r.Model != w.Model || !r.From.Equal(w.From) {
			continue
		}
		waiting := labelsOf(policy) != nil && (r.Performance == nil || r.Performance.Missing > 0)
		return r.Rule == ruleOf(policy) && w.Newest.Before(r.Created) && !waiting
	}
	return false
}

// ruleOf names the part of a policy that decides a report.
func ruleOf(p monitoring.Policy) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %g %g %s %q %q", p.Window, p.PSI, p.Alpha, p.Labels, p.LabelKey, p.Label))
	return hex.EncodeToString(sum[:8])
}

// version is what a window is compared with.
type version struct {
	about monitoring.About
	ref   monitoring.Reference
}

func (s *Service) version(ctx context.Context, scope forge.Scope, w monitoring.Window, known map[string]version) (version, error) {
	id := fmt.Sprintf("%s/%d", w.Model, w.Version)
	if v, ok := known[id]; ok {
		return v, nil
	}
	about, err := s.Trained.About(ctx, scope, w.Model, w.Version)
	if err != nil {
		return version{}, err
	}
	ref, err := s.reference(ctx, scope, w, about)
	known[id] = version{about, ref}
	return known[id], err
}

func (s *Service) compare(ctx context.Context, scope forge.Scope, policy monitoring.Policy, w monitoring.Window, v version) (monitoring.Report, error) {
	began, to := time.Now().UTC(), next(policy.Window, w.From)
	window, judge := profile.NewWindow(v.ref), newJudge(v.about)
	labels := labelsOf(policy)
	err := s.Predictions.Read(ctx, scope, policy.Deployment, w.Version, w.From, to, labels, func(rows []monitoring.Observation) error {
		window.Add(rows)
		judge.add(rows)
		return nil
	})
	report := monitoring.Report{
		Deployment: policy.Deployment, Model: w.Model, Version: w.Version, From: w.From, To: to,
		Rows: window.Rows(), Columns: window.Compare(policy.PSI, policy.Alpha), Drifted: []string{}, Rule: ruleOf(policy), Created: began,
	}
	for _, d := range report.Columns {
		if d.Drifted {
			report.Drifted = append(report.Drifted, d.Column)
		}
	}
	if labels != nil && judge.labelled > 0 {
		p := judge.performance()
		p.From, p.To, p.Version = w.From, to, w.Version
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
func (s *Service) reference(ctx context.Context, scope forge.Scope, w monitoring.Window, about monitoring.About) (monitoring.Reference, error) {
	ref, ok, err := s.Store.Reference(ctx, scope, w.Model, w.Version)
	if err != nil || ok {
		return ref, err
	}
	build := profile.NewBuilder(about.Numbers)
	err = s.Trained.Reference(ctx, scope, w.Model, w.Version, func(rows []monitoring.Observation) error {
		build.Add(rows)
		return nil
	})
	if err != nil {
		return ref, err
	}
	ref = build.Reference()
	if ref.Rows == 0 {
		return ref, forge.Errorf(forge.KindUnavailable, nil, "the training rows of %s/%d are gone: there is nothing to compare with", w.Model, w.Version)
	}
	ref.Model, ref.Version, ref.Created = w.Model, w.Version, time.Now().UTC()
	return ref, s.Store.SetReference(ctx, scope, ref)
}
