package oipgrpc_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving/oip"
	"aiforge.dev/forge/serving/oipgrpc"
	"aiforge.dev/forge/serving/servingtest"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
)

// direct asks without a network: what a message answers and with which status.
func direct(t testing.TB) func(method string, message []byte) (code string, answer []byte) {
	models := servingtest.NewModels(t)
	r := servingtest.NewRouter(t, models, models)
	if _, err := r.Deploy(t.Context(), servingtest.Scope, "calls", "calls/3"); err != nil {
		t.Fatal(err)
	}
	s := httpapi.New(servingtest.Gate(), "test", nil)
	oipgrpc.Register(s, oipgrpc.New(oip.Config{Deployments: r}))
	return func(method string, message []byte) (string, []byte) {
		body := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
		req := httptest.NewRequest("POST", oipgrpc.Root+method, bytes.NewReader(body))
		req.ProtoMajor, req.ProtoMinor = 2, 0
		req.Header.Set("Content-Type", "application/grpc")
		req.Header.Set("Authorization", "Bearer predict")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		res := w.Result()
		if c := res.Trailer.Get("Grpc-Status"); c != "" {
			return c, w.Body.Bytes()
		}
		return res.Header.Get("Grpc-Status"), w.Body.Bytes()
	}
}

// Whatever comes, the answer is a message of oip.proto or a refusal that is the
// caller's fault; and what protobuf's own runtime cannot read is refused too.
func FuzzInfer(f *testing.F) {
	file := schema(f)
	request := dynamicpb.NewMessageType(file.Messages().ByName("ModelInferRequest"))
	response := dynamicpb.NewMessageType(file.Messages().ByName("ModelInferResponse"))
	for _, text := range []string{
		`model_name: "calls" id: "r" inputs { name: "age" datatype: "FP32" shape: [1,1] contents { fp32_contents: 41 } } inputs { name: "job" datatype: "BYTES" shape: 1 contents { bytes_contents: "x" } }`,
		`model_name: "calls" inputs { name: "age" datatype: "UINT8" shape: 2 } inputs { name: "job" datatype: "BYTES" shape: 2 } raw_input_contents: "\x01\x02" raw_input_contents: "\x01\x00\x00\x00a\x00\x00\x00\x00"`,
		`model_name: "calls" parameters { key: "k" value { double_param: 1 } } outputs { name: "scores" }`,
	} {
		m := request.New().Interface()
		if err := prototext.Unmarshal([]byte(text), m); err != nil {
			f.Fatal(err)
		}
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	ask := direct(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		switch code, answer := ask("ModelInfer", message); code {
		case "0":
			if err := proto.Unmarshal(answer[5:], response.New().Interface()); err != nil {
				t.Errorf("answer: %v", err)
			}
		case "3", "5":
		default:
			t.Errorf("status %q", code)
		}
	})
}

// A call takes no memory per value.
func TestAllocations(t *testing.T) {
	ask := direct(t)
	request := func(rows int) []byte {
		empty := strings.TrimSuffix(strings.Repeat(`"",`, rows), ",")
		m := dynamicpb.NewMessage(schema(t).Messages().ByName("ModelInferRequest"))
		if err := prototext.Unmarshal(fmt.Appendf(nil, `model_name: "calls" outputs { name: "scores" }
			inputs { name: "age" datatype: "FP64" shape: %d contents { fp64_contents: [%s] } }
			inputs { name: "job" datatype: "BYTES" shape: %d contents { bytes_contents: [%s] } }`,
			rows, numbers(make([]float64, rows)), rows, empty), m); err != nil {
			t.Fatal(err)
		}
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	few, many := request(10), request(1000)
	count := func(message []byte) float64 {
		return testing.AllocsPerRun(50, func() {
			if code, _ := ask("ModelInfer", message); code != "0" {
				t.Fatalf("status %s", code)
			}
		})
	}
	// The model of the test makes one per row; the recorder's buffers grow.
	if a, b := count(few), count(many); b-a > 990+60 {
		t.Errorf("%v allocations for 10 rows, %v for 1,000", a, b)
	}
}
