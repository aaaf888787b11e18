// Package store keeps training runs and the model registry in the metadata store.
package store

import (
	"context"
	"embed"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/fault"
	"aiforge.dev/forge/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store implements training.Registry, and keeps runs.
type Store struct {
	db  *sqldb.DB
	now func() time.Time

	Fault fault.Hook // for tests; set before the first use

	mu       sync.Mutex
	watchers map[int]func(forge.Scope, string)
	next     int
}

// Open brings the tables to the newest version.
func Open(ctx context.Context, db *sqldb.DB) (*Store, error) {
	if err := db.Migrate(ctx, "training", migrations); err != nil {
		return nil, err
	}
	return &Store{db: db, now: time.Now, watchers: map[int]func(forge.Scope, string){}}, nil
}

// Watch calls f after each change of a model in this process: a version that became
// ready, an alias that moved or went. f must return quickly. The returned function
// ends it. Changes made by other processes on the same store are not seen: who must
// follow them resolves again now and then.
func (s *Store) Watch(f func(scope forge.Scope, model string)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.next
	s.next++
	s.watchers[id] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, id)
	}
}

func (s *Store) changed(scope forge.Scope, model string) {
	s.mu.Lock()
	var all []func(forge.Scope, string)
	for _, f := range s.watchers {
		all = append(all, f)
	}
	s.mu.Unlock()
	for _, f := range all {
		f(scope, model)
	}
}

func check(scope forge.Scope) error {
	if !scope.Valid() {
		return forge.Errorf(forge.KindDenied, nil, "no project: training works in one")
	}
	return nil
}
