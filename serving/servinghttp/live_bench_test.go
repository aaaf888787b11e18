package servinghttp_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// live is a running server that has the demo: FORGE_ADDR and FORGE_TOKEN name it.
type live struct {
	b           *testing.B
	addr, token string
	client      http.Client
}

func (l *live) do(method, path, body string) string {
	req, err := http.NewRequest(method, l.addr+path, strings.NewReader(body))
	if err != nil {
		l.b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+l.token)
	res, err := l.client.Do(req)
	if err != nil {
		l.b.Error(err)
		return ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		l.b.Errorf("%s %d %v %s", path, res.StatusCode, err, text)
	}
	return string(text)
}

var processCPU = regexp.MustCompile(`(?m)^process_cpu_seconds_total (\S+)$`)

// cpu is the processor time that the server has used, in seconds.
func (l *live) cpu() float64 {
	m := processCPU.FindStringSubmatch(l.do("GET", "/metrics", ""))
	if m == nil {
		l.b.Fatal("/metrics does not say the server's processor time")
	}
	x, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		l.b.Fatal(err)
	}
	return x
}

// BenchmarkLive asks the demo's deployment, with sign-in, feature look-up and
// prediction log, over one connection per client. The latency is the client's; on a
// busy machine the server's processor time per request says more.
//
//	FORGE_ADDR=http://… FORGE_TOKEN=… go test ./serving/servinghttp -run '^$' -bench Live -benchtime 20000x
func BenchmarkLive(b *testing.B) {
	l := &live{addr: os.Getenv("FORGE_ADDR"), token: os.Getenv("FORGE_TOKEN"), client: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	if l.addr == "" || l.token == "" {
		b.Fatal("set FORGE_ADDR and FORGE_TOKEN to a running server that has the demo")
	}
	entity := func(i int64) string { return fmt.Sprintf(`{"entities": [{"call_id": "%d"}]}`, 1+i*7%30000) }
	l.b = b
	_, row, _ := strings.Cut(l.do("POST", "/v1/predict/calls", `{"entities": [{"call_id": "7"}], "features": true}`), `"features":`)
	row, _, _ = strings.Cut(row, "}")
	fields := func(int64) string { return `{"rows": [` + row + `}]}` }
	for _, c := range []struct {
		name    string
		clients int
		body    func(int64) string
	}{{"entity/1", 1, entity}, {"entity/16", 16, entity}, {"fields/1", 1, fields}, {"fields/16", 16, fields}} {
		b.Run(c.name, func(b *testing.B) { l.b = b; l.run(c.clients, c.body) })
	}
}

func (l *live) run(clients int, body func(int64) string) {
	var next atomic.Int64
	var all sync.WaitGroup
	took := make([][]time.Duration, clients)
	before := l.cpu()
	l.b.ResetTimer()
	for c := range clients {
		all.Go(func() {
			for i := next.Add(1); i <= int64(l.b.N); i = next.Add(1) {
				began := time.Now()
				l.do("POST", "/v1/predict/calls", body(i))
				took[c] = append(took[c], time.Since(began))
			}
		})
	}
	all.Wait()
	l.b.StopTimer()
	l.b.ReportMetric((l.cpu()-before)/float64(l.b.N)*1e6, "server-us/op")
	sorted := slices.Concat(took...)
	slices.Sort(sorted)
	for name, q := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99} {
		l.b.ReportMetric(sorted[int(q*float64(len(sorted)-1))].Seconds()*1e3, name)
	}
}
