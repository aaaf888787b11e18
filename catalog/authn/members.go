package authn

import (
	"context"
	"net/mail"
	"regexp"
	"strings"
	"unicode/utf8"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/store"
)

// Members lists the members of ctx's project.
func (s *Service) Members(ctx context.Context) ([]catalog.Member, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.store.Members(ctx, scope)
}

// AddMember makes a person a member of ctx's project; password is needed only for an
// address without an account.
func (s *Service) AddMember(ctx context.Context, m catalog.Member, password string) (catalog.Member, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return catalog.Member{}, err
	}
	m.Email = NormalEmail(m.Email)
	if a, err := mail.ParseAddress(m.Email); err != nil || a.Address != m.Email || len(m.Email) > 320 || !plausible.MatchString(m.Email) {
		return catalog.Member{}, forge.Errorf(forge.KindInvalid, err, "address %q: want NAME@HOST", m.Email).With(forge.FieldError{Path: "email", Text: "want NAME@HOST"})
	}
	if !catalog.KnownRole(m.Role) {
		return catalog.Member{}, unknownRole(m.Role)
	}
	if m.Name, err = displayName(m.Name, m.Email); err != nil {
		return catalog.Member{}, err
	}
	hash := ""
	if password != "" {
		if err := checkPassword(password, m.Email); err != nil {
			return catalog.Member{}, err
		}
		if hash, err = s.hasher.hash(ctx, password); err != nil {
			return catalog.Member{}, err
		}
	}
	m, err = s.store.AddMember(ctx, scope, m, hash)
	s.Forget()
	return m, err
}

// plausible is an address as mail servers take it, without what is only allowed, and
// without letters that look like others: two people must not seem to be one.
var plausible = regexp.MustCompile(`^[a-z0-9_][a-z0-9._%+'-]*@[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

func displayName(name, email string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		name, _, _ = strings.Cut(email, "@")
	}
	if utf8.RuneCountInString(name) > 100 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return "", forge.Errorf(forge.KindInvalid, nil, "name: want at most 100 characters in one line").With(forge.FieldError{Path: "name", Text: "at most 100 characters in one line"})
	}
	return name, nil
}

// Change is what ChangeMember changes; empty fields stay.
type Change struct {
	Role     forge.Role
	Name     string
	Password string
}

// ChangeMember changes a member of ctx's project; a new password ends the person's
// sign-ins.
func (s *Service) ChangeMember(ctx context.Context, user forge.UserID, c Change) (catalog.Member, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return catalog.Member{}, err
	}
	m, err := s.member(ctx, scope, user)
	if err != nil {
		return m, err
	}
	hash := ""
	if c.Role != "" && !catalog.KnownRole(c.Role) { // everything is checked before anything changes
		return m, unknownRole(c.Role)
	}
	if c.Name != "" && c.Name != m.Name || c.Password != "" {
		if err := s.ownsAccount(ctx, scope, user, m.Email); err != nil {
			return m, err
		}
	}
	if c.Name != "" {
		if c.Name, err = displayName(c.Name, m.Email); err != nil {
			return m, err
		}
	}
	if c.Password != "" {
		if err := checkPassword(c.Password, m.Email); err != nil {
			return m, err
		}
		if hash, err = s.hasher.hash(ctx, c.Password); err != nil {
			return m, err
		}
	}
	defer s.Forget()
	if c.Role != "" && c.Role != m.Role {
		if err := s.store.SetRole(ctx, scope, user, c.Role); err != nil {
			return m, err
		}
	}
	if c.Name != "" && c.Name != m.Name {
		if err := s.store.SetName(ctx, scope.Tenant, user, c.Name); err != nil {
			return m, err
		}
	}
	if hash != "" {
		if err := s.store.SetPassword(ctx, scope.Tenant, user, hash, ""); err != nil {
			return m, err
		}
	}
	return s.member(ctx, scope, user)
}

// ownsAccount refuses to let an owner of one project change an account that works in
// others too: with its new password the owner could enter those.
func (s *Service) ownsAccount(ctx context.Context, scope forge.Scope, user forge.UserID, email string) error {
	n, err := s.store.Memberships(ctx, scope.Tenant, user)
	if err == nil && n > 1 {
		return forge.Errorf(forge.KindDenied, nil, "%s is a member of other projects too; name and password of such an account cannot be changed from one of them", email)
	}
	return err
}

func (s *Service) member(ctx context.Context, scope forge.Scope, user forge.UserID) (catalog.Member, error) {
	role, err := s.store.Role(ctx, scope, user)
	if err != nil {
		return catalog.Member{}, err
	}
	a, err := s.store.Account(ctx, scope.Tenant, user)
	return catalog.Member{User: user, Email: a.Email, Name: a.Name, Role: role}, err
}

// RemoveMember ends a membership of ctx's project.
func (s *Service) RemoveMember(ctx context.Context, user forge.UserID) error {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return err
	}
	defer s.Forget()
	return s.store.RemoveMember(ctx, scope, user)
}

// Me is who ctx's principal is, and where.
type Me struct {
	forge.Principal
	Email string
	Title string // of the project
}

// Me describes the principal of ctx.
func (s *Service) Me(ctx context.Context) (Me, error) {
	p, ok := forge.PrincipalFrom(ctx)
	if !ok {
		return Me{}, forge.Errorf(forge.KindDenied, nil, "sign in first")
	}
	project, err := s.store.Project(ctx, p.Scope)
	if err != nil {
		return Me{}, err
	}
	me := Me{Principal: p, Title: project.Title}
	if p.Kind == "person" {
		a, err := s.store.Account(ctx, p.Scope.Tenant, p.User)
		if err != nil {
			return Me{}, err
		}
		me.Email = a.Email
	}
	return me, nil
}

// SelfChange is what people change about themselves; empty fields stay.
type SelfChange struct {
	Name     string
	Current  string // the password as it is; needed for a new one
	Password string
}

// ChangeSelf changes the account of ctx's principal. A new password ends all sign-ins
// but this one. Keys and jobs have no account of their own to change.
func (s *Service) ChangeSelf(ctx context.Context, c SelfChange, remote string) (Me, error) {
	p, ok := forge.PrincipalFrom(ctx)
	if !ok || p.Kind != "person" {
		return Me{}, forge.Errorf(forge.KindDenied, nil, "only a person who signed in can do this, not a key")
	}
	a, err := s.store.Account(ctx, p.Scope.Tenant, p.User)
	if err != nil {
		return Me{}, err
	}
	if c.Name != "" {
		if c.Name, err = displayName(c.Name, a.Email); err != nil {
			return Me{}, err
		}
	}
	hash := ""
	if c.Password != "" {
		if hash, err = s.newOwnPassword(ctx, a, c, remote); err != nil {
			return Me{}, err
		}
	}
	defer s.Forget()
	if hash != "" {
		if err := s.store.SetPassword(ctx, a.Tenant, a.ID, hash, p.Token); err != nil {
			return Me{}, err
		}
	}
	if c.Name != "" {
		if err := s.store.SetName(ctx, a.Tenant, a.ID, c.Name); err != nil {
			return Me{}, err
		}
		p.Name = c.Name
	}
	return s.Me(forge.WithPrincipal(ctx, p))
}

// newOwnPassword checks the current password, throttled like a sign-in: a stolen
// access token must not be a way to guess it.
func (s *Service) newOwnPassword(ctx context.Context, a store.Account, c SelfChange, remote string) (string, error) {
	if err := checkPassword(c.Password, a.Email); err != nil {
		return "", err
	}
	if err := s.throttle.enter(a.Email, remote); err != nil {
		return "", err
	}
	ok, _, err := s.hasher.verify(ctx, c.Current, a.Password)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", forge.Errorf(forge.KindInvalid, nil, "the current password is wrong").With(forge.FieldError{Path: "current", Text: "is wrong"})
	}
	s.throttle.success(a.Email, remote)
	return s.hasher.hash(ctx, c.Password)
}

// Keys lists the API keys of ctx's project.
func (s *Service) Keys(ctx context.Context) ([]catalog.Key, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.store.Keys(ctx, scope)
}
