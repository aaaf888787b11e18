package authn_test

import (
	"errors"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/catalogtest"
)

// FuzzTokens: no text but the real tokens lets anybody in, and none breaks the server.
func FuzzTokens(f *testing.F) {
	c := catalogtest.New(f, catalogtest.SQLite(f))
	ses := c.Login(f)
	for _, s := range []string{"", "fk_", "fr_", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "fr_e30.AA", ses.Access[:60], ses.Refresh[:60], "fk_000000000000000000000000000000000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if token == ses.Access || token == ses.Refresh {
			return
		}
		if p, err := c.Auth.Authenticate(t.Context(), token); !errors.Is(err, forge.ErrDenied) {
			t.Fatalf("%q: %+v %v", token, p, err)
		}
		if _, err := c.Auth.Refresh(t.Context(), token); !errors.Is(err, forge.ErrDenied) {
			t.Fatalf("%q refreshed: %v", token, err)
		}
		if err := c.Auth.Logout(t.Context(), token); err != nil {
			t.Fatalf("%q: %v", token, err)
		}
	})
}
