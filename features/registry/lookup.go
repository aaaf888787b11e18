package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/lake"
	"github.com/google/uuid"
)

// Want asks for one feature of a view version; Version 0 is the newest.
type Want struct {
	View    string
	Version int
	Feature string
}

func (w Want) ref() features.ViewRef { return features.ViewRef{View: w.View, Version: w.Version} }

// Lookup returns the features of one entity in the order of wants. Every key of the
// views must be there, and a keyed view without a row for the entity is an error of
// KindNotFound: a model must not answer for somebody it knows nothing about.
func (s *Service) Lookup(ctx context.Context, scope forge.Scope, wants []Want, keys map[string]string) (features.Vector, error) {
	uses, slots, err := s.uses(ctx, scope, wants, freshFor)
	if err != nil {
		return features.Vector{}, err
	}
	for _, u := range uses {
		for _, k := range u.version.Entity.Keys {
			if _, ok := keys[k]; !ok {
				return features.Vector{}, forge.Errorf(forge.KindInvalid, nil, "key %q is missing: view %s is about the entity %s (%s)", k, u.version.Ref(), u.version.Entity.Name, strings.Join(u.version.Entity.Keys, ", "))
			}
		}
	}
	vectors, err := s.answer(ctx, scope, uses, slots, []map[string]string{keys})
	if err != nil {
		return features.Vector{}, err
	}
	for i, status := range vectors[0].Status {
		if v := uses[slots[i].use].version; status == features.NotFound && len(v.Entity.Keys) > 0 {
			return features.Vector{}, forge.Errorf(forge.KindNotFound, nil, "%s %s has no features in view %s: is its row in the lake, and has the view been materialized since it came? (forge features materialize)", v.Entity.Name, shown(v, keys), v.Ref())
		}
	}
	return vectors[0], nil
}

// Keyed reports whether a want's view is about an entity with keys; a market has none.
func (s *Service) Keyed(ctx context.Context, scope forge.Scope, w Want) bool {
	e, err := s.entry(ctx, scope, w.ref(), freshFor)
	return err == nil && len(e.version.Entity.Keys) > 0
}

func shown(v features.Version, keys map[string]string) string {
	parts := make([]string, len(v.Entity.Keys))
	for i, k := range v.Entity.Keys {
		parts[i] = strconv.Quote(keys[k])
	}
	return strings.Join(parts, ", ")
}

// LookupMany returns a vector for each entity. What is missing shows in the statuses:
// an entity without a key of a view has NotFound for its features.
func (s *Service) LookupMany(ctx context.Context, scope forge.Scope, wants []Want, entities []map[string]string) ([]features.Vector, error) {
	uses, slots, err := s.uses(ctx, scope, wants, freshFor)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, scope, uses, slots, entities)
}

// use is a view version that a look-up reads; slot says where a want finds its value.
type use struct {
	*entry
	ref features.ViewRef // as asked for
}

type slot struct{ use, feature int }

func (s *Service) uses(ctx context.Context, scope forge.Scope, wants []Want, maxAge time.Duration) ([]use, []slot, error) {
	uses, slots := make([]use, 0, 4), make([]slot, len(wants))
	for i, w := range wants {
		ref := w.ref()
		n := 0
		for n < len(uses) && uses[n].ref != ref {
			n++
		}
		if n == len(uses) {
			e, err := s.entry(ctx, scope, ref, maxAge)
			if err != nil {
				return nil, nil, err
			}
			uses = append(uses, use{e, ref})
		}
		f, ok := uses[n].index[w.Feature]
		if !ok {
			v := uses[n].version
			return nil, nil, forge.Errorf(forge.KindNotFound, nil, "view %s has no feature %q; it has %s", v.Ref(), w.Feature, listOf(lake.Schema{Columns: v.Features}))
		}
		slots[i] = slot{n, f}
	}
	return uses, slots, nil
}

func (s *Service) answer(ctx context.Context, scope forge.Scope, uses []use, slots []slot, entities []map[string]string) ([]features.Vector, error) {
	out := vectors(len(entities), len(slots))
	for n := range uses {
		keys, where, err := keysOf(uses[n].version, entities)
		if err != nil {
			return nil, err
		}
		rows, ok, err := s.rows(ctx, scope, &uses[n], keys)
		if err != nil {
			return nil, err
		}
		oldest := time.Time{}
		if uses[n].ttl > 0 {
			oldest = s.now().Add(-uses[n].ttl)
		}
		for j, i := range where {
			if ok[j] && len(rows[j].Values) != len(uses[n].version.Features) {
				return nil, fmt.Errorf("online row of %s has %d values, not %d", uses[n].version.Ref(), len(rows[j].Values), len(uses[n].version.Features))
			}
			place(&out[i], slots, n, rows[j], ok[j], rows[j].Event.Before(oldest))
		}
	}
	return out, nil
}

// vectors makes n vectors of NotFound from three allocations.
func vectors(n, width int) []features.Vector {
	out := make([]features.Vector, n)
	values, status, event := make([]any, n*width), make([]features.Status, n*width), make([]time.Time, n*width)
	for i := range status {
		status[i] = features.NotFound
	}
	for i := range out {
		from, to := i*width, (i+1)*width
		out[i] = features.Vector{Values: values[from:to:to], Status: status[from:to:to], Event: event[from:to:to]}
	}
	return out
}

// place puts the values that a vector takes from one row.
func place(v *features.Vector, slots []slot, use int, row features.Row, ok, expired bool) {
	for i, sl := range slots {
		if sl.use != use || !ok {
			continue
		}
		v.Event[i] = row.Event
		switch val := row.Values[sl.feature]; {
		case expired:
			v.Status[i] = features.Expired
		case val == nil:
			v.Status[i] = features.Null
		default:
			v.Values[i], v.Status[i] = val, features.Present
		}
	}
}

// missTrust is how old what is known of a version may be for a missing row to be
// believed without asking whether another process has put a newer group in its place.
const missTrust = 50 * time.Millisecond

// rows reads a group. If rows are missing and a newer group may have come in its
// place meanwhile, it looks once more.
func (s *Service) rows(ctx context.Context, scope forge.Scope, u *use, keys []features.Key) ([]features.Row, []bool, error) {
	rows, ok, err := s.online.Get(ctx, scope, u.group, keys)
	if err != nil || !slices.Contains(ok, false) {
		return rows, ok, err
	}
	if held, _ := s.cache.get(cacheKey{scope, u.ref}); held == u.entry && time.Since(u.loaded) < missTrust {
		return rows, ok, nil
	}
	// By number: another version might have its features at other places.
	e, err := s.entry(ctx, scope, u.version.Ref(), missTrust)
	if errors.Is(err, forge.ErrNotFound) {
		return rows, ok, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if u.ref != u.version.Ref() {
		s.cache.renew(cacheKey{scope, u.ref}, u.entry, e)
	}
	if e.group == u.group {
		return rows, ok, nil
	}
	u.entry = e
	return s.online.Get(ctx, scope, e.group, keys)
}

// keysOf builds the view's key of each entity that has all its parts; where[j] is the
// entity of keys[j].
func keysOf(v features.Version, entities []map[string]string) (keys []features.Key, where []int, err error) {
	width := len(v.Entity.Keys)
	keys, where = make([]features.Key, 0, len(entities)), make([]int, 0, len(entities))
	parts := make([]string, 0, len(entities)*width)
next:
	for i, entity := range entities {
		from := len(parts)
		for _, name := range v.Entity.Keys {
			text, ok := entity[name]
			if !ok {
				parts = parts[:from]
				continue next
			}
			col, _ := v.Schema.Column(name)
			part, err := keyText(col, text)
			if err != nil {
				return nil, nil, err
			}
			parts = append(parts, part)
		}
		keys, where = append(keys, features.Key(parts[from:len(parts):len(parts)])), append(where, i)
	}
	return keys, where, nil
}

// keyText is a key's value as the store has it: DuckDB's text of the column's type.
func keyText(c lake.Column, text string) (string, error) {
	switch c.Type {
	case lake.Int, lake.Long:
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return "", badKey(c, text, "a whole number", err)
		}
		return strconv.FormatInt(n, 10), nil
	case lake.Boolean:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return "", badKey(c, text, "true or false", err)
		}
		return strconv.FormatBool(b), nil
	case lake.Date:
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return "", badKey(c, text, "a date such as 2026-05-31", err)
		}
		return d.Format(time.DateOnly), nil
	case lake.UUID:
		id, err := uuid.Parse(text)
		if err != nil {
			return "", badKey(c, text, "a uuid", err)
		}
		return id.String(), nil
	}
	return text, nil
}

func badKey(c lake.Column, text, want string, cause error) error {
	return forge.Errorf(forge.KindInvalid, cause, "key %q: %q is not %s, which the key is", c.Name, text, want)
}

// Wants reads feature references: "view" (all its features), "view:feature", and
// both with "@3" after the view.
func (s *Service) Wants(ctx context.Context, scope forge.Scope, refs []string) ([]Want, error) {
	var wants []Want
	for _, text := range refs {
		view, feature, one := strings.Cut(text, ":")
		ref, err := features.ParseViewRef(view)
		if err != nil {
			return nil, err
		}
		if one {
			wants = append(wants, Want{ref.View, ref.Version, feature})
			continue
		}
		e, err := s.entry(ctx, scope, ref, freshFor)
		if err != nil {
			return nil, err
		}
		for _, f := range e.version.Features {
			wants = append(wants, Want{ref.View, ref.Version, f.Name})
		}
	}
	if len(wants) == 0 {
		return nil, forge.Errorf(forge.KindInvalid, nil, "name at least one feature, for example call_profile:age, or a view")
	}
	return wants, nil
}

// Keys lists the key columns that wants need, each once, with their types.
func (s *Service) Keys(ctx context.Context, scope forge.Scope, wants []Want) ([]lake.Column, error) {
	uses, _, err := s.uses(ctx, scope, wants, freshFor)
	if err != nil {
		return nil, err
	}
	var keys []lake.Column
	seen := map[string]bool{}
	for _, u := range uses {
		for _, k := range u.version.Entity.Keys {
			if !seen[k] {
				seen[k] = true
				c, _ := u.version.Schema.Column(k)
				keys = append(keys, c)
			}
		}
	}
	return keys, nil
}
