package telemetry

import (
	"context"
	"net/http"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// Figure is one number of a project at this moment. Labels are pairs of name and
// value; tenant and project are added to them.
type Figure struct {
	Name, Help string
	Total      bool // it only grows: a counter, else a gauge
	Labels     []string
	Value      float64
}

// Source gives the figures of one project when they are asked for.
type Source func(ctx context.Context, scope forge.Scope, add func(Figure)) error

// Add adds a source. All are added before the first request.
func (t *Telemetry) Add(s Source) { t.sources = append(t.sources, s) }

// Register adds GET /metrics to s.
func Register(s *httpapi.Server, t *Telemetry) {
	s.HandleRaw(httpapi.Op{
		ID: "metrics", Method: http.MethodGet, Path: "/metrics", Summary: "Figures for Prometheus", Tag: "health",
		Perm: forge.PermRead, Quiet: true, Hidden: true,
	}, t.serve)
}

func (t *Telemetry) serve(w http.ResponseWriter, r *http.Request) error {
	scope, err := forge.ScopeFrom(r.Context())
	if err != nil {
		return err
	}
	own := prometheus.NewRegistry()
	if err := t.collect(r.Context(), scope, own); err != nil {
		return err
	}
	all := prometheus.Gatherers{ours{t.reg, scope}, own}
	promhttp.HandlerFor(all, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(w, r)
	return nil
}

// collect asks the sources.
func (t *Telemetry) collect(ctx context.Context, scope forge.Scope, into *prometheus.Registry) error {
	for _, source := range t.sources {
		var figures figures
		if err := source(ctx, scope, func(f Figure) { figures = append(figures, f.metric(scope)) }); err != nil {
			return err
		}
		if err := into.Register(figures); err != nil {
			return err
		}
	}
	return nil
}

func (f Figure) metric(scope forge.Scope) prometheus.Metric {
	names, values := []string{"tenant", "project"}, []string{string(scope.Tenant), string(scope.Project)}
	for i := 0; i+1 < len(f.Labels); i += 2 {
		names, values = append(names, f.Labels[i]), append(values, f.Labels[i+1])
	}
	kind := prometheus.GaugeValue
	if f.Total {
		kind = prometheus.CounterValue
	}
	m, err := prometheus.NewConstMetric(prometheus.NewDesc(f.Name, f.Help, names, nil), kind, f.Value, values...)
	if err != nil {
		return prometheus.NewInvalidMetric(prometheus.NewDesc(f.Name, f.Help, nil, nil), err)
	}
	return m
}

// figures is a collector without descriptions: its metrics differ from time to time.
type figures []prometheus.Metric

func (f figures) Describe(chan<- *prometheus.Desc) {}

func (f figures) Collect(to chan<- prometheus.Metric) {
	for _, m := range f {
		to <- m
	}
}

// ours leaves out what belongs to other projects.
type ours struct {
	from  prometheus.Gatherer
	scope forge.Scope
}

func (o ours) Gather() ([]*dto.MetricFamily, error) {
	all, err := o.from.Gather()
	out := all[:0]
	for _, family := range all {
		kept := family.Metric[:0]
		for _, m := range family.Metric {
			if o.may(m) {
				kept = append(kept, m)
			}
		}
		if family.Metric = kept; len(kept) > 0 {
			out = append(out, family)
		}
	}
	return out, err
}

func (o ours) may(m *dto.Metric) bool {
	for _, l := range m.Label {
		if l.GetName() == "tenant" && l.GetValue() != string(o.scope.Tenant) || l.GetName() == "project" && l.GetValue() != string(o.scope.Project) {
			return false
		}
	}
	return true
}
