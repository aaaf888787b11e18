// Package admission bounds what all ways of asking models, by REST, by the inference
// protocol and over gRPC, take at the same time: calls, and memory for large bodies. Of
// the calls a single project gets no more than half, so that one project's storm leaves
// the others room. Who finds none is told at once when to come again: a queue would only
// make everybody late.
package admission

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
)

// Limits of a Gate; zeros mean 4,096 calls and 1 GiB.
type Limits struct {
	Calls int64 // at the same time; half of them for one project
	Bytes int64 // of bodies, beyond the first 64 KiB of each
}

// Gate lets calls in.
type Gate struct {
	limits Limits
	calls  atomic.Int64
	bytes  atomic.Int64

	mu       sync.RWMutex
	projects map[forge.Scope]*atomic.Int64 // calls of each; projects come from tokens, so there are few
}

// New returns an empty gate.
func New(l Limits) *Gate {
	if l.Calls == 0 {
		l.Calls = 4096
	}
	if l.Bytes == 0 {
		l.Bytes = 1 << 30
	}
	return &Gate{limits: l, projects: map[forge.Scope]*atomic.Int64{}}
}

// Visit is one call that was let in. It may be used again after Leave.
type Visit struct {
	gate    *Gate
	project *atomic.Int64
	free    int64 // of the body, still without asking
	held    int64
	body    io.Reader
}

// unasked is how much of a body needs no room, piece how much is asked for at a time.
const (
	unasked = 64 << 10
	piece   = 256 << 10
)

// Enter lets a call of a project in, until Leave.
func (g *Gate) Enter(scope forge.Scope, v *Visit) error {
	project := g.project(scope)
	if project.Add(1) > max(g.limits.Calls/2, 1) {
		project.Add(-1)
		return busy(http.StatusTooManyRequests, "too many predictions of this project at the same time; try again in a moment")
	}
	if g.calls.Add(1) > g.limits.Calls {
		g.calls.Add(-1)
		project.Add(-1)
		return busy(http.StatusTooManyRequests, "too many predictions at the same time; try again in a moment")
	}
	*v = Visit{gate: g, project: project, free: unasked}
	return nil
}

func (g *Gate) project(scope forge.Scope) *atomic.Int64 {
	g.mu.RLock()
	p := g.projects[scope]
	g.mu.RUnlock()
	if p != nil {
		return p
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.projects[scope] == nil {
		g.projects[scope] = new(atomic.Int64)
	}
	return g.projects[scope]
}

// Leave gives back what the call has taken, if it was let in.
func (v *Visit) Leave() {
	if v.gate == nil {
		return
	}
	v.gate.bytes.Add(-v.held)
	v.gate.calls.Add(-1)
	v.project.Add(-1)
	*v = Visit{}
}

// Body returns body such that what is read of it takes room, before the memory for it
// is taken; no room is taken for a length that is only announced.
func (v *Visit) Body(body io.Reader) io.Reader {
	if v.gate == nil { // nobody was let in: a small request that needs no place
		return body
	}
	v.body = body
	return v
}

// Read implements io.Reader for Body.
func (v *Visit) Read(b []byte) (int, error) {
	if v.free <= 0 {
		if v.gate.bytes.Add(piece) > v.gate.limits.Bytes {
			v.gate.bytes.Add(-piece)
			return 0, busy(http.StatusServiceUnavailable, "the server is reading too many large requests at the same time; try again in a moment, or score a table with forge batch-score")
		}
		v.held += piece
		v.free += piece
	}
	n, err := v.body.Read(b[:min(int64(len(b)), v.free)])
	v.free -= int64(n)
	return n, err
}

func busy(status int, text string) error { return httpapi.Busy(status, time.Second, text) }
