// Package telemetry counts what the server does and shows it to Prometheus: requests
// by operation, predictions by deployment and version, and what others add. What
// belongs to a project is shown to that project's tokens only; the process's own
// figures to all who may read. Nothing here is global, and nothing on the way of a
// request allocates.
package telemetry

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// latencies are the upper bounds of the histogram of requests, in seconds: half a
// millisecond for predictions, half a minute for queries.
var latencies = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30}

// Telemetry is the figures of one server.
type Telemetry struct {
	reg         *prometheus.Registry
	requests    *prometheus.CounterVec
	latency     *prometheus.HistogramVec
	inFlight    prometheus.Gauge
	predictions *prometheus.CounterVec
	sources     []Source

	mu     sync.RWMutex
	served map[served]prometheus.Counter
}

// New returns figures that are all zero; version is the server's.
func New(version string) *Telemetry {
	t := &Telemetry{
		reg: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "forge_http_requests_total", Help: "Requests that have ended, by operation and class of status; gRPC included.",
		}, []string{"operation", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "forge_http_request_duration_seconds", Help: "How long requests took, until the last byte of the answer.", Buckets: latencies,
		}, []string{"operation"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "forge_http_requests_in_flight", Help: "Requests that are being answered."}),
		predictions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "forge_predictions_total", Help: "Rows predicted, by who asked how: api, oip, grpc or batch.",
		}, []string{"tenant", "project", "deployment", "version", "source"}),
		served: map[served]prometheus.Counter{},
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "forge_build_info", Help: "1, with the server's version.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	t.reg.MustRegister(t.requests, t.latency, t.inFlight, t.predictions, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return t
}

// Gauge adds a figure of the process that is asked for whenever it is shown.
func (t *Telemetry) Gauge(name, help string, value func() float64) {
	t.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Meter measures an operation's requests.
func (t *Telemetry) Meter(op httpapi.Op) httpapi.Meter {
	m := &meter{t: t, op: op.ID, latency: t.latency.WithLabelValues(op.ID)}
	m.class(2) // shown, as 0, before the first request
	return m
}

type meter struct {
	t       *Telemetry
	op      string
	latency prometheus.Observer
	counts  [6]atomic.Pointer[prometheus.Counter] // by class of status, made when needed
}

func (m *meter) Begin() time.Time {
	m.t.inFlight.Inc()
	return time.Now()
}

func (m *meter) End(began time.Time, status int) {
	m.t.inFlight.Dec()
	m.class(min(max(status/100, 1), 5)).Inc()
	m.latency.Observe(time.Since(began).Seconds())
}

func (m *meter) class(n int) prometheus.Counter {
	if c := m.counts[n].Load(); c != nil {
		return *c
	}
	c := m.t.requests.WithLabelValues(m.op, strconv.Itoa(n)+"xx")
	m.counts[n].Store(&c)
	return c
}

// served names a counter of predictions.
type served struct {
	scope              forge.Scope
	deployment, source string
	version            int
}

// Predicted counts one predicted row.
func (t *Telemetry) Predicted(scope forge.Scope, deployment string, version int, source string) {
	key := served{scope, deployment, source, version}
	t.mu.RLock()
	c := t.served[key]
	t.mu.RUnlock()
	if c == nil {
		c = t.predictions.WithLabelValues(string(scope.Tenant), string(scope.Project), deployment, strconv.Itoa(version), source)
		t.mu.Lock()
		t.served[key] = c
		t.mu.Unlock()
	}
	c.Inc()
}
