// Package forge holds the nouns that every folder of AI Forge shares: who acts
// (Principal), where (Scope), on what (TableName, Ref), and how things fail
// (Error, Kind). It depends on the standard library only.
package forge

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// TenantID and ProjectID name the two levels of separation. They come only from
// a verified token (see Principal) and are part of every key, path, topic and
// cache entry.
type (
	TenantID  string
	ProjectID string
	UserID    string
)

// Scope is where something lives: one project of one tenant. A handler gets it
// from the request's Principal and from nowhere else.
type Scope struct {
	Tenant  TenantID  `json:"tenant"`
	Project ProjectID `json:"project"`
}

// String is the scope's form in keys and paths: "tenant/project".
func (s Scope) String() string { return string(s.Tenant) + "/" + string(s.Project) }

// IsZero reports whether the scope names nothing; every store refuses such a scope.
func (s Scope) IsZero() bool { return s.Tenant == "" || s.Project == "" }

// Valid reports whether both parts are safe as part of a path, topic or key.
func (s Scope) Valid() bool {
	return scopePart.MatchString(string(s.Tenant)) && scopePart.MatchString(string(s.Project))
}

var scopePart = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// Role is what a member may do in a project. Permissions are derived from it in
// one place: catalog.Allows.
type Role string

const (
	RoleOwner   Role = "owner"   // everything, and members, tokens, audit
	RoleEditor  Role = "editor"  // reads and changes data, features, models, deployments
	RoleViewer  Role = "viewer"  // reads
	RolePredict Role = "predict" // asks for predictions, nothing else
)

// Permission is what an operation needs. Each HTTP operation declares exactly one.
type Permission string

const (
	PermPublic  Permission = "public"  // no token: health, sign-in
	PermSelf    Permission = "self"    // any valid token: who am I, sign out
	PermRead    Permission = "read"    // see data and definitions
	PermWrite   Permission = "write"   // change data and definitions, start jobs
	PermPredict Permission = "predict" // ask a deployed model
	PermAdmin   Permission = "admin"   // members, tokens, audit log, project settings
)

// Principal is who acts: a person, an API key or a job acting for one of them.
type Principal struct {
	User  UserID `json:"user"`
	Name  string `json:"name"`  // shown to people and in the audit log
	Kind  string `json:"kind"`  // person, key, job
	Role  Role   `json:"role"`  // in Scope.Project
	Scope Scope  `json:"scope"` // taken from the verified token
	Token string `json:"token"` // id of the token, never the token itself
}

type principalKey struct{}

// WithPrincipal returns a context that carries p. Only the authenticating
// middleware and the job runner call it.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns the principal of ctx; false when nobody is signed in.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// By returns the name of ctx's principal, as "made by" shows it; empty when nobody is
// signed in.
func By(ctx context.Context) string {
	p, _ := PrincipalFrom(ctx)
	return p.Name
}

// ScopeFrom returns the scope of ctx's principal. Without one it fails with
// KindDenied, so that a forgotten check can never reach another project's data.
func ScopeFrom(ctx context.Context) (Scope, error) {
	p, ok := PrincipalFrom(ctx)
	if !ok || p.Scope.IsZero() {
		return Scope{}, Errorf(KindDenied, nil, "sign in first: no project in this request")
	}
	return p.Scope, nil
}

// TableName is a table's name in its project: namespace and name, for example
// raw.calls. Both parts are lower case letters, digits and underscores.
type TableName struct{ Namespace, Name string }

var tablePart = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// ParseTableName reads "namespace.name".
func ParseTableName(s string) (TableName, error) {
	ns, name, ok := strings.Cut(s, ".")
	if !ok || !tablePart.MatchString(ns) || !tablePart.MatchString(name) {
		return TableName{}, Errorf(KindInvalid, nil, "table name %q: want NAMESPACE.NAME in lower case letters, digits and _, for example raw.calls", s)
	}
	return TableName{ns, name}, nil
}

func (t TableName) String() string { return t.Namespace + "." + t.Name }

// MarshalText and UnmarshalText make a TableName a plain string in JSON and YAML.
func (t TableName) MarshalText() ([]byte, error) {
	if t == (TableName{}) {
		return nil, nil
	}
	return []byte(t.String()), nil
}

func (t *TableName) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*t = TableName{}
		return nil
	}
	n, err := ParseTableName(string(b))
	if err == nil {
		*t = n
	}
	return err
}

// UnmarshalYAML reads a TableName from a text only: a YAML map would otherwise fill the
// struct's fields with names that nothing has checked.
func (t *TableName) UnmarshalYAML(decode func(any) error) error {
	var s string
	if err := decode(&s); err != nil {
		return err
	}
	return t.UnmarshalText([]byte(s))
}

// Ident checks a name that a user gives to a view, model, deployment or flow.
func Ident(what, s string) error {
	if !tablePart.MatchString(s) {
		return Errorf(KindInvalid, nil, "%s name %q: want a lower case letter, then up to 62 lower case letters, digits or _", what, s)
	}
	return nil
}

// Ref names anything that has a place in the lineage graph. Kind is one of file,
// topic, snapshot, recipe, view, trainingset, run, model, deployment; ID is the
// kind's own identity, for example "raw.calls@8123" or "calls/3".
type Ref struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

func (r Ref) String() string { return r.Kind + ":" + r.ID }

// Edge says that To was made from From by an action at a time. Whoever commits a
// result writes its edges.
type Edge struct {
	From Ref       `json:"from"`
	To   Ref       `json:"to"`
	By   string    `json:"by"` // the action: ingest, recipe.apply, train, …
	At   time.Time `json:"at"`
	Name string    `json:"-"` // what people call From, where its id does not tell: a file's name
}

// Lineage takes edges; writing an edge twice is harmless.
type Lineage interface {
	Link(ctx context.Context, scope Scope, edges ...Edge) error
}

// NewID returns a random id with a readable prefix, for example "run_5f0c…": 80
// random bits, sortable by nothing, safe in paths and topics.
func NewID(prefix string) string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails since Go 1.24
	return fmt.Sprintf("%s_%s", prefix, hex.EncodeToString(b[:]))
}
