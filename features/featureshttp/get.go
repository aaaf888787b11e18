package featureshttp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/registry"
	"github.com/danielgtaylor/huma/v2"
)

// maxEntities bounds one look-up.
const maxEntities = 10_000

// keyValue is an entity key in JSON: a text, or a number or bool, taken as written.
type keyValue struct {
	text string
	null bool
}

// UnmarshalJSON keeps the digits of a number: ids above 2^53 are ids too.
func (k *keyValue) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case string(b) == "null":
		k.null = true
	case len(b) > 0 && b[0] == '"':
		return json.Unmarshal(b, &k.text)
	case len(b) > 0 && (b[0] == '{' || b[0] == '['):
		return forge.Errorf(forge.KindInvalid, nil, "a key is a text, a number or true/false, not %.40s", b)
	default:
		k.text = string(b)
	}
	return nil
}

// Schema tells huma that any scalar will do.
func (keyValue) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "Text, number, true/false, or null", Examples: []any{"7"}}
}

type getInput struct {
	Body struct {
		Views    []string              `json:"views" doc:"view, view@3, view:feature or view@3:feature" example:"[\"call_profile\"]"`
		Entities []map[string]keyValue `json:"entities" doc:"Keys of each entity; {} where the views have none"`
	}
}

type vector struct {
	Values []any        `json:"values"`
	Status []string     `json:"status" doc:"present, null, not_found or expired, for each value"`
	Event  []*time.Time `json:"event" doc:"Time of each value; null where there is none"`
}

type getOutput struct {
	Body struct {
		Features []string `json:"features"`
		Vectors  []vector `json:"vectors"`
	}
}

func (h *handlers) get(ctx context.Context, in *getInput) (*getOutput, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	if len(in.Body.Entities) > maxEntities {
		return nil, forge.Errorf(forge.KindInvalid, nil, "%d entities in one request; at most %d", len(in.Body.Entities), maxEntities)
	}
	wants, err := h.svc.Wants(ctx, scope, in.Body.Views)
	if err != nil {
		return nil, err
	}
	keys, err := h.svc.Keys(ctx, scope, wants)
	if err != nil {
		return nil, err
	}
	entities := make([]map[string]string, len(in.Body.Entities))
	for i, e := range in.Body.Entities {
		entities[i] = make(map[string]string, len(keys))
		for _, k := range keys {
			v, ok := e[k.Name]
			if !ok {
				return nil, forge.Errorf(forge.KindInvalid, nil, "entities[%d] has no key %q", i, k.Name).
					With(forge.FieldError{Path: fmt.Sprintf("entities[%d].%s", i, k.Name), Text: "missing"})
			}
			if !v.null {
				entities[i][k.Name] = v.text
			}
		}
	}
	got, err := h.svc.LookupMany(ctx, scope, wants, entities)
	if err != nil {
		return nil, err
	}
	out := &getOutput{}
	out.Body.Features, out.Body.Vectors = shortNames(wants), make([]vector, len(got))
	for i, v := range got {
		out.Body.Vectors[i] = vectorOf(v)
	}
	return out, nil
}

func vectorOf(v features.Vector) vector {
	out := vector{Values: make([]any, len(v.Values)), Status: make([]string, len(v.Values)), Event: make([]*time.Time, len(v.Values))}
	for i := range v.Values {
		out.Values[i], out.Status[i] = jsonValue(v.Values[i]), v.Status[i].String()
		if !v.Event[i].IsZero() {
			out.Event[i] = &v.Event[i]
		}
	}
	return out
}

// jsonValue writes the numbers that JSON does not have as texts.
func jsonValue(v any) any {
	if f, ok := v.(float64); ok {
		switch {
		case math.IsNaN(f):
			return "NaN"
		case math.IsInf(f, 1):
			return "Infinity"
		case math.IsInf(f, -1):
			return "-Infinity"
		}
	}
	return v
}

// shortNames are the features' own names, with their view where two are the same.
func shortNames(wants []registry.Want) []string {
	uses := map[string]int{}
	for _, w := range wants {
		uses[w.Feature]++
	}
	names := make([]string, len(wants))
	for i, w := range wants {
		names[i] = w.Feature
		if uses[w.Feature] > 1 {
			names[i] = w.View + ":" + w.Feature
		}
	}
	return names
}
