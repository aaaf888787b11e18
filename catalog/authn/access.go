package authn

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"aiforge.dev/forge"
	"github.com/golang-jwt/jwt/v5"
)

// What an access token says of itself. Both are compared exactly.
const (
	issuer   = "aiforge"
	audience = "aiforge-api"
	skew     = 60 * time.Second
	maxToken = 4096 // bytes; ours have about 500
)

// claims are an access token's. The role is not among them: it is looked up, so that
// a change takes effect at once.
type claims struct {
	jwt.RegisteredClaims
	Tenant  forge.TenantID  `json:"tenant"`
	Project forge.ProjectID `json:"project"`
	Family  string          `json:"sid"`
}

// signer makes and checks access tokens with one Ed25519 key.
type signer struct {
	key    ed25519.PrivateKey
	kid    string
	parser *jwt.Parser
	now    func() time.Time
}

func newSigner(seed []byte, now func() time.Time) *signer {
	key := ed25519.NewKeyFromSeed(seed)
	sum := sha256.Sum256(key.Public().(ed25519.PublicKey))
	return &signer{key: key, kid: hex.EncodeToString(sum[:8]), now: now, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), // nothing else, whatever the header says
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithLeeway(skew),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(now),
	)}
}

func (s *signer) sign(scope forge.Scope, user forge.UserID, family string, life time.Duration) (string, error) {
	now := s.now()
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Audience: jwt.ClaimStrings{audience}, Subject: string(user), ID: forge.NewID("at"),
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(life)),
		},
		Tenant: scope.Tenant, Project: scope.Project, Family: family,
	})
	t.Header["kid"] = s.kid
	return t.SignedString(s.key)
}

var errHeader = errors.New("a header field that is not ours")

// verify checks everything that the token itself can show. The key never depends on
// the header: a kid other than ours, a jwk, a jku or a crit is refused, not followed.
func (s *signer) verify(token string) (claims, error) {
	var c claims
	if len(token) > maxToken {
		return c, errors.New("too long")
	}
	_, err := s.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		for name, value := range t.Header {
			switch {
			case name == "alg":
			case name == "typ" && value == "JWT":
			case name == "kid" && value == s.kid:
			default:
				return nil, errHeader
			}
		}
		return s.key.Public(), nil
	})
	if err == nil && (len(c.Audience) != 1 || c.Subject == "" || c.Family == "" || !(forge.Scope{Tenant: c.Tenant, Project: c.Project}).Valid()) {
		err = errors.New("claims are missing")
	}
	return c, err
}

// isJWT tells an access token from an API key.
func isJWT(token string) bool { return strings.Count(token, ".") == 2 }
