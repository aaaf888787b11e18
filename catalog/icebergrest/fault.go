package icebergrest

import (
	"errors"
	"fmt"
	"net/http"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"github.com/apache/iceberg-go/table"
)

// fault is an error with its place in the protocol: clients decide by status and type,
// and some by the first words of the message, which are those of the Java library.
type fault struct {
	status int
	kind   string // such as NoSuchTableException
	cause  *forge.Error
}

func (f *fault) Error() string { return f.cause.Text }
func (f *fault) Unwrap() error { return f.cause }

func noNamespace(ns string) error {
	return &fault{http.StatusNotFound, "NoSuchNamespaceException", forge.Errorf(forge.KindNotFound, nil, "Namespace does not exist: %s", ns)}
}

func noTable(id identifier) error {
	return &fault{http.StatusNotFound, "NoSuchTableException", forge.Errorf(forge.KindNotFound, nil, "Table does not exist: %s", id)}
}

func tableThere(id identifier, cause error) error {
	return &fault{http.StatusConflict, "AlreadyExistsException", forge.Errorf(forge.KindConflict, cause, "Table already exists: %s", id)}
}

func namespaceThere(ns string, cause error) error {
	return &fault{http.StatusConflict, "AlreadyExistsException", forge.Errorf(forge.KindConflict, cause, "Namespace already exists: %s", ns)}
}

func namespaceNotEmpty(ns string, tables int) error {
	return &fault{http.StatusConflict, "NamespaceNotEmptyException", forge.Errorf(forge.KindConflict, nil, "Namespace %s is not empty. Contains %d table(s).", ns, tables)}
}

func bad(format string, args ...any) error {
	return forge.Errorf(forge.KindInvalid, nil, format, args...)
}

// of gives a store's error about one table its place.
func of(id identifier, err error) error {
	switch forge.KindOf(err) {
	case forge.KindNotFound:
		return noTable(id)
	case forge.KindConflict:
		if !errors.Is(err, table.ErrCommitFailed) {
			return tableThere(id, err)
		}
	}
	return err
}

// wire is how an error looks on the way.
type wire struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Code    int    `json:"code"`
}

// writeFault answers with an error of a handler.
func writeFault(w http.ResponseWriter, r *http.Request, err error) {
	var f *fault
	var tooLong *http.MaxBytesError
	var unknown interface{ CommitStateUnknown() }
	p := httpapi.ProblemOf(err, httpapi.RequestID(r.Context()))
	switch {
	case errors.As(err, &unknown): // not 503: after that clients remove the files they wrote
		send(w, wire{p.Detail, "CommitStateUnknownException", http.StatusInternalServerError})
	case errors.As(err, &f):
		send(w, wire{f.Error(), f.kind, f.status})
	case errors.Is(err, table.ErrCommitFailed):
		send(w, wire{p.Detail, "CommitFailedException", http.StatusConflict})
	case errors.As(err, &tooLong):
		send(w, wire{fmt.Sprintf("Request is longer than %d bytes", tooLong.Limit), "BadRequestException", http.StatusRequestEntityTooLarge})
	default:
		refuse(w, r, p)
	}
}

// refuse writes a problem in the protocol's shape.
func refuse(w http.ResponseWriter, _ *http.Request, p *httpapi.Problem) {
	out := wire{p.Detail, "InternalServerError", p.Status}
	switch p.Status {
	case http.StatusUnprocessableEntity:
		out.Type, out.Code = "BadRequestException", http.StatusBadRequest
	case http.StatusUnauthorized:
		out.Type = "NotAuthorizedException"
		w.Header().Set("WWW-Authenticate", `Bearer realm="forge"`)
	case http.StatusForbidden:
		out.Type = "ForbiddenException"
	case http.StatusNotFound:
		out.Type = "NotFoundException"
	case http.StatusConflict:
		out.Type = "AlreadyExistsException"
	case http.StatusServiceUnavailable:
		out.Type = "ServiceUnavailableException"
	}
	send(w, out)
}

func send(w http.ResponseWriter, e wire) { _ = answer(w, e.Code, map[string]wire{"error": e}) }
