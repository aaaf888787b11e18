package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/telemetry"
)

// gate takes TENANT.PROJECT.ROLE for a token.
type gate struct{}

func (gate) Authenticate(_ context.Context, token string) (forge.Principal, error) {
	var parts [3]string
	copy(parts[:], strings.Split(token, "."))
	return forge.Principal{Name: "ann", Role: forge.Role(parts[2]), Scope: forge.Scope{Tenant: forge.TenantID(parts[0]), Project: forge.ProjectID(parts[1])}}, nil
}

func (gate) Allows(role forge.Role, perm forge.Permission) bool {
	return role == forge.RoleViewer && perm == forge.PermRead
}

func (gate) Audit(context.Context, httpapi.AuditEvent) {}

var acme = forge.Scope{Tenant: "acme", Project: "calls"}

// open returns a server with /metrics and three operations that end in different ways,
// and what asks it.
func open(t *testing.T) (*telemetry.Telemetry, func(path, token string) (int, string)) {
	t.Helper()
	tel := telemetry.New("1.2.3")
	s := httpapi.New(gate{}, "test", nil)
	s.Measure(tel.Meter)
	raw := func(id string, h func(http.ResponseWriter, *http.Request) error) {
		s.HandleRaw(httpapi.Op{ID: id, Method: "GET", Path: "/" + id, Perm: forge.PermPublic}, h)
	}
	raw("good", func(http.ResponseWriter, *http.Request) error { return nil })
	raw("bad", func(http.ResponseWriter, *http.Request) error { return forge.Errorf(forge.KindNotFound, nil, "no") })
	raw("panics", func(http.ResponseWriter, *http.Request) error { panic("oh") })
	httpapi.Handle(s, httpapi.Op{ID: "typed", Method: "GET", Path: "/typed", Perm: forge.PermRead}, func(context.Context, *struct{}) (*struct{}, error) { return nil, errors.New("fault") })
	telemetry.Register(s, tel)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return tel, func(path, token string) (int, string) {
		t.Helper()
		req, err := http.NewRequest("GET", srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
}

func wantLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains("\n"+text, "\n"+l+"\n") {
			t.Errorf("no line %q in\n%s", l, text)
		}
	}
}

func TestRequests(t *testing.T) {
	_, ask := open(t)
	for range 3 {
		ask("/good", "")
	}
	ask("/bad", "")
	ask("/panics", "")
	ask("/typed", "acme.calls.viewer")
	ask("/typed", "acme.calls.predict")
	status, text := ask("/metrics", "acme.calls.viewer")
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	wantLines(t, text,
		`forge_http_requests_total{operation="good",status="2xx"} 3`, `forge_http_requests_total{operation="bad",status="4xx"} 1`,
		`forge_http_requests_total{operation="panics",status="5xx"} 1`, `forge_http_requests_total{operation="typed",status="5xx"} 1`,
		`forge_http_requests_total{operation="typed",status="4xx"} 1`, `forge_http_requests_total{operation="metrics",status="2xx"} 0`,
		`forge_http_request_duration_seconds_count{operation="good"} 3`, `forge_http_request_duration_seconds_bucket{operation="good",le="+Inf"} 3`,
		`forge_http_requests_in_flight 1`, `forge_build_info{version="1.2.3"} 1`)
	if !strings.Contains(text, "\ngo_goroutines ") {
		t.Error("the Go runtime is not there")
	}
}

func TestNeedsToken(t *testing.T) {
	_, ask := open(t)
	for token, want := range map[string]int{"": 401, "acme.calls.predict": 403} {
		if status, text := ask("/metrics", token); status != want || strings.Contains(text, "go_goroutines") {
			t.Errorf("token %q: %d %s", token, status, text)
		}
	}
}

// A project sees its own figures and the process's, never another's.
func TestProjects(t *testing.T) {
	tel, ask := open(t)
	tel.Predicted(acme, "calls", 3, "api")
	tel.Predicted(acme, "calls", 3, "api")
	tel.Predicted(forge.Scope{Tenant: "acme", Project: "other"}, "secret_project", 1, "api")
	tel.Predicted(forge.Scope{Tenant: "rival", Project: "calls"}, "secret_tenant", 1, "grpc")
	tel.Gauge("forge_waiting", "What waits.", func() float64 { return 7 })
	tel.Add(func(_ context.Context, scope forge.Scope, add func(telemetry.Figure)) error {
		add(telemetry.Figure{Name: "forge_jobs", Help: "Jobs.", Labels: []string{"kind", "train"}, Value: float64(len(scope.Tenant))})
		add(telemetry.Figure{Name: "forge_jobs", Help: "Jobs.", Labels: []string{"kind", "ingest"}, Value: 1})
		return nil
	})
	_, text := ask("/metrics", "acme.calls.viewer")
	wantLines(t, text, `forge_predictions_total{deployment="calls",project="calls",source="api",tenant="acme",version="3"} 2`, `forge_waiting 7`,
		`forge_jobs{kind="train",project="calls",tenant="acme"} 4`, `forge_jobs{kind="ingest",project="calls",tenant="acme"} 1`)
	if strings.Contains(text, "secret") {
		t.Errorf("another project's figures are shown:\n%s", text)
	}
	_, text = ask("/metrics", "rival.calls.viewer")
	wantLines(t, text, `forge_predictions_total{deployment="secret_tenant",project="calls",source="grpc",tenant="rival",version="1"} 1`, `forge_jobs{kind="train",project="calls",tenant="rival"} 5`)
	if strings.Contains(text, "acme") || strings.Contains(text, "secret_project") {
		t.Errorf("another tenant's figures are shown:\n%s", text)
	}
}

// A source that fails makes the scrape fail, so that it is seen.
func TestFailingSource(t *testing.T) {
	tel, ask := open(t)
	tel.Add(func(context.Context, forge.Scope, func(telemetry.Figure)) error {
		return forge.Errorf(forge.KindUnavailable, nil, "the store does not answer")
	})
	if status, text := ask("/metrics", "acme.calls.viewer"); status != 503 || !strings.Contains(text, "the store does not answer") {
		t.Errorf("%d %s", status, text)
	}
}

func TestNoAllocations(t *testing.T) {
	tel := telemetry.New("")
	m := tel.Meter(httpapi.Op{ID: "predict"})
	n := testing.AllocsPerRun(100, func() {
		began := m.Begin()
		tel.Predicted(acme, "calls", 3, "api")
		m.End(began, 200)
		m.End(time.Time{}, 404)
	})
	if n > 0 {
		t.Errorf("%v allocations per request", n)
	}
}

func TestConcurrent(t *testing.T) {
	tel, ask := open(t)
	done := make(chan bool)
	for i := range 8 {
		go func() {
			for range 200 {
				tel.Predicted(acme, fmt.Sprint("d", i%4), 1, "api")
			}
			done <- true
		}()
	}
	for range 8 {
		<-done
	}
	_, text := ask("/metrics", "acme.calls.viewer")
	wantLines(t, text, `forge_predictions_total{deployment="d0",project="calls",source="api",tenant="acme",version="1"} 400`)
}
