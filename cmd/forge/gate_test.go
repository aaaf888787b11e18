package main

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/internal/httpapi"
	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

var pathParam = regexp.MustCompile(`\{([a-z_]+)\}`)

// pathOf fills an operation's path with the given values; others are nonsense.
func pathOf(op httpapi.Op, values map[string]string) string {
	path := strings.Replace(op.Path, "/*", "/{rest}", 1)
	return pathParam.ReplaceAllStringFunc(path, func(p string) string {
		name := strings.Trim(p, "{}")
		if v, ok := values[name]; ok && name == "rest" {
			return v
		} else if ok {
			return url.PathEscape(v)
		}
		return "nosuch"
	})
}

// TestEveryRouteIsAnOperation: nothing is reached but by an operation, which has a rule
// of its own and is in the document; only gRPC and Prometheus have documents elsewhere.
func TestEveryRouteIsAnOperation(t *testing.T) {
	f := shared(t)
	known := map[string]bool{}
	for _, path := range []string{"/api/openapi.json", "/api/openapi.yaml", "/api/openapi-3.0.json", "/api/openapi-3.0.yaml"} {
		known["GET "+path] = true // the document itself
	}
	api := f.app.server.API.OpenAPI()
	perms := []forge.Permission{forge.PermPublic, forge.PermSelf, forge.PermRead, forge.PermWrite, forge.PermPredict, forge.PermAdmin}
	for _, op := range f.app.server.Ops() {
		known[op.Method+" "+op.Path] = true
		if !slices.Contains(perms, op.Perm) {
			t.Errorf("%s has no rule: %q", op.ID, op.Perm)
		}
		if op.Hidden {
			if !strings.HasPrefix(op.ID, "grpc-") && op.ID != "metrics" {
				t.Errorf("%s is not in the document", op.ID)
			}
			continue
		}
		o := operationOf(api.Paths[op.Path], op.Method)
		if o == nil {
			t.Errorf("%s %s is not in the document", op.Method, op.Path)
			continue
		}
		if o.OperationID != op.ID || o.Extensions["x-permission"] != string(op.Perm) || (len(o.Security) > 0) != (op.Perm != forge.PermPublic) {
			t.Errorf("%s: the document says %s, %v, %v; the gate asks for %s", op.ID, o.OperationID, o.Extensions, o.Security, op.Perm)
		}
	}
	routes := 0
	err := chi.Walk(f.app.server.Router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routes++
		if known[method+" "+route] {
			return nil
		}
		if root, ok := strings.CutSuffix(route, "/*"); ok { // what is not there is said in a protocol's own words
			a := f.ask(f.owner(t), method, root+"/nosuch/thing", nil)
			if a.status >= 400 && a.err == nil || method == "CONNECT" {
				return nil
			}
			t.Errorf("%s %s answers with %d %v", method, route, a.status, a.err)
		}
		t.Errorf("%s %s is no operation: nobody asks who comes", method, route)
		return nil
	})
	if err != nil || routes < len(f.app.server.Ops()) {
		t.Errorf("%d routes for %d operations, %v", routes, len(f.app.server.Ops()), err)
	}
}

func operationOf(item *huma.PathItem, method string) *huma.Operation {
	if item == nil {
		return nil
	}
	return map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "DELETE": item.Delete, "PATCH": item.Patch, "HEAD": item.Head}[method]
}

// TestEveryOperationAsksForItsPermission walks every operation with every role: who
// lacks the permission is refused with 403 before the request is looked at, who has it
// is not; without a token everything but the public ones is refused with 401.
func TestEveryOperationAsksForItsPermission(t *testing.T) {
	f := fresh(t) // mutating operations are really called
	ops := f.app.server.Ops()
	if len(ops) < 180 {
		t.Fatalf("only %d operations", len(ops))
	}
	ids := map[string]bool{}
	for _, op := range ops {
		if ids[op.ID] {
			t.Errorf("two operations are called %s", op.ID)
		}
		ids[op.ID] = true
	}
	strangers, members := f.strangers(t), map[forge.Role]string{}
	for _, role := range []forge.Role{forge.RoleOwner, forge.RoleEditor, forge.RoleViewer, forge.RolePredict} {
		members[role] = f.key(t, role)
	}
	var wg sync.WaitGroup
	for who, token := range strangers {
		wg.Go(func() {
			for _, op := range ops {
				a := f.ask(token, op.Method, pathOf(op, nil), body(op))
				if public := op.Perm == forge.PermPublic; !public && a.status != 401 || public && a.status == 403 || a.err != nil {
					t.Errorf("%s (%s), %s: %d %s %v", op.ID, op.Perm, who, a.status, a.body, a.err)
				}
			}
		})
	}
	for role, token := range members {
		wg.Go(func() {
			for _, op := range ops {
				f.mayOnly(t, op, role, token)
			}
		})
	}
	wg.Wait()
	if a := f.ask(members[forge.RoleViewer], "GET", "/api/tables", nil); a.status != 200 {
		t.Errorf("afterwards a viewer gets %d %s", a.status, a.body)
	}
	f.refusalsAreInTheLog(t, int64(len(ops)))
}

// mayOnly calls an operation in a role, which may or may not.
func (f *forged) mayOnly(t *testing.T, op httpapi.Op, role forge.Role, token string) {
	if op.Perm == forge.PermPublic || op.ID == "change-me" { // which is for people only: a key is refused in its own words
		return
	}
	a := f.ask(token, op.Method, pathOf(op, nil), body(op))
	may := op.Perm == forge.PermSelf || catalog.Allows(role, op.Perm)
	if refused := a.status == 403; refused == may || a.err != nil || a.status == 401 {
		t.Errorf("%s needs %s, %s gets %d %s %v", op.ID, op.Perm, role, a.status, a.body, a.err)
	}
	if a.status >= 500 && a.status != 501 && a.status != 503 {
		t.Errorf("%s breaks: %d %s", op.ID, a.status, a.body)
	}
	if a.status == 403 && op.Method != "HEAD" && !strings.Contains(string(a.body), string(op.Perm)) && !strings.HasPrefix(op.Path, "/v2") {
		t.Errorf("%s: the refusal of %s does not name the permission %s: %s", op.ID, role, op.Perm, a.body)
	}
}

func (f *forged) refusalsAreInTheLog(t *testing.T, least int64) {
	t.Helper()
	var audit struct{ Entries []struct{ Outcome string } }
	f.get(t, &audit, "GET", "/api/audit?limit=1000", nil)
	denied := int64(0)
	for _, e := range audit.Entries {
		if e.Outcome == "denied" {
			denied++
		}
	}
	if denied < least {
		t.Errorf("%d refusals are in the audit log, %d operations were refused at least once each", denied, least)
	}
	var whole struct {
		OK      bool
		Entries int64
	}
	f.must(t, &whole, "audit", "verify")
	if !whole.OK || whole.Entries < denied {
		t.Errorf("the audit log: %+v", whole)
	}
}

// strangers are tokens that let nobody in, by what is wrong with them.
func (f *forged) strangers(t *testing.T) map[string]string {
	t.Helper()
	ctx := context.Background()
	good := f.key(t, forge.RoleOwner)
	out := map[string]string{"nobody": "", "mistyped": good[:len(good)-1] + map[bool]string{true: "A", false: "B"}[good[len(good)-1] != 'A']}

	var made struct {
		Key   struct{ ID string }
		Token string
	}
	f.get(t, &made, "POST", "/api/keys", map[string]any{"name": "revoked", "role": "owner"})
	f.get(t, nil, "DELETE", "/api/keys/"+made.Key.ID, nil)
	out["revoked"] = made.Token

	soon := time.Now().Add(300 * time.Millisecond)
	f.get(t, &made, "POST", "/api/keys", map[string]any{"name": "expired", "role": "owner", "expires": soon})
	out["expired"] = made.Token
	eventually(t, "a key expires", 10*time.Second, func() bool { return f.ask(made.Token, "GET", "/api/me", nil).status == 401 })

	var person catalog.Member
	f.get(t, &person, "POST", "/api/members", map[string]any{"email": "gone@forge.local", "role": "owner", "password": "a long enough secret 8"})
	me := forge.Principal{User: person.User, Name: "gone", Kind: "person", Role: forge.RoleOwner, Scope: firstProject.Scope}
	key, _, err := f.app.identity.auth.CreateKey(forge.WithPrincipal(ctx, me), "gone", forge.RoleOwner, nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := f.app.identity.auth.Login(ctx, "gone@forge.local", "a long enough secret 8", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{key, in.Access} {
		if a := f.ask(token, "GET", "/api/members", nil); a.status != 200 {
			t.Fatalf("before the end: %d %s", a.status, a.body)
		}
	}
	f.get(t, nil, "DELETE", "/api/members/"+string(person.User), nil)
	out["key of a removed member"], out["sign-in of a removed member"], out["refresh token"] = key, in.Access, in.Refresh
	return out
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
