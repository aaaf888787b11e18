package authn

import (
	"context"
	"errors"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
)

// Projects lists where the caller may work. A key works in one project only.
func (s *Service) Projects(ctx context.Context) ([]catalog.Membership, error) {
	p, ok := forge.PrincipalFrom(ctx)
	if !ok {
		return nil, refused("nobody is signed in")
	}
	if p.Kind != "person" {
		own, err := s.store.Project(ctx, p.Scope)
		return []catalog.Membership{{Project: p.Scope.Project, Title: own.Title, Role: p.Role, Current: true}}, err
	}
	all, err := s.store.ProjectsOf(ctx, p.Scope.Tenant, p.User)
	for i := range all {
		all[i].Current = all[i].Project == p.Scope.Project
	}
	return all, err
}

// Switch ends a person's sign-in and begins one in another of his or her projects. It
// lasts no longer than the one before: only the password prolongs. A project that does
// not exist and one of others are refused in the same words.
func (s *Service) Switch(ctx context.Context, to string) (Session, error) {
	p, ok := forge.PrincipalFrom(ctx)
	if !ok {
		return Session{}, refused("nobody is signed in")
	}
	if p.Kind != "person" {
		return Session{}, forge.Errorf(forge.KindDenied, nil, "an API key works in one project only; make one in the other project")
	}
	scope := forge.Scope{Tenant: p.Scope.Tenant, Project: forge.ProjectID(to)}
	role, err := s.store.Role(ctx, scope, p.User)
	if errors.Is(err, forge.ErrNotFound) || !scope.Valid() {
		return Session{}, forge.Errorf(forge.KindNotFound, nil, "you are no member of a project %q", to)
	}
	if err != nil {
		return Session{}, err
	}
	account, err := s.store.Account(ctx, scope.Tenant, p.User)
	if err != nil {
		return Session{}, err
	}
	now, err := s.store.Family(ctx, p.Scope, p.Token)
	if err != nil {
		return Session{}, err
	}
	next, err := s.begin(ctx, scope, account, role, now.Expires)
	if err != nil {
		return Session{}, err
	}
	return next, s.endFamily(ctx, p.Scope, p.Token)
}
