package trainingtest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/training"
)

var here, elsewhere = forge.Scope{Tenant: "acme", Project: "bank"}, forge.Scope{Tenant: "acme", Project: "shop"}

// TestRegistry runs the contract against registries that begin empty.
func TestRegistry(t *testing.T, open func(t testing.TB) training.Registry) {
	for name, test := range map[string]func(*testing.T, training.Registry){
		"numbers and order":         registryNumbers,
		"same run twice":            registrySameRun,
		"immutable once decided":    registryImmutable,
		"references":                registryReferences,
		"aliases":                   registryAliases,
		"one of many moves it":      registrySwap,
		"projects do not mix":       registryScopes,
		"names":                     registryNames,
		"numbers of many at once":   registryMany,
		"nothing without a project": registryNoScope,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// add registers version n of a model and returns it.
func add(t testing.TB, r training.Registry, scope forge.Scope, model, run, status string) training.Version {
	t.Helper()
	v, err := r.Register(t.Context(), scope, training.Version{Model: model, Run: run, Status: status, Digest: "d" + run, Dir: "/x/" + run, Task: "binary", Metrics: map[string]float64{"roc_auc": 0.7}, Set: "set_1", By: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func registryNumbers(t *testing.T, r training.Registry) {
	for i, run := range []string{"r1", "r2", "r3"} {
		if v := add(t, r, here, "calls", run, "ready"); v.Number != i+1 || v.Created.IsZero() {
			t.Errorf("version %+v; want number %d", v, i+1)
		}
	}
	m, err := r.Get(t.Context(), here, "calls")
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int
	for _, v := range m.Versions {
		numbers = append(numbers, v.Number)
	}
	if !slices.Equal(numbers, []int{3, 2, 1}) {
		t.Errorf("versions %v; want the newest first", numbers)
	}
	v := m.Versions[2]
	if v.Model != "calls" || v.Digest != "dr1" || v.Dir != "/x/r1" || v.Metrics["roc_auc"] != 0.7 || v.Set != "set_1" || v.By != "ann" || v.Aliases == nil {
		t.Errorf("read back %+v", v)
	}
	add(t, r, here, "basket", "r9", "ready")
	all, err := r.List(t.Context(), here)
	if err != nil || len(all) != 2 || all[0].Name != "basket" || all[1].Name != "calls" {
		t.Errorf("list %+v, %v", all, err)
	}
}

func registrySameRun(t *testing.T, r training.Registry) {
	one := add(t, r, here, "calls", "r1", "pending")
	if two := add(t, r, here, "calls", "r1", "pending"); two.Number != one.Number {
		t.Errorf("the same run made versions %d and %d", one.Number, two.Number)
	}
	if two := add(t, r, here, "calls", "r2", "pending"); two.Number != 2 {
		t.Errorf("the next run made version %d", two.Number)
	}
}

func registryImmutable(t *testing.T, r training.Registry) {
	v := add(t, r, here, "calls", "r1", "pending")
	if _, err := r.Resolve(t.Context(), here, "calls/1"); !errors.Is(err, forge.ErrConflict) {
		t.Errorf("a pending version resolves: %v", err)
	}
	other := v
	other.Status, other.Digest = "ready", "another"
	if _, err := r.Register(t.Context(), here, other); !errors.Is(err, forge.ErrConflict) {
		t.Errorf("another package under the same number: %v", err)
	}
	v.Status = "ready"
	for range 2 { // the second time changes nothing
		if got, err := r.Register(t.Context(), here, v); err != nil || got.Status != "ready" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	v.Status, v.Reason = "refused", "late"
	if _, err := r.Register(t.Context(), here, v); !errors.Is(err, forge.ErrConflict) {
		t.Errorf("a ready version was refused later: %v", err)
	}
	if got, err := r.Resolve(t.Context(), here, "calls/1"); err != nil || got.Status != "ready" || got.Reason != "" {
		t.Errorf("after all that: %+v, %v", got, err)
	}
	v.Number, v.Status = 7, "ready"
	if _, err := r.Register(t.Context(), here, v); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a number that was never given: %v", err)
	}
}

func registryReferences(t *testing.T, r training.Registry) {
	add(t, r, here, "calls", "r1", "ready")
	add(t, r, here, "calls", "r2", "ready")
	refused := add(t, r, here, "calls", "r3", "pending")
	refused.Status, refused.Reason = "refused", "differs"
	if _, err := r.Register(t.Context(), here, refused); err != nil {
		t.Fatal(err)
	}
	if err := r.SetAlias(t.Context(), here, "calls", "champion", 1, 0); err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]int{"calls@champion": 1, "models:/calls@champion": 1, "calls/2": 2, "models:/calls/1": 1, "calls": 2, "models:/calls": 2} {
		v, err := r.Resolve(t.Context(), here, ref)
		if err != nil || v.Number != want {
			t.Errorf("%s: version %d, %v; want %d", ref, v.Number, err, want)
		}
		if v.Number == 1 && !slices.Equal(v.Aliases, []string{"champion"}) {
			t.Errorf("%s: aliases %v", ref, v.Aliases)
		}
	}
	for ref, want := range map[string]error{
		"calls/3": forge.ErrConflict, "calls/9": forge.ErrNotFound, "calls@nobody": forge.ErrNotFound, "nothing": forge.ErrNotFound,
		"": forge.ErrInvalid, "calls/x": forge.ErrInvalid, "calls/0": forge.ErrInvalid, "calls@": forge.ErrInvalid, "../calls": forge.ErrInvalid, "calls/1@champion": forge.ErrInvalid,
	} {
		if _, err := r.Resolve(t.Context(), here, ref); !errors.Is(err, want) {
			t.Errorf("%q: %v; want %v", ref, err, want)
		}
	}
}

func registryAliases(t *testing.T, r training.Registry) {
	ctx := t.Context()
	add(t, r, here, "calls", "r1", "ready")
	add(t, r, here, "calls", "r2", "ready")
	add(t, r, here, "calls", "r3", "pending")
	set := func(alias string, to, from int, want error) {
		t.Helper()
		err := r.SetAlias(ctx, here, "calls", alias, to, from)
		if want == nil && err != nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s to %d from %d: %v; want %v", alias, to, from, err, want)
		}
	}
	set("champion", 1, 2, forge.ErrConflict) // it does not exist yet
	set("champion", 1, 0, nil)
	set("champion", 2, 2, forge.ErrConflict)
	set("champion", 2, 1, nil)
	set("champion", 3, 0, forge.ErrConflict) // not ready
	set("champion", 4, 0, forge.ErrNotFound)
	set("Champion!", 1, 0, forge.ErrInvalid)
	set("challenger", 2, 0, nil)
	m, err := r.Get(ctx, here, "calls")
	if err != nil || len(m.Aliases) != 2 || m.Aliases["champion"] != 2 || !slices.Equal(m.Versions[1].Aliases, []string{"challenger", "champion"}) {
		t.Errorf("aliases %v, versions %+v, %v", m.Aliases, m.Versions, err)
	}
	if err := r.DeleteAlias(ctx, here, "calls", "challenger"); err != nil {
		t.Error(err)
	}
	if err := r.DeleteAlias(ctx, here, "calls", "challenger"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

// registrySwap lets many move an alias from the same version at once: one must win.
func registrySwap(t *testing.T, r training.Registry) {
	const n = 8
	for i := range n + 1 {
		add(t, r, here, "calls", fmt.Sprintf("r%d", i), "ready")
	}
	if err := r.SetAlias(t.Context(), here, "calls", "champion", 1, 0); err != nil {
		t.Fatal(err)
	}
	var won, winner atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			err := r.SetAlias(t.Context(), here, "calls", "champion", i+2, 1)
			switch {
			case err == nil:
				won.Add(1)
				winner.Store(int64(i + 2))
			case !errors.Is(err, forge.ErrConflict):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	v, err := r.Resolve(t.Context(), here, "calls@champion")
	if won.Load() != 1 || err != nil || int64(v.Number) != winner.Load() {
		t.Errorf("%d of %d won, the alias is on %d (%v), the winner set %d", won.Load(), n, v.Number, err, winner.Load())
	}
}

func registryScopes(t *testing.T, r training.Registry) {
	add(t, r, here, "calls", "r1", "ready")
	if _, err := r.Resolve(t.Context(), elsewhere, "calls"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("seen from another project: %v", err)
	}
	if err := r.SetAlias(t.Context(), elsewhere, "calls", "champion", 1, 0); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("alias from another project: %v", err)
	}
	if v := add(t, r, elsewhere, "calls", "r1", "ready"); v.Number != 1 {
		t.Errorf("another project's first version has number %d", v.Number)
	}
	if all, err := r.List(t.Context(), elsewhere); err != nil || len(all) != 1 {
		t.Errorf("list %+v, %v", all, err)
	}
}

func registryNames(t *testing.T, r training.Registry) {
	for _, name := range []string{"", "Calls", "../x", "a b", "a/b"} {
		if _, err := r.Register(t.Context(), here, training.Version{Model: name, Status: "ready"}); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("model %q: %v", name, err)
		}
	}
	if _, err := r.Register(t.Context(), here, training.Version{Model: "calls", Status: "great"}); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("status: %v", err)
	}
	if all, err := r.List(t.Context(), here); err != nil || len(all) != 0 {
		t.Errorf("something was stored: %+v, %v", all, err)
	}
}

func registryMany(t *testing.T, r training.Registry) {
	const n = 8
	var wg sync.WaitGroup
	numbers := make([]int, n)
	for i := range n {
		wg.Go(func() {
			v, err := r.Register(t.Context(), here, training.Version{Model: "calls", Run: fmt.Sprintf("r%d", i), Status: "pending", Digest: "d"})
			if err != nil {
				t.Error(err)
			}
			numbers[i] = v.Number
		})
	}
	wg.Wait()
	slices.Sort(numbers)
	if !slices.Equal(numbers, []int{1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Errorf("numbers %v", numbers)
	}
}

func registryNoScope(t *testing.T, r training.Registry) {
	none := forge.Scope{}
	_, err1 := r.Register(t.Context(), none, training.Version{Model: "calls", Status: "ready"})
	_, err2 := r.List(t.Context(), none)
	_, err3 := r.Resolve(t.Context(), none, "calls")
	for _, err := range []error{err1, err2, err3, r.SetAlias(t.Context(), none, "calls", "a", 1, 0), r.DeleteAlias(t.Context(), none, "calls", "a")} {
		if !errors.Is(err, forge.ErrDenied) {
			t.Errorf("without a project: %v", err)
		}
	}
}
