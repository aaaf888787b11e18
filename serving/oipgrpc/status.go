package oipgrpc

import (
	"net/http"
	"strconv"

	"aiforge.dev/forge/internal/httpapi"
)

// code is gRPC's status code of a problem.
func code(p *httpapi.Problem) int {
	switch p.Status {
	case http.StatusUnauthorized:
		return 16 // UNAUTHENTICATED
	case http.StatusForbidden:
		return 7 // PERMISSION_DENIED
	case http.StatusNotFound:
		return 5 // NOT_FOUND
	case http.StatusConflict:
		return 9 // FAILED_PRECONDITION
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return 8 // RESOURCE_EXHAUSTED
	case http.StatusNotImplemented:
		return 12 // UNIMPLEMENTED
	case http.StatusServiceUnavailable:
		return 14 // UNAVAILABLE
	case http.StatusGatewayTimeout:
		return 4 // DEADLINE_EXCEEDED
	}
	if p.Status < http.StatusInternalServerError {
		return 3 // INVALID_ARGUMENT
	}
	return 13 // INTERNAL
}

// refuse answers with an error: the status of HTTP is 200, that of gRPC is a trailer.
func refuse(w http.ResponseWriter, r *http.Request, p *httpapi.Problem) {
	if !isCall(r) {
		httpapi.WriteError(w, r, p)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Accept-Encoding", "identity,deflate,gzip")
	h.Set("Grpc-Status", strconv.Itoa(code(p)))
	h.Set("Grpc-Message", percent(p.Detail))
	w.WriteHeader(http.StatusOK)
}

// longest is how much of an error's text is sent: clients bound their headers, some at
// 8 KiB.
const longest = 3000

// percent writes text as gRPC wants it in a header.
func percent(s string) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s) && len(b) < longest; i++ {
		if c := s[i]; c >= ' ' && c <= '~' && c != '%' {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}
