package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/store"
	"aiforge.dev/forge/internal/sqldb"
)

func TestSQLite(t *testing.T) {
	db, err := sqldb.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"), bytes.Repeat([]byte{7}, 64))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	suite(t, db)
}

// suite uses a scope of its own, so that it can run on a store that others use too.
func suite(t *testing.T, db *sqldb.DB) {
	s, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	tenant := forge.TenantID(forge.NewID("t"))
	mine, other := forge.Scope{Tenant: tenant, Project: "bank"}, forge.Scope{Tenant: tenant, Project: "shop"}
	t.Run("versions", func(t *testing.T) { versions(t, s, mine, other) })
	t.Run("sets", func(t *testing.T) { sets(t, s, mine, other) })
	t.Run("online", func(t *testing.T) { online(t, s, mine, other) })
}

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func version(view, hash string) features.Version {
	return features.Version{View: features.View{Name: view, SQL: "SELECT 1"}, Hash: hash, Created: noon, Snapshots: map[string]int64{"raw.calls": 1<<62 + 1}}
}

func versions(t *testing.T, s *store.Store, mine, other forge.Scope) {
	ctx := t.Context()
	entity := features.Entity{Name: "call", Keys: []string{"call_id"}}
	apply := func(want string, list ...features.Version) []features.Version {
		t.Helper()
		now, changed, err := s.Apply(ctx, mine, []features.Entity{entity}, list)
		if err != nil || fmt.Sprint(changed) != want {
			t.Fatalf("changed %v, want %s (%v)", changed, want, err)
		}
		return now
	}
	first := apply("[a b]", version("a", "h1"), version("b", "h1"))
	if first[0].Number != 1 || first[1].Number != 1 {
		t.Errorf("%+v", first)
	}
	again := version("a", "h1")
	again.Created = noon.Add(time.Hour)
	if now := apply("[]", again, version("b", "h1")); !reflect.DeepEqual(now, first) {
		t.Errorf("the same again gave %+v, want %+v", now, first)
	}
	apply("[a]", version("a", "h2"), version("b", "h1"))
	if now := apply("[a]", version("a", "h1")); now[0].Number != 3 {
		t.Errorf("back to the old definition: version %d", now[0].Number)
	}
	for ref, want := range map[features.ViewRef]string{{View: "a"}: "3 h1", {View: "a", Version: 2}: "2 h2", {View: "b"}: "1 h1"} {
		if v, err := s.Version(ctx, mine, ref); err != nil || fmt.Sprint(v.Number, " ", v.Hash) != want {
			t.Errorf("%s is %d %s (%v), want %s", ref, v.Number, v.Hash, err, want)
		}
	}
	if v, _ := s.Version(ctx, mine, features.ViewRef{View: "a"}); v.Snapshots["raw.calls"] != 1<<62+1 {
		t.Errorf("snapshot id %d", v.Snapshots["raw.calls"])
	}
	if list, err := s.Newest(ctx, mine); err != nil || len(list) != 2 || list[0].Number != 3 || list[1].Number != 1 {
		t.Errorf("newest: %+v, %v", list, err)
	}
	if list, err := s.Versions(ctx, mine, "a"); err != nil || len(list) != 3 || list[0].Number != 3 {
		t.Errorf("versions: %+v, %v", list, err)
	}
	if es, err := s.Entities(ctx, mine); err != nil || len(es) != 1 || es["call"].Keys[0] != "call_id" {
		t.Errorf("entities: %+v, %v", es, err)
	}
	for _, err := range []error{
		second(s.Version(ctx, mine, features.ViewRef{View: "a", Version: 9})), second(s.Version(ctx, mine, features.ViewRef{View: "zz"})),
		second(s.Versions(ctx, other, "a")), second(s.Version(ctx, other, features.ViewRef{View: "a"})),
	} {
		if !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("%v, want not found", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func sets(t *testing.T, s *store.Store, mine, other forge.Scope) {
	ctx := t.Context()
	set := features.TrainingSet{ID: "set_1", Spec: features.TrainingSetSpec{Name: "calls"}, Snapshot: 1<<62 + 3, Created: noon, Columns: []features.SetColumn{{Name: "x", Role: "label"}}}
	newer := set
	newer.ID, newer.Created = "set_0", noon.Add(time.Second)
	for _, x := range []features.TrainingSet{set, newer, set} {
		if err := s.PutSet(ctx, mine, x); err != nil {
			t.Fatal(err)
		}
	}
	for ask, want := range map[string]string{"set_1": "set_1", "calls": "set_0"} {
		if got, err := s.Set(ctx, mine, ask); err != nil || got.ID != want || got.Snapshot != set.Snapshot {
			t.Errorf("%s: %+v, %v", ask, got, err)
		}
	}
	if list, err := s.Sets(ctx, mine); err != nil || len(list) != 2 || list[0].ID != "set_0" {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := s.Sets(ctx, other); err != nil || list == nil || len(list) != 0 {
		t.Errorf("another project: %+v, %v", list, err)
	}
	if _, err := s.Set(ctx, other, "set_1"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("another project: %v", err)
	}
}

func online(t *testing.T, s *store.Store, mine, other forge.Scope) {
	ctx := t.Context()
	ref := features.ViewRef{View: "a", Version: 3}
	m := store.Materialized{Ref: ref, Group: "a@3.x", Later: 2, Materialization: features.Materialization{At: noon, Entities: 7, Until: noon, Snapshots: map[string]int64{"raw.calls": 5}}}
	if _, err := s.Materialized(ctx, mine, ref); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("nothing there: %v", err)
	}
	for _, group := range []string{"a@3.x", "a@3.y"} {
		m.Group = group
		if err := s.PutMaterialized(ctx, mine, m); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Materialized(ctx, mine, ref); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%+v, want %+v (%v)", got, m, err)
		}
	}
	if v, err := s.Version(ctx, mine, ref); err != nil || v.Materialized == nil || v.Materialized.Entities != 7 {
		t.Errorf("%+v, %v", v.Materialized, err)
	}
	if list, err := s.Newest(ctx, mine); err != nil || list[0].Materialized == nil || list[1].Materialized != nil {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := s.Materializations(ctx, other); err != nil || len(list) != 0 {
		t.Errorf("another project: %+v, %v", list, err)
	}
	if err := s.DropMaterialized(ctx, mine, ref); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Materializations(ctx, mine); err != nil || len(list) != 0 {
		t.Errorf("dropped: %+v, %v", list, err)
	}
}
