// Package authn says who somebody is. People sign in with a password and get an
// access token of fifteen minutes and a refresh token that is good for one use; a
// refresh token seen twice was stolen, and ends the whole sign-in. Programs have API
// keys. Nothing that would let somebody in is stored: passwords as argon2id, keys as
// HMAC, refresh tokens as a counter.
package authn

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/store"
	"aiforge.dev/forge/internal/httpapi"
)

// Secrets derives keys by purpose; keyset.Keyset does.
type Secrets interface {
	Derive(purpose string, n int) []byte
}

// Config of a Service; the zero value is what a server wants.
type Config struct {
	Log     *slog.Logger     // nil discards
	Now     func() time.Time // nil is the wall clock
	Cost    Cost             // of passwords; zero means DefaultCost
	Access  time.Duration    // life of an access token; 0 means 15 min
	Refresh time.Duration    // life of a sign-in; 0 means 30 days
	Recheck time.Duration    // how long a verified token is believed before its key, sign-in and role are looked up again; 0 means 5 s
}

// Service makes and checks tokens.
type Service struct {
	store     *store.Store
	cfg       Config
	log       *slog.Logger
	now       func() time.Time
	hasher    *hasher
	signer    *signer
	keySecret []byte
	refresh   []byte
	cache     *cache
	throttle  *throttle
	nobody    string // a hash to check against when the account does not exist
}

// far is the expiry of what does not expire.
var far = time.Unix(1<<40, 0)

// New makes a Service on st with keys of its own from secrets.
func New(st *store.Store, secrets Secrets, cfg Config) (*Service, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Cost == (Cost{}) {
		cfg.Cost = DefaultCost
	}
	for d, v := range map[*time.Duration]time.Duration{&cfg.Access: 15 * time.Minute, &cfg.Refresh: 30 * 24 * time.Hour, &cfg.Recheck: 5 * time.Second} {
		if *d == 0 {
			*d = v
		}
	}
	s := &Service{
		store: st, cfg: cfg, log: cfg.Log, now: cfg.Now, hasher: newHasher(cfg.Cost),
		signer:    newSigner(secrets.Derive("access tokens", 32), cfg.Now),
		keySecret: secrets.Derive("api keys", 32), refresh: secrets.Derive("refresh tokens", 32),
		cache: newCache(), throttle: newThrottle(cfg.Now),
	}
	var err error
	s.nobody, err = s.hasher.hash(context.Background(), NewPassword())
	return s, err
}

// refused is the answer to a token that is no good: 401.
func refused(format string, args ...any) error {
	return httpapi.Unauthenticated(format+"; sign in again, or make a new key with forge token create", args...)
}

// Authenticate returns who holds a token: an access token or an API key.
func (s *Service) Authenticate(ctx context.Context, token string) (forge.Principal, error) {
	now := s.now()
	if p, ok := s.cache.get(token, now); ok {
		return p, nil
	}
	verify := s.verifyKey
	if isJWT(token) {
		verify = s.verifyAccess
	}
	epoch := s.cache.epoch()
	p, exp, err := verify(ctx, token)
	if err != nil {
		return forge.Principal{}, err
	}
	if again := now.Add(s.cfg.Recheck); again.Before(exp) {
		exp = again
	}
	s.cache.put(token, p, exp, epoch)
	return p, nil
}

// verifyAccess checks the token, then what can have changed since it was made: the
// sign-in and the membership.
func (s *Service) verifyAccess(ctx context.Context, token string) (forge.Principal, time.Time, error) {
	c, err := s.signer.verify(token)
	if err != nil {
		s.log.Debug("access token refused", "err", err)
		return forge.Principal{}, time.Time{}, refused("the token is not valid or has expired")
	}
	scope := forge.Scope{Tenant: c.Tenant, Project: c.Project}
	f, err := s.store.Family(ctx, scope, c.Family)
	if err == nil && (f.Ended || string(f.Account) != c.Subject) {
		err = forge.Errorf(forge.KindNotFound, nil, "ended")
	}
	var role forge.Role
	var account store.Account
	if err == nil {
		role, err = s.store.Role(ctx, scope, forge.UserID(c.Subject))
	}
	if err == nil {
		account, err = s.store.Account(ctx, scope.Tenant, forge.UserID(c.Subject))
	}
	if errors.Is(err, forge.ErrNotFound) {
		return forge.Principal{}, time.Time{}, refused("this sign-in has ended")
	}
	if err != nil {
		return forge.Principal{}, time.Time{}, err
	}
	return forge.Principal{User: account.ID, Name: account.Name, Kind: "person", Role: role, Scope: scope, Token: f.ID}, c.ExpiresAt.Time, nil
}

// Forget makes every token be looked up again at its next use: after a change of
// members, roles or keys.
func (s *Service) Forget() { s.cache.clear() }

// ForgetOld drops sign-ins that ended or expired more than a day ago: a stolen token that
// comes later is refused all the same, for its sign-in does not exist.
func (s *Service) ForgetOld(ctx context.Context) error {
	return s.store.DropOldFamilies(ctx, s.now().Add(-24*time.Hour))
}
