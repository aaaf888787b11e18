// Package recipehttp serves recipes over HTTP: suggest, preview, apply, the stored
// recipes and the kinds of steps.
package recipehttp

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
	"github.com/danielgtaylor/huma/v2"
	"gopkg.in/yaml.v3"
)

// Recipes is what the handlers call; *clean.Service is it.
type Recipes interface {
	Suggest(ctx context.Context, scope forge.Scope, table forge.TableName) (lake.Recipe, []clean.Reason, error)
	Preview(ctx context.Context, scope forge.Scope, r lake.Recipe, rows int) (clean.Shown, error)
	CheckApply(ctx context.Context, scope forge.Scope, r lake.Recipe) error
}

// Enqueuer takes the job of applying a recipe; a jobs.Queue is one.
type Enqueuer interface {
	Enqueue(ctx context.Context, kind, title, key string, args any) (jobs.Job, error)
}

type handler struct {
	recipes Recipes
	store   *clean.Store
	queue   Enqueuer
}

// Register adds the operations below /api/recipes.
func Register(s *httpapi.Server, recipes Recipes, store *clean.Store, queue Enqueuer) {
	h := &handler{recipes, store, queue}
	op := func(id, method, path, summary string, perm forge.Permission) httpapi.Op {
		return httpapi.Op{ID: id, Method: method, Path: path, Summary: summary, Tag: "recipes", Perm: perm, MaxBody: 2 * lake.MaxRecipe}
	}
	httpapi.Handle(s, op("suggest-recipe", "POST", "/api/recipes/suggest", "Suggest a recipe for a table from its data", forge.PermRead), h.suggest)
	httpapi.Handle(s, op("preview-recipe", "POST", "/api/recipes/preview", "Show what a recipe would do", forge.PermRead), h.preview)
	apply := op("apply-recipe", "POST", "/api/recipes/apply", "Apply a recipe: write its table", forge.PermWrite)
	apply.Status = 202
	httpapi.Handle(s, apply, h.apply)
	httpapi.Handle(s, op("list-recipe-steps", "GET", "/api/recipes/steps", "Describe every kind of step", forge.PermRead), h.steps)
	httpapi.Handle(s, op("list-recipes", "GET", "/api/recipes", "List the stored recipes", forge.PermRead), h.list)
	httpapi.Handle(s, op("get-recipe", "GET", "/api/recipes/{name}", "Get a stored recipe with its revisions", forge.PermRead), h.get)
	httpapi.Handle(s, op("put-recipe", "PUT", "/api/recipes/{name}", "Store a recipe", forge.PermWrite), h.put)
}

// document is a recipe in a body: an object, or a text with the YAML document. It is
// read by the handler and not while the body is decoded, so that what is wrong with it
// is said in our words and with its place.
type document struct {
	lake.Recipe
	raw json.RawMessage
}

// Schema is what the OpenAPI document says of it.
func (document) Schema(huma.Registry) *huma.Schema {
	step := &huma.Schema{Type: huma.TypeObject, Description: "do is the kind; the kind's fields stand beside it (GET /api/recipes/steps)",
		Properties: map[string]*huma.Schema{"do": {Type: huma.TypeString}, "name": {Type: huma.TypeString}}, Required: []string{"do"}, AdditionalProperties: true}
	return &huma.Schema{Description: "A recipe as an object, or its YAML document as a text", OneOf: []*huma.Schema{
		{Type: huma.TypeString},
		{Type: huma.TypeObject, AdditionalProperties: true, Properties: map[string]*huma.Schema{
			"name": {Type: huma.TypeString},
			"from": {Description: "A table, or a list of tables", OneOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}}}},
			"to":   {Type: huma.TypeString}, "mode": {Type: huma.TypeString},
			"steps": {Type: huma.TypeArray, Items: step},
		}},
	}}
}

func (d document) MarshalJSON() ([]byte, error) { return json.Marshal(d.Recipe) }

func (d *document) UnmarshalJSON(b []byte) error {
	d.raw = bytes.Clone(b)
	return nil
}

// read gives the recipe that was sent.
func (d document) read() (lake.Recipe, error) {
	if text := ""; json.Unmarshal(d.raw, &text) == nil {
		return lake.ParseRecipe([]byte(text))
	}
	if len(d.raw) == 0 {
		return lake.Recipe{}, forge.Errorf(forge.KindInvalid, nil, "recipe: send the recipe as an object, or its YAML document as a text").
			With(forge.FieldError{Path: "recipe", Text: "is missing"})
	}
	raw, err := plainJSON(d.raw)
	if err != nil {
		return lake.Recipe{}, err
	}
	return lake.ParseRecipe(raw) // JSON is YAML, and one reader has one set of rules
}

// plainJSON writes JSON again without escapes that YAML does not know, such as pairs of
// surrogates.
func plainJSON(raw []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "recipe: not JSON")
	}
	return json.Marshal(v)
}

// sent gives the recipe and the revision of a body that is a recipe or holds one.
func (d document) sent() (lake.Recipe, int64, error) {
	var in struct {
		Recipe   json.RawMessage `json:"recipe"`
		Revision int64           `json:"revision"`
	}
	if json.Unmarshal(d.raw, &in) == nil && len(in.Recipe) > 0 {
		d.raw = in.Recipe
	}
	r, err := d.read()
	return r, in.Revision, err
}

type suggestInput struct {
	Body struct {
		Table string `json:"table" doc:"Table to look at" example:"raw.calls"`
	}
}

type suggestOutput struct {
	Body struct {
		Recipe  document       `json:"recipe"`
		YAML    string         `json:"yaml" doc:"The recipe as a document, with the reasons as comments"`
		Reasons []clean.Reason `json:"reasons"`
	}
}

func (h *handler) suggest(ctx context.Context, in *suggestInput) (*suggestOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	table, err := forge.ParseTableName(in.Body.Table)
	if err != nil {
		return nil, err
	}
	r, reasons, err := h.recipes.Suggest(ctx, scope, table)
	if err != nil {
		return nil, err
	}
	out := &suggestOutput{}
	out.Body.Recipe, out.Body.Reasons = document{Recipe: r}, reasons
	if reasons == nil {
		out.Body.Reasons = []clean.Reason{}
	}
	out.Body.YAML, err = commented(r, reasons)
	return out, err
}

// commented writes a recipe with the reasons above its steps.
func commented(r lake.Recipe, reasons []clean.Reason) (string, error) {
	var doc yaml.Node
	if err := doc.Encode(r); err != nil {
		return "", err
	}
	for i := 0; i+1 < len(doc.Content); i += 2 {
		if doc.Content[i].Value != "steps" {
			continue
		}
		for j, step := range doc.Content[i+1].Content {
			step.HeadComment = why(reasons, r.Steps[j].Name)
		}
	}
	doc.HeadComment = why(reasons, "")
	var b strings.Builder
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	err := enc.Encode(&doc)
	return b.String(), err
}

func why(reasons []clean.Reason, step string) string {
	var lines []string
	for _, x := range reasons {
		if x.Step != step {
			continue
		}
		line := x.Text
		if x.Column != "" {
			line = x.Column + ": " + x.Text
		}
		lines = append(lines, "# "+strings.ReplaceAll(line, "\n", " "))
	}
	return strings.Join(lines, "\n")
}

type previewInput struct {
	Body struct {
		Recipe document `json:"recipe,omitempty"`
		Name   string   `json:"name,omitempty" doc:"A stored recipe, instead of recipe"`
		Rows   int      `json:"rows,omitempty" minimum:"0" maximum:"500" doc:"Rows to show; 20 when not given"`
	}
}

type previewOutput struct{ Body clean.Shown }

func (h *handler) preview(ctx context.Context, in *previewInput) (*previewOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	r, err := h.chosen(ctx, scope, in.Body.Recipe, in.Body.Name)
	if err != nil {
		return nil, err
	}
	shown, err := h.recipes.Preview(ctx, scope, r, in.Body.Rows)
	return &previewOutput{shown}, err
}

// chosen is the recipe that was sent, or the stored one that was named.
func (h *handler) chosen(ctx context.Context, scope forge.Scope, d document, name string) (lake.Recipe, error) {
	if len(d.raw) == 0 && name != "" {
		stored, err := h.store.Get(ctx, scope, name, 0)
		return stored.Recipe, err
	}
	return d.read()
}
