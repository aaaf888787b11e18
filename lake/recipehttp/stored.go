package recipehttp

import (
	"context"
	"fmt"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
)

type applyInput struct {
	Body struct {
		Recipe document `json:"recipe,omitempty"`
		Name   string   `json:"name,omitempty" doc:"A stored recipe, instead of recipe"`
	}
}

type applyOutput struct{ Body jobs.Job }

// apply stores the recipe as a revision, so that what ran can be looked up later, and
// starts the job. One job at a time writes a table.
func (h *handler) apply(ctx context.Context, in *applyInput) (*applyOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	r, err := h.chosen(ctx, scope, in.Body.Recipe, in.Body.Name)
	if err != nil {
		return nil, err
	}
	if err := h.recipes.CheckApply(ctx, scope, r); err != nil {
		return nil, err
	}
	if _, err := h.store.Put(ctx, scope, r, 0); err != nil {
		return nil, err
	}
	title := fmt.Sprintf("Apply recipe %s to make %s", r.Name, r.To)
	job, err := h.queue.Enqueue(ctx, clean.ApplyKind, title, r.To.String()+"@"+r.Hash(), clean.ApplyArgs{Recipe: r})
	return &applyOutput{job}, err
}

type stepsOutput struct {
	Body struct {
		Steps []lake.StepSpec `json:"steps"`
	}
}

func (h *handler) steps(context.Context, *struct{}) (*stepsOutput, error) {
	out := &stepsOutput{}
	out.Body.Steps = clean.Specs()
	return out, nil
}

// Stored is a recipe as it is kept.
type Stored struct {
	Name     string   `json:"name"`
	Revision int64    `json:"revision"`
	Hash     string   `json:"hash" doc:"Lineage names the recipe NAME@HASH"`
	By       string   `json:"by"`
	At       string   `json:"at"`
	Recipe   document `json:"recipe"`
}

func storedOf(s clean.Stored) Stored {
	return Stored{s.Name, s.Revision, s.Hash, s.By, s.At.Format("2006-01-02T15:04:05.999999Z07:00"), document{Recipe: s.Recipe}}
}

type listOutput struct {
	Body struct {
		Recipes []Stored `json:"recipes"`
	}
}

func (h *handler) list(ctx context.Context, _ *struct{}) (*listOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	all, err := h.store.List(ctx, scope)
	out := &listOutput{}
	out.Body.Recipes = []Stored{}
	for _, s := range all {
		out.Body.Recipes = append(out.Body.Recipes, storedOf(s))
	}
	return out, err
}

type getInput struct {
	Name     string `path:"name"`
	Revision int64  `query:"revision" doc:"The newest when not given"`
}

// Revision is one line of a recipe's history.
type Revision struct {
	Revision int64  `json:"revision"`
	Hash     string `json:"hash"`
	By       string `json:"by"`
	At       string `json:"at"`
}

type getOutput struct {
	Body struct {
		Stored
		Revisions []Revision `json:"revisions,omitempty"`
	}
}

func (h *handler) get(ctx context.Context, in *getInput) (*getOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	got, err := h.store.Get(ctx, scope, in.Name, in.Revision)
	if err != nil {
		return nil, err
	}
	all, err := h.store.Revisions(ctx, scope, in.Name)
	out := &getOutput{}
	out.Body.Stored = storedOf(got)
	for _, s := range all {
		r := storedOf(s)
		out.Body.Revisions = append(out.Body.Revisions, Revision{r.Revision, r.Hash, r.By, r.At})
	}
	return out, err
}

// putInput takes the recipe itself, or {recipe, revision}; with a revision the change
// fails with 409 when another came since.
type putInput struct {
	Name string `path:"name"`
	Body document
}

type putOutput struct{ Body Stored }

func (h *handler) put(ctx context.Context, in *putInput) (*putOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	r, revision, err := in.Body.sent()
	if err != nil {
		return nil, err
	}
	if r.Name == "" {
		r.Name = in.Name
	}
	if r.Name != in.Name {
		return nil, forge.Errorf(forge.KindInvalid, nil, "the recipe is called %q and the path says %q: make them equal", r.Name, in.Name)
	}
	got, err := h.store.Put(ctx, scope, r, revision)
	return &putOutput{storedOf(got)}, err
}
