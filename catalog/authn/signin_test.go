package authn_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/authn"
	"aiforge.dev/forge/catalog/catalogtest"
	"aiforge.dev/forge/internal/httpapi"
)

func change(role forge.Role) authn.Change { return authn.Change{Role: role} }

// addOwner adds a second owner and signs in.
func addOwner(t *testing.T, c *catalogtest.Catalog, email string) (forge.UserID, string) {
	t.Helper()
	m, err := c.Auth.AddMember(c.As(t.Context(), catalogtest.Demo), catalog.Member{Email: email, Role: forge.RoleOwner}, "long enough!")
	if err != nil {
		t.Fatal(err)
	}
	ses, err := c.Auth.Login(t.Context(), email, "long enough!", "10.0.0.9")
	if err != nil {
		t.Fatal(err)
	}
	return m.User, ses.Access
}

func TestLogin(t *testing.T) {
	c := catalogtest.New(t, catalogtest.SQLite(t))
	var texts []string
	for _, x := range [][2]string{{"owner@example.org", "wrong"}, {"nobody@example.org", c.Owner.Password}, {"", c.Owner.Password}, {"owner@example.org", ""}, {"owner@example.org", strings.Repeat("x", 2000)}} {
		_, err := c.Auth.Login(t.Context(), x[0], x[1], "10.0.0.1")
		if !errors.Is(err, forge.ErrDenied) {
			t.Errorf("%q: %v", x, err)
			continue
		}
		texts = append(texts, err.Error())
	}
	for _, text := range texts {
		if text != texts[0] {
			t.Errorf("the answer tells who has an account: %q and %q", text, texts[0])
		}
	}
	ses, err := c.Auth.Login(t.Context(), " Owner@Example.org", c.Owner.Password, "10.0.0.1")
	if err != nil || ses.Scope != catalogtest.Demo || ses.Role != forge.RoleOwner || ses.ExpiresIn != 15*time.Minute {
		t.Errorf("%+v %v", ses, err)
	}
}

func status(err error) int { return httpapi.ProblemOf(err, "").Status }

func TestThrottle(t *testing.T) {
	c := catalogtest.New(t, catalogtest.SQLite(t))
	login := func(password, remote string) int {
		_, err := c.Auth.Login(t.Context(), "owner@example.org", password, remote)
		if err == nil {
			return http.StatusOK
		}
		return status(err)
	}
	for i := range 5 {
		if got := login("wrong", "10.0.0.1"); got != http.StatusUnauthorized {
			t.Fatalf("try %d: %d", i, got)
		}
	}
	if got := login(c.Owner.Password, "10.0.0.1"); got != http.StatusTooManyRequests {
		t.Errorf("sixth try: %d", got)
	}
	if got := login(c.Owner.Password, "10.0.0.2"); got != http.StatusOK {
		t.Errorf("the account is locked for everybody: %d", got)
	}
	c.Clock.Add(2 * time.Second)
	if got := login("wrong", "10.0.0.1"); got != http.StatusUnauthorized {
		t.Errorf("after the wait: %d", got)
	}
	c.Clock.Add(1500 * time.Millisecond)
	if got := login(c.Owner.Password, "10.0.0.1"); got != http.StatusTooManyRequests {
		t.Errorf("the wait does not grow: %d", got)
	}
	c.Clock.Add(time.Second)
	for range 6 { // a success forgets the failures
		if got := login(c.Owner.Password, "10.0.0.1"); got != http.StatusOK {
			t.Errorf("the right password after the wait: %d", got)
		}
	}
	var last int
	for i := range 40 { // one address, many accounts
		_, err := c.Auth.Login(t.Context(), fmt.Sprintf("u%d@example.org", i), "wrong", "10.0.0.3")
		last = status(err)
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("an address may try 40 accounts: %d", last)
	}
}

// TestThrottleOfNetworks: who has one address of IPv6 has 2^64 of them, and they are
// throttled as one; so are the two forms of an IPv4 address.
func TestThrottleOfNetworks(t *testing.T) {
	c := catalogtest.New(t, catalogtest.SQLite(t))
	login := func(password, remote string) int {
		_, err := c.Auth.Login(t.Context(), "owner@example.org", password, remote)
		if err == nil {
			return http.StatusOK
		}
		return status(err)
	}
	for i := range 5 {
		if got := login("wrong", fmt.Sprintf("2001:db8:0:7:%x::%x", i+1, i*i)); got != http.StatusUnauthorized {
			t.Fatalf("try %d: %d", i, got)
		}
		if got := login("wrong", []string{"10.0.0.1", "::ffff:10.0.0.1"}[i%2]); got != http.StatusUnauthorized {
			t.Fatalf("try %d: %d", i, got)
		}
	}
	for remote, want := range map[string]int{
		"2001:db8:0:7:ffff::9": 429, "2001:db8:0:7::1%eth0": 429, "2001:db8:0:8::1": 200,
		"10.0.0.1": 429, "::ffff:10.0.0.1": 429, "10.0.0.2": 200, "::ffff:10.0.0.3": 200,
	} {
		if got := login(c.Owner.Password, remote); got != want {
			t.Errorf("from %s: %d, want %d", remote, got, want)
		}
	}
}

// TestRefreshRace: of many uses of one refresh token at the same moment at most one
// succeeds, and the sign-in is over for all.
func TestRefreshRace(t *testing.T) {
	c := catalogtest.New(t, catalogtest.SQLite(t))
	ses := c.Login(t)
	var mu sync.Mutex
	var got []authn.Session
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if s, err := c.Auth.Refresh(context.Background(), ses.Refresh); err == nil {
				mu.Lock()
				got = append(got, s)
				mu.Unlock()
			} else if !errors.Is(err, forge.ErrDenied) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(got) > 1 {
		t.Fatalf("%d successors of one token", len(got))
	}
	for _, s := range got {
		refuse(t, c, "the successor's access token", s.Access)
		if _, err := c.Auth.Refresh(t.Context(), s.Refresh); !errors.Is(err, forge.ErrDenied) {
			t.Errorf("the successor: %v", err)
		}
	}
}

// TestManyLogins: passwords are checked two at a time; who waits too long in line is
// told so, and nothing hangs.
func TestManyLogins(t *testing.T) {
	c := catalogtest.New(t, catalogtest.SQLite(t))
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			_, err := c.Auth.Login(context.Background(), "owner@example.org", c.Owner.Password, fmt.Sprint(i))
			if err != nil && !errors.Is(err, forge.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestOwnerToken(t *testing.T) {
	c := catalogtest.New(t, catalogtest.SQLite(t))
	path := filepath.Join(t.TempDir(), "owner.token")
	read := func() string {
		t.Helper()
		if err := c.Auth.OwnerToken(t.Context(), path, c.Owner); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v %v", info.Mode(), err)
		}
		token := strings.TrimSpace(string(raw))
		if p, err := c.Auth.Authenticate(t.Context(), token); err != nil || p.Role != forge.RoleOwner || p.Scope != catalogtest.Demo {
			t.Fatalf("%+v %v", p, err)
		}
		return token
	}
	first := read()
	if again := read(); again != first {
		t.Error("a good token was replaced")
	}
	for name, spoil := range map[string]func() error{
		"removed":  func() error { return os.Remove(path) },
		"damaged":  func() error { return os.WriteFile(path, []byte("fk_x"), 0o600) },
		"readable": func() error { return os.Chmod(path, 0o644) },
	} {
		old := read()
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if next := read(); next == old {
			t.Errorf("%s: the old token is still used", name)
		}
		refuse(t, c, name+": the old token", old)
	}
}

func TestNothingStoredLetsIn(t *testing.T) {
	db := catalogtest.SQLite(t)
	c := catalogtest.New(t, db)
	ses := c.Login(t)
	key, _, err := c.Auth.CreateKey(c.As(t.Context(), catalogtest.Demo), "k", forge.RoleViewer, nil)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{c.Owner.Password, key, key[9:], ses.Refresh, ses.Access}
	for _, table := range []string{"account", "api_key", "refresh_family", "setting"} {
		rows, err := db.Query("SELECT * FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values := make([]any, len(names))
			for i := range values {
				values[i] = new(string)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				for _, s := range secrets {
					if strings.Contains(*v.(*string), s) {
						t.Errorf("%s.%s holds a secret", table, names[i])
					}
				}
			}
		}
	}
}
