package httpapi

import (
	"maps"
	"net/http"
)

// What every answer says to a browser. The values are shared between answers: Set and
// Add replace a value, nothing changes one in place.
var (
	// ofData are the headers of the API's answers, which are data and never a page: no
	// browser may guess another type for them, run, frame, embed or keep them.
	ofData = http.Header{
		"Cache-Control":                {"no-store"},
		"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Referrer-Policy":              {"no-referrer"},
		"X-Content-Type-Options":       {"nosniff"},
		"X-Frame-Options":              {"DENY"},
	}
	// ofPages are those of the studio.
	ofPages = http.Header{
		"Content-Security-Policy":      {"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Permissions-Policy":           {"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"},
		"Referrer-Policy":              {"no-referrer"},
		"X-Content-Type-Options":       {"nosniff"},
		"X-Frame-Options":              {"DENY"},
	}
	// A browser that has once seen us over TLS does not come without it any more.
	onlyTLS = []string{"max-age=31536000"}
)

func headers(of http.Header) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			maps.Copy(h, of)
			if r.TLS != nil {
				h["Strict-Transport-Security"] = onlyTLS
			}
			next.ServeHTTP(w, r)
		})
	}
}
