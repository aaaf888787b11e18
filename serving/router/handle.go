package router

import (
	"context"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
)

// Handle is a deployment's predictor in use. It stays loaded until Release.
type Handle struct {
	Deployment string
	Package    serving.Package
	Signature  serving.Signature
	Predictor  serving.Predictor

	r *Router
	d *deployment
	e *entry
}

// Get returns what answers under a name now. A deployment that has not been loaded
// yet, or has been put out, is loaded first.
func (r *Router) Get(ctx context.Context, scope forge.Scope, as string) (Handle, error) {
	d, err := r.find(scope, as)
	if err != nil {
		return Handle{}, err
	}
	v := d.live.Load()
	if v == nil {
		if err := r.bring(ctx, d); err != nil {
			return Handle{}, forge.Errorf(forge.KindUnavailable, err, "deployment %q does not answer: %s", as, err.Error())
		}
		if v = d.live.Load(); v == nil {
			return Handle{}, forge.Errorf(forge.KindNotFound, nil, "deployment %q has been deleted", as)
		}
	}
	e, err := r.cache.acquire(ctx, v.id, v.pkg.Dir)
	if err != nil {
		return Handle{}, forge.Errorf(forge.KindUnavailable, err, "deployment %q does not answer: %s", as, loadFailed(v.pkg, err).Error())
	}
	return Handle{Deployment: as, Package: v.pkg, Signature: v.sig, Predictor: e.p, r: r, d: d, e: e}, nil
}

// Load returns the predictor of a reference without a deployment: batch scoring and
// comparing versions. It is unloaded after Release unless a deployment has it.
func (r *Router) Load(ctx context.Context, scope forge.Scope, ref string) (Handle, error) {
	pkg, err := r.cfg.Models.Resolve(ctx, scope, ref)
	if err != nil {
		return Handle{}, err
	}
	e, err := r.cache.acquire(ctx, ident{scope, pkg.Digest}, pkg.Dir)
	if err != nil {
		return Handle{}, loadFailed(pkg, err)
	}
	sig := e.p.Signature()
	sig.Model, sig.Version = pkg.Model, pkg.Version
	return Handle{Package: pkg, Signature: sig, Predictor: e.p, r: r, e: e}, nil
}

// Release ends the use. It must be called once.
func (h Handle) Release() { h.r.cache.release(h.e) }

// Count adds a request to the deployment's figures.
func (h Handle) Count(took time.Duration, failed bool) {
	if h.d == nil {
		return
	}
	h.d.requests.Add(1)
	if failed {
		h.d.failures.Add(1)
	}
	h.d.latency.add(took)
}
