// Package catalogtest holds what the catalog must keep on every database, and a whole
// catalog for tests of its parts.
package catalogtest

import (
	"bytes"
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/authn"
	"aiforge.dev/forge/catalog/store"
	"aiforge.dev/forge/internal/sqldb"
)

// Demo is the first project.
var Demo = forge.Scope{Tenant: "main", Project: "demo"}

// Other is a second project of the same tenant.
var Other = forge.Scope{Tenant: "main", Project: "other"}

// SQLite opens a new, empty metadata store in a temporary file.
func SQLite(t testing.TB) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(context.Background(), filepath.Join(t.TempDir(), "meta.db"), bytes.Repeat([]byte{7}, 64))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Clock is a time that stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts on a fixed day.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Secrets derives fixed keys, for tests.
type Secrets byte

// Derive implements authn.Secrets.
func (s Secrets) Derive(purpose string, n int) []byte {
	return bytes.Repeat([]byte{byte(s) + purpose[0]}, n)
}

// Cheap is a password cost that makes tests quick.
var Cheap = authn.Cost{Memory: 64, Time: 1, Threads: 1}

// Catalog is a bootstrapped catalog.
type Catalog struct {
	Clock *Clock
	Store *store.Store
	Auth  *authn.Service
	Owner authn.Owner
}

// New makes a catalog on db with the project main/demo and its owner.
func New(t testing.TB, db *sqldb.DB) *Catalog {
	t.Helper()
	c := &Catalog{Clock: NewClock()}
	var err error
	if c.Store, err = store.New(context.Background(), db, c.Clock.Now); err != nil {
		t.Fatal(err)
	}
	if c.Auth, err = authn.New(c.Store, Secrets(1), authn.Config{Now: c.Clock.Now, Cost: Cheap}); err != nil {
		t.Fatal(err)
	}
	first := store.First{Scope: Demo, Title: "Demo", Owner: catalog.Member{Email: "owner@example.org", Name: "Olga"}}
	if c.Owner, err = c.Auth.Bootstrap(context.Background(), first, ""); err != nil {
		t.Fatal(err)
	}
	return c
}

// As returns a context of the owner, working in scope.
func (c *Catalog) As(ctx context.Context, scope forge.Scope) context.Context {
	return forge.WithPrincipal(ctx, forge.Principal{User: c.Owner.User, Name: "Olga", Kind: "person", Role: forge.RoleOwner, Scope: scope})
}

// Login signs the owner in.
func (c *Catalog) Login(t testing.TB) authn.Session {
	t.Helper()
	s, err := c.Auth.Login(context.Background(), "owner@example.org", c.Owner.Password, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
