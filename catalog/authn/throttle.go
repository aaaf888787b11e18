package authn

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"aiforge.dev/forge/internal/httpapi"
)

// A few wrong passwords are typing; then each one costs twice the wait of the one
// before, per account and address, and an address that tries many accounts waits too.
const (
	freeTries   = 5
	freeAddress = 30
	firstWait   = time.Second
	longestWait = 15 * time.Minute
	maxTracked  = 50_000
)

// throttle counts failed sign-ins.
type throttle struct {
	mu  sync.Mutex
	now func() time.Time
	m   map[string]*tries
}

type tries struct {
	failed int
	until  time.Time // no try before
	last   time.Time
}

func newThrottle(now func() time.Time) *throttle { return &throttle{now: now, m: map[string]*tries{}} }

func accountKey(email, remote string) string { return "a\x00" + email + "\x00" + network(remote) }
func addressKey(remote string) string        { return "r\x00" + network(remote) }

// network is what counts as one address: of IPv6 the /64, of which every host may take
// any address, and one form of an IPv4 address.
func network(remote string) string {
	a, err := netip.ParseAddr(remote)
	if err != nil {
		return remote
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		return netip.PrefixFrom(a, 64).Masked().String()
	}
	return a.String()
}

// enter refuses a try that comes too early. Otherwise it counts it as failed at once,
// so that many tries at the same moment are not all free; success takes it back.
func (t *throttle) enter(email, remote string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	keys := map[string]int{accountKey(email, remote): freeTries, addressKey(remote): freeAddress}
	for k := range keys {
		if e := t.m[k]; e != nil && now.Before(e.until) {
			wait := e.until.Sub(now).Round(time.Second) + time.Second
			return httpapi.Busy(http.StatusTooManyRequests, wait, fmt.Sprintf("too many failed sign-ins; try again in %s", wait))
		}
	}
	if len(t.m) > maxTracked {
		t.sweep(now)
	}
	for k, free := range keys {
		e := t.m[k]
		if e == nil || now.Sub(e.last) > longestWait {
			e = &tries{}
			t.m[k] = e
		}
		e.failed++
		e.last = now
		if over := e.failed - free; over >= 0 {
			e.until = now.Add(min(firstWait<<min(over, 20), longestWait))
		}
	}
	return nil
}

// success forgets the account's failures from this address, and this try's count
// against the address.
func (t *throttle) success(email, remote string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.m, accountKey(email, remote))
	if e := t.m[addressKey(remote)]; e != nil {
		e.failed--
		if e.failed < freeAddress {
			e.until = time.Time{}
		}
	}
}

// sweep drops what has no effect any more, and everything if that is not enough.
func (t *throttle) sweep(now time.Time) {
	for k, e := range t.m {
		if now.Sub(e.last) > longestWait {
			delete(t.m, k)
		}
	}
	if len(t.m) > maxTracked {
		clear(t.m)
	}
}
