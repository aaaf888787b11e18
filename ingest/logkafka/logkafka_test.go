package logkafka_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/broker"
	"aiforge.dev/forge/ingest/ingesttest"
	"aiforge.dev/forge/ingest/logkafka"
	"github.com/twmb/franz-go/pkg/kfake"
)

func open(t testing.TB, addr string) *logkafka.Log {
	t.Helper()
	l, err := logkafka.Open(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func start(t testing.TB, dir string) *broker.Broker {
	t.Helper()
	b, err := broker.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestEmbedded(t *testing.T) {
	b := start(t, t.TempDir())
	ingesttest.TestLog(t, func(t testing.TB) ingest.Log { return open(t, "kafka://"+b.Addr()) })
}

// What is acknowledged is there after a restart, at the same offsets, also when all
// of it was trimmed.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	ctx := t.Context()
	const kept, trimmed = "forge.t.p.kept", "forge.t.p.trimmed"
	end := int64(0)
	for round := range 3 {
		b, err := broker.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		l := open(t, b.Addr())
		for _, name := range []string{kept, trimmed} {
			if err := l.Create(ctx, name); err != nil {
				t.Fatal(err)
			}
			for i := range 50 {
				off, err := l.Append(ctx, name, ingest.Record{Value: fmt.Appendf(nil, "%d/%d", round, i), Headers: map[string]string{"h": "x"}})
				if err != nil || off != end+int64(i) {
					t.Fatalf("round %d: %s offset %d, want %d (%v)", round, name, off, end+int64(i), err)
				}
			}
		}
		end += 50
		if err := l.Trim(ctx, trimmed, end); err != nil {
			t.Fatal(err)
		}
		all := ingesttest.ReadAll(t, l, kept, 0, 1<<20)
		if int64(len(all)) != end {
			t.Fatalf("round %d: %d records, want %d", round, len(all), end)
		}
		if last := all[end-1]; string(last.Value) != fmt.Sprintf("%d/49", round) || last.Headers["h"] != "x" {
			t.Fatalf("round %d: last record %q", round, last.Value)
		}
		_ = l.Close()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOneProcessPerFolder(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir)
	if _, err := broker.Open(dir, nil); !errors.Is(err, forge.ErrConflict) {
		t.Errorf("second open: %v", err)
	}
	var port int
	_, _ = fmt.Sscanf(b.Addr()[len("127.0.0.1:"):], "%d", &port)
	if _, err := broker.OpenPort(t.TempDir(), port, nil); !errors.Is(err, forge.ErrUnavailable) {
		t.Errorf("port in use: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, dir)
}

func TestNoBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	if _, err := logkafka.Open(t.Context(), addr); !errors.Is(err, forge.ErrUnavailable) {
		t.Errorf("no broker: %v", err)
	}
	if _, err := logkafka.Open(t.Context(), "nonsense"); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("no address: %v", err)
	}
}

// A connection that breaks after the broker has the batch but before the answer is
// through must not make the batch land twice.
func TestLostAnswer(t *testing.T) {
	m := &marks{}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, "127.0.0.1:0")
		return cutListener{l, m}, err
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l := open(t, c.ListenAddrs()[0])
	const name = "forge.t.p.lost"
	if err := l.Create(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if i%3 == 1 {
			m.next(fmt.Appendf(nil, "payload-%d", i))
		}
		if _, err := l.Append(t.Context(), name, ingest.Record{Value: fmt.Appendf(nil, "payload-%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	got := ingesttest.ReadAll(t, l, name, 0, 1<<20)
	if len(got) != 12 || m.cuts() != 4 {
		t.Fatalf("%d records after %d lost answers, want 12 and 4", len(got), m.cuts())
	}
	for i, r := range got {
		if string(r.Value) != fmt.Sprintf("payload-%d", i) {
			t.Errorf("record %d: %q", i, r.Value)
		}
	}
}

// marks says which request loses its answer.
type marks struct {
	mu   sync.Mutex
	mark []byte
	n    int
}

func (m *marks) next(b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mark = b
}

func (m *marks) cuts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n
}

func (m *marks) hit(b []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mark == nil || !bytes.Contains(b, m.mark) {
		return false
	}
	m.mark = nil
	m.n++
	return true
}

type cutListener struct {
	net.Listener
	m *marks
}

func (l cutListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: c, m: l.m}, nil
}

// cutConn is the broker's side of a connection: after a marked request it closes
// instead of answering.
type cutConn struct {
	net.Conn
	m   *marks
	cut atomic.Bool
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.m.hit(b[:n]) {
		c.cut.Store(true)
	}
	return n, err
}

func (c *cutConn) Write(b []byte) (int, error) {
	if c.cut.Load() {
		_ = c.Conn.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}
