// Package servinghttp is serving over HTTP: deployments, predictions and the start of
// batch scoring. The Open Inference Protocol is in package oip.
package servinghttp

import (
	"context"
	"net/http"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/batch"
	"aiforge.dev/forge/serving/predict"
)

// Deployments is what the routes need of the router.
type Deployments interface {
	Deploy(ctx context.Context, scope forge.Scope, name, ref string) (serving.Deployment, error)
	Delete(ctx context.Context, scope forge.Scope, name string) error
	List(scope forge.Scope) []serving.Deployment
	Describe(scope forge.Scope, name string) (serving.Deployment, serving.Signature, error)
}

// Scoring starts batch scoring; batch.Starter does.
type Scoring interface {
	Start(ctx context.Context, a batch.Args) (jobs.Job, error)
}

type handlers struct {
	deployments Deployments
	scoring     Scoring
}

// Described is a deployment and what it takes; Signature is missing until its model
// has been loaded once after a start of the server.
type Described struct {
	serving.Deployment
	Signature *serving.Signature `json:"signature,omitempty"`
}

type (
	named struct {
		Name string `path:"name" doc:"Deployment"`
	}
	putIn struct {
		Name string `path:"name" doc:"Deployment"`
		Body struct {
			Ref string `json:"ref" doc:"Model to answer with: calls@champion, calls/3 or calls" example:"calls@champion"`
		}
	}
	one struct{ Body Described }
	all struct {
		Body struct {
			Deployments []serving.Deployment `json:"deployments"`
		}
	}
	batchIn struct{ Body batch.Args }
	job     struct{ Body jobs.Job }
)

// Register adds the routes to s.
func Register(s *httpapi.Server, deployments Deployments, predictions *predict.Service, scoring Scoring) {
	h := handlers{deployments, scoring}
	httpapi.Handle(s, op("put-deployment", http.MethodPut, "/api/deployments/{name}", "Make a model answer under a name; returns when it does", forge.PermWrite), h.put)
	httpapi.Handle(s, op("list-deployments", http.MethodGet, "/api/deployments", "Deployments of the project", forge.PermRead), h.list)
	httpapi.Handle(s, op("get-deployment", http.MethodGet, "/api/deployments/{name}", "A deployment and what its model takes", forge.PermRead), h.get)
	httpapi.Handle(s, op("delete-deployment", http.MethodDelete, "/api/deployments/{name}", "End a deployment", forge.PermWrite), h.delete)
	start := op("batch-score", http.MethodPost, "/api/batch", "Score a table or SELECT into a table", forge.PermWrite)
	start.Status = http.StatusAccepted
	httpapi.Handle(s, start, h.batch)
	s.HandleRaw(httpapi.Op{
		ID: "predict", Method: http.MethodPost, Path: "/v1/predict/{name}", Summary: "Ask a deployed model, by rows of fields or by entities",
		Tag: "serving", Perm: forge.PermPredict, MaxBody: predictions.MaxBody(), Quiet: true,
	}, predictions.Serve)
}

func op(id, method, path, summary string, perm forge.Permission) httpapi.Op {
	return httpapi.Op{ID: id, Method: method, Path: path, Summary: summary, Tag: "serving", Perm: perm}
}

func (h handlers) put(ctx context.Context, in *putIn) (*one, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := h.deployments.Deploy(ctx, scope, in.Name, in.Body.Ref); err != nil {
		return nil, err
	}
	return h.describe(scope, in.Name)
}

func (h handlers) get(ctx context.Context, in *named) (*one, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	return h.describe(scope, in.Name)
}

func (h handlers) describe(scope forge.Scope, name string) (*one, error) {
	d, sig, err := h.deployments.Describe(scope, name)
	if err != nil {
		return nil, err
	}
	out := &one{Described{Deployment: d}}
	if len(sig.Inputs) > 0 {
		out.Body.Signature = &sig
	}
	return out, nil
}

func (h handlers) list(ctx context.Context, _ *struct{}) (*all, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	out := &all{}
	out.Body.Deployments = h.deployments.List(scope)
	return out, nil
}

func (h handlers) delete(ctx context.Context, in *named) (*struct{}, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	return nil, h.deployments.Delete(ctx, scope, in.Name)
}

func (h handlers) batch(ctx context.Context, in *batchIn) (*job, error) {
	j, err := h.scoring.Start(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return &job{j}, nil
}
