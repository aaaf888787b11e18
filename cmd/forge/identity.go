package main

import (
	"context"
	"fmt"
	"os"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/audit"
	"aiforge.dev/forge/catalog/authn"
	"aiforge.dev/forge/catalog/cataloghttp"
	"aiforge.dev/forge/catalog/gate"
	"aiforge.dev/forge/catalog/lineage"
	catalogstore "aiforge.dev/forge/catalog/store"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs/jobshttp"
	"aiforge.dev/forge/internal/telemetry"
)

// identity is who there is, what they may, and what was done.
type identity struct {
	auth    *authn.Service
	lineage *lineage.Store
}

// firstProject is what an empty forge starts with.
var firstProject = catalogstore.First{
	Scope: forge.Scope{Tenant: "main", Project: "demo"}, Title: "Demo",
	Owner: catalog.Member{Email: "owner@forge.local", Name: "Owner", Role: forge.RoleOwner},
}

// openIdentity opens accounts, tokens, the audit log and the lineage, makes the first
// account on an empty forge, and sets up the HTTP server that asks them.
func (a *App) openIdentity(ctx context.Context) error {
	store, err := catalogstore.New(ctx, a.db, a.cfg.Now)
	if err != nil {
		return err
	}
	if a.identity.auth, err = authn.New(store, a.keys, authn.Config{Log: a.log, Now: a.cfg.Now}); err != nil {
		return err
	}
	log, err := audit.Open(a.cfg.path("audit"), a.keys.Derive("audit log", 32), audit.Config{Log: a.log, Fault: a.cfg.Fault.In("audit")})
	if err != nil {
		return err
	}
	a.onClose(log.Close)
	a.backup.audit = log
	if a.identity.lineage, err = lineage.New(ctx, a.db, a.cfg.Now); err != nil {
		return err
	}
	if err := a.firstLogin(ctx); err != nil {
		return err
	}
	a.server = httpapi.New(gate.New(a.identity.auth, log, a.log), version, a.log)
	a.figures = telemetry.New(version)
	a.server.Measure(a.figures.Meter)
	cataloghttp.Register(a.server, cataloghttp.Services{Auth: a.identity.auth, Audit: log, Lineage: a.identity.lineage, Secure: a.cfg.TLSCert != ""})
	jobshttp.Register(a.server, a.jobs)
	return nil
}

// firstLogin makes the first account. Its password is random and left in a file that
// only the owner of the data folder can read, beside the key for the command line.
func (a *App) firstLogin(ctx context.Context) error {
	owner, err := a.identity.auth.Bootstrap(ctx, firstProject, "")
	if err != nil {
		return err
	}
	if owner.Password != "" {
		line := fmt.Sprintf("%s / %s\n", owner.Email, owner.Password)
		if err := os.WriteFile(a.cfg.path(firstLoginFile), []byte(line), 0o600); err != nil {
			return err
		}
	}
	if owner.User == "" {
		return nil // another first project: its owners have their own keys
	}
	return a.identity.auth.OwnerToken(ctx, a.cfg.path("owner.token"), owner)
}
