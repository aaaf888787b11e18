package forge

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure an Error is; only internal/httpapi turns a kind
// into a status code and only cmd/forge into an exit code.
type Kind string

const (
	KindInvalid     Kind = "invalid"     // the request or the data is wrong
	KindNotFound    Kind = "not_found"   // the named thing does not exist here
	KindConflict    Kind = "conflict"    // it exists already, or changed meanwhile
	KindDenied      Kind = "denied"      // this principal may not do it
	KindUnavailable Kind = "unavailable" // a part that is needed is not there now
	KindInternal    Kind = "internal"    // a fault of ours
)

// Error is a failure with a text for the user and a cause for the log. The text
// names the thing, what is wrong with it and what to do; the cause is never shown.
type Error struct {
	Kind   Kind
	Text   string
	Detail []FieldError // which fields, for forms; may be empty
	cause  error
}

// FieldError points at one part of a request or document.
type FieldError struct {
	Path string `json:"path"` // steps[2].column
	Text string `json:"text"`
}

// Errorf makes an Error. cause may be nil; it is kept for errors.Is, errors.As
// and the log, and is not part of the text.
func Errorf(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...), cause: cause}
}

// With returns e with the given field errors added.
func (e *Error) With(fields ...FieldError) *Error {
	e.Detail = append(e.Detail, fields...)
	return e
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, forge.ErrNotFound) work by kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(kindError)
	return ok && Kind(k) == e.Kind
}

type kindError Kind

func (k kindError) Error() string { return string(k) }

// Targets for errors.Is, one per kind.
var (
	ErrInvalid     error = kindError(KindInvalid)
	ErrNotFound    error = kindError(KindNotFound)
	ErrConflict    error = kindError(KindConflict)
	ErrDenied      error = kindError(KindDenied)
	ErrUnavailable error = kindError(KindUnavailable)
)

// KindOf returns the kind of the outermost Error in err's chain; an error without
// one is KindInternal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}
