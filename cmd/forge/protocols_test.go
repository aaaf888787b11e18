package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving/oipgrpc"
)

// call is one call of gRPC over HTTP/2 without TLS to the server's own port; it
// returns the status and the message.
func (f *forged) call(t *testing.T, token, method string, message []byte) (string, []byte) {
	t.Helper()
	body := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.app.Base()+method, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/grpc")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if s := res.Trailer.Get("Grpc-Status"); s != "" {
		return s, b
	}
	return res.Header.Get("Grpc-Status"), b
}

// gRPC is on the port of everything else, behind the same gate.
func TestGRPCOnTheSamePort(t *testing.T) {
	f := fresh(t)
	key := f.key(t, forge.RolePredict)
	yes := []byte{0, 0, 0, 0, 2, 8, 1}
	for _, c := range []struct {
		token, method, message, status string
		answer                         []byte
	}{
		{"", oipgrpc.Root + "ServerLive", "", "0", yes},
		{"", "/grpc.health.v1.Health/Check", "", "0", yes},
		{"", oipgrpc.Root + "RepositoryIndex", "", "16", nil},
		{"nonsense", oipgrpc.Root + "RepositoryIndex", "", "16", nil},
		{key, oipgrpc.Root + "RepositoryIndex", "", "0", []byte{0, 0, 0, 0, 0}},
		{key, oipgrpc.Root + "ModelReady", "\n\x05calls", "5", nil},
		{key, oipgrpc.Root + "ModelStatistics", "", "12", nil},
	} {
		status, answer := f.call(t, c.token, c.method, []byte(c.message))
		if status != c.status || !bytes.Equal(answer, c.answer) {
			t.Errorf("%s with %q: status %s %q, want %s %q", c.method, c.token, status, answer, c.status, c.answer)
		}
	}
}

// Prometheus sees with a viewer's key what has happened here, and nothing without one.
func TestMetrics(t *testing.T) {
	f := fresh(t)
	if a := f.ask("", "GET", "/metrics", nil); a.status != 401 {
		t.Errorf("without a token: %d %s", a.status, a.body)
	}
	if a := f.ask(f.key(t, forge.RolePredict), "GET", "/metrics", nil); a.status != 403 {
		t.Errorf("with a key that may only predict: %d %s", a.status, a.body)
	}
	a := f.ask(f.key(t, forge.RoleViewer), "GET", "/metrics", nil)
	if a.status != 200 || !strings.HasPrefix(a.kind, "text/plain") {
		t.Fatalf("%d %s %s", a.status, a.kind, a.body)
	}
	says(t, "metrics", string(a.body),
		`forge_http_requests_total{operation="metrics",status="4xx"} 2`, `forge_http_requests_total{operation="create-key",status="2xx"} 2`,
		"forge_prediction_log_batches_on_disk 0", "go_goroutines ", "process_resident_memory_bytes ", `forge_build_info{version=`)
}
