package httpapi

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"time"

	"aiforge.dev/forge"
	"github.com/danielgtaylor/huma/v2"
)

// Problem is an error as RFC 9457 says, with our kind and, per wrong field, where
// it is. Instance is the request's id: the log has the cause under it.
type Problem struct {
	Type     string             `json:"type" example:"about:blank"`
	Title    string             `json:"title" example:"Not Found"`
	Status   int                `json:"status" example:"404"`
	Detail   string             `json:"detail" example:"table raw.calls does not exist; forge tables lists what is there"`
	Kind     forge.Kind         `json:"kind" example:"not_found" doc:"invalid, not_found, conflict, denied, unavailable or internal"`
	Instance string             `json:"instance,omitempty" doc:"Id of the request in the server's log"`
	Errors   []forge.FieldError `json:"errors,omitempty"`
	Retry    time.Duration      `json:"-"` // when to come again; sent as Retry-After
}

func (p *Problem) Error() string  { return p.Detail }
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders makes huma send Retry-After.
func (p *Problem) GetHeaders() http.Header {
	if p.Retry <= 0 {
		return nil
	}
	return http.Header{"Retry-After": {strconv.Itoa(int((p.Retry + time.Second - 1) / time.Second))}}
}

// ContentType makes huma send problem+json.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// statusOf is the only place where kinds become status codes.
func statusOf(k forge.Kind) int {
	switch k {
	case forge.KindInvalid:
		return http.StatusUnprocessableEntity
	case forge.KindNotFound:
		return http.StatusNotFound
	case forge.KindConflict:
		return http.StatusConflict
	case forge.KindDenied:
		return http.StatusForbidden
	case forge.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func kindOfStatus(status int) forge.Kind {
	switch {
	case status == http.StatusNotFound:
		return forge.KindNotFound
	case status == http.StatusConflict || status == http.StatusPreconditionFailed:
		return forge.KindConflict
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return forge.KindDenied
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		return forge.KindUnavailable
	case status < http.StatusInternalServerError:
		return forge.KindInvalid
	}
	return forge.KindInternal
}

// ProblemOf translates err. An error without a kind tells the user nothing but the
// id under which the log has it.
func ProblemOf(err error, requestID string) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		q := *p
		q.Instance = requestID
		return &q
	}
	var e *forge.Error
	if !errors.As(err, &e) || e.Kind == forge.KindInternal {
		return problem(http.StatusInternalServerError, "something went wrong on the server; its log has the cause under request "+requestID, requestID)
	}
	out := problem(statusOf(e.Kind), e.Text, requestID)
	if errors.Is(err, errNoToken) {
		out.Status, out.Title = http.StatusUnauthorized, http.StatusText(http.StatusUnauthorized)
	}
	out.Errors = e.Detail
	return out
}

// errNoToken marks a refusal for want of a valid token: 401 instead of 403.
var errNoToken = errors.New("no valid token")

// Unauthenticated is the error for a missing, wrong or expired token.
func Unauthenticated(format string, args ...any) error {
	return forge.Errorf(forge.KindDenied, errNoToken, format, args...)
}

// Status returns an error with a status that kinds do not have, such as 413 or 429.
func Status(status int, detail string) error { return problem(status, detail, "") }

// Busy is Status for a request that may be sent again after a while.
func Busy(status int, after time.Duration, detail string) error {
	p := problem(status, detail, "")
	p.Retry = after
	return p
}

func problem(status int, detail, requestID string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Kind: kindOfStatus(status), Instance: requestID}
}

// WriteError answers r with err as problem+json.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	p := ProblemOf(err, RequestID(r.Context()))
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="forge"`)
	}
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// newHumaError is how huma's own refusals (validation, bad JSON) become Problems.
func newHumaError(status int, msg string, errs ...error) huma.StatusError {
	p := problem(status, msg, "")
	for _, err := range errs {
		if d, ok := err.(huma.ErrorDetailer); ok {
			e := d.ErrorDetail()
			p.Errors = append(p.Errors, forge.FieldError{Path: e.Location, Text: e.Message})
		} else if err != nil {
			p.Errors = append(p.Errors, forge.FieldError{Text: err.Error()})
		}
	}
	return p
}
