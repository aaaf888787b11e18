package featureshttp

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/registry"
	"aiforge.dev/forge/internal/httpapi"
)

// feastRequest is the body of Feast's POST /get-online-features. A feature service is
// a training set here: the features that it has, at the versions it was made of.
type feastRequest struct {
	Features  []string                     `json:"features"`
	Service   string                       `json:"feature_service"`
	Entities  map[string][]json.RawMessage `json:"entities"`
	FullNames bool                         `json:"full_feature_names"`
}

type feastAnswer struct {
	Metadata struct {
		Names []string `json:"feature_names"`
	} `json:"metadata"`
	Results []feastColumn `json:"results"`
}

// feastColumn has one feature of all entities.
type feastColumn struct {
	Values   []any    `json:"values"`
	Statuses []string `json:"statuses"`
	Events   []string `json:"event_timestamps"`
}

var feastStatus = map[features.Status]string{
	features.Present: "PRESENT", features.Null: "NULL_VALUE", features.NotFound: "NOT_FOUND", features.Expired: "OUTSIDE_MAX_AGE",
}

// noTime is what Feast sends where a value has no time.
var noTime = time.Unix(0, 0).UTC().Format(time.RFC3339)

func (h *handlers) feast(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return err
	}
	var req feastRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		var tooBig *http.MaxBytesError
		if errors.As(err, &tooBig) {
			return httpapi.Status(http.StatusRequestEntityTooLarge, "the request is too large: ask for fewer entities at a time")
		}
		return forge.Errorf(forge.KindInvalid, err, "the body is not JSON as get-online-features takes it: {\"features\": [\"view:feature\"], \"entities\": {\"key\": [1, 2]}}")
	}
	answer, err := h.feastAnswer(ctx, scope, req)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(answer)
}

func (h *handlers) feastAnswer(ctx context.Context, scope forge.Scope, req feastRequest) (*feastAnswer, error) {
	wants, err := h.feastWants(ctx, scope, req)
	if err != nil {
		return nil, err
	}
	names, err := feastNames(wants, req.FullNames)
	if err != nil {
		return nil, err
	}
	entities, err := h.feastEntities(ctx, scope, req, wants)
	if err != nil {
		return nil, err
	}
	vectors, err := h.svc.LookupMany(ctx, scope, wants, entities)
	if err != nil {
		return nil, err
	}
	out := &feastAnswer{}
	out.Metadata.Names = slices.Sorted(maps.Keys(req.Entities))
	for _, key := range out.Metadata.Names {
		col := newColumn(len(entities))
		for i, raw := range req.Entities[key] {
			col.Values[i], col.Statuses[i], col.Events[i] = raw, "PRESENT", noTime
		}
		out.Results = append(out.Results, col)
	}
	out.Metadata.Names = append(out.Metadata.Names, names...)
	for f := range wants {
		col := newColumn(len(entities))
		for i, v := range vectors {
			col.Values[i], col.Statuses[i], col.Events[i] = jsonValue(v.Values[f]), feastStatus[v.Status[f]], noTime
			if !v.Event[f].IsZero() {
				col.Events[i] = v.Event[f].Format(time.RFC3339Nano)
			}
		}
		out.Results = append(out.Results, col)
	}
	return out, nil
}

func newColumn(n int) feastColumn {
	return feastColumn{make([]any, n), make([]string, n), make([]string, n)}
}

func (h *handlers) feastWants(ctx context.Context, scope forge.Scope, req feastRequest) ([]registry.Want, error) {
	switch {
	case req.Service == "":
		return h.svc.Wants(ctx, scope, req.Features)
	case len(req.Features) > 0:
		return nil, forge.Errorf(forge.KindInvalid, nil, "the request has both features and feature_service: leave one")
	}
	set, err := h.svc.TrainingSet(ctx, scope, req.Service)
	if err != nil {
		return nil, err
	}
	refs := make([]string, len(set.Views))
	for i, v := range set.Views {
		refs[i] = v.String()
	}
	return h.svc.Wants(ctx, scope, refs)
}

// feastNames are "feature", or "view__feature" with full names.
func feastNames(wants []registry.Want, full bool) ([]string, error) {
	names, seen := make([]string, len(wants)), map[string]bool{}
	for i, w := range wants {
		names[i] = w.Feature
		if full {
			names[i] = w.View + "__" + w.Feature
		}
		if seen[names[i]] {
			return nil, forge.Errorf(forge.KindInvalid, nil, "two features are called %q: ask with full_feature_names, and for each once", names[i])
		}
		seen[names[i]] = true
	}
	return names, nil
}

// feastEntities turns columns of keys into one map for each entity; null is no key.
func (h *handlers) feastEntities(ctx context.Context, scope forge.Scope, req feastRequest, wants []registry.Want) ([]map[string]string, error) {
	keys, err := h.svc.Keys(ctx, scope, wants)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if _, ok := req.Entities[k.Name]; !ok {
			return nil, forge.Errorf(forge.KindInvalid, nil, "entities has no key %q, which the views need", k.Name)
		}
	}
	n := -1
	for name, values := range req.Entities {
		if n >= 0 && len(values) != n {
			return nil, forge.Errorf(forge.KindInvalid, nil, "entities: the lists differ in length (%q has %d, another %d)", name, len(values), n)
		}
		n = len(values)
	}
	if n > maxEntities {
		return nil, forge.Errorf(forge.KindInvalid, nil, "%d entities in one request; at most %d", n, maxEntities)
	}
	if n < 0 {
		n = 1 // views without keys: one answer
	}
	entities := make([]map[string]string, n)
	for i := range entities {
		entities[i] = make(map[string]string, len(keys))
		for _, k := range keys {
			var v keyValue
			if err := v.UnmarshalJSON(req.Entities[k.Name][i]); err != nil {
				return nil, err
			}
			if !v.null {
				entities[i][k.Name] = v.text
			}
		}
	}
	return entities, nil
}
