// Package predict is the prediction API: POST /v1/predict/{name} with rows of fields,
// or with entities whose features are looked up. It also holds what every way of
// asking a model shares: reading a body within limits and recording observations.
package predict

import (
	"context"
	"net/http"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/admission"
	"aiforge.dev/forge/serving/router"
)

// Deployments gives what answers under a name.
type Deployments interface {
	Get(ctx context.Context, scope forge.Scope, name string) (router.Handle, error)
}

// Config of the service. Features and Observer may be nil: then entities are refused
// and nothing is logged.
type Config struct {
	Deployments Deployments
	Features    serving.Features
	Observer    serving.Observer
	MaxRows     int             // of one call; 0 means 10,000
	MaxBody     int64           // bytes, also after decompression; 0 means 16 MiB
	Gate        *admission.Gate // shared with the other ways of asking; nil means one of its own
}

// Service answers the prediction API.
type Service struct {
	cfg  Config
	pool sync.Pool
}

// New returns a service.
func New(cfg Config) *Service {
	if cfg.MaxRows == 0 {
		cfg.MaxRows = 10_000
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 16 << 20
	}
	if cfg.Gate == nil {
		cfg.Gate = admission.New(admission.Limits{})
	}
	return &Service{cfg: cfg, pool: sync.Pool{New: func() any { return new(call) }}}
}

// MaxBody is the limit of a request's body.
func (s *Service) MaxBody() int64 { return s.cfg.MaxBody }

// call is the memory of one request; it is used again.
type call struct {
	visit admission.Visit
	body  []byte
	req   request
	out   serving.Output
	ids   []string
}

// Serve answers POST /v1/predict/{name}.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	scope, err := forge.ScopeFrom(r.Context())
	if err != nil {
		return err
	}
	c := s.pool.Get().(*call)
	defer s.giveBack(c)
	if err := s.cfg.Gate.Enter(scope, &c.visit); err != nil {
		return err
	}
	defer c.visit.Leave()
	if c.body, err = ReadBody(r, &c.visit, c.body[:0], s.cfg.MaxBody); err != nil {
		return err
	}
	h, err := s.cfg.Deployments.Get(r.Context(), scope, r.PathValue("name")) // a slow body holds no model
	if err != nil {
		return err
	}
	defer h.Release()
	err = s.answer(r, scope, h, c, start)
	h.Count(time.Since(start), err != nil)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(c.body)
	return err
}

// giveBack keeps the memory of ordinary calls for the next ones.
func (s *Service) giveBack(c *call) {
	if cap(c.body) <= 1<<20 {
		s.pool.Put(c)
	}
}

// answer decodes the request in c.body and leaves the answer there.
func (s *Service) answer(r *http.Request, scope forge.Scope, h router.Handle, c *call, start time.Time) (err error) {
	if err := c.req.read(c.body, h.Signature, s.cfg.MaxRows); err != nil {
		return err
	}
	if err := s.lookUp(r.Context(), scope, h.Signature, &c.req); err != nil {
		return err
	}
	if err := h.Predictor.Predict(r.Context(), c.req.batch, &c.out); err != nil {
		return err
	}
	c.ids = PredictionIDs(c.ids[:0], c.req.batch.N)
	c.body = c.req.appendAnswer(c.body[:0], h.Signature, c.out, c.ids)
	if s.cfg.Observer != nil {
		Record(s.cfg.Observer, scope, Answered{
			Handle: h, Batch: c.req.batch, Output: c.out, IDs: c.ids, Entities: c.req.subjects(), EventTimes: c.req.times,
			At: start, Latency: time.Since(start), Source: "api", By: forge.By(r.Context()), RequestID: httpapi.RequestID(r.Context()),
		})
	}
	return nil
}

// lookUp fills the batch with the features of the request's entities.
func (s *Service) lookUp(ctx context.Context, scope forge.Scope, sig serving.Signature, q *request) error {
	if len(q.entities) == 0 {
		return nil
	}
	if s.cfg.Features == nil {
		return forge.Errorf(forge.KindUnavailable, nil, "no feature store is connected: send rows instead of entities")
	}
	for row, keys := range q.entities {
		values, about, err := s.cfg.Features.Lookup(ctx, scope, sig.Inputs, keys)
		if err != nil {
			return at(err, "entities", row, "")
		}
		if len(values) != len(sig.Inputs) {
			return forge.Errorf(forge.KindInternal, nil, "feature look-up gave %d values for %d inputs", len(values), len(sig.Inputs))
		}
		if !q.given["event_times"] {
			q.times = append(q.times, about)
		}
		q.batch.AddRow(sig.Inputs)
		for i, v := range values {
			q.batch.Set(i, row, v)
		}
	}
	return nil
}
