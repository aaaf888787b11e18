package cataloghttp_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/catalogtest"
)

// TestSwitchProject: a member of two projects changes between them; the sign-in that
// was left is over, and nobody gets into a project of others.
func TestSwitchProject(t *testing.T) {
	s := serve(t)
	third := forge.Scope{Tenant: catalogtest.Demo.Tenant, Project: "third"}
	rival := forge.Scope{Tenant: "rival", Project: "theirs"}
	for _, scope := range []forge.Scope{catalogtest.Other, third, rival} {
		if _, err := s.Store.CreateProject(t.Context(), scope, "Project "+string(scope.Project)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Auth.AddMember(s.As(t.Context(), catalogtest.Other), catalog.Member{Email: "owner@example.org", Role: forge.RoleViewer}, ""); err != nil {
		t.Fatal(err)
	}
	in, cookie := s.login()

	var mine struct{ Projects []catalog.Membership }
	s.want(200, s.call("GET", "/api/me/projects", in.Access, nil, &mine))
	if len(mine.Projects) != 2 || mine.Projects[0] != (catalog.Membership{Project: "demo", Title: "Demo", Role: "owner", Current: true}) || mine.Projects[1] != (catalog.Membership{Project: "other", Title: "Project other", Role: "viewer"}) {
		t.Errorf("my projects: %+v", mine.Projects)
	}

	to := func(project string) map[string]string { return map[string]string{"to": project} }
	for _, foreign := range []string{"third", "theirs", "nothing", "../demo", ""} {
		s.want(404, s.call("POST", "/api/auth/switch", in.Access, to(foreign), nil))
	}
	s.want(403, s.call("POST", "/api/auth/switch", s.token(forge.RoleOwner), to("other"), nil))
	s.want(401, s.call("POST", "/api/auth/switch", "", to("other"), nil))
	s.want(200, s.call("GET", "/api/me", in.Access, nil, nil)) // the refused ones have ended nothing

	s.Clock.Add(10 * 24 * time.Hour) // the sign-in is ten days old
	var fresh session
	res := s.call("POST", "/api/auth/refresh", "", nil, &fresh, func(r *http.Request) { r.AddCookie(cookie) })
	s.want(200, res)
	var there session
	res = s.call("POST", "/api/auth/switch", fresh.Access, to("other"), &there)
	s.want(200, res)
	if there.Project != "other" || there.Role != "viewer" || there.Access == "" {
		t.Fatalf("%+v", there)
	}
	if until := res.Cookies()[0].Expires; until.After(s.Clock.Now().Add(21 * 24 * time.Hour)) {
		t.Errorf("the switch has prolonged the sign-in to %v", until)
	}
	var me struct{ Project, Role string }
	s.want(200, s.call("GET", "/api/me", there.Access, nil, &me))
	if me.Project != "other" || me.Role != "viewer" {
		t.Errorf("after the switch: %+v", me)
	}
	s.want(401, s.call("GET", "/api/me", fresh.Access, nil, nil)) // the other one is over
	s.want(403, s.call("GET", "/api/members", there.Access, nil, nil))

	if err := s.Auth.RemoveMember(s.As(context.Background(), catalogtest.Demo), s.Owner.User); err == nil {
		t.Fatal("the last owner of demo left")
	}
	s.want(200, s.call("POST", "/api/auth/switch", there.Access, to("demo"), &in))
	if in.Project != "demo" || in.Role != "owner" {
		t.Errorf("back: %+v", in)
	}
}
