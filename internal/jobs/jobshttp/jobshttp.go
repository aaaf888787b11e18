// Package jobshttp serves jobs over HTTP: list, look, follow, cancel.
package jobshttp

import (
	"context"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs"
)

// Register adds the operations to s.
func Register(s *httpapi.Server, q jobs.Queue) {
	httpapi.Handle(s, httpapi.Op{ID: "list-jobs", Method: "GET", Path: "/api/jobs", Summary: "Jobs, newest first", Tag: "jobs", Perm: forge.PermRead, Quiet: true},
		func(ctx context.Context, in *listInput) (*listOutput, error) {
			kinds := []string{}
			if in.Kind != "" {
				kinds = append(kinds, in.Kind)
			}
			list, err := q.List(ctx, in.Limit, kinds...)
			out := &listOutput{}
			out.Body.Jobs = list
			return out, err
		})
	httpapi.Handle(s, httpapi.Op{ID: "get-job", Method: "GET", Path: "/api/jobs/{id}", Summary: "One job", Tag: "jobs", Perm: forge.PermRead, Quiet: true},
		func(ctx context.Context, in *jobInput) (*jobOutput, error) {
			j, err := q.Get(ctx, in.ID)
			return &jobOutput{j}, err
		})
	httpapi.Handle(s, httpapi.Op{ID: "cancel-job", Method: "POST", Path: "/api/jobs/{id}/cancel", Summary: "Ask a job to end", Tag: "jobs", Perm: forge.PermWrite},
		func(ctx context.Context, in *jobInput) (*jobOutput, error) {
			if err := q.Cancel(ctx, in.ID); err != nil {
				return nil, err
			}
			j, err := q.Get(ctx, in.ID)
			return &jobOutput{j}, err
		})
	s.HandleRaw(httpapi.Op{ID: "follow-job", Method: "GET", Path: "/api/jobs/{id}/events", Summary: "A job's events as they happen (server-sent events)", Tag: "jobs", Perm: forge.PermRead, Quiet: true},
		(&stream{q: q, heartbeat: heartbeat}).serve)
}

type listInput struct {
	Kind  string `query:"kind" doc:"Only jobs of this kind"`
	Limit int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}

type listOutput struct {
	Body struct {
		Jobs []jobs.Job `json:"jobs"`
	}
}

type jobInput struct {
	ID string `path:"id"`
}

type jobOutput struct{ Body jobs.Job }
