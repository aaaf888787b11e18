package oipgrpc_test

import (
	"strings"
	"testing"

	"aiforge.dev/forge/serving/admission"
	"aiforge.dev/forge/serving/oip"
	"aiforge.dev/forge/serving/servingtest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestCrowd: both forms of the protocol share the places; probes need none.
func TestCrowd(t *testing.T) {
	room := admission.New(admission.Limits{Calls: 1})
	w := open(t, func(c *oip.Config) { c.Gate = room })
	var other admission.Visit
	if err := room.Enter(servingtest.Scope, &other); err != nil {
		t.Fatal(err)
	}
	const rows = `{"inputs": [{"name": "age", "shape": [1], "datatype": "FP32", "data": [50]}, {"name": "job", "shape": [1], "datatype": "BYTES", "data": ["admin."]}]}`
	ask := func() (int, codes.Code) {
		t.Helper()
		code, text, header := w.Do("POST", "/v2/models/calls/infer", rows)
		if code == 429 && (header.Get("Retry-After") != "1" || !strings.HasPrefix(text, `{"error":"too many`)) {
			t.Errorf("%v %s", header, text)
		}
		_, err := w.call("ModelReady", `name: "calls"`)
		return code, status.Code(err)
	}
	if http, grpc := ask(); http != 429 || grpc != codes.ResourceExhausted {
		t.Errorf("while another has the place: %d %s", http, grpc)
	}
	if _, err := w.call("ServerLive", ""); err != nil {
		t.Errorf("a probe: %v", err)
	}
	other.Leave()
	for range 3 { // each gives its place back
		if http, grpc := ask(); http != 200 || grpc != codes.OK {
			t.Errorf("with the place free: %d %s", http, grpc)
		}
	}
	w.token = ""
	if _, err := w.call("ServerMetadata", strings.Repeat(" ", 10)); err != nil {
		t.Errorf("without a token: %v", err)
	}
}
