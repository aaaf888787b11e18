// Package cataloghttp serves sign-in, members, keys, the audit log and lineage.
package cataloghttp

import (
	"context"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/audit"
	"aiforge.dev/forge/catalog/authn"
	"aiforge.dev/forge/catalog/lineage"
	"aiforge.dev/forge/internal/httpapi"
)

// Audit is what is needed of the audit log.
type Audit interface {
	Append(ctx context.Context, e audit.Entry) (int64, error)
	List(ctx context.Context, scope forge.Scope, after int64, limit int) ([]audit.Entry, error)
	Verify(ctx context.Context) (audit.Verdict, error)
}

// Graph is what is needed of the lineage.
type Graph interface {
	Graph(ctx context.Context, scope forge.Scope, ref forge.Ref, dir lineage.Direction, depth int) (lineage.Graph, error)
}

// Services are what the operations call.
type Services struct {
	Auth    *authn.Service
	Audit   Audit
	Lineage Graph
	// Secure marks the refresh cookie for HTTPS only; set when the server, or the proxy
	// before it, speaks TLS. Requests over TLS get the mark in any case.
	Secure bool
}

// Register adds the operations to s.
func Register(s *httpapi.Server, svc Services) {
	registerAuth(s, svc)
	registerMembers(s, svc)
	registerKeys(s, svc)
	registerRecords(s, svc)
}
