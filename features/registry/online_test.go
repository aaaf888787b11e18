package registry_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/registry"
	"aiforge.dev/forge/lake"
)

func want(view string, version int, names ...string) (wants []registry.Want) {
	for _, n := range names {
		wants = append(wants, registry.Want{View: view, Version: version, Feature: n})
	}
	return wants
}

func (w *world) lookup(wants []registry.Want, id string) features.Vector {
	w.Helper()
	v, err := w.svc.Lookup(w.ctx, scope, wants, map[string]string{"call_id": id})
	if err != nil {
		w.Fatal(err)
	}
	return v
}

func TestMaterializeAndLookup(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	w.apply(document)
	wants := append(want("call_profile", 0, "job", "age"), want("market", 1, "euribor3m")...)
	if _, err := w.svc.Lookup(w.ctx, scope, wants, map[string]string{"call_id": "1"}); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("before materialize: %v", err)
	}
	got := w.materialize()
	june := time.Date(2009, 6, 2, 11, 0, 0, 0, time.UTC)
	if len(got.Views) != 2 || got.Views[0].Entities != 3 || !got.Views[0].Until.Equal(june) || got.Views[1].Entities != 1 || got.Views[0].Skipped {
		t.Fatalf("%+v", got)
	}
	v := w.lookup(wants, "1")
	if !reflect.DeepEqual(v.Values, []any{"admin.", int64(41), 1.3}) || !v.Event[2].Equal(time.Date(2009, 6, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", v)
	}
	v = w.lookup(wants, " 02 ")
	if !reflect.DeepEqual(v.Values, []any{nil, int64(30), 1.3}) || v.Status[0] != features.Null || v.Status[1] != features.Present {
		t.Errorf("a NULL: %+v", v)
	}
	for keys, kind := range map[string]forge.Kind{"9": forge.KindNotFound, "x": forge.KindInvalid, "": forge.KindInvalid, "1.0": forge.KindInvalid} {
		if _, err := w.svc.Lookup(w.ctx, scope, wants, map[string]string{"call_id": keys}); forge.KindOf(err) != kind || err == nil {
			t.Errorf("call_id %q: %v, want %s", keys, err, kind)
		}
	}
	if _, err := w.svc.Lookup(w.ctx, scope, wants, nil); forge.KindOf(err) != forge.KindInvalid || err == nil {
		t.Errorf("without a key: %v", err)
	}
	if _, err := w.svc.Lookup(w.ctx, scope, want("market", 0, "gold"), nil); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("unknown feature: %v", err)
	}
	other := forge.Scope{Tenant: "acme", Project: "shop"}
	if _, err := w.svc.Lookup(w.ctx, other, wants, map[string]string{"call_id": "1"}); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("another project: %v", err)
	}
	many, err := w.svc.LookupMany(w.ctx, scope, wants, []map[string]string{{"call_id": "3"}, {}, {"call_id": "77"}})
	if err != nil || many[0].Values[0] != "retired" || many[1].Status[0] != features.NotFound || many[1].Values[2] != 1.3 || many[2].Status[1] != features.NotFound {
		t.Errorf("%+v, %v", many, err)
	}
}

func TestMaterializeFollowsTheLake(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	w.apply(document)
	w.materialize()
	for _, v := range w.materialize().Views {
		if !v.Skipped || v.View == "call_profile" && v.Entities != 3 {
			t.Errorf("nothing has changed, yet %+v", v)
		}
	}
	// Call 3 goes, call 1 is corrected and moves to an earlier time.
	w.table("curated.calls", strings.NewReplacer("2009-05-04 09", "2009-05-03 09", "41", "42", "(3, ", "(30, ").Replace(callsSQL), lake.Replace)
	if v := w.materialize("call_profile").Views[0]; v.Skipped || v.Entities != 3 {
		t.Errorf("%+v", v)
	}
	profile := want("call_profile", 1, "age")
	if v := w.lookup(profile, "1"); v.Values[0] != int64(42) {
		t.Errorf("corrected: %+v", v)
	}
	if _, err := w.svc.Lookup(w.ctx, scope, profile, map[string]string{"call_id": "3"}); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a call that has gone: %v", err)
	}
	if groups, err := w.online.Groups(w.ctx, scope); err != nil || len(groups) != 2 {
		t.Errorf("groups %v, %v", groups, err)
	}
	if err := w.online.Put(w.ctx, scope, "market@1.leftover", nil); err != nil {
		t.Fatal(err)
	}
	w.materialize()
	if groups, err := w.online.Groups(w.ctx, scope); err != nil || len(groups) != 2 {
		t.Errorf("a left-over stays: %v, %v", groups, err)
	}
}

// TestVersionsInUse: a model goes on with the version that it was trained on.
func TestVersionsInUse(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	w.apply(document)
	w.materialize()
	w.apply(strings.Replace(document, "columns: [age, job]", "columns: [job, age]", 1))
	old, now := want("call_profile", 1, "age"), want("call_profile", 0, "age")
	if _, err := w.svc.Lookup(w.ctx, scope, now, map[string]string{"call_id": "1"}); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a version that was never materialized answers: %v", err)
	}
	w.inUse = []features.ViewRef{{View: "call_profile", Version: 1}, {View: "gone", Version: 4}}
	w.table("curated.calls", strings.Replace(callsSQL, "41", "43", 1), lake.Replace)
	if got := w.materialize(); len(got.Views) != 3 || len(got.Dropped) != 0 {
		t.Errorf("%+v", got)
	}
	for _, wants := range [][]registry.Want{old, now} {
		if v := w.lookup(wants, "1"); v.Values[0] != int64(43) {
			t.Errorf("%+v gives %+v", wants, v)
		}
	}
	w.inUse = nil
	if got := w.materialize(); fmt.Sprint(got.Dropped) != "[call_profile@1]" {
		t.Errorf("%+v", got)
	}
	if _, err := w.svc.Lookup(w.ctx, scope, old, map[string]string{"call_id": "1"}); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a dropped version answers: %v", err)
	}
	if v := w.lookup(now, "1"); v.Values[0] != int64(43) {
		t.Errorf("%+v", v)
	}
}

func TestAgeAtReading(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	w.apply(strings.Replace(document, "columns: [age, job],", "columns: [age, job], ttl: 30d,", 1))
	w.now = time.Date(2009, 5, 10, 0, 0, 0, 0, time.UTC)
	if got := w.materialize(); got.Views[0].Entities != 1 { // the others have not happened yet
		t.Errorf("%+v", got)
	}
	profile := want("call_profile", 0, "age", "job")
	event := time.Date(2009, 5, 4, 9, 0, 0, 0, time.UTC)
	w.now = event.Add(30 * 24 * time.Hour)
	if v := w.lookup(profile, "1"); v.Status[0] != features.Present {
		t.Errorf("at the edge: %+v", v)
	}
	w.now = w.now.Add(time.Microsecond)
	if v := w.lookup(profile, "1"); v.Status[0] != features.Expired || v.Values[0] != nil || !v.Event[0].Equal(event) {
		t.Errorf("after it: %+v", v)
	}
	// The tables are the same, but time has brought two more calls.
	if got := w.materialize(); got.Views[0].Skipped || got.Views[0].Entities != 3 {
		t.Errorf("%+v", got)
	}
	if got := w.materialize(); !got.Views[0].Skipped {
		t.Errorf("%+v", got)
	}
}

func TestMaterializeRefuses(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	w.apply(strings.Replace(document, "columns: [age, job], online: true", "columns: [age, job]", 1))
	for _, v := range []string{"call_profile", "nothing", "market@9", "Market"} {
		_, err := w.svc.CheckMaterialize(w.ctx, scope, registry.MaterializeArgs{Views: []string{v}})
		if k := forge.KindOf(err); err == nil || k != forge.KindInvalid && k != forge.KindNotFound {
			t.Errorf("%s: %v", v, err)
		}
	}
	if got := w.materialize(); len(got.Views) != 1 || got.Views[0].View != "market" {
		t.Errorf("%+v", got)
	}
}

// TestSeenByAnotherProcess: a second Service on the same stores finds the new group.
func TestSeenByAnotherProcess(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	w.apply(document)
	w.materialize()
	other := registry.New(w.config)
	profile := want("call_profile", 1, "age")
	if _, err := other.Lookup(w.ctx, scope, profile, map[string]string{"call_id": "1"}); err != nil {
		t.Fatal(err)
	}
	w.table("curated.calls", strings.Replace(callsSQL, "41", "44", 1), lake.Replace)
	w.materialize()
	deadline := time.Now().Add(10 * time.Second) // its knowledge may be a little old
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		v, err := other.Lookup(w.ctx, scope, profile, map[string]string{"call_id": "1"})
		if err == nil && v.Values[0] == int64(44) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v, %v", v, err)
		}
	}
}

// TestNoGapWhileFilling: whoever asks while a newer group takes the old one's place
// gets an answer from one of them.
func TestNoGapWhileFilling(t *testing.T) {
	w := open(t)
	w.table("curated.calls", callsSQL, lake.Replace)
	w.apply(document)
	w.materialize()
	done := make(chan struct{})
	var asked atomic.Int64
	var wg sync.WaitGroup
	for _, version := range []int{0, 1} {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := w.svc.Lookup(w.ctx, scope, want("call_profile", version, "age"), map[string]string{"call_id": "1"}); err != nil {
					t.Error(err)
					return
				}
				asked.Add(1)
			}
		})
	}
	for i := range 3 {
		w.table("curated.calls", strings.Replace(callsSQL, "41", fmt.Sprint(42+i), 1), lake.Replace)
		w.materialize()
	}
	close(done)
	wg.Wait()
	if asked.Load() < 100 {
		t.Errorf("only %d look-ups: the test says little", asked.Load())
	}
	if v := w.lookup(want("call_profile", 0, "age"), "1"); v.Values[0] != int64(44) {
		t.Errorf("%+v", v)
	}
}

func BenchmarkLookup20(b *testing.B) {
	w := open(b)
	cols := []string{}
	for i := range 20 {
		cols = append(cols, fmt.Sprintf("i * %d.5 AS f%02d", i, i))
	}
	w.table("curated.wide", "SELECT i AS id, TIMESTAMP '2009-01-01' AS seen, "+strings.Join(cols, ", ")+" FROM range(10000) r(i)", lake.Replace)
	w.apply("entities: [{name: thing, keys: [id]}]\nviews: [{name: wide, entity: thing, table: curated.wide, event_time: seen, ttl: 3000d, online: true}]")
	w.materialize()
	wants, err := w.svc.Wants(w.ctx, scope, []string{"wide"})
	if err != nil || len(wants) != 20 {
		b.Fatal(wants, err)
	}
	keys := map[string]string{"id": "4711"}
	b.ReportAllocs()
	for b.Loop() {
		if v, err := w.svc.Lookup(w.ctx, scope, wants, keys); err != nil || v.Status[19] != features.Present {
			b.Fatal(v, err)
		}
	}
}
