package main

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/internal/httpapi"
	"github.com/danielgtaylor/huma/v2"
)

var pathParam = regexp.MustCompile(`\{([a-z_]+)\}`)

// pathOf fills an operation's path with the given values; others are nonsense.
func pathOf(op httpapi.Op, values map[string]string) string {
	return pathParam.ReplaceAllStringFunc(op.Path, func(p string) string {
		if v, ok := values[strings.Trim(p, "{}")]; ok {
			return url.PathEscape(v)
		}
		return "nosuch"
	})
}

// TestEveryOperationAsksForItsPermission walks every operation with every role: who
// lacks the permission is refused with 403 before the request is looked at, who has it
// is not; without a token everything but the public ones is refused with 401.
func TestEveryOperationAsksForItsPermission(t *testing.T) {
	f := fresh(t) // mutating operations are really called
	ops := f.app.server.Ops()
	if len(ops) < 60 {
		t.Fatalf("only %d operations", len(ops))
	}
	keys := map[forge.Role]string{}
	for _, role := range []forge.Role{forge.RoleViewer, forge.RolePredict, forge.RoleEditor} {
		keys[role] = f.key(t, role)
	}
	ids := map[string]bool{}
	for _, op := range ops {
		if ids[op.ID] {
			t.Errorf("two operations are called %s", op.ID)
		}
		ids[op.ID] = true
		path := pathOf(op, nil)
		bare := f.ask("", op.Method, path, body(op))
		if public := op.Perm == forge.PermPublic; !public && bare.status != 401 || public && bare.status == 403 {
			t.Errorf("%s (%s) without a token: %d %s", op.ID, op.Perm, bare.status, bare.body)
		}
		if op.Perm == forge.PermPublic {
			continue
		}
		for role, key := range keys {
			if op.ID == "change-me" {
				continue // for people only: a key is refused in its own words
			}
			a := f.ask(key, op.Method, path, body(op))
			may := op.Perm == forge.PermSelf || catalog.Allows(role, op.Perm)
			if refused := a.status == 403; refused == may || a.err != nil {
				t.Errorf("%s needs %s, %s gets %d %s %v", op.ID, op.Perm, role, a.status, a.body, a.err)
			}
			if a.status == 403 && op.Method != "HEAD" && !strings.Contains(string(a.body), string(op.Perm)) && !strings.HasPrefix(op.Path, "/v2") {
				t.Errorf("%s: the refusal of %s does not name the permission %s: %s", op.ID, role, op.Perm, a.body)
			}
		}
	}
	if a := f.ask(keys[forge.RoleViewer], "GET", "/api/tables", nil); a.status != 200 {
		t.Errorf("afterwards a viewer gets %d %s", a.status, a.body)
	}
	var audit struct{ Entries []struct{ Outcome string } }
	f.get(t, &audit, "GET", "/api/audit?limit=1000", nil)
	denied := 0
	for _, e := range audit.Entries {
		if e.Outcome == "denied" {
			denied++
		}
	}
	if denied < len(ops) {
		t.Errorf("%d refusals are in the audit log, %d operations were refused at least once each", denied, len(ops))
	}
	var whole struct {
		OK      bool
		Entries int64
	}
	f.must(t, &whole, "audit", "verify")
	if !whole.OK || whole.Entries < int64(denied) {
		t.Errorf("the audit log: %+v", whole)
	}
}

// body is something for operations that want one; it need not make sense.
func body(op httpapi.Op) any {
	if op.Method == "GET" || op.Method == "DELETE" || op.Method == "HEAD" {
		return nil
	}
	return map[string]any{}
}

// TestNoOperationTakesAProject: no path, query or body has a place for one.
func TestNoOperationTakesAProject(t *testing.T) {
	f := shared(t)
	api := f.app.server.API.OpenAPI()
	for _, op := range f.app.server.Ops() {
		for _, m := range pathParam.FindAllStringSubmatch(op.Path, -1) {
			if m[1] == "tenant" || m[1] == "project" || m[1] == "scope" {
				t.Errorf("%s takes %q from its path", op.ID, m[1])
			}
		}
	}
	for path, item := range api.Paths {
		for _, o := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
			if o == nil {
				continue
			}
			for _, p := range o.Parameters {
				if p.Name == "tenant" || p.Name == "project" || p.Name == "scope" {
					t.Errorf("%s %s takes %q", o.OperationID, path, p.Name)
				}
			}
			if o.RequestBody == nil {
				continue
			}
			for _, c := range o.RequestBody.Content {
				s := c.Schema
				if s != nil && s.Ref != "" {
					s = api.Components.Schemas.SchemaFromRef(s.Ref)
				}
				for _, name := range []string{"tenant", "project", "scope"} {
					if s != nil && s.Properties[name] != nil {
						t.Errorf("%s %s takes %q in its body", o.OperationID, path, name)
					}
				}
			}
		}
	}
}
