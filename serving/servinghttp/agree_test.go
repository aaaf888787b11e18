package servinghttp_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/depend"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs/jobstest"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/batch"
	"aiforge.dev/forge/serving/oip"
	"aiforge.dev/forge/serving/oipgrpc"
	"aiforge.dev/forge/serving/onnx"
	"aiforge.dev/forge/serving/predict"
	"aiforge.dev/forge/serving/servinghttp"
	"aiforge.dev/forge/serving/servingtest"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// onDisk resolves every reference to one package.
type onDisk string

func (d onDisk) Resolve(context.Context, forge.Scope, string) (serving.Package, error) {
	return serving.Package{Model: "calls", Version: 1, Digest: "d", Dir: string(d)}, nil
}

// cell values of the rows that every way is asked about: whole numbers, fractions that
// no float32 holds, missing values, unknown and odd text.
var (
	agreeAges = []any{41.0, 30.0, nil, 40.0, 40.1, 39.999999, 1e30, -7.25, 0.1, nil}
	agreeJobs = []any{"admin.", "student", "retired", nil, "never seen", "student", "é \"quoted\"\n", nil, "", "retired"}
)

// The same rows give the same numbers by fields, by entity, by the inference protocol
// in JSON, in binary and over gRPC, and by batch scoring, with a real model.
func TestAllWaysAgree(t *testing.T) {
	lib, err := depend.ONNXRuntime("")
	if err != nil {
		t.Fatal(err)
	}
	rt, err := onnx.Open(lib)
	if err != nil {
		t.Fatal(err)
	}
	dir := servingtest.Binary(t, filepath.Join(t.TempDir(), "p"), 0.0123)
	r := servingtest.NewRouter(t, onDisk(dir), rt)
	if _, err := r.Deploy(t.Context(), servingtest.Scope, "calls", "calls/1"); err != nil {
		t.Fatal(err)
	}
	features := servingtest.Features{}
	for i := range agreeAges {
		features[strconv.Itoa(i)] = [2]any{agreeAges[i], agreeJobs[i]}
	}
	c := servingtest.Serve(t, func(s *httpapi.Server) {
		servinghttp.Register(s, r, predict.New(predict.Config{Deployments: r, Features: features}), nil)
		oip.Register(s, oip.New(oip.Config{Deployments: r}))
		oipgrpc.Register(s, oipgrpc.New(oip.Config{Deployments: r}))
	})
	fields := byAPI(t, c, rowsBody(t))
	for way, got := range map[string][]string{
		"by entity": byAPI(t, c, entitiesBody()), "OIP, JSON": byOIP(t, c, false), "OIP, binary": byOIP(t, c, true), "batch": byBatch(t, r),
		"gRPC, by type": byGRPC(t, c, false), "gRPC, raw": byGRPC(t, c, true),
	} {
		if fmt.Sprint(got) != fmt.Sprint(fields) {
			t.Errorf("%s:\n%v\nby fields:\n%v", way, got, fields)
		}
	}
	if len(fields) != len(agreeAges) || fields[0] != "yes 0.7623" || fields[4] != "yes 0.7623" || fields[5] != "no 0.3873" {
		t.Errorf("by fields: %v", fields)
	}
}

// shown is an answer as this test compares it.
func shown(label string, score float64) string { return fmt.Sprintf("%s %v", label, score) }

func rowsBody(t *testing.T) string {
	t.Helper()
	var rows []map[string]any
	for i := range agreeAges {
		rows = append(rows, map[string]any{"age": agreeAges[i], "job": agreeJobs[i]})
	}
	b, err := json.Marshal(map[string]any{"rows": rows})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func entitiesBody() string {
	var all []string
	for i := range agreeAges {
		all = append(all, fmt.Sprintf(`{"call_id": "%d"}`, i))
	}
	return `{"entities": [` + strings.Join(all, ",") + `]}`
}

func byAPI(t *testing.T, c servingtest.Client, body string) []string {
	t.Helper()
	status, text, _ := c.Do("POST", "/v1/predict/calls", body)
	var a struct {
		Predictions []struct {
			Label string
			Score float64
		}
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil || status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	var out []string
	for _, p := range a.Predictions {
		out = append(out, shown(p.Label, p.Score))
	}
	return out
}

func byOIP(t *testing.T, c servingtest.Client, inBinary bool) []string {
	t.Helper()
	n := len(agreeAges)
	ages, jobs := map[string]any{"name": "age", "shape": []int{n, 1}, "datatype": "FP64"}, map[string]any{"name": "job", "shape": []int{n}, "datatype": "BYTES"}
	var ageBytes, jobBytes []byte
	for i := range agreeAges {
		x, ok := agreeAges[i].(float64)
		if !ok {
			x = math.NaN()
		}
		s, _ := agreeJobs[i].(string)
		ageBytes = binary.LittleEndian.AppendUint64(ageBytes, math.Float64bits(x))
		jobBytes = append(binary.LittleEndian.AppendUint32(jobBytes, uint32(len(s))), s...)
	}
	if inBinary {
		ages["parameters"], jobs["parameters"] = map[string]int{"binary_data_size": len(ageBytes)}, map[string]int{"binary_data_size": len(jobBytes)}
	} else {
		ages["data"], jobs["data"] = agreeAges, agreeJobs
		ageBytes, jobBytes = nil, nil
	}
	doc, err := json.Marshal(map[string]any{"inputs": []any{ages, jobs}})
	if err != nil {
		t.Fatal(err)
	}
	status, text, _ := c.Do("POST", "/v2/models/calls/infer", string(doc)+string(ageBytes)+string(jobBytes), "Inference-Header-Content-Length", strconv.Itoa(len(doc)))
	var a struct{ Outputs []struct{ Data []any } }
	if err := json.Unmarshal([]byte(text), &a); err != nil || status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	var out []string
	for i, label := range a.Outputs[0].Data {
		out = append(out, shown(label.(string), a.Outputs[1].Data[2*i+1].(float64)))
	}
	return out
}

// table is a lake of one record.
type table struct {
	batch.Lake
	rec arrow.RecordBatch
	out []string
}

func byBatch(t *testing.T, p batch.Predictors) []string {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "age", Type: arrow.PrimitiveTypes.Float64, Nullable: true}, {Name: "job", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range agreeAges {
		appendOr(b.Field(0), agreeAges[i])
		appendOr(b.Field(1), agreeJobs[i])
	}
	l := &table{rec: b.NewRecordBatch()}
	h := batch.Handler(batch.Config{Predictors: p, Lake: l, Chunk: 3})
	if _, err := h(t.Context(), jobstest.NewRun(t, servingtest.Scope, batch.Args{Ref: "calls/1", In: "a.b", Out: "c.d"})); err != nil {
		t.Fatal(err)
	}
	return l.out
}

func appendOr(b array.Builder, v any) {
	switch x := v.(type) {
	case float64:
		b.(*array.Float64Builder).Append(x)
	case string:
		b.(*array.StringBuilder).Append(x)
	default:
		b.AppendNull()
	}
}

func (l *table) Pin(context.Context, forge.Scope, string, string) (batch.Pin, error) {
	return batch.Pin{Rows: l.rec.NumRows(), Columns: []batch.Column{{Name: "age", Type: "double"}, {Name: "job", Type: "string"}}}, nil
}
func (l *table) Unpin(context.Context, forge.Scope, batch.Pin) error { return nil }
func (l *table) Read(context.Context, forge.Scope, batch.Pin) (batch.Reader, error) {
	return &once{rec: l.rec}, nil
}
func (l *table) Prepare(context.Context, forge.Scope, forge.TableName, []batch.Column) error {
	return nil
}
func (l *table) Writer(context.Context, forge.Scope, forge.TableName) (batch.Writer, error) {
	return &lines{l: l}, nil
}
func (l *table) Commit(context.Context, forge.Scope, forge.TableName, []batch.File, string, map[string]string) (int64, error) {
	return 1, nil
}

type once struct{ rec arrow.RecordBatch }

func (o *once) Close() error { return nil }
func (o *once) Next(context.Context) (arrow.RecordBatch, error) {
	rec := o.rec
	o.rec = nil
	if rec == nil {
		return nil, io.EOF
	}
	return rec, nil
}

type lines struct {
	l *table
	n int64
}

func (w *lines) Abort()                     {}
func (w *lines) Close() (batch.File, error) { return batch.File{Rows: w.n}, nil }
func (w *lines) Write(rec arrow.RecordBatch) error {
	label := rec.Column(rec.Schema().FieldIndices("prediction")[0]).(*array.String)
	score := rec.Column(rec.Schema().FieldIndices("score")[0]).(*array.Float64)
	for i := range int(rec.NumRows()) {
		w.l.out = append(w.l.out, shown(strings.Clone(label.Value(i)), score.Value(i)))
	}
	w.n += rec.NumRows()
	return nil
}
