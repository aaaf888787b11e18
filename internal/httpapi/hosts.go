package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Hosts lets a request pass only if it was sent to an address, to localhost or to one of
// the given names. A page of another site whose name suddenly leads to this machine (DNS
// rebinding) has its own name in its requests, and gets nothing. Without names every name
// is good, as a server wants that other machines reach.
func Hosts(names []string, next http.Handler) http.Handler {
	if len(names) == 0 {
		return next
	}
	known := map[string]bool{"localhost": true, "": true} // "": HTTP/1.0, which no browser speaks
	for _, n := range names {
		known[plainHost(n)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := plainHost(r.Host)
		if !known[host] && net.ParseIP(host) == nil {
			w.Header().Set("X-Content-Type-Options", "nosniff")
			WriteError(w, r, Status(http.StatusMisdirectedRequest, fmt.Sprintf("this server is not %.200q; if it should answer under that name, start it with --hosts NAME", host)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// plainNames refuses requests for names that no name can be: with a zero byte, which
// databases and file systems read differently, or that are no UTF-8.
func plainNames(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.IndexByte(r.URL.Path, 0) >= 0 || !utf8.ValidString(r.URL.Path) || strings.Contains(r.URL.RawQuery, "%00") {
			WriteError(w, r, Status(http.StatusBadRequest, "the address has a zero byte in it, or is no UTF-8"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// plainHost is a Host header's name or address without port, brackets and final dot.
func plainHost(s string) string {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(s, "[]"), "."))
}
