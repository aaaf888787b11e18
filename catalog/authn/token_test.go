package authn_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/authn"
	"aiforge.dev/forge/catalog/catalogtest"
)

var b64 = base64.RawURLEncoding

// parts opens a token without checking it.
func parts(t *testing.T, token string) (header, body map[string]any) {
	t.Helper()
	p := strings.Split(token, ".")
	for i, into := range []*map[string]any{&header, &body} {
		raw, err := b64.DecodeString(p[i])
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return header, body
}

func unsigned(t *testing.T, header, body map[string]any) string {
	t.Helper()
	h, err1 := json.Marshal(header)
	b, err2 := json.Marshal(body)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return b64.EncodeToString(h) + "." + b64.EncodeToString(b)
}

func with(m map[string]any, name string, value any) map[string]any {
	out := maps.Clone(m)
	if value == nil {
		delete(out, name)
	} else {
		out[name] = value
	}
	return out
}

func refuse(t *testing.T, c *catalogtest.Catalog, what, token string) {
	t.Helper()
	if p, err := c.Auth.Authenticate(t.Context(), token); !errors.Is(err, forge.ErrDenied) {
		t.Errorf("%s: %+v, %v", what, p, err)
	}
}

// TestForgedTokens has the real signing key, so that only the claim or header under
// test is wrong, and a thief's means where no key is needed.
func TestForgedTokens(t *testing.T) {
	c := catalogtest.New(t, catalogtest.SQLite(t))
	ses := c.Login(t)
	header, body := parts(t, ses.Access)
	key := ed25519.NewKeyFromSeed(catalogtest.Secrets(1).Derive("access tokens", 32))
	public := []byte(key.Public().(ed25519.PublicKey))
	sign := func(h, b map[string]any) string {
		text := unsigned(t, h, b)
		return text + "." + b64.EncodeToString(ed25519.Sign(key, []byte(text)))
	}
	if p, err := c.Auth.Authenticate(t.Context(), sign(header, body)); err != nil || p.Scope != catalogtest.Demo || p.Role != forge.RoleOwner || p.Kind != "person" {
		t.Fatalf("the test's own signing does not work: %+v %v", p, err)
	}

	now := c.Clock.Now().Unix()
	for name, b := range map[string]map[string]any{
		"other issuer": with(body, "iss", "evil"), "no issuer": with(body, "iss", nil), "issuer in other case": with(body, "iss", "AIForge"),
		"other audience": with(body, "aud", "somewhere"), "no audience": with(body, "aud", nil), "two audiences": with(body, "aud", []string{"aiforge-api", "other"}),
		"expired": with(body, "exp", now-61), "no expiry": with(body, "exp", nil), "text as expiry": with(body, "exp", "never"),
		"not yet good": with(body, "nbf", now+61), "made in the future": with(body, "iat", now+61),
		"other project": with(body, "project", "other"), "other tenant": with(body, "tenant", "rival"), "no project": with(body, "project", nil), "path as project": with(body, "project", "../demo"),
		"other person": with(body, "sub", "user_none"), "no person": with(body, "sub", nil),
		"other sign-in": with(body, "sid", "sid_none"), "no sign-in": with(body, "sid", nil),
	} {
		refuse(t, c, name, sign(header, b))
	}
	for name, b := range map[string]map[string]any{ // clocks differ a little
		"expired 59 s ago": with(body, "exp", now-59), "good in 59 s": with(with(body, "nbf", now+59), "iat", now+59),
	} {
		if _, err := c.Auth.Authenticate(t.Context(), sign(header, b)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, h := range map[string]map[string]any{
		"kid as path": with(header, "kid", "../../dev/null"), "other kid": with(header, "kid", "x"), "kid as list": with(header, "kid", []string{"x"}),
		"own key": with(header, "jwk", map[string]string{"kty": "OKP"}), "key by address": with(header, "jku", "https://evil/keys"),
		"certificate": with(header, "x5u", "https://evil"), "critical": with(header, "crit", []string{"exp"}), "other type": with(header, "typ", "JWE"),
		"alg Ed25519ph": with(header, "alg", "Ed25519ph"), "alg in other case": with(header, "alg", "eddsa"),
	} {
		refuse(t, c, name, sign(h, body))
	}
	none := unsigned(t, with(header, "alg", "none"), body)
	refuse(t, c, "alg none without signature", none+".")
	refuse(t, c, "alg none with the old signature", none+"."+strings.Split(ses.Access, ".")[2])
	refuse(t, c, "alg None", unsigned(t, with(header, "alg", "None"), body)+".")
	for _, secret := range [][]byte{public, []byte(b64.EncodeToString(public)), {}} {
		text := unsigned(t, with(header, "alg", "HS256"), body)
		m := hmac.New(sha256.New, secret)
		m.Write([]byte(text))
		refuse(t, c, "HS256 with the public key", text+"."+b64.EncodeToString(m.Sum(nil)))
	}
	_, stranger, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := unsigned(t, header, body)
	refuse(t, c, "somebody else's key", text+"."+b64.EncodeToString(ed25519.Sign(stranger, []byte(text))))
}

func TestTamperedTokens(t *testing.T) {
	c := catalogtest.New(t, catalogtest.SQLite(t))
	ses := c.Login(t)
	key, _, err := c.Auth.CreateKey(c.As(t.Context(), catalogtest.Demo), "k", forge.RoleViewer, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{ses.Access, key} {
		for i := range len(token) { // one character at a time, also the last, whose unused bits must not be free
			for _, ch := range []byte{'A', 'B', '0', '_', '.', ' '} {
				if token[i] != ch {
					refuse(t, c, "changed", token[:i]+string(ch)+token[i+1:])
				}
			}
		}
	}
	for _, token := range []string{"", "x", "a.b.c", "..", "fk_", ses.Refresh, ses.Access + "=", " " + key, key + "\n", strings.Repeat("a.", 5000), "fk_" + strings.Repeat("0", 36)} {
		refuse(t, c, "odd token", token)
	}
	for name, token := range map[string]string{"access token": ses.Access, "key": key, "nothing": "", "cut": ses.Refresh[:40], "edited": ses.Refresh[:30] + "x" + ses.Refresh[31:]} {
		if _, err := c.Auth.Refresh(t.Context(), token); !errors.Is(err, forge.ErrDenied) {
			t.Errorf("refreshed with %s: %v", name, err)
		}
	}
	if _, err := c.Auth.Refresh(t.Context(), ses.Refresh); err != nil {
		t.Errorf("after the attempts the real one does not work: %v", err)
	}
}

// TestWhatEnds: an access token is good for fifteen minutes, and less when something
// behind it ends.
func TestWhatEnds(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *catalogtest.Catalog, string){
		"time": func(t *testing.T, c *catalogtest.Catalog, _ string) { c.Clock.Add(17 * time.Minute) },
		"sign-out": func(t *testing.T, c *catalogtest.Catalog, refresh string) {
			if err := c.Auth.Logout(t.Context(), refresh); err != nil {
				t.Fatal(err)
			}
		},
		"another process's sign-out": func(t *testing.T, c *catalogtest.Catalog, _ string) {
			p, err := c.Auth.Authenticate(t.Context(), c.Login(t).Access)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Store.SetPassword(t.Context(), p.Scope.Tenant, p.User, "x", ""); err != nil {
				t.Fatal(err)
			}
			c.Clock.Add(6 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := catalogtest.New(t, catalogtest.SQLite(t))
			ses := c.Login(t)
			c.Clock.Add(14 * time.Minute)
			if _, err := c.Auth.Authenticate(t.Context(), ses.Access); err != nil {
				t.Fatal(err)
			}
			end(t, c, ses.Refresh)
			refuse(t, c, "after its end", ses.Access)
		})
	}
}

// TestRoleNow: the role is looked up, and a key never does more than its maker.
func TestRoleNow(t *testing.T) {
	c := catalogtest.New(t, catalogtest.SQLite(t))
	ctx := c.As(t.Context(), catalogtest.Demo)
	second, access := addOwner(t, c, "second@example.org")
	own := forge.WithPrincipal(t.Context(), forge.Principal{User: second, Name: "Second", Kind: "person", Role: forge.RoleOwner, Scope: catalogtest.Demo})
	key, _, err := c.Auth.CreateKey(own, "mine", forge.RoleOwner, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{access, key} {
		if p, err := c.Auth.Authenticate(t.Context(), token); err != nil || p.Role != forge.RoleOwner {
			t.Fatalf("%+v %v", p, err)
		}
	}
	if _, err := c.Auth.ChangeMember(ctx, second, change(forge.RoleViewer)); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{access, key} {
		if p, err := c.Auth.Authenticate(t.Context(), token); err != nil || p.Role != forge.RoleViewer {
			t.Errorf("after the change: %+v %v", p, err)
		}
	}
	if err := c.Auth.RemoveMember(ctx, second); err != nil {
		t.Fatal(err)
	}
	refuse(t, c, "a removed member's token", access)
	refuse(t, c, "a removed member's key", key)
}

func TestRevokedWhileVerified(t *testing.T) {
	if authn.Race() {
		t.Error("a token that was revoked while it was looked up is believed")
	}
}
