package main

import (
	"context"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
)

type healthOutput struct {
	Body struct {
		Status string `json:"status" example:"ok"`
	}
}

// openHealth adds the two questions that a load balancer asks: is the process alive,
// and can it work, that is, does the metadata store answer.
func (a *App) openHealth(context.Context) error {
	op := func(id, path, summary string) httpapi.Op {
		return httpapi.Op{ID: id, Method: "GET", Path: path, Summary: summary, Tag: "health", Perm: forge.PermPublic, Quiet: true}
	}
	ok := func(context.Context, *struct{}) (*healthOutput, error) {
		out := &healthOutput{}
		out.Body.Status = "ok"
		return out, nil
	}
	httpapi.Handle(a.server, op("healthz", "/healthz", "The process is alive"), ok)
	httpapi.Handle(a.server, op("readyz", "/readyz", "The server can work"), func(ctx context.Context, in *struct{}) (*healthOutput, error) {
		if err := a.db.PingContext(ctx); err != nil {
			return nil, forge.Errorf(forge.KindUnavailable, err, "the metadata store does not answer")
		}
		return ok(ctx, in)
	})
	return nil
}
