// Package router holds the deployments of all projects: which model version answers
// under which name. It follows aliases: a new version is loaded and warmed beside the
// old one, put in its place in one step, and the old one closes when its last call
// has ended, so that no request fails in between. Loaded models stay within a budget
// of memory; one that has been put out is loaded again when it is asked for.
package router

import (
	"context"
	"log/slog"
	"sort"
	"strings"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/nearest"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/store"
)

// Config says what a router works with.
type Config struct {
	Models  serving.Models
	Loader  Loader
	Store   *store.Store
	Lineage forge.Lineage // may be nil
	Budget  int64         // bytes of loaded models; 0 means 2 GiB
	Every   time.Duration // how often aliases are looked at without a Notify; 0 means 500 ms
	Retry   time.Duration // how long a version that failed to load is left alone; 0 means 30 s
	Now     func() time.Time
	Log     *slog.Logger
}

// Router of deployments. It is safe for concurrent use.
type Router struct {
	cfg    Config
	cache  *cache
	wake   chan struct{}
	follow sync.Mutex // one Refresh at a time

	mu   sync.RWMutex
	deps map[name]*deployment
}

type name struct {
	scope forge.Scope
	name  string
}

// New returns a router with the deployments that the store has; their models are
// loaded by Run or by the first request.
func New(ctx context.Context, cfg Config) (*Router, error) {
	if cfg.Budget == 0 {
		cfg.Budget = 2 << 30
	}
	if cfg.Every == 0 {
		cfg.Every = 500 * time.Millisecond
	}
	if cfg.Retry == 0 {
		cfg.Retry = 30 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &Router{cfg: cfg, cache: newCache(cfg.Loader, cfg.Budget), wake: make(chan struct{}, 1), deps: map[name]*deployment{}}
	kept, err := cfg.Store.All(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range kept {
		r.deps[name{k.Scope, k.Name}] = &deployment{scope: k.Scope, name: k.Name, ref: k.Ref, created: k.Created, last: k}
	}
	return r, nil
}

// Run follows the aliases until ctx ends: every Config.Every, and at once after
// Notify. With so many deployments that one look at all of them takes long, it looks
// less often, so that following never takes more than a fifth of the time.
func (r *Router) Run(ctx context.Context) error {
	for {
		began := time.Now()
		r.Refresh(ctx)
		pause := time.NewTimer(max(r.cfg.Every, 4*time.Since(began)))
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		case <-r.wake:
			pause.Stop()
		}
	}
}

// Notify says that an alias has moved. It never waits.
func (r *Router) Notify() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Deploy makes ref answer under a name, and returns when it does. A deployment of
// that name goes over to ref; if ref cannot be loaded, it stays as it is.
func (r *Router) Deploy(ctx context.Context, scope forge.Scope, as, ref string) (serving.Deployment, error) {
	if err := forge.Ident("deployment", as); err != nil {
		return serving.Deployment{}, err
	}
	pkg, err := r.cfg.Models.Resolve(ctx, scope, ref)
	if err != nil {
		return serving.Deployment{}, err
	}
	d, isNew := r.slot(scope, as, ref)
	err = r.put(ctx, d, ref, pkg)
	if err != nil && isNew {
		r.mu.Lock()
		if d.live.Load() == nil {
			delete(r.deps, name{scope, as})
		}
		r.mu.Unlock()
	}
	if err != nil {
		return serving.Deployment{}, err
	}
	return d.describe(), nil
}

// slot returns the deployment of a name, made if need be.
func (r *Router) slot(scope forge.Scope, as, ref string) (d *deployment, isNew bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d, ok := r.deps[name{scope, as}]; ok {
		return d, false
	}
	d = &deployment{scope: scope, name: as, ref: ref, created: r.cfg.Now().UTC()}
	r.deps[name{scope, as}] = d
	return d, true
}

// put loads pkg and lets d answer with it from then on.
func (r *Router) put(ctx context.Context, d *deployment, ref string, pkg serving.Package) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		return forge.Errorf(forge.KindConflict, nil, "deployment %q has just been deleted; deploy it again", d.name)
	}
	id := ident{d.scope, pkg.Digest}
	r.cache.pin(id)
	e, err := r.cache.acquire(ctx, id, pkg.Dir)
	if err != nil {
		r.cache.unpin(id)
		return loadFailed(pkg, err)
	}
	defer r.cache.release(e)
	old := d.live.Load()
	if old != nil && old.pkg == pkg && d.ref == ref {
		r.cache.unpin(id)
		return nil
	}
	next := &version{id: id, pkg: pkg, sig: e.p.Signature(), since: r.cfg.Now().UTC()}
	next.sig.Model, next.sig.Version = pkg.Model, pkg.Version
	if err := r.keep(ctx, d, ref, next); err != nil {
		r.cache.unpin(id)
		return err
	}
	d.switchTo(ref, next)
	if old != nil {
		r.cache.unpin(old.id)
	}
	r.cfg.Log.Info("deployment answers with a new version", "scope", d.scope.String(), "deployment", d.name, "model", pkg.Model, "version", pkg.Version)
	return nil
}

func (r *Router) keep(ctx context.Context, d *deployment, ref string, v *version) error {
	err := r.cfg.Store.Put(ctx, store.Record{Scope: d.scope, Name: d.name, Ref: ref, Model: v.pkg.Model, Version: v.pkg.Version, Created: d.created, Since: v.since})
	if err != nil || r.cfg.Lineage == nil {
		return err
	}
	return r.cfg.Lineage.Link(ctx, d.scope, forge.Edge{
		From: forge.Ref{Kind: "model", ID: ModelID(v.pkg)}, To: forge.Ref{Kind: "deployment", ID: d.name}, By: "deploy", At: v.since,
	})
}

// Delete ends a deployment; calls that are under way end normally.
func (r *Router) Delete(ctx context.Context, scope forge.Scope, as string) error {
	d, err := r.find(scope, as)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := r.cfg.Store.Delete(ctx, scope, as); err != nil {
		return err
	}
	r.mu.Lock()
	delete(r.deps, name{scope, as})
	r.mu.Unlock()
	if v := d.live.Swap(nil); v != nil {
		r.cache.unpin(v.id)
	}
	d.gone = true
	return nil
}

// List returns the deployments of a project by name.
func (r *Router) List(scope forge.Scope) []serving.Deployment {
	out := []serving.Deployment{}
	for _, d := range r.all() {
		if d.scope == scope {
			out = append(out, d.describe())
		}
	}
	return out
}

// Describe returns a deployment and the signature of what answers; the signature is
// empty while nothing does.
func (r *Router) Describe(scope forge.Scope, as string) (serving.Deployment, serving.Signature, error) {
	d, err := r.find(scope, as)
	if err != nil {
		return serving.Deployment{}, serving.Signature{}, err
	}
	var sig serving.Signature
	if v := d.live.Load(); v != nil {
		sig = v.sig
	}
	return d.describe(), sig, nil
}

func (r *Router) find(scope forge.Scope, as string) (*deployment, error) {
	r.mu.RLock()
	d, ok := r.deps[name{scope, as}]
	r.mu.RUnlock()
	if ok {
		return d, nil
	}
	var have []string
	for _, d := range r.all() {
		if d.scope == scope {
			have = append(have, d.name)
		}
	}
	if len(have) == 0 {
		return nil, forge.Errorf(forge.KindNotFound, nil, "deployment %q does not exist, nor does any other: forge deploy MODEL@ALIAS makes one", as)
	}
	return nil, forge.Errorf(forge.KindNotFound, nil, "deployment %q does not exist%s; deployed: %s", as, nearest.Meant(as, have), strings.Join(have, ", "))
}

func (r *Router) all() []*deployment {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]*deployment, 0, len(r.deps))
	for _, d := range r.deps {
		out = append(out, d)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].scope != out[j].scope {
			return out[i].scope.String() < out[j].scope.String()
		}
		return out[i].name < out[j].name
	})
	return out
}

// Close closes all models that no call uses. Stop Run and the servers first.
func (r *Router) Close() error {
	r.cache.closeIdle()
	return nil
}

// ModelID is a model version as lineage names it: calls/3.
func ModelID(p serving.Package) string { return modelRef(p.Model, p.Version) }
