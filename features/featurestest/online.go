// Package featurestest holds the promises that every online store must keep.
package featurestest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
)

// Acme and Other are scopes that must never see each other's rows.
var (
	Acme  = forge.Scope{Tenant: "acme", Project: "bank"}
	Other = forge.Scope{Tenant: "acme", Project: "ban"}
	third = forge.Scope{Tenant: "acm", Project: "ebank"}
)

func at(sec int64) time.Time { return time.Unix(sec, 0).UTC() }

func row(key string, sec int64, values ...any) features.Row {
	return features.Row{Key: features.Key{key}, Event: at(sec), Values: values}
}

// TestOnline runs the suite; open gives an empty store each time and closes it.
func TestOnline(t *testing.T, open func(testing.TB) features.Online) {
	for name, f := range map[string]func(*testing.T, features.Online){
		"values": testValues, "newer": testNewer, "keys": testKeys, "scopes": testScopes, "drop": testDrop,
		"groups": testGroups, "many": testMany, "concurrent": testConcurrent, "refused": testRefused, "ended": testEnded,
	} {
		t.Run(name, func(t *testing.T) { f(t, open(t)) })
	}
}

func put(t *testing.T, s features.Online, scope forge.Scope, group string, rows ...features.Row) {
	t.Helper()
	if err := s.Put(t.Context(), scope, group, rows); err != nil {
		t.Fatal(err)
	}
}

// want checks one key; nil values mean that nothing must be there.
func want(t *testing.T, s features.Online, scope forge.Scope, group string, w features.Row) {
	t.Helper()
	rows, ok, err := s.Get(t.Context(), scope, group, []features.Key{w.Key})
	switch {
	case err != nil || len(rows) != 1 || len(ok) != 1:
		t.Fatalf("%d rows, %d ok, %v", len(rows), len(ok), err)
	case w.Values == nil && ok[0]:
		t.Errorf("%s %s %q: got %+v, want nothing", scope, group, w.Key, rows[0])
	case w.Values != nil && (!ok[0] || !reflect.DeepEqual(rows[0], w)):
		t.Errorf("%s %s %q: got %+v (%v), want %+v", scope, group, w.Key, rows[0], ok[0], w)
	}
}

func testValues(t *testing.T, s features.Online) {
	all := row("7", 100, nil, true, false, int64(-1<<62), int64(1<<53+1), 4.857, -0.5, "", "admin.", "ünï\x00\n", nil)
	all.Event = all.Event.Add(time.Microsecond)
	put(t, s, Acme, "v@1", all)
	want(t, s, Acme, "v@1", all)
	put(t, s, Acme, "v@1", row("early", -3e9, int64(1)))
	want(t, s, Acme, "v@1", row("early", -3e9, int64(1)))
	put(t, s, Acme, "v@1", row("none", 1, []any{}...))
	if _, ok, err := s.Get(t.Context(), Acme, "v@1", []features.Key{{"none"}}); err != nil || !ok[0] {
		t.Errorf("a row without values: %v, %v", ok, err)
	}
}

func testNewer(t *testing.T, s features.Online) {
	put(t, s, Acme, "v@1", row("a", 100, "first"))
	put(t, s, Acme, "v@1", row("a", 99, "older"))
	want(t, s, Acme, "v@1", row("a", 100, "first"))
	put(t, s, Acme, "v@1", row("a", 100, "again"))
	want(t, s, Acme, "v@1", row("a", 100, "again"))
	put(t, s, Acme, "v@1", row("a", 101, "newer"))
	want(t, s, Acme, "v@1", row("a", 101, "newer"))
	put(t, s, Acme, "v@1", row("b", -100, "x"))
	put(t, s, Acme, "v@1", row("b", -101, "older"))
	want(t, s, Acme, "v@1", row("b", -100, "x"))
	// Out of order within one call.
	put(t, s, Acme, "v@1", row("c", 5, "5"), row("c", 7, "7"), row("c", 6, "6"), row("c", 7, "7b"), row("a", 3, "no"))
	want(t, s, Acme, "v@1", row("c", 7, "7b"))
	want(t, s, Acme, "v@1", row("a", 101, "newer"))
}

func testKeys(t *testing.T, s features.Online) {
	keys := []features.Key{{}, {""}, {"1", "23"}, {"12", "3"}, {"123"}, {"1", "2", "3"}, {"a:b"}, {"a", "b"}, {"\x00\xff"}, {"é"}}
	for i, k := range keys {
		put(t, s, Acme, "v@1", features.Row{Key: k, Event: at(1), Values: []any{int64(i)}})
	}
	for i, k := range keys {
		want(t, s, Acme, "v@1", features.Row{Key: k, Event: at(1), Values: []any{int64(i)}})
	}
	if n, err := s.Count(t.Context(), Acme, "v@1"); err != nil || n != int64(len(keys)) {
		t.Errorf("%d entities, want %d (%v)", n, len(keys), err)
	}
}

func testScopes(t *testing.T, s features.Online) {
	put(t, s, Acme, "v@1", row("a", 1, "bank"))
	for _, scope := range []forge.Scope{Other, third} {
		want(t, s, scope, "v@1", row("a", 0))
		want(t, s, scope, "kv@1", row("a", 0))
		if groups, err := s.Groups(t.Context(), scope); err != nil || len(groups) != 0 {
			t.Errorf("%s sees %v (%v)", scope, groups, err)
		}
		if err := s.Drop(t.Context(), scope, "v@1"); err != nil {
			t.Error(err)
		}
	}
	want(t, s, Acme, "v@1", row("a", 1, "bank"))
}

func testDrop(t *testing.T, s features.Online) {
	put(t, s, Acme, "v@1", row("a", 9, "one"), row("b", 9, "two"))
	put(t, s, Acme, "v@10", row("a", 9, "ten"))
	for range 2 { // dropping what is not there is harmless
		if err := s.Drop(t.Context(), Acme, "v@1"); err != nil {
			t.Fatal(err)
		}
	}
	want(t, s, Acme, "v@1", row("a", 0))
	want(t, s, Acme, "v@10", row("a", 9, "ten"))
	if n, err := s.Count(t.Context(), Acme, "v@1"); err != nil || n != 0 {
		t.Errorf("a dropped group has %d entities (%v)", n, err)
	}
	put(t, s, Acme, "v@1", row("a", 1, "anew")) // older than the row that was dropped
	want(t, s, Acme, "v@1", row("a", 1, "anew"))
}

func testGroups(t *testing.T, s features.Online) {
	check := func(want ...string) {
		t.Helper()
		if got, err := s.Groups(t.Context(), Acme); err != nil || !reflect.DeepEqual(append([]string{}, got...), append([]string{}, want...)) {
			t.Errorf("groups %q (%v), want %q", got, err, want)
		}
	}
	check()
	put(t, s, Acme, "w@2", row("a", 1, "x"))
	put(t, s, Acme, "v@10", row("a", 1, "x"))
	put(t, s, Acme, "empty@1")
	put(t, s, Other, "hidden@1", row("a", 1, "x"))
	check("empty@1", "v@10", "w@2")
	if err := s.Drop(t.Context(), Acme, "v@10"); err != nil {
		t.Fatal(err)
	}
	check("empty@1", "w@2")
}

func testMany(t *testing.T, s features.Online) {
	const n = 3000
	rows := make([]features.Row, n)
	for i := range rows {
		rows[i] = row(fmt.Sprint(i), int64(i), int64(i), float64(i)/7, "text")
	}
	for range 2 {
		put(t, s, Acme, "v@1", rows...)
	}
	if got, err := s.Count(t.Context(), Acme, "v@1"); err != nil || got != n {
		t.Fatalf("%d entities, want %d (%v)", got, n, err)
	}
	keys := make([]features.Key, 0, 500)
	for i := range 500 {
		keys = append(keys, features.Key{fmt.Sprint(i * 13)})
	}
	got, ok, err := s.Get(t.Context(), Acme, "v@1", keys)
	if err != nil {
		t.Fatal(err)
	}
	for i := range keys {
		if there := i*13 < n; ok[i] != there || there && !reflect.DeepEqual(got[i], rows[i*13]) {
			t.Fatalf("key %q: %+v (%v)", keys[i], got[i], ok[i])
		}
	}
}

// testConcurrent: whoever comes last, the newest row stays.
func testConcurrent(t *testing.T, s features.Online) {
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				sec := int64((w*7 + i*11) % 160)
				if err := s.Put(context.Background(), Acme, "v@1", []features.Row{row("a", sec, sec), row("b", -sec, sec)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	a, b := int64(0), int64(1000)
	for w := range 8 {
		for i := range 20 {
			sec := int64((w*7 + i*11) % 160)
			a, b = max(a, sec), min(b, sec)
		}
	}
	want(t, s, Acme, "v@1", row("a", a, a))
	want(t, s, Acme, "v@1", row("b", -b, b))
}

func testRefused(t *testing.T, s features.Online) {
	for _, scope := range []forge.Scope{{}, {Tenant: "acme"}, {Project: "bank"}, {Tenant: "a/b", Project: "c"}} {
		if err := s.Put(t.Context(), scope, "v@1", []features.Row{row("a", 1, "x")}); err == nil {
			t.Errorf("a row was put into scope %q", scope)
		}
		if _, _, err := s.Get(t.Context(), scope, "v@1", []features.Key{{"a"}}); err == nil {
			t.Errorf("scope %q was read", scope)
		}
		if err := s.Drop(t.Context(), scope, "v@1"); err == nil {
			t.Errorf("scope %q was dropped", scope)
		}
	}
	// One bad value refuses the whole call.
	if err := s.Put(t.Context(), Acme, "v@1", []features.Row{row("a", 1, "x"), row("b", 1, struct{}{})}); err == nil {
		t.Error("a value of another type was stored")
	}
	want(t, s, Acme, "v@1", row("a", 0))
}

func testEnded(t *testing.T, s features.Online) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ctx, Acme, "v@1", []features.Row{row("a", 1, "x")}); !errors.Is(err, context.Canceled) {
		t.Errorf("put after the end of its context: %v", err)
	}
	want(t, s, Acme, "v@1", row("a", 0))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), Acme, "v@1", []features.Row{row("a", 1, "x")}); err == nil {
		t.Error("a closed store takes rows")
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}
