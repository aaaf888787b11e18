package predlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/predlog"
)

var scope = forge.Scope{Tenant: "acme", Project: "calls"}

// spoolOf is what a batch's number counts in.
type spoolOf struct {
	scope forge.Scope
	spool string
}

type sink struct {
	mu    sync.Mutex
	err   error
	lines map[forge.Scope][]string
	last  map[spoolOf]int64 // number of the last batch that was taken
	gate  chan struct{}     // if set, Append waits for it or for its context
}

func (s *sink) Append(ctx context.Context, scope forge.Scope, id predlog.BatchID, ndjson []byte, rows int) error {
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	got := strings.Split(strings.TrimSuffix(string(ndjson), "\n"), "\n")
	if len(got) != rows {
		return fmt.Errorf("%d rows announced, %d came", rows, len(got))
	}
	if last, ok := s.last[spoolOf{scope, id.Spool}]; ok && id.Number <= last {
		return nil // taken before
	}
	if s.last == nil {
		s.last = map[spoolOf]int64{}
	}
	s.last[spoolOf{scope, id.Spool}] = id.Number
	if s.lines == nil {
		s.lines = map[forge.Scope][]string{}
	}
	s.lines[scope] = append(s.lines[scope], got...)
	return nil
}

func (s *sink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// ids that have come, in order.
func (s *sink) ids(t *testing.T, scope forge.Scope) []string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, l := range s.lines[scope] {
		var row map[string]any
		if err := json.Unmarshal([]byte(l), &row); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		out = append(out, row["prediction_id"].(string))
	}
	return out
}

func want(t *testing.T, got []string, n int) {
	t.Helper()
	if len(got) != n {
		t.Fatalf("%d rows came, want %d", len(got), n)
	}
	for i, id := range got {
		if id != fmt.Sprint(i) {
			t.Fatalf("row %d is %s: lost, doubled or out of order", i, id)
		}
	}
}

// open starts a log that flushes only when it is asked to, or is full.
func open(t *testing.T, s predlog.Sink, dir string, change func(*predlog.Config)) *predlog.Log {
	t.Helper()
	cfg := predlog.Config{Sink: s, Dir: dir, Every: time.Hour, Retry: time.Nanosecond}
	if change != nil {
		change(&cfg)
	}
	l, err := predlog.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return l
}

func observe(l *predlog.Log, from, to int) {
	for i := from; i < to; i++ {
		l.Observe(scope, serving.Observation{ID: fmt.Sprint(i), At: time.Unix(int64(i), 0)})
	}
}

func TestRow(t *testing.T) {
	at := time.Date(2026, 11, 25, 16, 9, 1, 123456789, time.FixedZone("", 3600))
	line := predlog.AppendRow(nil, &serving.Observation{
		ID: "p1", At: at, Deployment: "calls", Model: "calls", Version: 3, Entity: `a"b`, EventTime: at,
		Features: map[string]any{"age": 41.5, "job": nil}, Label: "yes", Score: 0.93, Scores: []float64{0.07, 0.93},
		Latency: 1500 * time.Nanosecond, Source: "api", By: "ann\n", RequestID: "r",
	})
	want := `{"prediction_id":"p1","at":"2026-11-25T15:09:01.123456Z","deployment":"calls","model":"calls","version":3,"entity":"a\"b",` +
		`"event_time":"2026-11-25T15:09:01.123456Z","features":"{\"age\":41.5,\"job\":null}","label":"yes","score":0.93,"scores":"[0.07,0.93]",` +
		`"latency_us":1,"source":"api","by":"ann\n","request_id":"r"}` + "\n"
	if string(line) != want {
		t.Errorf("got  %swant %s", line, want)
	}
	bare := predlog.AppendRow(nil, &serving.Observation{Score: math.NaN(), FeaturesJSON: []byte(`{"x":1}`)})
	var row map[string]any
	if err := json.Unmarshal(bare, &row); err != nil {
		t.Fatal(err)
	}
	if row["score"] != nil || row["event_time"] != nil || row["features"] != `{"x":1}` {
		t.Errorf("%s", bare)
	}
	for _, c := range predlog.Columns() {
		if _, ok := row[c.Name]; !ok {
			t.Errorf("column %s is not in the row", c.Name)
		}
		delete(row, c.Name)
	}
	if len(row) > 0 {
		t.Errorf("the row has more than the columns: %v", row)
	}
}

func TestBatchesByProject(t *testing.T) {
	s := &sink{}
	l := open(t, s, t.TempDir(), nil)
	other := forge.Scope{Tenant: "acme", Project: "other"}
	observe(l, 0, 100)
	l.Observe(other, serving.Observation{ID: "0"})
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, s.ids(t, scope), 100)
	want(t, s.ids(t, other), 1)
}

func TestBackgroundHandsOver(t *testing.T) {
	gate := make(chan struct{})
	s := &sink{gate: gate}
	l := open(t, s, t.TempDir(), func(c *predlog.Config) { c.Every = time.Millisecond })
	observe(l, 0, 1)
	gate <- struct{}{} // the background is in Append
	close(gate)
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, s.ids(t, scope), 1)
}

func TestSinkFailsAndComesBack(t *testing.T) {
	s := &sink{err: errors.New("down")}
	dir := t.TempDir()
	l := open(t, s, dir, nil)
	for i := range 5 {
		observe(l, i*10, i*10+10)
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if l.Waiting() != 5 {
		t.Errorf("%d batches wait on disk, want 5", l.Waiting())
	}
	s.fail(nil)
	observe(l, 50, 60)
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, s.ids(t, scope), 60)
	if l.Waiting() != 0 {
		t.Errorf("%d batches are left", l.Waiting())
	}
}

func TestRestartReplays(t *testing.T) {
	dir := t.TempDir()
	down := &sink{err: errors.New("down")}
	l := open(t, down, dir, nil)
	observe(l, 0, 30)
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	torn := filepath.Join(dir, "acme", "calls", "part-123")
	if err := os.WriteFile(torn, []byte(`{"prediction_id":"torn`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &sink{}
	l = open(t, s, dir, nil)
	observe(l, 30, 40)
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, s.ids(t, scope), 40)
	left, err := filepath.Glob(filepath.Join(dir, "*", "*", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left on disk: %v %v", left, err)
	}
}

func TestCloseWithASinkThatHangs(t *testing.T) {
	s := &sink{gate: make(chan struct{})}
	dir := t.TempDir()
	l := open(t, s, dir, func(c *predlog.Config) { c.Every = time.Millisecond })
	observe(l, 0, 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
	again := &sink{}
	if err := open(t, again, dir, nil).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, again.ids(t, scope), 10)
}

// With memory full and a sink that takes nothing, Observe waits, and goes on when
// there is room: nothing is lost.
func TestMemoryIsBounded(t *testing.T) {
	gate := make(chan struct{})
	s := &sink{gate: gate}
	l := open(t, s, t.TempDir(), func(c *predlog.Config) { c.Memory, c.Batch = 4096, 1024 })
	done := make(chan struct{})
	go func() {
		observe(l, 0, 200)
		close(done)
	}()
	gate <- struct{}{} // a first batch is on its way although nobody called Flush
	select {
	case <-done:
		t.Error("200 rows went into 4 kB of memory")
	default:
	}
	close(gate)
	<-done
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, s.ids(t, scope), 200)
}

func TestDiskFails(t *testing.T) {
	s := &sink{err: errors.New("down")}
	dir := t.TempDir()
	l := open(t, s, dir, nil)
	if err := os.WriteFile(filepath.Join(dir, "acme"), nil, 0o600); err != nil { // a file where the folder must go
		t.Fatal(err)
	}
	observe(l, 0, 3)
	if err := l.Flush(t.Context()); err == nil {
		t.Error("no error although neither sink nor disk took the rows")
	}
	observe(l, 3, 5)
	s.fail(nil)
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, s.ids(t, scope), 5)
}

func TestConcurrent(t *testing.T) {
	s := &sink{}
	l := open(t, s, t.TempDir(), func(c *predlog.Config) { c.Every, c.Batch = time.Millisecond, 2000 })
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				l.Observe(scope, serving.Observation{ID: fmt.Sprintf("%d-%d", g, i)})
			}
		})
	}
	wg.Wait()
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, id := range s.ids(t, scope) {
		if seen[id] {
			t.Fatalf("%s came twice", id)
		}
		seen[id] = true
	}
	if len(seen) != 4000 {
		t.Errorf("%d rows came, want 4000", len(seen))
	}
}

func BenchmarkObserve(b *testing.B) {
	l, err := predlog.Open(predlog.Config{Sink: discard{}, Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close(context.Background()) //nolint:errcheck // a benchmark
	o := serving.Observation{ID: "p_0123456789_1", At: time.Now(), Deployment: "calls", Model: "calls", Version: 3,
		FeaturesJSON: bytes.Repeat([]byte(`{"a":1234.5}`), 20), Label: "yes", Score: 0.93, Scores: []float64{0.07, 0.93}, Source: "api"}
	b.ReportAllocs()
	for b.Loop() {
		l.Observe(scope, o)
	}
}

type discard struct{}

func (discard) Append(context.Context, forge.Scope, predlog.BatchID, []byte, int) error { return nil }

// An observation is written without an allocation of its own.
func TestAppendRowAllocatesNothing(t *testing.T) {
	o := serving.Observation{ID: "p_0123456789_1", At: time.Now(), EventTime: time.Now(), Deployment: "calls", Model: "calls", Version: 3, Entity: "7",
		FeaturesJSON: []byte(`{"a":1234.5,"b":"x"}`), Label: "yes", Score: 0.93, Scores: []float64{0.07, 0.93}, Source: "api", By: "key", RequestID: "r"}
	buf := predlog.AppendRow(nil, &o)
	if !bytes.Contains(buf, []byte(`"features":"{\"a\":1234.5,\"b\":\"x\"}"`)) {
		t.Fatalf("%s", buf)
	}
	if n := testing.AllocsPerRun(100, func() { buf = predlog.AppendRow(buf[:0], &o) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
