package traininghttp

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/training"
)

type modelsOut struct {
	Body struct {
		Models []training.Model `json:"models"`
	}
}

func (a api) models(ctx context.Context, _ *struct{}) (*modelsOut, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	out := &modelsOut{}
	out.Body.Models, err = a.reg.List(ctx, scope)
	return out, err
}

type modelIn struct {
	Model string `path:"model" example:"calls"`
}

type modelOut struct{ Body training.Model }

func (a api) model(ctx context.Context, in *modelIn) (*modelOut, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	m, err := a.reg.Get(ctx, scope, in.Model)
	return &modelOut{Body: m}, err
}

type versionIn struct {
	Model  string `path:"model" example:"calls"`
	Number int    `path:"n" minimum:"1"`
}

// versionOut is a version with what its package says of it.
type versionOut struct {
	Body struct {
		training.Version
		Signature *modelpkg.Manifest `json:"signature,omitempty" doc:"What the model takes and gives"`
		Card      string             `json:"card,omitempty" doc:"For people, in Markdown"`
	}
}

func (a api) version(ctx context.Context, in *versionIn) (*versionOut, error) {
	v, err := a.find(ctx, in.Model, in.Number)
	if err != nil {
		return nil, err
	}
	out := &versionOut{}
	out.Body.Version = v
	if m, err := modelpkg.Read(v.Dir); err == nil {
		out.Body.Signature = &m
	}
	if card, err := os.ReadFile(filepath.Join(v.Dir, modelpkg.CardFile)); err == nil {
		out.Body.Card = string(card)
	}
	return out, nil
}

// find returns a version of any status: a refused one may be looked at too.
func (a api) find(ctx context.Context, model string, number int) (training.Version, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return training.Version{}, err
	}
	m, err := a.reg.Get(ctx, scope, model)
	if err != nil {
		return training.Version{}, err
	}
	for _, v := range m.Versions {
		if v.Number == number {
			return v, nil
		}
	}
	return training.Version{}, forge.Errorf(forge.KindNotFound, nil, "model %s has no version %s; forge models %s lists them", model, strconv.Itoa(number), model)
}

type aliasIn struct {
	Model string `path:"model" example:"calls"`
	Alias string `path:"alias" example:"champion"`
	Body  struct {
		Version int `json:"version" minimum:"1"`
		From    int `json:"from,omitempty" doc:"Version that the alias must be on now; any when absent"`
	}
}

func (a api) setAlias(ctx context.Context, in *aliasIn) (*modelOut, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.reg.SetAlias(ctx, scope, in.Model, in.Alias, in.Body.Version, in.Body.From); err != nil {
		return nil, err
	}
	return a.model(ctx, &modelIn{Model: in.Model})
}

type aliasPath struct {
	Model string `path:"model" example:"calls"`
	Alias string `path:"alias" example:"champion"`
}

func (a api) deleteAlias(ctx context.Context, in *aliasPath) (*struct{}, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	return nil, a.reg.DeleteAlias(ctx, scope, in.Model, in.Alias)
}
