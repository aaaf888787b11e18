// Package oip speaks the Open Inference Protocol, version 2, over HTTP: health,
// metadata and infer, with JSON tensors and with the binary extension, so that the
// clients of Triton and KServe can ask a deployment as they ask those servers. A
// deployment is a model of the protocol; each input of the model is a tensor of shape
// [N] or [N,1], of any number type for a number, BYTES for text. null in JSON, NaN in
// binary and "" as text are missing values.
package oip

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/admission"
	"aiforge.dev/forge/serving/router"
)

// Deployments are the models of the protocol.
type Deployments interface {
	Get(ctx context.Context, scope forge.Scope, name string) (router.Handle, error)
	Describe(scope forge.Scope, name string) (serving.Deployment, serving.Signature, error)
	List(scope forge.Scope) []serving.Deployment
}

// Config of the service. Observer may be nil.
type Config struct {
	Deployments Deployments
	Observer    serving.Observer
	Version     string          // of the server
	MaxRows     int             // of one call; 0 means 10,000
	MaxBody     int64           // bytes, also after decompression; 0 means 64 MiB
	Gate        *admission.Gate // shared with the other ways of asking; nil means one of its own
}

// Service answers the protocol.
type Service struct {
	cfg  Config
	pool sync.Pool
}

// Defaults sets what is not given.
func (c *Config) Defaults() {
	if c.MaxRows == 0 {
		c.MaxRows = 10_000
	}
	if c.MaxBody == 0 {
		c.MaxBody = 64 << 20
	}
	if c.Gate == nil {
		c.Gate = admission.New(admission.Limits{})
	}
}

// New returns a service.
func New(cfg Config) *Service {
	cfg.Defaults()
	return &Service{cfg: cfg, pool: sync.Pool{New: func() any { return new(call) }}}
}

// Register adds the protocol's routes to s.
func Register(s *httpapi.Server, svc *Service) {
	add := func(id, method, path, summary string, perm forge.Permission, h func(http.ResponseWriter, *http.Request) error) {
		s.HandleRaw(httpapi.Op{
			ID: "oip-" + id, Method: method, Path: "/v2" + path, Summary: summary, Tag: "oip",
			Perm: perm, MaxBody: svc.cfg.MaxBody, Quiet: true, Refuse: refuse,
		}, h)
	}
	get := func(id, path, summary string, perm forge.Permission, h func(http.ResponseWriter, *http.Request) error) {
		add(id, http.MethodGet, path, summary, perm, h)
	}
	get("server", "", "Server metadata", forge.PermPublic, svc.server)
	get("live", "/health/live", "Server is live", forge.PermPublic, constant(`{"live":true}`))
	get("ready", "/health/ready", "Server is ready", forge.PermPublic, constant(`{"ready":true}`))
	add("index", http.MethodPost, "/repository/index", "Models and their states", forge.PermPredict, svc.index)
	for _, v := range []struct{ id, path string }{{"", "/models/{m}"}, {"-version", "/models/{m}/versions/{v}"}} {
		get("model"+v.id, v.path, "Model metadata", forge.PermPredict, svc.metadata)
		get("model-ready"+v.id, v.path+"/ready", "Model is ready", forge.PermPredict, svc.ready)
		get("model-config"+v.id, v.path+"/config", "Model configuration, as Triton's clients read it", forge.PermPredict, svc.config)
		add("infer"+v.id, http.MethodPost, v.path+"/infer", "Ask the model", forge.PermPredict, svc.infer)
	}
	s.Router.HandleFunc("/v2/*", unknown)
}

// unknown answers what the protocol does not have here: clients expect its errors.
func unknown(w http.ResponseWriter, r *http.Request) {
	text := fmt.Sprintf("%s %s is not part of the inference protocol here", r.Method, r.URL.Path)
	if strings.HasSuffix(r.URL.Path, "/load") || strings.HasSuffix(r.URL.Path, "/unload") {
		text = "models are loaded and unloaded by deploying: PUT or DELETE /api/deployments/NAME"
	}
	refuse(w, r, httpapi.ProblemOf(forge.Errorf(forge.KindNotFound, nil, "%s", text), ""))
}

// refuse writes an error as the protocol wants it. A request that is wrong is 400.
func refuse(w http.ResponseWriter, _ *http.Request, p *httpapi.Problem) {
	status := p.Status
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="forge"`)
	}
	answer(w, status, map[string]string{"error": p.Detail})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func constant(text string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "application/json")
		_, err := w.Write([]byte(text))
		return err
	}
}

func (s *Service) server(w http.ResponseWriter, _ *http.Request) error {
	answer(w, http.StatusOK, map[string]any{"name": "forge", "version": s.cfg.Version, "extensions": []string{"binary_tensor_data", "model_configuration"}})
	return nil
}

func (s *Service) model(r *http.Request) (serving.Deployment, serving.Signature, error) {
	return s.cfg.Describe(r.Context(), r.PathValue("m"), r.PathValue("v"))
}

// Describe finds a deployment of the caller's project, at the version that may be
// named, and what it takes and gives.
func (c Config) Describe(ctx context.Context, name, version string) (serving.Deployment, serving.Signature, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return serving.Deployment{}, serving.Signature{}, err
	}
	d, sig, err := c.Deployments.Describe(scope, name)
	if err != nil {
		return d, sig, err
	}
	if len(sig.Inputs) == 0 { // restored after a restart and not asked for yet
		h, err := c.Deployments.Get(ctx, scope, d.Name)
		if err != nil {
			return d, sig, err
		}
		defer h.Release()
		d.Version, d.State, sig = h.Package.Version, "ready", h.Signature
	}
	return d, sig, SameVersion(d.Name, d.Version, version)
}

// SameVersion refuses a request for another version than the one that answers.
func SameVersion(name string, version int, asked string) error {
	if asked != "" && asked != strconv.Itoa(version) {
		return forge.Errorf(forge.KindNotFound, nil, "model %q answers with version %d now, not %s", name, version, asked)
	}
	return nil
}

func (s *Service) ready(w http.ResponseWriter, r *http.Request) error {
	d, _, err := s.model(r)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"name": d.Name, "ready": true})
	return nil
}

func (s *Service) index(w http.ResponseWriter, r *http.Request) error {
	scope, err := forge.ScopeFrom(r.Context())
	if err != nil {
		return err
	}
	type entry struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		State   string `json:"state"`
		Reason  string `json:"reason"`
	}
	all := []entry{}
	for _, d := range s.cfg.Deployments.List(scope) {
		all = append(all, entry{d.Name, strconv.Itoa(d.Version), State(d), d.Error})
	}
	answer(w, http.StatusOK, all)
	return nil
}

// State is a deployment's state in the words of the protocol.
func State(d serving.Deployment) string {
	switch d.State {
	case "ready":
		return "READY"
	case "loading":
		return "LOADING"
	}
	return "UNAVAILABLE"
}

// TensorInfo describes a tensor in metadata.
type TensorInfo struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
}

// InputInfo is an input of a model as a tensor.
func InputInfo(in serving.Input) TensorInfo {
	t := TensorInfo{in.Name, "FP32", []int{-1, 1}}
	if in.Type == serving.String {
		t.Datatype = "BYTES"
	}
	return t
}

// OutputInfo is the outputs of a model as tensors.
func OutputInfo(sig serving.Signature) []TensorInfo {
	if len(sig.Classes) == 0 {
		return []TensorInfo{{"value", "FP32", []int{-1, 1}}}
	}
	return []TensorInfo{{"label", "BYTES", []int{-1}}, {"scores", "FP32", []int{-1, len(sig.Classes)}}}
}

func (s *Service) metadata(w http.ResponseWriter, r *http.Request) error {
	d, sig, err := s.model(r)
	if err != nil {
		return err
	}
	ins := make([]TensorInfo, len(sig.Inputs))
	for i, in := range sig.Inputs {
		ins[i] = InputInfo(in)
	}
	answer(w, http.StatusOK, map[string]any{
		"name": d.Name, "versions": []string{strconv.Itoa(d.Version)}, "platform": "onnxruntime_onnx", "inputs": ins, "outputs": OutputInfo(sig),
	})
	return nil
}

func (s *Service) config(w http.ResponseWriter, r *http.Request) error {
	d, sig, err := s.model(r)
	if err != nil {
		return err
	}
	triton := func(t TensorInfo) map[string]any {
		kind := "TYPE_" + t.Datatype
		if t.Datatype == "BYTES" {
			kind = "TYPE_STRING"
		}
		return map[string]any{"name": t.Name, "data_type": kind, "dims": t.Shape}
	}
	var ins, outs []map[string]any
	for _, in := range sig.Inputs {
		ins = append(ins, triton(InputInfo(in)))
	}
	for _, out := range OutputInfo(sig) {
		outs = append(outs, triton(out))
	}
	answer(w, http.StatusOK, map[string]any{"name": d.Name, "platform": "onnxruntime_onnx", "backend": "onnxruntime", "max_batch_size": 0, "input": ins, "output": outs})
	return nil
}
