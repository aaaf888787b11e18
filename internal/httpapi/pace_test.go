package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
)

// hurried is a server that leaves its clients 50 ms and then wants 1 MiB a second, and
// what its operations have told: they say when they have ended.
func hurried(t *testing.T) (addr string, ended chan error) {
	t.Helper()
	s := httpapi.New(&gate{}, "test", nil)
	ended = make(chan error, 10)
	raw := func(id, path string, h func(http.ResponseWriter, *http.Request) error) {
		s.HandleRaw(httpapi.Op{ID: id, Method: "POST", Path: path, Perm: forge.PermPublic, MaxBody: 1 << 30}, func(w http.ResponseWriter, r *http.Request) error {
			err := h(w, r)
			ended <- err
			return err
		})
	}
	raw("take", "/take", func(_ http.ResponseWriter, r *http.Request) error { _, err := io.Copy(io.Discard, r.Body); return err })
	raw("refuse", "/refuse", func(http.ResponseWriter, *http.Request) error { return forge.Errorf(forge.KindDenied, nil, "no") })
	raw("give", "/give", func(w http.ResponseWriter, r *http.Request) error {
		piece := make([]byte, 64<<10)
		for r.Context().Err() == nil {
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
		return r.Context().Err()
	})
	raw("work", "/work", func(w http.ResponseWriter, r *http.Request) error {
		if _, err := io.ReadAll(r.Body); err != nil {
			return err
		}
		select { // longer than all that clients are given: work is not theirs
		case <-time.After(200 * time.Millisecond):
		case <-r.Context().Done():
			return r.Context().Err()
		}
		_, err := io.WriteString(w, "done")
		return err
	})
	pace := httpapi.Pace{Grace: 50 * time.Millisecond, Rate: 1 << 20, Stall: 50 * time.Millisecond}
	srv := httptest.NewUnstartedServer(pace.Paced(s))
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String(), ended
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func within(t *testing.T, what string, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: the operation goes on", what)
		return nil
	}
}

// TestSlowBodies: nobody holds an operation by sending nothing, or a little at a time.
func TestSlowBodies(t *testing.T) {
	addr, ended := hurried(t)
	for name, head := range map[string]string{
		"a length that never comes": "Content-Length: 100000\r\n\r\nab",
		"chunks without end":        "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
	} {
		c := dial(t, addr)
		fmt.Fprint(c, "POST /take HTTP/1.1\r\nHost: localhost\r\n"+head)
		if err := within(t, name, ended); httpapi.ProblemOf(err, "").Status != http.StatusRequestTimeout {
			t.Errorf("%s: %v", name, err)
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != http.StatusRequestTimeout || !res.Close {
			t.Errorf("%s: %+v %v", name, res, err)
		}
	}
	drip := dial(t, addr) // a little at a time
	fmt.Fprint(drip, "POST /take HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				_, _ = drip.Write([]byte("x"))
			}
		}
	}()
	if err := within(t, "one byte after the other", ended); httpapi.ProblemOf(err, "").Status != http.StatusRequestTimeout {
		t.Errorf("one byte after the other: %v", err)
	}
	unread := dial(t, addr) // the operation refuses without reading; the server must not wait to throw the rest away
	fmt.Fprint(unread, "POST /refuse HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
	_ = within(t, "unread", ended)
	if b, err := io.ReadAll(unread); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 403") {
		t.Errorf("unread: %s %v", b, err)
	}
}

func TestSlowBodyOverHTTP2(t *testing.T) {
	addr, ended := hurried(t)
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	body, w := io.Pipe()
	defer w.Close()
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+addr+"/take", body)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if res, err := tr.RoundTrip(req); err == nil {
			_ = res.Body.Close()
		}
	}()
	if err := within(t, "HTTP/2", ended); httpapi.ProblemOf(err, "").Status != http.StatusRequestTimeout {
		t.Errorf("%v", err)
	}
}

// TestSlowReader: who does not take the answer does not hold what makes it.
func TestSlowReader(t *testing.T) {
	addr, ended := hurried(t)
	c := dial(t, addr)
	fmt.Fprint(c, "POST /give HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
	if err := within(t, "an answer that nobody takes", ended); err == nil {
		t.Error("the answer has ended by itself")
	}
}

// TestWorkIsNotPaced: slow work of ours is no slowness of the client, and a connection
// goes on after it.
func TestWorkIsNotPaced(t *testing.T) {
	addr, ended := hurried(t)
	c := dial(t, addr)
	in := bufio.NewReader(c)
	for i := range 2 {
		fmt.Fprint(c, "POST /work HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab")
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if b, err := io.ReadAll(res.Body); string(b) != "done" || err != nil {
			t.Errorf("request %d: %s %v", i, b, err)
		}
		if err := within(t, "work", ended); err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
}

func BenchmarkPaced(b *testing.B) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	})
	for name, handler := range map[string]http.Handler{"bare": h, "paced": httpapi.Pace{}.Paced(h)} {
		b.Run(name, func(b *testing.B) {
			srv := httptest.NewServer(handler)
			defer srv.Close()
			b.ReportAllocs()
			for b.Loop() {
				res, err := http.Post(srv.URL, "text/plain", strings.NewReader("hello"))
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		})
	}
}
