package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
)

// loaded is what a load of requests cost and took.
type loaded struct {
	requests  int
	wall      float64   // seconds
	took      []float64 // ms, of each request
	server    float64   // CPU µs a request, the server's process tree
	client    float64   // the same of this process
	perSecond float64
}

// load sends n requests from so many clients, each with one connection that asks again
// when it has its answer. connect makes a client; its function sends request i. What
// the server does after the last answer, settle waits for; it may be nil.
func load(clients, n, pid int, settle func(), connect func() (func(i int) error, func(), error)) (loaded, error) {
	out := loaded{requests: n}
	sends := make([]func(int) error, clients)
	for c := range sends {
		send, done, err := connect()
		if err != nil {
			return out, err
		}
		defer done()
		if err := send(c); err != nil { // the connection's first request is not counted
			return out, err
		}
		sends[c] = send
	}
	if settle != nil {
		settle()
	}
	var next atomic.Int64
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	took := make([][]float64, clients)
	before, mine, clock := cpuOf(pid), ownCPU(), stopwatch()
	for c, send := range sends {
		took[c] = make([]float64, 0, n/clients*2)
		all.Go(func() {
			for i := next.Add(1); i <= int64(n) && failed.Load() == nil; i = next.Add(1) {
				began := time.Now()
				if err := send(int(i)); err != nil {
					failed.Store(&err)
					return
				}
				took[c] = append(took[c], float64(time.Since(began).Nanoseconds())/1e6)
			}
		})
	}
	all.Wait()
	out.wall = clock()
	out.client = (ownCPU() - mine) / float64(n) * 1e6
	if err := failed.Load(); err != nil {
		return out, *err
	}
	if settle != nil {
		settle()
	}
	out.server = (cpuOf(pid) - before) / float64(n) * 1e6
	out.perSecond = float64(n) / out.wall
	for _, t := range took {
		out.took = append(out.took, t...)
	}
	return out, nil
}

// ownCPU is this process's processor time in seconds.
func ownCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// overHTTP is a client of HTTP/1.1 that costs little: a request is bytes made before,
// an answer is read by its length. request(i) gives the bytes of request i.
func overHTTP(addr string, request func(i int) []byte) func() (func(int) error, func(), error) {
	return func() (func(int) error, func(), error) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return nil, nil, err
		}
		r := bufio.NewReaderSize(conn, 16<<10)
		return func(i int) error {
			if _, err := conn.Write(request(i)); err != nil {
				return err
			}
			return readAnswer(r)
		}, func() { _ = conn.Close() }, nil
	}
}

// readAnswer reads one answer, which must be a 200.
func readAnswer(r *bufio.Reader) error {
	status, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	ok := bytes.HasPrefix(status, []byte("HTTP/1.1 200"))
	text := ""
	if !ok {
		text = string(status)
	}
	size, chunked := -1, false
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(name) == 14 && bytes.EqualFold(name, []byte("Content-Length")):
			size, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		case len(name) == 17 && bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	if !ok {
		b, _ := io.ReadAll(io.LimitReader(r, int64(max(0, size))))
		return fmt.Errorf("the server answered %s %s", strings.TrimSpace(text), b)
	}
	if !chunked {
		_, err := r.Discard(size)
		return err
	}
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return err
		}
		if _, err := r.Discard(int(n) + 2); err != nil || n == 0 {
			return err
		}
	}
}

// post is the bytes of a POST.
func post(addr, path, token string, body []byte) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, addr, token, len(body), body)
}

// overGRPC is a client of one unary method whose message is bytes made before.
func overGRPC(addr, method, token string, message []byte) func() (func(int) error, func(), error) {
	return func() (func(int) error, func(), error) {
		conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(asIs{})))
		if err != nil {
			return nil, nil, err
		}
		ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
		return func(int) error {
			var answer []byte
			return conn.Invoke(ctx, method, message, &answer)
		}, func() { _ = conn.Close() }, nil
	}
}

// asIs is a codec for messages that are bytes already.
type asIs struct{}

func (asIs) Name() string { return "proto" }

func (asIs) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (asIs) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
