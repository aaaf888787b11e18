// Package featureshttp serves the feature store over HTTP: definitions, training
// sets, materialization, look-ups, and Feast's request for online features.
package featureshttp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/registry"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs"
)

// Kinds of the jobs that the operations start.
const (
	JobTrainingSet = "features.training-set"
	JobMaterialize = "features.materialize"
)

// Register adds the operations to s.
func Register(s *httpapi.Server, svc *registry.Service, queue jobs.Queue) {
	h := &handlers{svc, queue}
	read := func(id, method, path, summary string) httpapi.Op {
		return httpapi.Op{ID: id, Method: method, Path: path, Summary: summary, Tag: "features", Perm: forge.PermRead}
	}
	write := func(id, path, summary string, status int) httpapi.Op {
		return httpapi.Op{ID: id, Method: "POST", Path: path, Summary: summary, Tag: "features", Perm: forge.PermWrite, Status: status, MaxBody: features.MaxDocument}
	}
	httpapi.Handle(s, write("apply-features", "/api/features/apply", "Declare entities and views (features.yaml or the same as JSON)", 200), h.apply)
	httpapi.Handle(s, read("list-views", "GET", "/api/features/views", "Newest version of every view"), h.views)
	httpapi.Handle(s, read("get-view", "GET", "/api/features/views/{view}", "All versions of a view, newest first"), h.view)
	httpapi.Handle(s, write("make-training-set", "/api/features/training-sets", "Join labels with views, point in time", 202), h.makeSet)
	httpapi.Handle(s, read("list-training-sets", "GET", "/api/features/training-sets", "Training sets, newest first"), h.sets)
	httpapi.Handle(s, read("get-training-set", "GET", "/api/features/training-sets/{id}", "A training set by its id, or the newest of a name"), h.set)
	httpapi.Handle(s, write("materialize-features", "/api/features/materialize", "Fill the online store with the newest features", 202), h.materialize)
	get := read("get-features", "POST", "/api/features/get", "Feature vectors of entities from the online store")
	get.MaxBody = lookupBody
	httpapi.Handle(s, get, h.get)
	feast := read("get-online-features", "POST", "/get-online-features", "Online features as Feast's feature server gives them")
	feast.MaxBody = lookupBody
	s.HandleRaw(feast, h.feast)
}

// lookupBody bounds the body of a look-up.
const lookupBody = 8 << 20

type handlers struct {
	svc   *registry.Service
	queue jobs.Queue
}

type applyInput struct {
	RawBody []byte `contentType:"application/yaml"`
}

type applyOutput struct{ Body registry.Applied }

func (h *handlers) apply(ctx context.Context, in *applyInput) (*applyOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	doc, err := features.ParseDocument(in.RawBody)
	if err != nil {
		return nil, err
	}
	got, err := h.svc.Apply(ctx, scope, doc)
	return &applyOutput{got}, err
}

type viewsOutput struct {
	Body struct {
		Views []features.Version `json:"views"`
	}
}

func (h *handlers) views(ctx context.Context, _ *struct{}) (*viewsOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	out := &viewsOutput{}
	out.Body.Views, err = h.svc.Views(ctx, scope)
	return out, err
}

type viewInput struct {
	View string `path:"view"`
}

type viewOutput struct {
	Body struct {
		Versions []features.Version `json:"versions"`
	}
}

func (h *handlers) view(ctx context.Context, in *viewInput) (*viewOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	out := &viewOutput{}
	out.Body.Versions, err = h.svc.Versions(ctx, scope, in.View)
	return out, err
}

type setInput struct{ Body features.TrainingSetSpec }

type jobOutput struct{ Body jobs.Job }

func (h *handlers) makeSet(ctx context.Context, in *setInput) (*jobOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	spec, err := h.svc.CheckTrainingSet(ctx, scope, in.Body)
	if err != nil {
		return nil, err
	}
	job, err := h.queue.Enqueue(ctx, JobTrainingSet, "Make training set "+spec.Name, keyOf(spec.Name, spec), spec)
	return &jobOutput{job}, err
}

// keyOf makes asking twice for the same thing one job, as long as it is not done.
func keyOf(name string, args any) string {
	b, err := json.Marshal(args)
	if err != nil { // our own types of plain values
		panic(err)
	}
	sum := sha256.Sum256(b)
	return name + ":" + hex.EncodeToString(sum[:8])
}

type setsOutput struct {
	Body struct {
		Sets []features.TrainingSet `json:"training_sets"`
	}
}

func (h *handlers) sets(ctx context.Context, _ *struct{}) (*setsOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	out := &setsOutput{}
	out.Body.Sets, err = h.svc.TrainingSets(ctx, scope)
	return out, err
}

type setID struct {
	ID string `path:"id" doc:"Id, or name: the newest of that name"`
}

type setOutput struct{ Body features.TrainingSet }

func (h *handlers) set(ctx context.Context, in *setID) (*setOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	set, err := h.svc.TrainingSet(ctx, scope, in.ID)
	return &setOutput{set}, err
}

type materializeInput struct{ Body registry.MaterializeArgs }

func (h *handlers) materialize(ctx context.Context, in *materializeInput) (*jobOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	args := registry.MaterializeArgs{Views: slices.Clone(in.Body.Views)}
	slices.Sort(args.Views)
	args.Views = slices.Compact(args.Views)
	if _, err := h.svc.CheckMaterialize(ctx, scope, args); err != nil {
		return nil, err
	}
	title := "Fill the online store"
	if len(args.Views) > 0 {
		title += ": " + strings.Join(args.Views, ", ")
	}
	job, err := h.queue.Enqueue(ctx, JobMaterialize, title, keyOf("materialize", args), args)
	return &jobOutput{job}, err
}
