// Package gatetest lets the tests of handlers in without accounts and tokens.
package gatetest

import (
	"context"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
)

// Gate takes the token ROLE@TENANT/PROJECT for what it says and keeps no audit log. An
// editor may all that is declared, a viewer may read, others nothing.
type Gate struct{}

var _ httpapi.Gate = Gate{}

// Authenticate implements httpapi.Gate.
func (Gate) Authenticate(_ context.Context, token string) (forge.Principal, error) {
	role, place, at := strings.Cut(token, "@")
	tenant, project, slash := strings.Cut(place, "/")
	if !at || !slash {
		return forge.Principal{}, httpapi.Unauthenticated("want a token of the form ROLE@TENANT/PROJECT")
	}
	return forge.Principal{User: "u1", Name: "Ann", Role: forge.Role(role), Scope: forge.Scope{Tenant: forge.TenantID(tenant), Project: forge.ProjectID(project)}}, nil
}

// Allows implements httpapi.Gate.
func (Gate) Allows(role forge.Role, perm forge.Permission) bool {
	return role == forge.RoleEditor || role == forge.RoleViewer && perm == forge.PermRead
}

// Audit implements httpapi.Gate.
func (Gate) Audit(context.Context, httpapi.AuditEvent) {}
