package mlflowhttp

import (
	"encoding/json"
	"net/http"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
)

// refuse writes a failure in MLflow's shape. Statuses that its clients would try again
// (429, 5xx) are used only where trying again can help.
func refuse(w http.ResponseWriter, _ *http.Request, p *httpapi.Problem) {
	code, status := p.Type, p.Status
	if code == "" || strings.Contains(code, ":") {
		code, status = codeOf(p)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="forge"`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error_code": code, "message": p.Detail})
}

func codeOf(p *httpapi.Problem) (string, int) {
	switch {
	case p.Status == http.StatusUnauthorized:
		return "UNAUTHENTICATED", p.Status
	case p.Kind == forge.KindDenied:
		return "PERMISSION_DENIED", p.Status
	case p.Kind == forge.KindNotFound:
		return "RESOURCE_DOES_NOT_EXIST", p.Status
	case p.Kind == forge.KindInvalid:
		return "INVALID_PARAMETER_VALUE", http.StatusBadRequest
	case p.Kind == forge.KindConflict:
		return "INVALID_STATE", http.StatusConflict
	case p.Kind == forge.KindUnavailable:
		return "TEMPORARILY_UNAVAILABLE", p.Status
	}
	return "INTERNAL_ERROR", http.StatusInternalServerError
}

// coded is a failure with a code of MLflow's own; its Type carries the code.
func coded(status int, code, text string) *httpapi.Problem {
	kind := forge.KindInvalid
	switch status {
	case http.StatusNotFound:
		kind = forge.KindNotFound
	case http.StatusConflict:
		kind = forge.KindConflict
	}
	return &httpapi.Problem{Type: code, Title: http.StatusText(status), Status: status, Detail: text, Kind: kind}
}

// exists says that a name is taken, by which clients know that they need not make it.
func exists(text string) error {
	return coded(http.StatusBadRequest, "RESOURCE_ALREADY_EXISTS", text)
}

func invalid(format string, args ...any) error {
	return forge.Errorf(forge.KindInvalid, nil, format, args...)
}

func notFound(format string, args ...any) error {
	return forge.Errorf(forge.KindNotFound, nil, format, args...)
}
