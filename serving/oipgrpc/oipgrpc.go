// Package oipgrpc speaks the Open Inference Protocol, version 2, over gRPC, as oip
// speaks it over HTTP: the same deployments, rules for tensors, numbers and gate. It
// needs nothing but the HTTP/2 of net/http: a call of gRPC is a POST to the method's
// path whose body and answer are one message behind five bytes of prefix, and whose
// status is in the trailers. oip.proto has the messages; the codec is by hand, so that
// a tensor's values go from the wire into the batch without anything in between.
package oipgrpc

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving/admission"
	"aiforge.dev/forge/serving/oip"
)

// Root is the path below which the service's methods are.
const Root = "/inference.GRPCInferenceService/"

// Service answers the protocol.
type Service struct {
	cfg  oip.Config
	pool sync.Pool
}

// New returns a service.
func New(cfg oip.Config) *Service {
	cfg.Defaults()
	return &Service{cfg: cfg, pool: sync.Pool{New: func() any { return new(call) }}}
}

// call is the memory of one call; it is used again.
type call struct {
	visit  admission.Visit
	body   []byte // the message that came
	answer []byte // prefix and message
	infer  inference
}

// method answers the message in c.body by appending to c.answer.
type method func(ctx context.Context, c *call) error

// Register adds the protocol's methods to s.
func Register(s *httpapi.Server, svc *Service) {
	for _, m := range []struct {
		id, name, summary string
		perm              forge.Permission
		answer            method
	}{
		{"live", "ServerLive", "Server is live", forge.PermPublic, yes},
		{"ready", "ServerReady", "Server is ready", forge.PermPublic, yes},
		{"server", "ServerMetadata", "Server metadata", forge.PermPublic, svc.server},
		{"model-ready", "ModelReady", "Model is ready", forge.PermPredict, svc.ready},
		{"model", "ModelMetadata", "Model metadata", forge.PermPredict, svc.metadata},
		{"infer", "ModelInfer", "Ask the model", forge.PermPredict, svc.modelInfer},
		{"index", "RepositoryIndex", "Models and their states", forge.PermPredict, svc.index},
	} {
		most := svc.cfg.MaxBody + prefix
		if m.perm == forge.PermPublic {
			most = 1 << 10 // of nobody who is known
		}
		s.HandleRaw(httpapi.Op{
			ID: "grpc-" + m.id, Method: http.MethodPost, Path: Root + m.name, Summary: m.summary, Tag: "oip",
			Perm: m.perm, MaxBody: most, Quiet: true, Hidden: true, Refuse: refuse,
		}, svc.unary(m.answer))
	}
	s.HandleRaw(httpapi.Op{
		ID: "grpc-health", Method: http.MethodPost, Path: "/grpc.health.v1.Health/Check", Summary: "The server answers calls of gRPC", Tag: "oip",
		Perm: forge.PermPublic, MaxBody: 1 << 10, Quiet: true, Hidden: true, Refuse: refuse,
	}, svc.unary(health))
	s.Router.HandleFunc(Root+"*", unknown)
}

// health answers the probes of load balancers, which ask for a service by its name or
// for the server by none.
func health(ctx context.Context, c *call) error {
	service, _, err := named(c.body)
	if err == nil && service != "" && service != strings.Trim(Root, "/") {
		err = forge.Errorf(forge.KindNotFound, nil, "service %q is not there; there is %s", service, strings.Trim(Root, "/"))
	}
	if err != nil {
		return err
	}
	return yes(ctx, c) // 1 is SERVING
}

// unknown answers methods that only other servers of the protocol have.
func unknown(w http.ResponseWriter, r *http.Request) {
	refuse(w, r, httpapi.ProblemOf(httpapi.Status(http.StatusNotImplemented, r.URL.Path+" is not there: models are loaded and unloaded by deploying, and streams, statistics and shared memory are not offered"), ""))
}

// yes is a message whose field 1 is true.
func yes(_ context.Context, c *call) error {
	c.answer = appendVarint(c.answer, 1, 1)
	return nil
}

func (s *Service) server(_ context.Context, c *call) error {
	c.answer = appendText(c.answer, 1, "forge")
	c.answer = appendText(c.answer, 2, s.cfg.Version)
	return nil
}

// named reads a message whose fields 1 and 2 are a model's name and version.
func named(b []byte) (name, version string, err error) {
	m := message{b}
	for f, ok, err := m.next(); ok; f, ok, err = m.next() {
		if err != nil {
			return "", "", err
		}
		switch f.key {
		case 1<<3 | length:
			name = string(f.bytes)
		case 2<<3 | length:
			version = string(f.bytes)
		}
	}
	return name, version, nil
}

func (s *Service) ready(ctx context.Context, c *call) error {
	name, version, err := named(c.body)
	if err != nil {
		return err
	}
	if _, _, err := s.cfg.Describe(ctx, name, version); err != nil {
		return err
	}
	return yes(ctx, c)
}

func (s *Service) metadata(ctx context.Context, c *call) error {
	name, version, err := named(c.body)
	if err != nil {
		return err
	}
	d, sig, err := s.cfg.Describe(ctx, name, version)
	if err != nil {
		return err
	}
	b := appendText(c.answer, 1, d.Name)
	b = appendText(b, 2, strconv.Itoa(d.Version))
	b = appendText(b, 3, "onnxruntime_onnx")
	for _, in := range sig.Inputs {
		b = appendBytes(b, 4, described(oip.InputInfo(in)))
	}
	for _, out := range oip.OutputInfo(sig) {
		b = appendBytes(b, 5, described(out))
	}
	c.answer = b
	return nil
}

// described is a TensorMetadata.
func described(t oip.TensorInfo) []byte {
	b := appendText(nil, 1, t.Name)
	b = appendText(b, 2, t.Datatype)
	shape := make([]int64, len(t.Shape))
	for i, n := range t.Shape {
		shape[i] = int64(n)
	}
	return appendInts(b, 3, shape...)
}

func (s *Service) index(ctx context.Context, c *call) error {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return err
	}
	onlyReady := false
	m := message{c.body}
	for f, ok, err := m.next(); ok; f, ok, err = m.next() {
		if err != nil {
			return err
		}
		if f.key == 2<<3|varint {
			onlyReady = f.num != 0
		}
	}
	for _, d := range s.cfg.Deployments.List(scope) {
		state := oip.State(d)
		if onlyReady && state != "READY" {
			continue
		}
		b := appendText(nil, 1, d.Name)
		b = appendText(b, 2, strconv.Itoa(d.Version))
		b = appendText(b, 3, state)
		c.answer = appendBytes(c.answer, 1, appendText(b, 4, d.Error))
	}
	return nil
}
