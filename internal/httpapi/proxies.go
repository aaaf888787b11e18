package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"aiforge.dev/forge"
)

// Proxies are the networks whose word about their clients is taken.
type Proxies []netip.Prefix

// ParseProxies reads networks (10.0.0.0/8) and single addresses.
func ParseProxies(list []string) (Proxies, error) {
	var out Proxies
	for _, s := range list {
		p, err := parseNetwork(strings.TrimSpace(s))
		if err != nil {
			return nil, forge.Errorf(forge.KindInvalid, err, "trusted proxy %q: want an address or a network, for example 10.1.2.3 or 10.1.0.0/16", s)
		}
		if p.Bits() == 0 {
			return nil, forge.Errorf(forge.KindInvalid, nil, "trusted proxy %q is everybody, and so everybody could say to be anybody: name the proxies' own addresses or network", s)
		}
		out = append(out, p)
	}
	return out, nil
}

func parseNetwork(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

func (p Proxies) trust(a netip.Addr) bool {
	for _, n := range p {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// Client gives requests that come from a trusted proxy the address of the client behind
// it, for the limits per address and the audit log: the last entry of X-Forwarded-For
// that is not itself a trusted proxy, since each proxy appends who it heard from and only
// what a trusted one appended is true. Whoever else sends that header is not believed.
func (p Proxies) Client(next http.Handler) http.Handler {
	if len(p) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer, ok := address(r.RemoteAddr); ok && p.trust(peer) {
			if c := p.client(peer, r.Header.Values("X-Forwarded-For")); c != peer {
				r = r.Clone(r.Context())
				r.RemoteAddr = net.JoinHostPort(c.String(), "0")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// client walks from the peer away: whom a trusted hop names is its peer. At an entry
// that is no address the walk ends with the hop that wrote it.
func (p Proxies) client(at netip.Addr, said []string) netip.Addr {
	for i := len(said) - 1; i >= 0; i-- {
		rest := said[i]
		for more := true; more; {
			var hop string
			if j := strings.LastIndexByte(rest, ','); j >= 0 {
				rest, hop = rest[:j], rest[j+1:]
			} else {
				hop, more = rest, false
			}
			a, ok := address(strings.TrimSpace(hop))
			if !ok {
				return at
			}
			if at = a; !p.trust(a) {
				return at
			}
		}
	}
	return at
}

// address reads an address with or without port and brackets.
func address(s string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return a.Unmap().WithZone(""), err == nil
}

// RemoteHost is an address without its port.
func RemoteHost(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
