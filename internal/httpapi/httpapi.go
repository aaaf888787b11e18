// Package httpapi is the one HTTP surface: a chi router, an OpenAPI 3.1 document
// made from the handlers themselves, and the gate every operation passes: who are
// you, may you, and a line in the audit log. Each folder registers its own
// operations; there is no central controller.
package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"aiforge.dev/forge"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
)

// Gate answers the three questions of every request.
type Gate interface {
	// Authenticate returns the principal of a bearer token (the bare token).
	Authenticate(ctx context.Context, token string) (forge.Principal, error)
	// Allows reports whether a role has a permission.
	Allows(role forge.Role, perm forge.Permission) bool
	// Audit records what was asked for and how it ended.
	Audit(ctx context.Context, e AuditEvent)
}

// AuditEvent is one request as the audit log keeps it.
type AuditEvent struct {
	At        time.Time       `json:"at"`
	Principal forge.Principal `json:"principal"` // zero when refused without a valid token
	Action    string          `json:"action"`    // the operation's id
	Target    string          `json:"target"`    // method and path
	Outcome   string          `json:"outcome"`   // ok, denied, failed
	Status    int             `json:"status"`
	Remote    string          `json:"remote"` // client address without port
	RequestID string          `json:"request_id"`
}

// Op describes one operation.
type Op struct {
	ID      string // unique, kebab-case: list-tables
	Method  string
	Path    string // under the root: /api/tables/{table}
	Summary string
	Tag     string           // the folder: lake, features, …
	Perm    forge.Permission // exactly one
	Status  int              // of success; 0 means 200, or 204 without a body
	MaxBody int64            // bytes; 0 means 1 MiB
	Quiet   bool             // success is not audited: health, polling of jobs, predictions (which have their own log)
	Hidden  bool             // raw operation that is not in the OpenAPI document: it belongs to a protocol with a document of its own
	// Refuse writes a failure of a raw operation in the shape of its own protocol;
	// nil means problem+json.
	Refuse func(w http.ResponseWriter, r *http.Request, p *Problem)
}

// Server collects operations.
type Server struct {
	Router chi.Router
	API    huma.API
	gate   Gate
	log    *slog.Logger
	ops    []Op
	meter  func(op Op) Meter
	origin *http.CrossOriginProtection
	naming string // id of the operation that is being registered, for schema names
}

// New makes a server without operations. A nil logger discards.
func New(gate Gate, version string, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{Router: chi.NewRouter(), gate: gate, log: log, origin: http.NewCrossOriginProtection()}
	s.Router.Use(s.requestID, s.recoverer, headers(ofData), plainNames)
	s.Router.NotFound(func(w http.ResponseWriter, r *http.Request) {
		WriteError(w, r, forge.Errorf(forge.KindNotFound, nil, "%s %s is not part of the API; /api/openapi.json lists what is", r.Method, r.URL.Path))
	})
	s.Router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		WriteError(w, r, Status(http.StatusMethodNotAllowed, r.Method+" is not allowed on "+r.URL.Path+"; /api/openapi.json lists what is"))
	})
	huma.NewError = newHumaError
	huma.NewErrorWithContext = func(c huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return ProblemOf(newHumaError(status, msg, errs...), RequestID(c.Context()))
	}
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true // or NAME fills the field that name was checked for
	cfg := huma.DefaultConfig("AI Forge", version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "/api/openapi", "", ""
	cfg.Formats = formats()
	cfg.CreateHooks = nil // no $schema links in answers
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", s.schemaName)
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT or API key"}}
	s.API = humachi.New(s.Router, cfg)
	return s
}

// schemaName names a type's schema by its package too, as TrainingVersion beside
// FeaturesVersion: the folders choose their nouns without looking at each other. A
// body without a type of its own is named by its operation: ListTablesAnswer.
func (s *Server) schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() == "" && t.Kind() == reflect.Struct {
		return camel(s.naming) + bodyName(strings.TrimPrefix(name, strings.ToUpper(s.naming[:1])+s.naming[1:]))
	}
	folder := path.Base(t.PkgPath())
	if t.Name() == "" || t.PkgPath() == "" || folder == "forge" || strings.HasPrefix(strings.ToLower(name), folder) {
		return name
	}
	return strings.ToUpper(folder[:1]) + folder[1:] + name
}

// bodyName turns huma's hint, such as ListOutputBodyTablesItem, into AnswerTablesItem.
func bodyName(hint string) string {
	for _, part := range []struct{ in, out string }{{"OutputBody", "Answer"}, {"OutBody", "Answer"}, {"InputBody", "Request"}, {"InBody", "Request"}} {
		if _, rest, ok := strings.Cut(hint, part.in); ok {
			return part.out + rest
		}
	}
	return hint
}

// camel turns list-tables into ListTables.
func camel(id string) string {
	var b strings.Builder
	for _, word := range strings.Split(id, "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// Ops returns every registered operation, in order of registration.
func (s *Server) Ops() []Op { return s.ops }

// ServeHTTP serves all registered operations.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.Router.ServeHTTP(w, r) }

// Wrap gives another handler, such as the studio's pages, the same request id, panic
// guard and security headers.
func (s *Server) Wrap(h http.Handler) http.Handler {
	return s.requestID(s.recoverer(headers(ofPages)(h)))
}

// Handle registers a typed operation: I and O are huma input and output structs.
func Handle[I, O any](s *Server, op Op, h func(context.Context, *I) (*O, error)) {
	s.add(&op)
	s.naming = op.ID
	huma.Register(s.API, s.humaOp(op), func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, op, err)
		}
		return out, nil
	})
}

// HandleRaw registers an operation that reads and writes HTTP itself: streams and
// hot paths. It passes the same gate and is listed in the OpenAPI document.
func (s *Server) HandleRaw(op Op, h func(w http.ResponseWriter, r *http.Request) error) {
	s.add(&op)
	if !op.Hidden {
		s.API.OpenAPI().AddOperation(s.documented(op))
	}
	m := s.measured(op)
	s.Router.MethodFunc(op.Method, op.Path, func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w}
		status := http.StatusInternalServerError // until it has ended; a panic leaves it so
		began, ctx := m.Begin(), r.Context()
		defer func() {
			m.End(began, status)
			s.leave(ctx, op, r, status)
		}()
		ctx, err := s.enter(ctx, op, r)
		refused := 0
		if err == nil {
			r = r.WithContext(ctx)
			r.Body = http.MaxBytesReader(rec, r.Body, op.MaxBody)
			err = h(rec, r)
		}
		if err != nil {
			s.logFailure(ctx, op, err)
			if !rec.wrote {
				op.refuse(rec, r, err)
				refused = ProblemOf(err, "").Status
			}
		}
		if status = rec.status(); status < http.StatusBadRequest && refused > 0 {
			status = refused // gRPC refuses with 200
		}
	})
}

func (op Op) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if op.Refuse == nil {
		WriteError(w, r, err)
		return
	}
	p := ProblemOf(err, RequestID(r.Context()))
	maps.Copy(w.Header(), p.GetHeaders())
	op.Refuse(w, r, p)
}

func (s *Server) add(op *Op) {
	if op.MaxBody == 0 {
		op.MaxBody = 1 << 20
	}
	s.ops = append(s.ops, *op)
}

func (s *Server) documented(op Op) *huma.Operation {
	o := &huma.Operation{
		OperationID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, Tags: []string{op.Tag},
		DefaultStatus: op.Status, MaxBodyBytes: op.MaxBody, Extensions: map[string]any{"x-permission": string(op.Perm)},
	}
	if op.Perm != forge.PermPublic {
		o.Security = []map[string][]string{{"bearer": {}}}
	}
	return o
}

func (s *Server) humaOp(op Op) huma.Operation {
	o := s.documented(op)
	m := s.measured(op)
	o.Middlewares = huma.Middlewares{func(c huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(c)
		status := http.StatusInternalServerError // until it has ended; a panic leaves it so
		began, ctx := m.Begin(), r.Context()
		defer func() {
			m.End(began, status)
			s.leave(ctx, op, r, status)
		}()
		ctx, err := s.enter(ctx, op, r)
		if err != nil {
			WriteError(w, r, err)
			status = ProblemOf(err, "").Status
			return
		}
		next(huma.WithContext(c, ctx))
		status = c.Status()
	}}
	return *o
}

// enter authenticates and authorizes; the returned context carries the principal,
// and a request id in every case.
func (s *Server) enter(ctx context.Context, op Op, r *http.Request) (context.Context, error) {
	// Bearer headers cannot be sent by another site's page, but the refresh cookie, the
	// sign-in and a guess at either could: what browsers mark as foreign changes nothing.
	if err := s.origin.Check(r); err != nil {
		return ctx, forge.Errorf(forge.KindDenied, err, "this request comes from another site's page")
	}
	if op.Perm == forge.PermPublic {
		return ctx, nil
	}
	// A proxy may have looked at the other one of two.
	if len(r.Header["Authorization"]) > 1 {
		return ctx, Unauthenticated("%s %s has %d Authorization headers: send one", r.Method, r.URL.Path, len(r.Header["Authorization"]))
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ctx, Unauthenticated("%s %s needs a token: send \"Authorization: Bearer TOKEN\"; forge token create makes one", r.Method, r.URL.Path)
	}
	p, err := s.gate.Authenticate(ctx, token)
	if err != nil {
		return ctx, err
	}
	ctx = forge.WithPrincipal(ctx, p)
	if op.Perm != forge.PermSelf && !s.gate.Allows(p.Role, op.Perm) {
		return ctx, forge.Errorf(forge.KindDenied, nil, "%s may not do this: the operation %s needs the permission %q, which the role %q does not have", p.Name, op.ID, op.Perm, p.Role)
	}
	return ctx, nil
}

func (s *Server) leave(ctx context.Context, op Op, r *http.Request, status int) {
	ok := status < 400
	if ok && (op.Quiet || op.Perm == forge.PermPublic && r.Method == http.MethodGet) {
		return
	}
	outcome := "ok"
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		outcome = "denied"
	} else if !ok {
		outcome = "failed"
	}
	p, _ := forge.PrincipalFrom(ctx)
	s.gate.Audit(ctx, AuditEvent{
		At: time.Now().UTC(), Principal: p, Action: op.ID, Target: r.Method + " " + r.URL.Path,
		Outcome: outcome, Status: status, Remote: RemoteHost(r.RemoteAddr), RequestID: RequestID(ctx),
	})
}

func (s *Server) problem(ctx context.Context, op Op, err error) error {
	s.logFailure(ctx, op, err)
	return ProblemOf(err, RequestID(ctx))
}

// logFailure logs once, where the error stops; a refusal is no fault of ours.
func (s *Server) logFailure(ctx context.Context, op Op, err error) {
	level := slog.LevelDebug
	if ProblemOf(err, "").Status >= 500 && ctx.Err() == nil { // with it ended, the client has gone
		level = slog.LevelError
	}
	s.log.Log(ctx, level, "request failed", "op", op.ID, "request", RequestID(ctx), "err", chain(err))
}

// chain is err with all its causes, for the log only.
func chain(err error) string {
	var b strings.Builder
	for last := ""; err != nil; {
		if t := err.Error(); t != last {
			if b.Len() > 0 {
				b.WriteString(" <- ")
			}
			b.WriteString(t)
			last = t
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			break
		}
		err = u.Unwrap()
	}
	return b.String()
}

type requestIDKey struct{}

// RequestID returns the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func (s *Server) requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b [8]byte
		_, _ = rand.Read(b[:])
		id := hex.EncodeToString(b[:])
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

func (s *Server) recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			s.log.Error("panic", "path", r.URL.Path, "request", RequestID(r.Context()), "panic", v, "stack", string(debug.Stack()))
			WriteError(w, r, forge.Errorf(forge.KindInternal, nil, "panic"))
		}()
		next.ServeHTTP(w, r)
	})
}

// recorder remembers the status of a raw answer.
type recorder struct {
	http.ResponseWriter
	wrote bool
	code  int
}

func (r *recorder) WriteHeader(code int) {
	if !r.wrote {
		r.wrote, r.code = true, code
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(b []byte) (int, error) {
	if !r.wrote {
		r.wrote, r.code = true, http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach Flush and deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) status() int {
	if !r.wrote {
		return http.StatusOK
	}
	return r.code
}
