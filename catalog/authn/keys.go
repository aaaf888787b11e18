package authn

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"strings"
	"time"
	"unicode/utf8"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/store"
)

// An API key is fk_, 30 random characters (178 bits) and six that check them, so that
// a mistyped one is refused without a look-up and scanners find lost ones surely.
const (
	keyPrefix = "fk_"
	keyRandom = 30
	keyCheck  = 6
	base62    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

func newKey() string {
	var b strings.Builder
	b.WriteString(keyPrefix)
	for range keyRandom {
		b.WriteByte(base62[randomBelow(62)])
	}
	return b.String() + checksum(b.String())
}

// checksum is the CRC-32 of s as six base-62 digits.
func checksum(s string) string {
	n := crc32.ChecksumIEEE([]byte(s))
	out := make([]byte, keyCheck)
	for i := keyCheck - 1; i >= 0; i-- {
		out[i] = base62[n%62]
		n /= 62
	}
	return string(out)
}

func wellFormed(key string) bool {
	at := len(keyPrefix) + keyRandom
	return len(key) == at+keyCheck && strings.HasPrefix(key, keyPrefix) && checksum(key[:at]) == key[at:]
}

// hashKey is what the store keeps. A plain HMAC is enough: keys are random, not chosen.
func (s *Service) hashKey(key string) string {
	m := hmac.New(sha256.New, s.keySecret)
	m.Write([]byte(key))
	return hex.EncodeToString(m.Sum(nil))
}

// CreateKey makes an API key for the project of ctx's principal. The key itself is
// returned here and can never be read again.
func (s *Service) CreateKey(ctx context.Context, name string, role forge.Role, expires *time.Time) (string, catalog.Key, error) {
	p, ok := forge.PrincipalFrom(ctx)
	if !ok || p.Scope.IsZero() {
		return "", catalog.Key{}, forge.Errorf(forge.KindDenied, nil, "sign in first")
	}
	return s.createKey(ctx, p, name, role, expires)
}

func (s *Service) createKey(ctx context.Context, p forge.Principal, name string, role forge.Role, expires *time.Time) (string, catalog.Key, error) {
	name = strings.TrimSpace(name)
	now := s.now().UTC().Truncate(time.Microsecond)
	switch {
	case name == "" || utf8.RuneCountInString(name) > 100:
		return "", catalog.Key{}, forge.Errorf(forge.KindInvalid, nil, "key: give it a name of at most 100 characters, by which you will recognise it").With(forge.FieldError{Path: "name", Text: "1 to 100 characters"})
	case !catalog.KnownRole(role):
		return "", catalog.Key{}, unknownRole(role)
	case expires != nil && !expires.After(now):
		return "", catalog.Key{}, forge.Errorf(forge.KindInvalid, nil, "key: it would have expired already at %s", expires.Format(time.RFC3339)).With(forge.FieldError{Path: "expires", Text: "must be in the future"})
	}
	key := newKey()
	row := store.KeyRow{Key: catalog.Key{ID: forge.NewID("key"), Name: name, Role: role, Prefix: key[:len(keyPrefix)+6], By: p.Name, Created: now, Expires: expires}, Scope: p.Scope, Account: p.User}
	if err := s.store.InsertKey(ctx, row, s.hashKey(key)); err != nil {
		return "", catalog.Key{}, err
	}
	return key, row.Key, nil
}

func unknownRole(role forge.Role) error {
	return forge.Errorf(forge.KindInvalid, nil, "role %q: want owner, editor, viewer or predict", role).With(forge.FieldError{Path: "role", Text: "owner, editor, viewer or predict"})
}

// RevokeKey ends a key of ctx's project, in this process at once and in others within
// the recheck time.
func (s *Service) RevokeKey(ctx context.Context, id string) error {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return err
	}
	if err := s.store.RevokeKey(ctx, scope, id); err != nil {
		return err
	}
	s.cache.clear()
	return nil
}

func (s *Service) verifyKey(ctx context.Context, token string) (forge.Principal, time.Time, error) {
	if !wellFormed(token) {
		return forge.Principal{}, time.Time{}, refused("the API key is mistyped or cut")
	}
	k, err := s.store.KeyByHash(ctx, s.hashKey(token))
	if err != nil {
		if forge.KindOf(err) == forge.KindNotFound {
			return forge.Principal{}, time.Time{}, refused("the API key is not known here")
		}
		return forge.Principal{}, time.Time{}, err
	}
	now, exp := s.now(), far
	if k.Revoked != nil {
		return forge.Principal{}, time.Time{}, refused("the API key %s was revoked", k.Prefix+"…")
	}
	if k.Expires != nil {
		if exp = *k.Expires; !exp.After(now) {
			return forge.Principal{}, time.Time{}, refused("the API key %s has expired", k.Prefix+"…")
		}
	}
	// A key never does more than the person who made it may do now.
	role, err := s.store.Role(ctx, k.Scope, k.Account)
	if errors.Is(err, forge.ErrNotFound) {
		return forge.Principal{}, time.Time{}, refused("who made the API key %s is no member of the project any more", k.Prefix+"…")
	}
	if err != nil {
		return forge.Principal{}, time.Time{}, err
	}
	if k.Used == nil || now.Sub(*k.Used) > time.Minute {
		if err := s.store.TouchKey(ctx, k.Scope, k.ID); err != nil {
			s.log.Warn("last use of a key not noted", "key", k.ID, "err", err)
		}
	}
	return forge.Principal{User: k.Account, Name: k.Name, Kind: "key", Role: catalog.Lower(k.Role, role), Scope: k.Scope, Token: k.ID}, exp, nil
}
