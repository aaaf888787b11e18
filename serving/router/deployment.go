package router

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/store"
)

// version is what a deployment answers with.
type version struct {
	id    ident
	pkg   serving.Package
	sig   serving.Signature
	since time.Time
}

// failure is why a package does not answer.
type failure struct {
	digest string
	err    error
	at     time.Time
}

type deployment struct {
	scope   forge.Scope
	name    string
	created time.Time
	last    store.Record // as it was when the server started

	mu   sync.Mutex // held while another version is put in place
	gone bool

	live   atomic.Pointer[version]
	failed atomic.Pointer[failure]

	refMu sync.RWMutex
	ref   string

	requests, failures atomic.Int64
	latency            histogram
}

func (d *deployment) follows() string {
	d.refMu.RLock()
	defer d.refMu.RUnlock()
	return d.ref
}

func (d *deployment) switchTo(ref string, v *version) {
	d.refMu.Lock()
	d.ref = ref
	d.refMu.Unlock()
	d.live.Store(v)
	d.failed.Store(nil)
}

func (d *deployment) describe() serving.Deployment {
	ref := d.follows()
	out := serving.Deployment{
		Name: d.name, Ref: ref, Alias: alias(ref), Model: d.last.Model, Version: d.last.Version, State: "loading",
		Created: d.created, Since: d.last.Since, Requests: d.requests.Load(), Failed: d.failures.Load(),
		P50: d.latency.quantile(0.5), P99: d.latency.quantile(0.99),
	}
	v, f := d.live.Load(), d.failed.Load()
	switch {
	case v != nil:
		out.State, out.Model, out.Version, out.Since = "ready", v.pkg.Model, v.pkg.Version, v.since
		if f != nil {
			out.Error = fmt.Sprintf("%v; version %d goes on answering", f.err, v.pkg.Version)
		}
	case f != nil:
		out.State, out.Error = "failed", f.err.Error()
	}
	return out
}

func alias(ref string) string {
	_, a, _ := strings.Cut(ref, "@")
	return a
}

// pinned reports whether a reference names one version for good: calls/3.
func pinned(ref string) bool { return strings.Contains(strings.TrimPrefix(ref, "models:/"), "/") }

func modelRef(model string, version int) string { return fmt.Sprintf("%s/%d", model, version) }

func loadFailed(pkg serving.Package, err error) error {
	return forge.Errorf(forge.KindOf(err), err, "%s cannot be loaded: %s", ModelID(pkg), err.Error())
}

// Refresh looks at all aliases once and puts new versions in place. A version that
// cannot be loaded is noted at its deployment, which goes on with the one it has.
func (r *Router) Refresh(ctx context.Context) {
	r.follow.Lock()
	defer r.follow.Unlock()
	for _, d := range r.all() {
		if ctx.Err() != nil {
			return
		}
		if v := d.live.Load(); v != nil && pinned(d.follows()) {
			continue
		}
		_ = r.bring(ctx, d) // noted at the deployment
	}
}

// bring lets d answer with what its reference names now.
func (r *Router) bring(ctx context.Context, d *deployment) error {
	ref := d.follows()
	pkg, err := r.cfg.Models.Resolve(ctx, d.scope, ref)
	if err != nil {
		return r.note(ctx, d, "", err)
	}
	if v := d.live.Load(); v != nil && v.pkg == pkg {
		d.failed.Store(nil)
		return nil
	}
	if f := d.failed.Load(); f != nil && f.digest == pkg.Digest && r.cfg.Now().Sub(f.at) < r.cfg.Retry {
		return f.err
	}
	if err := r.put(ctx, d, ref, pkg); err != nil {
		return r.note(ctx, d, pkg.Digest, err)
	}
	return nil
}

func (r *Router) note(ctx context.Context, d *deployment, digest string, err error) error {
	if ctx.Err() != nil {
		return err // cancelled; says nothing about the model
	}
	if f := d.failed.Load(); f == nil || f.err.Error() != err.Error() {
		r.cfg.Log.Warn("deployment cannot follow its reference", "scope", d.scope.String(), "deployment", d.name, "ref", d.follows(), "err", err)
	}
	d.failed.Store(&failure{digest: digest, err: err, at: r.cfg.Now()})
	return err
}
