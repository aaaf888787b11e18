package authn_test

import (
	"errors"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/catalogtest"
)

// Sign-ins that ended or expired are forgotten; one that is good stays, and a token of a
// forgotten one lets nobody in.
func TestForgetOld(t *testing.T) {
	db := catalogtest.SQLite(t)
	c := catalogtest.New(t, db)
	ctx := t.Context()
	count := func() (n int) {
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM refresh_family").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	forget := func() {
		if err := c.Auth.ForgetOld(ctx); err != nil {
			t.Fatal(err)
		}
	}
	ended := c.Login(t)
	if err := c.Auth.Logout(ctx, ended.Refresh); err != nil {
		t.Fatal(err)
	}
	c.Clock.Add(23 * time.Hour)
	good := c.Login(t)
	if forget(); count() != 2 {
		t.Errorf("%d sign-ins, want both: the first ended less than a day ago", count())
	}
	c.Clock.Add(2 * time.Hour)
	if forget(); count() != 1 {
		t.Errorf("%d sign-ins, want the good one", count())
	}
	if _, err := c.Auth.Refresh(ctx, ended.Refresh); !errors.Is(err, forge.ErrDenied) {
		t.Errorf("a token of a forgotten sign-in: %v", err)
	}
	if _, err := c.Auth.Refresh(ctx, good.Refresh); err != nil {
		t.Errorf("the good one: %v", err)
	}
	c.Clock.Add(40 * 24 * time.Hour)
	if forget(); count() != 0 {
		t.Errorf("%d sign-ins after all have expired", count())
	}
}
