package catalogtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/authn"
	"aiforge.dev/forge/catalog/lineage"
	"aiforge.dev/forge/catalog/store"
	"aiforge.dev/forge/internal/sqldb"
)

// TestStore is the contract of the catalog's store; open makes a new, empty database.
func TestStore(t *testing.T, open func(testing.TB) *sqldb.DB) {
	for name, test := range map[string]func(*testing.T, *sqldb.DB){
		"bootstrap": testBootstrap, "members": testMembers, "accounts of others": testOtherAccounts,
		"keys": testKeys, "refresh": testRefresh, "settings": testSettings,
		"lineage": testLineage, "lineage refused": testLineageRefused,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func want(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

func testBootstrap(t *testing.T, db *sqldb.DB) {
	c := New(t, db)
	if c.Owner.Password == "" || c.Owner.Role != forge.RoleOwner {
		t.Fatalf("first owner %+v", c.Owner)
	}
	first := store.First{Scope: Demo, Title: "Demo", Owner: catalog.Member{Email: "owner@example.org", Name: "Olga"}}
	again, err := c.Auth.Bootstrap(t.Context(), first, "")
	if err != nil || again.Password != "" || again.User != c.Owner.User {
		t.Errorf("second start: %+v %v", again, err)
	}
	p, err := c.Store.Project(t.Context(), Demo)
	if err != nil || p.Title != "Demo" {
		t.Errorf("project %+v %v", p, err)
	}
	_, err = c.Store.CreateProject(t.Context(), Demo, "Again")
	want(t, "the same project twice", err, forge.ErrConflict)
	_, err = c.Store.CreateProject(t.Context(), forge.Scope{Tenant: "main", Project: "../x"}, "Bad")
	want(t, "a path as project", err, forge.ErrInvalid)
	all, err := c.Store.Projects(t.Context())
	if err != nil || len(all) != 1 {
		t.Errorf("projects %v %v", all, err)
	}
}

func testMembers(t *testing.T, db *sqldb.DB) {
	c := New(t, db)
	ctx := c.As(t.Context(), Demo)
	add := func(email string, role forge.Role, password string) (catalog.Member, error) {
		return c.Auth.AddMember(ctx, catalog.Member{Email: email, Role: role}, password)
	}
	for name, bad := range map[string]struct {
		email    string
		role     forge.Role
		password string
	}{
		"no address": {"nobody", forge.RoleViewer, "long enough!"}, "a list": {"a@b.c, d@e.f", forge.RoleViewer, "long enough!"},
		"no role": {"a@b.c", "", "long enough!"}, "god": {"a@b.c", "god", "long enough!"},
		"short password": {"a@b.c", forge.RoleViewer, "short"}, "no password": {"a@b.c", forge.RoleViewer, ""},
		"repeated": {"a@b.c", forge.RoleViewer, "aaaaaaaaaaaaaaa"}, "address as password": {"someone@b.c", forge.RoleViewer, "Someone@b.c"},
	} {
		_, err := add(bad.email, bad.role, bad.password)
		want(t, name, err, forge.ErrInvalid)
	}
	if all, err := c.Auth.Members(ctx); err != nil || len(all) != 1 {
		t.Fatalf("after refused members: %v %v", all, err)
	}
	ed, err := add(" Ed@Example.org ", forge.RoleEditor, "long enough!")
	if err != nil || ed.Email != "ed@example.org" || ed.Name != "ed" || ed.User == "" {
		t.Fatalf("%+v %v", ed, err)
	}
	_, err = add("ed@example.org", forge.RoleViewer, "long enough!")
	want(t, "twice", err, forge.ErrConflict)
	_, err = c.Auth.ChangeMember(ctx, c.Owner.User, authn.Change{Role: forge.RoleViewer})
	want(t, "the last owner steps down", err, forge.ErrConflict)
	want(t, "the last owner leaves", c.Auth.RemoveMember(ctx, c.Owner.User), forge.ErrConflict)
	ed, err = c.Auth.ChangeMember(ctx, ed.User, authn.Change{Role: forge.RoleOwner})
	if err != nil || ed.Role != forge.RoleOwner || ed.Name != "ed" {
		t.Fatalf("%+v %v", ed, err)
	}
	if _, err := c.Auth.ChangeMember(ctx, c.Owner.User, authn.Change{Role: forge.RoleViewer}); err != nil {
		t.Errorf("one of two owners steps down: %v", err)
	}
	if err := c.Auth.RemoveMember(ctx, c.Owner.User); err != nil {
		t.Error(err)
	}
	want(t, "remove twice", c.Auth.RemoveMember(ctx, c.Owner.User), forge.ErrNotFound)
	_, err = c.Auth.ChangeMember(ctx, "user_none", authn.Change{Role: forge.RoleViewer})
	want(t, "change nobody", err, forge.ErrNotFound)
}

// testOtherAccounts: what an owner of one project must not reach in another.
func testOtherAccounts(t *testing.T, db *sqldb.DB) {
	c := New(t, db)
	demo, other := c.As(t.Context(), Demo), c.As(t.Context(), Other)
	if _, err := c.Store.CreateProject(t.Context(), Other, "Other"); err != nil {
		t.Fatal(err)
	}
	m, err := c.Auth.AddMember(demo, catalog.Member{Email: "both@example.org", Role: forge.RoleEditor}, "long enough!")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Auth.ChangeMember(other, m.User, authn.Change{Password: "taken over!"})
	want(t, "change another project's member", err, forge.ErrNotFound)
	want(t, "remove another project's member", c.Auth.RemoveMember(other, m.User), forge.ErrNotFound)
	if _, err := c.Auth.AddMember(other, catalog.Member{Email: "both@example.org", Role: forge.RoleViewer}, "another password"); err != nil {
		t.Fatal(err)
	}
	_, err = c.Auth.ChangeMember(other, m.User, authn.Change{Password: "taken over!"})
	want(t, "take an account over by adding it", err, forge.ErrDenied)
	if _, err := c.Auth.Login(t.Context(), "both@example.org", "long enough!", "r"); err != nil {
		t.Errorf("the old password: %v", err)
	}
	foreign := c.As(t.Context(), forge.Scope{Tenant: "rival", Project: "demo"})
	_, err = c.Auth.AddMember(foreign, catalog.Member{Email: "both@example.org", Role: forge.RoleViewer}, "long enough!")
	want(t, "an address of another tenant", err, forge.ErrConflict)
	members, err := c.Auth.Members(foreign)
	if err != nil || len(members) != 0 {
		t.Errorf("another tenant sees %v %v", members, err)
	}
}

func testKeys(t *testing.T, db *sqldb.DB) {
	c := New(t, db)
	ctx := c.As(t.Context(), Demo)
	soon := c.Clock.Now().Add(time.Hour)
	key, k, err := c.Auth.CreateKey(ctx, "ci", forge.RoleEditor, &soon)
	if err != nil || k.ID == "" || k.By != "Olga" || k.Used != nil {
		t.Fatalf("%+v %v", k, err)
	}
	p, err := c.Auth.Authenticate(t.Context(), key)
	if err != nil || p.Kind != "key" || p.Role != forge.RoleEditor || p.Scope != Demo || p.Token != k.ID {
		t.Fatalf("%+v %v", p, err)
	}
	all, err := c.Auth.Keys(ctx)
	if err != nil || len(all) != 1 || all[0].Used == nil || all[0].Expires == nil {
		t.Errorf("%+v %v", all, err)
	}
	want(t, "revoke from another project", c.Auth.RevokeKey(c.As(t.Context(), Other), k.ID), forge.ErrNotFound)
	if seen, err := c.Auth.Keys(c.As(t.Context(), Other)); err != nil || len(seen) != 0 {
		t.Errorf("another project lists %v %v", seen, err)
	}
	if _, err := c.Auth.Authenticate(t.Context(), key); err != nil {
		t.Errorf("after a refused revocation: %v", err)
	}
	c.Clock.Add(61 * time.Minute)
	_, err = c.Auth.Authenticate(t.Context(), key)
	want(t, "expired key", err, forge.ErrDenied)
	past := c.Clock.Now().Add(-time.Second)
	for name, f := range map[string]func() error{
		"expired already": func() error { _, _, err := c.Auth.CreateKey(ctx, "x", forge.RoleViewer, &past); return err },
		"no name":         func() error { _, _, err := c.Auth.CreateKey(ctx, " ", forge.RoleViewer, nil); return err },
		"no role":         func() error { _, _, err := c.Auth.CreateKey(ctx, "x", "root", nil); return err },
	} {
		want(t, name, f(), forge.ErrInvalid)
	}
	key, k, err = c.Auth.CreateKey(ctx, "other", forge.RoleViewer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Auth.RevokeKey(ctx, k.ID); err != nil {
		t.Fatal(err)
	}
	_, err = c.Auth.Authenticate(t.Context(), key)
	want(t, "revoked key", err, forge.ErrDenied)
	if err := c.Auth.RevokeKey(ctx, k.ID); err != nil {
		t.Errorf("revoke twice: %v", err)
	}
}

func testRefresh(t *testing.T, db *sqldb.DB) {
	c := New(t, db)
	one := c.Login(t)
	two, err := c.Auth.Refresh(t.Context(), one.Refresh)
	if err != nil || two.Refresh == one.Refresh || two.Scope != Demo {
		t.Fatalf("%+v %v", two, err)
	}
	if _, err := c.Auth.Authenticate(t.Context(), two.Access); err != nil {
		t.Fatal(err)
	}
	_, err = c.Auth.Refresh(t.Context(), one.Refresh)
	want(t, "used refresh token", err, forge.ErrDenied)
	_, err = c.Auth.Refresh(t.Context(), two.Refresh)
	want(t, "the newest one after that", err, forge.ErrDenied)
	_, err = c.Auth.Authenticate(t.Context(), two.Access)
	want(t, "the access token after that", err, forge.ErrDenied)
	three := c.Login(t) // other sign-ins of the same person are untouched
	c.Clock.Add(31 * 24 * time.Hour)
	_, err = c.Auth.Refresh(t.Context(), three.Refresh)
	want(t, "after the sign-in's end", err, forge.ErrDenied)
}

func testSettings(t *testing.T, db *sqldb.DB) {
	c := New(t, db)
	for _, v := range []string{"a", "b"} {
		if err := c.Store.SetSetting(t.Context(), Demo, "theme", v); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Store.Setting(t.Context(), Demo, "theme"); err != nil || got != v {
			t.Errorf("%q %v", got, err)
		}
	}
	if got, err := c.Store.Setting(t.Context(), Other, "theme"); err != nil || got != "" {
		t.Errorf("another project: %q %v", got, err)
	}
}

func ref(kind, id string) forge.Ref { return forge.Ref{Kind: kind, ID: id} }

func testLineage(t *testing.T, db *sqldb.DB) {
	ctx := context.Background()
	clock := NewClock()
	s, err := lineage.New(ctx, db, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	chain := []forge.Ref{ref("file", "calls.csv"), ref("snapshot", "raw.calls@1"), ref("snapshot", "curated.calls@2"), ref("run", "r1"), ref("model", "calls/1"), ref("deployment", "calls")}
	for range 2 { // writing twice is harmless
		for i := range chain[1:] {
			if err := s.Link(ctx, Demo, forge.Edge{From: chain[i], To: chain[i+1], By: "step", At: clock.Now()}); err != nil {
				t.Fatal(err)
			}
			clock.Add(time.Minute)
		}
	}
	side := forge.Edge{From: chain[1], To: ref("snapshot", "scored.calls@9"), By: "batch"}
	loop := forge.Edge{From: chain[4], To: chain[3], By: "loop"} // must not make the walk endless
	if err := s.Link(ctx, Demo, side, loop); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at    forge.Ref
		dir   lineage.Direction
		depth int
		nodes int
		edges int
	}{{chain[5], lineage.Up, 0, 6, 6}, {chain[5], lineage.Up, 2, 3, 2}, {chain[0], lineage.Down, 0, 7, 7}, {chain[2], lineage.Both, 0, 6, 6}, {chain[0], lineage.Up, 0, 1, 0}} {
		g, err := s.Graph(ctx, Demo, c.at, c.dir, c.depth)
		if err != nil || len(g.Nodes) != c.nodes || len(g.Edges) != c.edges || g.Nodes[0].Ref != c.at {
			t.Errorf("%s %s %d: %d nodes, %d edges, %v", c.at, c.dir, c.depth, len(g.Nodes), len(g.Edges), err)
		}
	}
	g, err := s.Graph(ctx, Demo, chain[1], lineage.Up, 1)
	if err != nil || g.Nodes[0].Title != "raw.calls, snapshot 1" || g.Nodes[0].At == nil || !g.Nodes[0].At.Equal(NewClock().Now()) || g.Nodes[1].At != nil {
		t.Errorf("%+v %v", g, err)
	}
	_, err = s.Graph(ctx, Other, chain[5], lineage.Up, 0)
	want(t, "another project's graph", err, forge.ErrNotFound)
}

func testLineageRefused(t *testing.T, db *sqldb.DB) {
	ctx := context.Background()
	s, err := lineage.New(ctx, db, nil)
	if err != nil {
		t.Fatal(err)
	}
	good := forge.Edge{From: ref("file", "a"), To: ref("snapshot", "b@1"), By: "ingest"}
	for name, e := range map[string]forge.Edge{
		"no action": {From: good.From, To: good.To}, "to itself": {From: good.To, To: good.To, By: "x"}, "no end": {From: good.From, By: "x"},
	} {
		want(t, name, s.Link(ctx, Demo, good, e), forge.ErrInvalid)
	}
	want(t, "no project", s.Link(ctx, forge.Scope{}, good), forge.ErrDenied)
	_, err = s.Graph(ctx, Demo, good.From, lineage.Down, 0)
	want(t, "a refused call stored a part", err, forge.ErrNotFound)
	_, err = s.Graph(ctx, Demo, good.From, "sideways", 0)
	want(t, "direction", err, forge.ErrInvalid)
}
