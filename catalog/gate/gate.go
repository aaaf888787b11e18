// Package gate answers the three questions of every request: who are you (authn), may
// you (the catalog's policy), and a line in the audit log.
package gate

import (
	"context"
	"log/slog"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/audit"
	"aiforge.dev/forge/internal/httpapi"
)

// Authenticator says who holds a token; authn.Service does.
type Authenticator interface {
	Authenticate(ctx context.Context, token string) (forge.Principal, error)
}

// Recorder keeps audit entries; audit.Log does.
type Recorder interface {
	Append(ctx context.Context, e audit.Entry) (int64, error)
}

// Gate implements httpapi.Gate.
type Gate struct {
	who Authenticator
	rec Recorder
	log *slog.Logger
}

var _ httpapi.Gate = (*Gate)(nil)

// New makes a Gate. A nil logger discards.
func New(who Authenticator, rec Recorder, log *slog.Logger) *Gate {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Gate{who: who, rec: rec, log: log}
}

// Authenticate implements httpapi.Gate.
func (g *Gate) Authenticate(ctx context.Context, token string) (forge.Principal, error) {
	return g.who.Authenticate(ctx, token)
}

// Allows implements httpapi.Gate.
func (g *Gate) Allows(role forge.Role, perm forge.Permission) bool {
	return catalog.Allows(role, perm)
}

// Audit implements httpapi.Gate. The entry is written even when the client has gone
// meanwhile, and it is on the disk before a short answer leaves.
func (g *Gate) Audit(ctx context.Context, e httpapi.AuditEvent) {
	_, err := g.rec.Append(context.WithoutCancel(ctx), Entry(e))
	if err != nil {
		g.log.Error("audit entry lost", "err", err, "action", e.Action, "target", e.Target, "user", e.Principal.User, "outcome", e.Outcome, "request", e.RequestID)
	}
}

// Entry is an HTTP request as the audit log keeps it.
func Entry(e httpapi.AuditEvent) audit.Entry {
	return audit.Entry{
		At: e.At, Scope: e.Principal.Scope, User: string(e.Principal.User), By: e.Principal.Name, Kind: e.Principal.Kind, Token: e.Principal.Token,
		Action: e.Action, Target: limit(e.Target), Outcome: e.Outcome, Status: e.Status, Remote: e.Remote, RequestID: e.RequestID,
	}
}

// limit keeps a hostile path from filling the log.
func limit(s string) string {
	if len(s) > 2000 {
		return s[:2000] + "…"
	}
	return s
}
