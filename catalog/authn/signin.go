package authn

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/store"
)

// Session is what a sign-in or a refresh gives.
type Session struct {
	Access    string
	ExpiresIn time.Duration
	Refresh   string
	Until     time.Time // end of the sign-in
	User      catalog.User
	Scope     forge.Scope
	Role      forge.Role
}

// Refusal is a refused sign-in or refresh of an account that exists, for the audit log
// of its project. What the client reads does not differ.
type Refusal struct {
	error
	Scope  forge.Scope
	User   catalog.User
	Reason string
}

// Unwrap makes the refusal the error that the client gets.
func (r *Refusal) Unwrap() error { return r.error }

// NormalEmail is how an address is stored and compared.
func NormalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// wrongLogin is the same for an unknown account and a wrong password, and takes as long.
func wrongLogin() error { return refused("the address or the password is wrong") }

// Login signs a person in. remote is the client's address, for throttling.
func (s *Service) Login(ctx context.Context, email, password, remote string) (Session, error) {
	email = NormalEmail(email)
	if email == "" || password == "" || len(email) > 320 || len(password) > 1024 {
		return Session{}, wrongLogin()
	}
	if err := s.throttle.enter(email, remote); err != nil {
		return Session{}, err
	}
	account, err := s.store.AccountByEmail(ctx, email)
	known := err == nil
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return Session{}, err
	}
	hash := account.Password
	if !known {
		hash = s.nobody
	}
	ok, old, err := s.hasher.verify(ctx, password, hash)
	if err != nil {
		return Session{}, err
	}
	if !known {
		return Session{}, wrongLogin()
	}
	scope, role, err := s.store.Home(ctx, account)
	if !ok {
		return Session{}, &Refusal{wrongLogin(), scope, account.User, "wrong password"}
	}
	s.throttle.success(email, remote)
	if old {
		s.rehash(ctx, account, password)
	}
	if err != nil {
		return Session{}, err
	}
	return s.begin(ctx, scope, account, role, s.now().Add(s.cfg.Refresh))
}

// begin starts a sign-in that ends at until at the latest.
func (s *Service) begin(ctx context.Context, scope forge.Scope, account store.Account, role forge.Role, until time.Time) (Session, error) {
	var id [16]byte
	_, _ = rand.Read(id[:])
	f := store.Family{ID: "sid_" + hex.EncodeToString(id[:]), Scope: scope, Account: account.ID, Counter: 1, Expires: until}
	if err := s.store.InsertFamily(ctx, f); err != nil {
		return Session{}, err
	}
	return s.session(f, account, role)
}

// rehash stores the password with today's cost; a failure is tried again next time.
func (s *Service) rehash(ctx context.Context, a store.Account, password string) {
	hash, err := s.hasher.hash(ctx, password)
	if err == nil {
		err = s.store.Rehash(ctx, a.Tenant, a.ID, hash)
	}
	if err != nil {
		s.log.Warn("password hash not renewed", "account", a.ID, "err", err)
	}
}

func (s *Service) session(f store.Family, a store.Account, role forge.Role) (Session, error) {
	access, err := s.signer.sign(f.Scope, a.ID, f.ID, s.cfg.Access)
	return Session{Access: access, ExpiresIn: s.cfg.Access, Refresh: s.sealRefresh(f), Until: f.Expires, User: a.User, Scope: f.Scope, Role: role}, err
}

// refreshToken is the content of a refresh token: which sign-in, and which of its
// tokens. A MAC makes it unguessable, so the store needs only the counter.
type refreshToken struct {
	Tenant  forge.TenantID  `json:"t"`
	Project forge.ProjectID `json:"p"`
	Family  string          `json:"f"`
	Counter int64           `json:"n"`
}

const refreshPrefix = "fr_"

func (s *Service) sealRefresh(f store.Family) string {
	raw, _ := json.Marshal(refreshToken{f.Scope.Tenant, f.Scope.Project, f.ID, f.Counter}) // strings and a number cannot fail
	enc := base64.RawURLEncoding
	return refreshPrefix + enc.EncodeToString(raw) + "." + enc.EncodeToString(s.macRefresh(raw))
}

func (s *Service) macRefresh(raw []byte) []byte {
	m := hmac.New(sha256.New, s.refresh)
	m.Write(raw)
	return m.Sum(nil)
}

func (s *Service) openRefresh(token string) (refreshToken, bool) {
	var t refreshToken
	body, ok := strings.CutPrefix(token, refreshPrefix)
	left, right, both := strings.Cut(body, ".")
	if !ok || !both || len(token) > maxToken {
		return t, false
	}
	enc := base64.RawURLEncoding.Strict()
	raw, err1 := enc.DecodeString(left)
	mac, err2 := enc.DecodeString(right)
	if err1 != nil || err2 != nil || !hmac.Equal(mac, s.macRefresh(raw)) {
		return t, false
	}
	return t, json.Unmarshal(raw, &t) == nil
}

// Refresh uses up a refresh token and gives a new pair. A token that was used before
// ends the sign-in: either the thief or the owner has the newer one, and nobody can
// say who.
func (s *Service) Refresh(ctx context.Context, token string) (Session, error) {
	t, ok := s.openRefresh(token)
	if !ok {
		return Session{}, refused("the refresh token is not valid")
	}
	scope := forge.Scope{Tenant: t.Tenant, Project: t.Project}
	f, err := s.store.Family(ctx, scope, t.Family)
	if errors.Is(err, forge.ErrNotFound) {
		return Session{}, refused("this sign-in has ended")
	}
	if err != nil {
		return Session{}, err
	}
	fresh, err := s.store.Advance(ctx, scope, f.ID, t.Counter)
	if err != nil {
		return Session{}, err
	}
	if !fresh {
		return Session{}, s.replayed(ctx, f)
	}
	f.Counter = t.Counter + 1
	account, err := s.store.Account(ctx, scope.Tenant, f.Account)
	if err != nil {
		return Session{}, err
	}
	role, err := s.store.Role(ctx, scope, f.Account)
	if errors.Is(err, forge.ErrNotFound) {
		return Session{}, refused("you are no member of this project any more")
	}
	if err != nil {
		return Session{}, err
	}
	return s.session(f, account, role)
}

// replayed ends the family of a refresh token that is used up.
func (s *Service) replayed(ctx context.Context, f store.Family) error {
	answer := refused("this sign-in has ended")
	if f.Ended || !s.now().Before(f.Expires) {
		return answer
	}
	s.log.Warn("a refresh token was used twice; its sign-in is ended", "family", f.ID, "account", f.Account)
	if err := s.endFamily(ctx, f.Scope, f.ID); err != nil {
		return err
	}
	a, err := s.store.Account(ctx, f.Scope.Tenant, f.Account)
	if err != nil {
		return answer
	}
	return &Refusal{answer, f.Scope, a.User, "refresh token used twice"}
}

// Logout ends the sign-in that a refresh token belongs to; one that is no good has
// nothing to end.
func (s *Service) Logout(ctx context.Context, token string) error {
	t, ok := s.openRefresh(token)
	if !ok {
		return nil
	}
	return s.endFamily(ctx, forge.Scope{Tenant: t.Tenant, Project: t.Project}, t.Family)
}

// EndSession ends the sign-in of a principal's access token.
func (s *Service) EndSession(ctx context.Context, p forge.Principal) error {
	if p.Kind != "person" {
		return nil
	}
	return s.endFamily(ctx, p.Scope, p.Token)
}

func (s *Service) endFamily(ctx context.Context, scope forge.Scope, id string) error {
	err := s.store.EndFamily(ctx, scope, id)
	s.cache.clear()
	return err
}
