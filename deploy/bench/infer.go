package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	ort "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/encoding/protowire"
)

// rival is a server that answers the same request.
type rival struct {
	name    string
	pid     int
	n       int // requests
	settle  func()
	connect func() (func(int) error, func(), error)
}

// infer asks one row of the same model: ONNX Runtime without a server, forge by REST
// and by gRPC with everything on (key, metrics, prediction log), FastAPI with ONNX
// Runtime and MLServer with a runtime of its own, neither of which signs in or logs.
func (b *bench) infer() error {
	s, err := b.serveDemo()
	if err != nil {
		return err
	}
	defer s.stop()
	graph, row, err := s.model()
	if err != nil {
		return err
	}
	raw, err := b.rawRuns(graph, row)
	if err != nil {
		return err
	}
	rivals, end, err := b.rivals(s, graph, row)
	if err != nil {
		return err
	}
	defer end()
	b.out.add(figure{Name: "ONNX Runtime without a server", Unit: "CPU-µs/row", Values: raw})
	for _, clients := range []int{1, 8} {
		if err := b.inferBy(rivals, clients, median(raw)); err != nil {
			return err
		}
	}
	return nil
}

// inferBy measures all rivals in turn, several times.
func (b *bench) inferBy(rivals []rival, clients int, raw float64) error {
	cpu, p50, rate := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for i := range 1 + b.times(3) {
		for _, r := range rivals {
			got, err := load(clients, b.times(r.n), r.pid, r.settle, r.connect)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			if i > 0 {
				cpu[r.name], p50[r.name] = append(cpu[r.name], got.server), append(p50[r.name], quantile(got.took, 0.5))
				rate[r.name] = append(rate[r.name], got.perSecond)
			}
		}
	}
	at := fmt.Sprintf(", %d clients", clients)
	if clients == 1 {
		at = ", 1 client"
	}
	above := median(cpu["forge REST"]) - raw
	b.out.add(figure{Name: "REST above ONNX Runtime" + at, Unit: "CPU-µs/request", Value: above}.most(50))
	for _, pair := range [][2]string{{"forge REST", "FastAPI REST"}, {"forge REST", "MLServer REST"}, {"forge gRPC", "MLServer gRPC"}} {
		ours, theirs := pair[0], pair[1]
		b.out.add(figure{Name: strings.TrimPrefix(ours, "forge ") + " infer" + at, Unit: "CPU-µs/request", Values: cpu[ours], Peer: theirs, Peers: cpu[theirs],
			Note: fmt.Sprintf("p50: forge %s ms, peer %s ms; requests a second: forge %s, peer %s", number(median(p50[ours])), number(median(p50[theirs])), number(median(rate[ours])), number(median(rate[theirs])))}.ratioMost(0.125))
	}
	return nil
}

// rawRuns is the processor time of one run in this process, several times.
func (b *bench) rawRuns(graph string, row []tensor) ([]float64, error) {
	lib, err := filepath.Glob(filepath.Join(b.root, ".cache", "ort", "libonnxruntime.*"))
	if err != nil || len(lib) == 0 {
		return nil, fmt.Errorf("no ONNX Runtime in .cache/ort: make onnxruntime")
	}
	ort.SetSharedLibraryPath(lib[0])
	if err := ort.InitializeEnvironment(); err != nil {
		return nil, err
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if err := options.SetIntraOpNumThreads(1); err != nil {
		return nil, err
	}
	_, outputs, err := ort.GetInputOutputInfo(graph)
	if err != nil {
		return nil, err
	}
	var ins, outs []string
	var values []ort.Value
	for _, t := range row {
		v, err := valueOf1(t)
		if err != nil {
			return nil, err
		}
		ins, values = append(ins, t.Name), append(values, v)
	}
	for _, o := range outputs {
		outs = append(outs, o.Name)
	}
	session, err := ort.NewDynamicAdvancedSession(graph, ins, outs, options)
	if err != nil {
		return nil, err
	}
	defer session.Destroy()
	var all []float64
	const n = 20_000
	for i := range 4 {
		before := ownCPU()
		for range n {
			answers := make([]ort.Value, len(outs))
			if err := session.Run(values, answers); err != nil {
				return nil, err
			}
			for _, a := range answers {
				_ = a.Destroy()
			}
		}
		if i > 0 {
			all = append(all, (ownCPU()-before)/n*1e6)
		}
	}
	return all, nil
}

func valueOf1(t tensor) (ort.Value, error) {
	if t.Datatype == "BYTES" {
		v, err := ort.NewStringTensor(ort.NewShape(1, 1))
		if err != nil {
			return nil, err
		}
		return v, v.SetContents([]string{t.Data[0].(string)})
	}
	return ort.NewTensor(ort.NewShape(1, 1), []float32{float32(t.Data[0].(float64))})
}

// rivals starts the peers' servers and returns everyone that can be asked.
func (b *bench) rivals(s *server, graph string, row []tensor) (all []rival, end func(), err error) {
	var stops []func()
	end = func() {
		for _, stop := range stops {
			stop()
		}
	}
	key, err := s.predictKey()
	if err != nil {
		return nil, end, err
	}
	body, err := json.Marshal(map[string]any{"inputs": row})
	if err != nil {
		return nil, end, err
	}
	const path, method = "/v2/models/calls/infer", "/inference.GRPCInferenceService/ModelInfer"
	rest := func(name, addr, token string, pid, n int, settle func()) {
		request := post(addr, path, token, body)
		all = append(all, rival{name, pid, n, settle, overHTTP(addr, func(int) []byte { return request })})
	}
	addr := strings.TrimPrefix(s.base, "http://")
	message := grpcMessage(row)
	rest("forge REST", addr, key, s.pid(), 20_000, s.settle)
	all = append(all, rival{"forge gRPC", s.pid(), 20_000, s.settle, overGRPC(addr, method, key, message)})

	python, ports := filepath.Join(b.root, "deploy", "bench", "peers"), freePorts(4)
	pid, stop, err := b.peerServer("fastapi", ports[0], []string{"BENCH_MODEL=" + graph}, b.python("lake"), "-m", "uvicorn", "--app-dir", python, "--host", "127.0.0.1",
		"--port", fmt.Sprint(ports[0]), "--workers", "2", "--log-level", "warning", "--no-access-log", "fastapi_app:app")
	if err != nil {
		return nil, end, err
	}
	stops = append(stops, stop)
	rest("FastAPI REST", fmt.Sprintf("127.0.0.1:%d", ports[0]), "none", pid, 4000, nil)

	folder := filepath.Join(b.dir, "mlserver")
	if err := mlserverFolder(folder, ports[1:]); err != nil {
		return nil, end, err
	}
	if pid, stop, err = b.peerServer("mlserver", ports[1], []string{"BENCH_MODEL=" + graph, "PYTHONPATH=" + python}, filepath.Join(filepath.Dir(b.python("mlserver")), "mlserver"), "start", folder); err != nil {
		return nil, end, err
	}
	stops = append(stops, stop)
	rest("MLServer REST", fmt.Sprintf("127.0.0.1:%d", ports[1]), "none", pid, 4000, nil)
	all = append(all, rival{"MLServer gRPC", pid, 4000, nil, overGRPC(fmt.Sprintf("127.0.0.1:%d", ports[2]), method, "none", message)})
	return all, end, nil
}

func mlserverFolder(dir string, ports []int) error {
	if err := os.MkdirAll(filepath.Join(dir, "calls"), 0o700); err != nil {
		return err
	}
	settings := fmt.Sprintf(`{"host": "127.0.0.1", "http_port": %d, "grpc_port": %d, "metrics_port": %d, "debug": false, "parallel_workers": 0}`, ports[0], ports[1], ports[2])
	if err := os.WriteFile(filepath.Join(dir, "settings.json"), []byte(settings), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "calls", "model-settings.json"), []byte(`{"name": "calls", "implementation": "mlserver_onnx.OnnxModel"}`), 0o600)
}

// peerServer starts a peer's server and waits until its /v2/health/ready says 200.
func (b *bench) peerServer(name string, port int, env []string, program string, args ...string) (pid int, stop func(), err error) {
	logPath := filepath.Join(b.dir, name+".log")
	log, err := os.Create(logPath)
	if err != nil {
		return 0, nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir = b.dir
	cmd.Env = append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1"), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	stop = func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}
	for began := time.Now(); time.Since(began) < 90*time.Second; time.Sleep(100 * time.Millisecond) {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/v2/health/ready", port))
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return cmd.Process.Pid, stop, nil
			}
		}
	}
	stop()
	return 0, nil, fmt.Errorf("%s is not ready after 90 s: %s", name, tail(logPath))
}

// grpcMessage is a ModelInferRequest of one row; its fields are in serving/oipgrpc's
// oip.proto.
func grpcMessage(row []tensor) []byte {
	text := func(b []byte, field protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
	}
	part := func(b []byte, field protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
	}
	m := text(nil, 1, "calls")
	for _, t := range row {
		in := part(text(text(nil, 1, t.Name), 2, t.Datatype), 3, []byte{1, 1})
		var contents []byte
		if t.Datatype == "BYTES" {
			contents = text(nil, 8, t.Data[0].(string))
		} else {
			contents = part(nil, 6, protowire.AppendFixed32(nil, floatBits(t.Data[0].(float64))))
		}
		m = part(m, 5, part(in, 5, contents))
	}
	return m
}

func floatBits(x float64) uint32 { return math.Float32bits(float32(x)) }

// freePorts asks the kernel for ports that nobody has.
func freePorts(n int) []int {
	var out []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			continue
		}
		defer l.Close()
		out = append(out, l.Addr().(*net.TCPAddr).Port)
	}
	return out
}
