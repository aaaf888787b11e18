// Package catalog knows who and what there is: tenants, projects, members and their
// permissions, tokens, the audit log, and the lineage of everything that was made.
package catalog

import (
	"time"

	"aiforge.dev/forge"
)

// allowed is the whole policy: which role has which permissions. Every decision in
// the product is a look-up here.
var allowed = map[forge.Role]map[forge.Permission]bool{
	forge.RoleOwner:   {forge.PermRead: true, forge.PermWrite: true, forge.PermPredict: true, forge.PermAdmin: true},
	forge.RoleEditor:  {forge.PermRead: true, forge.PermWrite: true, forge.PermPredict: true},
	forge.RoleViewer:  {forge.PermRead: true, forge.PermPredict: true},
	forge.RolePredict: {forge.PermPredict: true},
}

// Allows reports whether a role has a permission.
func Allows(role forge.Role, perm forge.Permission) bool { return allowed[role][perm] }

// Project is a place of work: tables, models and members of their own.
type Project struct {
	Scope   forge.Scope `json:"scope"`
	Title   string      `json:"title"`
	Created time.Time   `json:"created"`
}

// User is a person's account in a tenant.
type User struct {
	ID      forge.UserID `json:"id"`
	Email   string       `json:"email"`
	Name    string       `json:"name"`
	Created time.Time    `json:"created"`
}

// Member is a person's role in a project.
type Member struct {
	User  forge.UserID `json:"user"`
	Email string       `json:"email"`
	Name  string       `json:"name"`
	Role  forge.Role   `json:"role" enum:"owner,editor,viewer,predict"`
}

// Membership is a project that a person works in, and as what.
type Membership struct {
	Project forge.ProjectID `json:"project"`
	Title   string          `json:"title"`
	Role    forge.Role      `json:"role" enum:"owner,editor,viewer,predict"`
	Current bool            `json:"current,omitempty" doc:"The project of this sign-in"`
}

// Key is an API key. The key itself is shown once, when it is made; the store has a
// hash of it.
type Key struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Role    forge.Role `json:"role" enum:"owner,editor,viewer,predict"`
	Prefix  string     `json:"prefix" doc:"First characters, to recognise it"`
	By      string     `json:"by"`
	Created time.Time  `json:"created"`
	Used    *time.Time `json:"used,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	Revoked *time.Time `json:"revoked,omitempty"`
}

// KnownRole reports whether role is one of ours.
func KnownRole(role forge.Role) bool { return allowed[role] != nil }

// Permissions lists what a role may do, for showing.
func Permissions(role forge.Role) []forge.Permission {
	out := []forge.Permission{}
	for _, p := range []forge.Permission{forge.PermRead, forge.PermWrite, forge.PermPredict, forge.PermAdmin} {
		if allowed[role][p] {
			out = append(out, p)
		}
	}
	return out
}

// Lower returns the role that may do less; each role may do all that the next one may.
func Lower(a, b forge.Role) forge.Role {
	for _, r := range []forge.Role{forge.RolePredict, forge.RoleViewer, forge.RoleEditor} {
		if a == r || b == r {
			return r
		}
	}
	return forge.RoleOwner
}
