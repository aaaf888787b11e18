// Package traininghttp answers for runs and the model registry over HTTP.
package traininghttp

import (
	"context"
	"net/http"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/training"
)

// Service starts runs and tells of them; trainer.Trainer is one.
type Service interface {
	Start(ctx context.Context, spec training.Spec) (jobs.Job, training.Run, error)
	Run(ctx context.Context, id string) (training.Run, error)
	Runs(ctx context.Context, limit int) ([]training.Run, error)
}

type api struct {
	svc Service
	reg training.Registry
}

// Register adds the operations of training to s.
func Register(s *httpapi.Server, svc Service, reg training.Registry) {
	a := api{svc: svc, reg: reg}
	op := func(id, method, path, summary string, perm forge.Permission) httpapi.Op {
		return httpapi.Op{ID: id, Method: method, Path: path, Summary: summary, Tag: "training", Perm: perm}
	}
	start := op("start-run", http.MethodPost, "/api/runs", "Start a training run", forge.PermWrite)
	start.Status = http.StatusAccepted
	httpapi.Handle(s, start, a.start)
	list := op("list-runs", http.MethodGet, "/api/runs", "Training runs, newest first", forge.PermRead)
	httpapi.Handle(s, list, a.runs)
	httpapi.Handle(s, op("get-run", http.MethodGet, "/api/runs/{id}", "One run: leaderboard, metrics, curves", forge.PermRead), a.run)
	httpapi.Handle(s, op("list-models", http.MethodGet, "/api/models", "Registered models", forge.PermRead), a.models)
	httpapi.Handle(s, op("get-model", http.MethodGet, "/api/models/{model}", "One model with its versions", forge.PermRead), a.model)
	httpapi.Handle(s, op("get-model-version", http.MethodGet, "/api/models/{model}/versions/{n}", "One version with its signature and card", forge.PermRead), a.version)
	httpapi.Handle(s, op("set-model-alias", http.MethodPut, "/api/models/{model}/aliases/{alias}", "Move an alias to a version", forge.PermWrite), a.setAlias)
	httpapi.Handle(s, op("delete-model-alias", http.MethodDelete, "/api/models/{model}/aliases/{alias}", "Take an alias away", forge.PermWrite), a.deleteAlias)
	s.HandleRaw(op("get-model-package", http.MethodGet, "/api/models/{model}/versions/{n}/package", "The model directory as .tar.gz", forge.PermRead), a.pack)
}

type startIn struct{ Body training.Spec }

type jobOut struct{ Body jobs.Job }

func (a api) start(ctx context.Context, in *startIn) (*jobOut, error) {
	job, _, err := a.svc.Start(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return &jobOut{Body: job}, nil
}

type runsIn struct {
	Limit int `query:"limit" default:"50" minimum:"1" maximum:"500"`
}

type runsOut struct {
	Body struct {
		Runs []training.Run `json:"runs"`
	}
}

func (a api) runs(ctx context.Context, in *runsIn) (*runsOut, error) {
	runs, err := a.svc.Runs(ctx, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &runsOut{}
	out.Body.Runs = runs
	return out, nil
}

type runIn struct {
	ID string `path:"id"`
}

type runOut struct{ Body training.Run }

func (a api) run(ctx context.Context, in *runIn) (*runOut, error) {
	run, err := a.svc.Run(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &runOut{Body: run}, nil
}
