package batch

import (
	"context"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/serving"
)

// Rows says whether a table, or what a SELECT reads, is there.
type Rows interface {
	Find(ctx context.Context, scope forge.Scope, in string) error
}

// Deployments knows what answers under a name.
type Deployments interface {
	Describe(scope forge.Scope, name string) (serving.Deployment, serving.Signature, error)
}

// Queue takes the job.
type Queue interface {
	Enqueue(ctx context.Context, kind, title, key string, args any) (jobs.Job, error)
}

// Starter starts jobs of Kind.
type Starter struct {
	Models      serving.Models
	Deployments Deployments
	Rows        Rows
	Queue       Queue
}

// Start enqueues a job. A model, rows or a deployment that do not exist are told of at
// once, not by a job that fails a moment later.
func (s Starter) Start(ctx context.Context, a Args) (jobs.Job, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return jobs.Job{}, err
	}
	if err := a.Check(); err != nil {
		return jobs.Job{}, err
	}
	if _, err := s.Models.Resolve(ctx, scope, a.Ref); err != nil {
		return jobs.Job{}, err
	}
	if a.Log != "" {
		if _, _, err := s.Deployments.Describe(scope, a.Log); err != nil {
			return jobs.Job{}, err
		}
	}
	if err := s.Rows.Find(ctx, scope, a.In); err != nil {
		return jobs.Job{}, err
	}
	return s.Queue.Enqueue(ctx, Kind, a.Title(), "", a)
}
