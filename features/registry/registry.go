// Package registry is the feature store at work: it checks and versions definitions,
// makes training sets, fills the online store and answers from it.
package registry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/store"
	"aiforge.dev/forge/internal/fault"
	"aiforge.dev/forge/lake"
)

// Config is what a Service works with.
type Config struct {
	Store   *store.Store
	House   *lake.House
	Online  features.Online
	Lineage forge.Lineage
	// InUse lists the view versions that deployed models need; the online store keeps
	// them although newer ones exist. Nil: those of all training sets.
	InUse func(ctx context.Context, scope forge.Scope) ([]features.ViewRef, error)
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil discards
	Fault fault.Hook       // for tests
}

// Service is safe for concurrent use. It holds nothing that needs closing.
type Service struct {
	store   *store.Store
	house   *lake.House
	online  features.Online
	lineage forge.Lineage
	inUse   func(ctx context.Context, scope forge.Scope) ([]features.ViewRef, error)
	now     func() time.Time
	log     *slog.Logger
	fault   fault.Hook

	cache cache
	// filling lets one materialization of a project run at a time, since each drops
	// the groups that no version refers to.
	filling sync.Map // forge.Scope → *sync.Mutex
}

// New makes a Service.
func New(c Config) *Service {
	s := &Service{store: c.Store, house: c.House, online: c.Online, lineage: c.Lineage, inUse: c.InUse, now: c.Now, log: c.Log, fault: c.Fault}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.inUse == nil {
		s.inUse = s.ofTrainingSets
	}
	return s
}

// ofTrainingSets lists the view versions that training sets were made of.
func (s *Service) ofTrainingSets(ctx context.Context, scope forge.Scope) ([]features.ViewRef, error) {
	sets, err := s.store.Sets(ctx, scope)
	var refs []features.ViewRef
	for _, set := range sets {
		refs = append(refs, set.Views...)
	}
	return refs, err
}

// Views returns the newest version of every view.
func (s *Service) Views(ctx context.Context, scope forge.Scope) ([]features.Version, error) {
	return s.store.Newest(ctx, scope)
}

// Versions returns all versions of a view, the newest first.
func (s *Service) Versions(ctx context.Context, scope forge.Scope, view string) ([]features.Version, error) {
	return s.store.Versions(ctx, scope, view)
}

// Version returns one version of a view; number 0 is the newest.
func (s *Service) Version(ctx context.Context, scope forge.Scope, ref features.ViewRef) (features.Version, error) {
	return s.store.Version(ctx, scope, ref)
}

// TrainingSets returns all training sets, the newest first.
func (s *Service) TrainingSets(ctx context.Context, scope forge.Scope) ([]features.TrainingSet, error) {
	return s.store.Sets(ctx, scope)
}

// TrainingSet returns a training set by its id, or the newest of a name.
func (s *Service) TrainingSet(ctx context.Context, scope forge.Scope, idOrName string) (features.TrainingSet, error) {
	return s.store.Set(ctx, scope, idOrName)
}

func (s *Service) link(ctx context.Context, scope forge.Scope, edges []forge.Edge) error {
	if s.lineage == nil || len(edges) == 0 {
		return nil
	}
	return s.lineage.Link(ctx, scope, edges...)
}
