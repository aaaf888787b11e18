//go:build longrun

package longrun_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// setting reads a number of seconds or the like from the environment.
func setting(t *testing.T, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		t.Fatalf("%s=%q: want a time such as 10m or 2h", name, text)
	}
	return d
}

// watched is the policy of monitoring: it looks at everything and answers nothing by
// itself, since the run trains at moments of its own.
const watched = `deployment: calls
window: month
min_rows: 50
labels: curated.calls
label_key: call_id
label: subscribed
label_time: call_time
metric: roc_auc
max_drop: 0.1
`

// TestLongRun lets the server work for DURATION (2h) and fails when something that it
// takes does not level out.
func TestLongRun(t *testing.T) {
	duration, pace := setting(t, "DURATION", 2*time.Hour), setting(t, "PACE", time.Minute)
	c, s := readCalls(t), start(t)
	train := build(t, c, s)

	load := &predictions{s: s}
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer wg.Wait()
	defer stop()
	wg.Go(func() { load.run(ctx, 300) })

	m := newMeter(s, load)
	wg.Go(func() { m.run(ctx, 10*time.Second) })

	began := time.Now()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	months := 0
	for ; time.Since(began) < duration && !t.Failed(); months++ {
		live(t, c, s, load, months)
		if months%12 == 11 {
			train()
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("stopped")
		}
	}
	stop()
	wg.Wait()
	report(t, m, load, months, time.Since(began))
}

// build takes the history to a deployed model and returns what trains it anew.
func build(t *testing.T, c *calls, s *server) func() {
	t.Helper()
	example := func(name string) string { return filepath.Join("examples", "calls", name) }
	policy := filepath.Join(c.dir, "monitor.yaml")
	if err := os.WriteFile(policy, []byte(watched), 0o600); err != nil {
		t.Fatal(err)
	}
	train := func() {
		s.run("features", "training-set", "calls", "--labels", "curated.calls", "--time", "call_time", "--label", "subscribed", "--views", "call_profile,market")
		s.run("train", "calls", "--training-set", "calls", "--budget", "5s", "--alias", "champion")
	}
	s.run("ingest", c.write(t, "history.csv", c.history), "--table", "raw.calls")
	s.run("recipe", "apply", example("recipe.yaml"))
	s.run("features", "apply", example("features.yaml"))
	s.run("features", "materialize")
	train()
	s.run("deploy", "calls@champion")
	s.run("predict", "calls", "-e", "call_id=32000") // makes the table of predictions
	s.run("monitor", "set", "calls", policy)
	s.run("drift", "calls")
	for _, table := range []string{"raw.calls", "curated.calls", "training.calls", "monitoring.predictions"} {
		s.run("maintain", table, "--keep-for", "5m", "--keep-newest", "20")
	}
	return train
}

// live lets one month arrive.
func live(t *testing.T, c *calls, s *server, load *predictions, n int) {
	t.Helper()
	file, ids := c.month(t, n)
	s.run("ingest", file, "--table", "raw.calls")
	s.run("recipe", "apply", filepath.Join("examples", "calls", "recipe.yaml"))
	s.run("features", "materialize")
	load.of(ids)
	s.run("drift", "calls")
	s.run("maintain", "raw.calls")
}

// predictions asks for the newest month's calls all the time.
type predictions struct {
	s            *server
	mu           sync.Mutex
	ids          []string
	sent, failed atomic.Int64
	first        atomic.Pointer[string] // what the first failure said
}

func (p *predictions) of(ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids = ids
}

func (p *predictions) next() (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ids) == 0 {
		return "", false
	}
	return p.ids[int(p.sent.Add(1))%len(p.ids)], true
}

// run sends rate requests a second, late ones at once, until ctx ends.
func (p *predictions) run(ctx context.Context, rate int) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	client := &http.Client{Timeout: time.Minute}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for range rate / 50 {
			if id, ok := p.next(); ok {
				if err := p.ask(ctx, client, id); err != nil && ctx.Err() == nil {
					p.failed.Add(1)
					text := err.Error()
					p.first.CompareAndSwap(nil, &text)
				}
			}
		}
	}
}

func (p *predictions) ask(ctx context.Context, client *http.Client, id string) error {
	body := []byte(`{"entities": [{"call_id": ` + strconv.Quote(id) + `}]}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.s.base+"/v1/predict/calls", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.s.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, text)
	}
	return err
}
