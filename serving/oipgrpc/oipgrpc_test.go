package oipgrpc_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving/oip"
	"aiforge.dev/forge/serving/oipgrpc"
	"aiforge.dev/forge/serving/servingtest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// world is a server with both forms of the protocol on one port, and a client of gRPC
// whose messages are protobuf's own, made from oip.proto.
type world struct {
	servingtest.Client
	t     *testing.T
	log   *servingtest.Observations
	conn  *grpc.ClientConn
	file  protoreflect.FileDescriptor
	token string
}

func open(t *testing.T, change func(*oip.Config)) world {
	t.Helper()
	models := servingtest.NewModels(t)
	r := servingtest.NewRouter(t, models, models)
	if _, err := r.Deploy(t.Context(), servingtest.Scope, "calls", "calls/3"); err != nil {
		t.Fatal(err)
	}
	w := world{t: t, log: &servingtest.Observations{}, file: schema(t), token: "predict"}
	cfg := oip.Config{Deployments: r, Observer: w.log, Version: "test"}
	if change != nil {
		change(&cfg)
	}
	w.Client = servingtest.Serve(t, func(s *httpapi.Server) {
		oip.Register(s, oip.New(cfg))
		oipgrpc.Register(s, oipgrpc.New(cfg))
	})
	conn, err := grpc.NewClient(strings.TrimPrefix(w.URL, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	w.conn = conn
	return w
}

// message makes a message of oip.proto from its text form.
func (w world) message(name, text string) *dynamicpb.Message {
	w.t.Helper()
	m := dynamicpb.NewMessage(w.file.Messages().ByName(protoreflect.Name(name)))
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	return m
}

// call asks a method; the answer is JSON.
func (w world) call(method, request string, opts ...grpc.CallOption) (string, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	if w.token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+w.token)
	}
	answer := w.message(method+"Response", "")
	if err := w.conn.Invoke(ctx, oipgrpc.Root+method, w.message(method+"Request", request), answer, opts...); err != nil {
		return "", err
	}
	if len(answer.GetUnknown()) > 0 {
		w.t.Errorf("%s: the answer has fields that oip.proto has not", method)
	}
	b, err := protojson.Marshal(answer)
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		w.t.Fatal(err)
	}
	return out.String(), nil
}

func (w world) ok(method, request string, opts ...grpc.CallOption) string {
	w.t.Helper()
	out, err := w.call(method, request, opts...)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, request, err)
	}
	return out
}

func TestMetadata(t *testing.T) {
	w := open(t, nil)
	for _, c := range []struct{ method, request, want string }{
		{"ServerLive", "", `{"live":true}`},
		{"ServerReady", "", `{"ready":true}`},
		{"ServerMetadata", "", `{"name":"forge","version":"test"}`},
		{"ModelReady", `name: "calls"`, `{"ready":true}`},
		{"ModelReady", `name: "calls" version: "3"`, `{"ready":true}`},
		{"ModelMetadata", `name: "calls"`, `{"name":"calls","versions":["3"],"platform":"onnxruntime_onnx",` +
			`"inputs":[{"name":"age","datatype":"FP32","shape":["-1","1"]},{"name":"job","datatype":"BYTES","shape":["-1","1"]}],` +
			`"outputs":[{"name":"label","datatype":"BYTES","shape":["-1"]},{"name":"scores","datatype":"FP32","shape":["-1","2"]}]}`},
		{"RepositoryIndex", "", `{"models":[{"name":"calls","version":"3","state":"READY"}]}`},
		{"RepositoryIndex", "ready: true", `{"models":[{"name":"calls","version":"3","state":"READY"}]}`},
	} {
		if got := w.ok(c.method, c.request); got != c.want {
			t.Errorf("%s %s\ngot  %s\nwant %s", c.method, c.request, got, c.want)
		}
	}
	w.token = ""
	w.ok("ServerLive", "")
	w.ok("ServerMetadata", "")
}

// Rows that a float32 does not hold exactly, missing values, unknown and odd text.
const rows = 7

var (
	ages = []float64{41, 30.5, math.NaN(), 0.1, 1e30, -7.25, 39.999999}
	jobs = []string{"admin.", "student", "", "never seen", "é \"quoted\"\n", "retired", "student"}
)

func typedRequest(age string) string {
	quoted := make([]string, rows)
	for i, j := range jobs {
		b, _ := json.Marshal(j)
		quoted[i] = string(b)
	}
	return fmt.Sprintf(`model_name: "calls" id: "r1"
		inputs { name: "age" shape: [%d, 1] %s }
		inputs { name: "job" datatype: "BYTES" shape: %d contents { bytes_contents: [%s] } }`, rows, age, rows, strings.Join(quoted, ","))
}

func numbers(all []float64) string {
	text := make([]string, len(all))
	for i, x := range all {
		text[i] = fmt.Sprint(x)
	}
	return strings.ReplaceAll(strings.Join(text, ","), "NaN", "nan")
}

func escaped(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		fmt.Fprintf(&s, `\x%02x`, c)
	}
	return s.String()
}

func rawRequest(extra string) string {
	le := binary.LittleEndian
	var age, job []byte
	for i := range rows {
		age = le.AppendUint64(age, math.Float64bits(ages[i]))
		job = append(le.AppendUint32(job, uint32(len(jobs[i]))), jobs[i]...)
	}
	return fmt.Sprintf(`model_name: "calls" model_version: "3" id: "r1" %s
		inputs { name: "job" datatype: "BYTES" shape: [%d, 1] } inputs { name: "age" datatype: "FP64" shape: [%d] }
		raw_input_contents: "%s" raw_input_contents: "%s"`, extra, rows, rows, escaped(job), escaped(age))
}

type inferred struct {
	ModelName, ModelVersion, ID string
	Outputs                     []struct {
		Name, Datatype string
		Shape          []string
		Contents       struct {
			Fp32Contents  []float32
			BytesContents [][]byte
		}
	}
	RawOutputContents [][]byte
}

func (w world) infer(request string, opts ...grpc.CallOption) inferred {
	w.t.Helper()
	var a inferred
	text := w.ok("ModelInfer", request, opts...)
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	return a
}

// byREST asks the same rows over HTTP.
func (w world) byREST() (labels []string, scores []float32) {
	w.t.Helper()
	doc := map[string]any{"inputs": []any{
		map[string]any{"name": "age", "datatype": "FP64", "shape": []int{rows}, "data": anys(ages)},
		map[string]any{"name": "job", "datatype": "BYTES", "shape": []int{rows}, "data": jobs},
	}}
	b, err := json.Marshal(doc)
	if err != nil {
		w.t.Fatal(err)
	}
	status, text, _ := w.Do("POST", "/v2/models/calls/infer", string(b))
	var a struct {
		Outputs []struct{ Data json.RawMessage }
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil || status != 200 {
		w.t.Fatalf("%d %s", status, text)
	}
	if err := json.Unmarshal(a.Outputs[0].Data, &labels); err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(a.Outputs[1].Data, &scores); err != nil {
		w.t.Fatal(err)
	}
	return labels, scores
}

func anys(all []float64) []any {
	out := make([]any, len(all))
	for i, x := range all {
		if x == x {
			out[i] = x
		}
	}
	return out
}

// The numbers are those of HTTP, bit by bit, in either form; the prediction log has
// the rows.
func TestEqualToREST(t *testing.T) {
	w := open(t, nil)
	labels, scores := w.byREST()
	before := len(w.log.All())
	a := w.infer(typedRequest(`datatype: "FP64" contents { fp64_contents: [` + numbers(ages) + `] }`))
	if a.ModelName != "calls" || a.ModelVersion != "3" || a.ID != "r1" || len(a.Outputs) != 2 || len(a.RawOutputContents) > 0 {
		t.Fatalf("%+v", a)
	}
	if a.Outputs[0].Name != "label" || fmt.Sprint(a.Outputs[0].Shape) != "[7]" || fmt.Sprint(a.Outputs[1].Shape) != "[7 2]" {
		t.Errorf("outputs %+v", a.Outputs)
	}
	for i := range rows {
		if got := string(a.Outputs[0].Contents.BytesContents[i]); got != labels[i] {
			t.Errorf("row %d: label %q, HTTP says %q", i, got, labels[i])
		}
	}
	if got := a.Outputs[1].Contents.Fp32Contents; fmt.Sprint(got) != fmt.Sprint(scores) {
		t.Errorf("scores\n%v, HTTP says\n%v", got, scores)
	}
	all := w.log.All()[before:]
	if len(all) != rows || all[0].Source != "grpc" || all[0].Entity != "r1/0" || all[0].By != "ann" || all[0].RequestID == "" || string(all[2].FeaturesJSON) != `{"age":null,"job":null}` {
		t.Errorf("logged %+v", all)
	}

	var wantText, wantScores []byte
	for i := range rows {
		wantText = append(binary.LittleEndian.AppendUint32(wantText, uint32(len(labels[i]))), labels[i]...)
	}
	for _, s := range scores {
		wantScores = binary.LittleEndian.AppendUint32(wantScores, math.Float32bits(s))
	}
	a = w.infer(rawRequest(""), grpc.UseCompressor("gzip"))
	if len(a.RawOutputContents) != 2 || !bytes.Equal(a.RawOutputContents[0], wantText) || !bytes.Equal(a.RawOutputContents[1], wantScores) || len(a.Outputs[1].Contents.Fp32Contents) > 0 {
		t.Errorf("raw %+v", a)
	}
	a = w.infer(rawRequest(`outputs { name: "scores" parameters { key: "binary_data" value { bool_param: true } } }`))
	if len(a.RawOutputContents) != 1 || !bytes.Equal(a.RawOutputContents[0], wantScores) || a.Outputs[0].Name != "scores" {
		t.Errorf("only scores: %+v", a)
	}
}

// Each datatype's values are in its own field, packed or not.
func TestDatatypes(t *testing.T) {
	w := open(t, nil)
	ask := func(age string) string {
		a := w.infer(`model_name: "calls" inputs { name: "age" shape: 2 ` + age + ` } inputs { name: "job" datatype: "BYTES" shape: 2 contents { bytes_contents: ["student", ""] } } outputs { name: "scores" }`)
		return fmt.Sprint(a.Outputs[0].Contents.Fp32Contents)
	}
	p := func(age any, job any) float32 { return servingtest.BinaryScore(age, job, servingtest.Shift(3)) }
	want := fmt.Sprint([]float32{1 - p(41.0, "student"), p(41.0, "student"), 1 - p(3.0, nil), p(3.0, nil)})
	for datatype, field := range map[string]string{
		"INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents", "INT64": "int64_contents",
		"UINT8": "uint_contents", "UINT16": "uint_contents", "UINT32": "uint_contents", "UINT64": "uint64_contents",
		"FP32": "fp32_contents", "FP64": "fp64_contents",
	} {
		if got := ask(fmt.Sprintf(`datatype: %q contents { %s: [41, 3] }`, datatype, field)); got != want {
			t.Errorf("%s: %s, want %s", datatype, got, want)
		}
	}
	if got, want := ask(`datatype: "INT32" contents { int_contents: [-1, 0] }`), fmt.Sprint([]float32{1 - p(-1.0, "student"), p(-1.0, "student"), 1 - p(0.0, nil), p(0.0, nil)}); got != want {
		t.Errorf("negative: %s, want %s", got, want)
	}
	if got, want := ask(`datatype: "BOOL" contents { bool_contents: [true, false] }`), fmt.Sprint([]float32{1 - p(1.0, "student"), p(1.0, "student"), 1 - p(0.0, nil), p(0.0, nil)}); got != want {
		t.Errorf("BOOL: %s, want %s", got, want)
	}
}

// Every refusal has its status, and nothing of it gets into the prediction log.
func TestRefused(t *testing.T) {
	w := open(t, func(c *oip.Config) { c.MaxRows, c.MaxBody = 8, 4096 })
	job := `inputs { name: "job" datatype: "BYTES" shape: 1 contents { bytes_contents: "x" } }`
	for _, c := range []struct {
		token, method, request string
		code                   codes.Code
		text                   string
	}{
		{"", "ModelInfer", `model_name: "calls"`, codes.Unauthenticated, "Authorization: Bearer"},
		{"wrong", "ModelReady", `name: "calls"`, codes.Unauthenticated, "not known"},
		{"predict", "ModelReady", `name: "nosuch"`, codes.NotFound, `deployment "nosuch" does not exist; deployed: calls`},
		{"predict", "ModelInfer", `model_name: "nosuch"`, codes.NotFound, "does not exist"},
		{"predict", "ModelInfer", `model_name: "calls" model_version: "9"`, codes.NotFound, "version 3 now, not 9"},
		{"predict", "ModelInfer", `model_name: "calls"`, codes.InvalidArgument, `input "age" is missing`},
		{"predict", "ModelInfer", `model_name: "calls" ` + job, codes.InvalidArgument, `input "age" is missing`},
		{"predict", "ModelInfer", `model_name: "calls" ` + job + job, codes.InvalidArgument, `"job" is given twice`},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "FP32" shape: 1 contents { fp32_contents: 1 } } ` + job + job, codes.InvalidArgument, "more inputs than the model"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "é%" }`, codes.InvalidArgument, `no input "é%"`},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" shape: 1 }`, codes.InvalidArgument, "no datatype"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "FP32" }`, codes.InvalidArgument, "no shape"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "BYTES" shape: 1 }`, codes.InvalidArgument, "it takes FP32"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "job" datatype: "FP32" shape: 1 }`, codes.InvalidArgument, "it takes BYTES"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "FP32" shape: [1, 2] }`, codes.InvalidArgument, "want [N] or [N,1]"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "FP32" shape: -1 }`, codes.InvalidArgument, "at least one row"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "FP32" shape: 9223372036854775807 }`, codes.InvalidArgument, "at most 8"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "FP32" shape: 1 contents { fp32_contents: [1, 2] } }`, codes.InvalidArgument, "more data than its shape"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "FP32" shape: 2 contents { fp32_contents: 1 } }`, codes.InvalidArgument, "1 values in fp32_contents"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "FP32" shape: 1 contents { fp64_contents: 1 } }`, codes.InvalidArgument, "has values in fp64_contents; they go into fp32_contents"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "FP16" shape: 1 }`, codes.InvalidArgument, "raw_input_contents only"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "FP32" shape: 1 contents { fp32_contents: inf } }`, codes.InvalidArgument, "+Inf is not a number"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "FP64" shape: 1 contents { fp64_contents: 1e300 } }`, codes.InvalidArgument, "1e+300 is not a number"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "INT8" shape: 1 contents { int_contents: 128 } }`, codes.InvalidArgument, "128 is not INT8"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "job" datatype: "BYTES" shape: 1 contents { bytes_contents: "\xff" } }`, codes.InvalidArgument, "not UTF-8"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" datatype: "FP32" shape: 1 } raw_input_contents: "\x00"`, codes.InvalidArgument, "has 1 bytes of binary data; 1 values of FP32 have 4"},
		{"predict", "ModelInfer", `model_name: "calls" ` + job + ` raw_input_contents: "\x00\x00\x00\x00"`, codes.InvalidArgument, "send one of them"},
		{"predict", "ModelInfer", `model_name: "calls" ` + job + ` raw_input_contents: "" raw_input_contents: ""`, codes.InvalidArgument, "2 raw_input_contents for 1 inputs"},
		{"predict", "ModelInfer", `model_name: "calls" inputs { name: "age" parameters { key: "shared_memory_region" value { string_param: "r" } } }`, codes.InvalidArgument, "shared memory"},
		{"predict", "ModelInfer", typedRequest(`datatype: "FP64" contents { fp64_contents: [1,2,3,4,5,6,7] }`) + ` outputs { name: "nosuch" }`, codes.InvalidArgument, "its outputs are label, scores"},
		{"predict", "ModelInfer", typedRequest(`datatype: "FP64" contents { fp64_contents: [1,2,3,4,5,6,7] }`) + ` outputs { name: "label" parameters { key: "classification" value { int64_param: 3 } } }`, codes.InvalidArgument, "classification"},
		{"predict", "ModelInfer", typedRequest(`datatype: "FP64" contents { fp64_contents: [1,2,3,4,5,6,7] }`) + ` outputs { name: "label" } outputs { name: "label" }`, codes.InvalidArgument, "asked for twice"},
		{"predict", "ModelInfer", `model_name: "calls" id: "` + strings.Repeat("x", 5000) + `"`, codes.ResourceExhausted, "larger than 4096 bytes"},
	} {
		w.token = c.token
		_, err := w.call(c.method, c.request)
		if s := status.Convert(err); s.Code() != c.code || !strings.Contains(s.Message(), c.text) {
			t.Errorf("%s %.200s\ngot  %v %q\nwant %v %q", c.method, c.request, s.Code(), s.Message(), c.code, c.text)
		}
	}
	if all := w.log.All(); len(all) > 0 {
		t.Errorf("logged %+v", all)
	}
	w.token = "predict"
	w.ok("ModelReady", `name: "calls"`)
}

// The health service that load balancers ask, by grpc's own client of it.
func TestHealth(t *testing.T) {
	w := open(t, nil)
	c := healthpb.NewHealthClient(w.conn)
	for _, service := range []string{"", "inference.GRPCInferenceService"} {
		got, err := c.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v %v", service, got, err)
		}
	}
	if _, err := c.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "other"}); status.Code(err) != codes.NotFound {
		t.Errorf("another service: %v", err)
	}
}

// What this server does not have is UNIMPLEMENTED, as clients expect.
func TestUnknownMethods(t *testing.T) {
	w := open(t, nil)
	for _, method := range []string{oipgrpc.Root + "ModelStatistics", "/other.Service/Method"} {
		err := w.conn.Invoke(t.Context(), method, w.message("ModelReadyRequest", ""), w.message("ModelReadyResponse", ""))
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// strict lets everybody in and allows nothing.
type strict struct {
	httpapi.Gate
	audited chan httpapi.AuditEvent
}

func (strict) Allows(forge.Role, forge.Permission) bool        { return false }
func (s strict) Audit(_ context.Context, e httpapi.AuditEvent) { s.audited <- e }

// A refusal is in the audit log although HTTP's status is 200.
func TestDenied(t *testing.T) {
	w := open(t, nil)
	gate := strict{servingtest.Gate(), make(chan httpapi.AuditEvent, 1)}
	s := httpapi.New(gate, "test", nil)
	oipgrpc.Register(s, oipgrpc.New(oip.Config{}))
	srv := httptest.NewUnstartedServer(s)
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	defer srv.Close()
	w.URL = srv.URL
	if code, text, _ := w.post("ModelReady", make([]byte, 5)); code != "7" || !strings.Contains(text, `needs the permission "predict"`) {
		t.Errorf("status %s %s", code, text)
	}
	if e := <-gate.audited; e.Outcome != "denied" || e.Status != 403 || e.Action != "grpc-model-ready" {
		t.Errorf("audited %+v", e)
	}
}

// post sends bytes as they are over HTTP/2 and returns gRPC's status and text.
func (w world) post(method string, body []byte, headers ...string) (code, text string, answer []byte) {
	w.t.Helper()
	req, err := http.NewRequest("POST", w.URL+oipgrpc.Root+method, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/grpc+proto")
	req.Header.Set("Authorization", "Bearer predict")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if s := res.Trailer.Get("Grpc-Status"); s != "" {
		return s, res.Trailer.Get("Grpc-Message"), answer
	}
	return res.Header.Get("Grpc-Status"), res.Header.Get("Grpc-Message"), answer
}

// What is on the wire, byte by byte: the request and the answer of one row.
func TestGolden(t *testing.T) {
	w := open(t, nil)
	text := func(s string) string { return hex.EncodeToString([]byte(s)) }
	request := "00" + "0000003f" + // not compressed, 63 bytes
		"0a05" + text("calls") + // model_name
		"1a01" + text("7") + // id
		"2a17" + "0a03" + text("age") + "1204" + text("FP32") + "1a020101" + "2a06" + "3204" + "00002442" + // [1,1]: 41
		"2a1a" + "0a03" + text("job") + "1205" + text("BYTES") + "1801" + "2a0a" + "4208" + text("student.") // 1, not packed
	body, err := hex.DecodeString(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(body[5:], w.message("ModelInferRequest", "")); err != nil {
		t.Fatal(err)
	}
	code, message, answer := w.post("ModelInfer", body)
	p := servingtest.BinaryScore(41.0, "student.", servingtest.Shift(3))
	scores := binary.LittleEndian.AppendUint32(nil, math.Float32bits(1-p))
	scores = binary.LittleEndian.AppendUint32(scores, math.Float32bits(p))
	want := "00" + "00000047" +
		"0a05" + text("calls") + "1201" + text("3") + "1a01" + text("7") +
		"2a18" + "0a05" + text("label") + "1205" + text("BYTES") + "1a0101" + "2a05" + "4203" + text("yes") +
		"2a1e" + "0a06" + text("scores") + "1204" + text("FP32") + "1a020102" + "2a0a" + "3208" + hex.EncodeToString(scores)
	if got := hex.EncodeToString(answer); code != "0" || message != "" || got != want {
		t.Errorf("status %q %q\ngot  %s\nwant %s", code, message, got, want)
	}
}

func TestBadFrames(t *testing.T) {
	w := open(t, func(c *oip.Config) { c.MaxBody = 1 << 16 })
	for _, c := range []struct {
		name, body, code, text string
		headers                []string
	}{
		{"no message", "", "3", "ends before", nil},
		{"half a prefix", "0000", "3", "ends before", nil},
		{"a length of 4 GiB", "00ffffffff00", "8", "larger than 65536", nil},
		{"less than said", "00000000090a", "3", "ends before", nil},
		{"more than said", "000000000000", "3", "bytes after its message", nil},
		{"not protobuf", "0000000001ff", "3", "not the protobuf message", nil},
		{"a length beyond the message", "00000000020a05", "3", "not the protobuf message", nil},
		{"unknown compression", "010000000100", "12", "grpc-encoding", []string{"Grpc-Encoding", "snappy"}},
		{"not gzip", "010000000100", "3", "not gzip", []string{"Grpc-Encoding", "gzip"}},
		{"a bad timeout", "0000000000", "3", "grpc-timeout", []string{"Grpc-Timeout", "soon"}},
		{"no time left", "00000000070a0563616c6c73", "4", "grpc-timeout", []string{"Grpc-Timeout", "0n"}},
		{"much time", "00000000070a0563616c6c73", "0", "", []string{"Grpc-Timeout", "99999999H"}},
	} {
		body, err := hex.DecodeString(c.body)
		if err != nil {
			t.Fatal(err)
		}
		if code, text, _ := w.post("ModelReady", body, c.headers...); code != c.code || !strings.Contains(text, c.text) {
			t.Errorf("%s: status %q %q, want %q %q", c.name, code, text, c.code, c.text)
		}
	}
	// Without HTTP/2 or its content type it is no call: a plain refusal.
	if status, text, _ := w.Do("POST", oipgrpc.Root+"ServerLive", "\x00\x00\x00\x00\x00", "Content-Type", "application/grpc"); status != 415 || !strings.Contains(text, "HTTP/2") {
		t.Errorf("HTTP/1.1: %d %s", status, text)
	}
}

// With TLS, HTTP/2 is agreed on by ALPN, and HTTP/1.1 goes on beside it.
func TestTLS(t *testing.T) {
	s := httpapi.New(servingtest.Gate(), "test", nil)
	cfg := oip.Config{Version: "test"}
	oip.Register(s, oip.New(cfg))
	oipgrpc.Register(s, oipgrpc.New(cfg))
	srv := httptest.NewUnstartedServer(s)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	conn, err := grpc.NewClient(strings.TrimPrefix(srv.URL, "https://"), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "example.com")))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	w := world{t: t, conn: conn, file: schema(t)}
	if got := w.ok("ServerMetadata", ""); got != `{"name":"forge","version":"test"}` {
		t.Error(got)
	}
	one := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}}}
	res, err := one.Get(srv.URL + "/v2/health/live")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.ProtoMajor != 1 || res.StatusCode != 200 {
		t.Errorf("%s %d", res.Proto, res.StatusCode)
	}
}
