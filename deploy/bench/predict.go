package main

import (
	"fmt"
	"strings"
)

// predict asks the demo's deployment by entity, with everything on: API key, look-up
// of two views' features, ONNX Runtime, metrics, the prediction log through the broker
// into the lake. The client runs on the same processors.
func (b *bench) predict() error {
	s, err := b.serveDemo()
	if err != nil {
		return err
	}
	defer s.stop()
	key, err := s.predictKey()
	if err != nil {
		return err
	}
	addr := strings.TrimPrefix(s.base, "http://")
	requests := make([][]byte, 30_000)
	for i := range requests {
		requests[i] = post(addr, "/v1/predict/calls", key, fmt.Appendf(nil, `{"entities": [{"call_id": "%d"}]}`, 1+i*7%30_000))
	}
	connect := overHTTP(addr, func(i int) []byte { return requests[i%len(requests)] })
	for _, c := range []struct {
		clients, n int
	}{{1, 10_000}, {16, 50_000}} {
		var p50, p99, cpu, client, rate []float64
		for i := range 1 + b.times(3) {
			got, err := load(c.clients, b.times(c.n), s.pid(), s.settle, connect)
			if err != nil {
				return err
			}
			if i == 0 {
				continue
			}
			p50, p99 = append(p50, quantile(got.took, 0.5)), append(p99, quantile(got.took, 0.99))
			cpu, client, rate = append(cpu, got.server), append(client, got.client), append(rate, got.perSecond)
		}
		name := fmt.Sprintf("%d clients: ", c.clients)
		if c.clients == 1 {
			name = "1 client: "
			b.out.add(figure{Name: name + "p50", Unit: "ms", Values: p50}.most(1))
			b.out.add(figure{Name: name + "p99", Unit: "ms", Values: p99}.most(5))
		} else {
			b.out.add(figure{Name: name + "p50", Unit: "ms", Values: p50})
			b.out.add(figure{Name: name + "p99", Unit: "ms", Values: p99})
			b.out.add(figure{Name: name + "requests a second", Unit: "/s", Values: rate}.least(5000))
		}
		b.out.add(figure{Name: name + "server", Unit: "CPU-µs/request", Values: cpu})
		b.out.add(figure{Name: name + "client beside it", Unit: "CPU-µs/request", Values: client})
	}
	return nil
}

// predictKey makes a key that may predict and nothing else, as programs have.
func (s *server) predictKey() (string, error) {
	out, err := s.cli("token", "create", "--role", "predict", "--name", "bench")
	if err != nil {
		return "", err
	}
	for word := range strings.FieldsSeq(out) {
		if strings.HasPrefix(word, "fk_") {
			return word, nil
		}
	}
	return "", fmt.Errorf("no key in %q", out)
}
