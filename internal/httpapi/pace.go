package httpapi

import (
	"errors"
	"net/http"
	"os"
	"time"
)

// Pace is how slow a client may be. What a slow client holds (a worker, a lock, a place
// in a queue) others wait for.
type Pace struct {
	// Grace is how long a body may take whatever its size; from then on it must have
	// come with Rate bytes per second on the whole. 0 means 30 s and 4 KiB.
	Grace time.Duration
	Rate  int64
	// Stall is how long a client may leave a piece of an answer untaken; 0 means a minute.
	Stall time.Duration
}

// Paced ends requests whose clients are slower than p: a body ends with 408, an answer
// breaks off, and the connection is closed.
func (p Pace) Paced(next http.Handler) http.Handler {
	if p.Grace == 0 {
		p.Grace = 30 * time.Second
	}
	if p.Rate == 0 {
		p.Rate = 4 << 10
	}
	if p.Stall == 0 {
		p.Stall = time.Minute
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &paced{ResponseWriter: w, pace: p, rc: *http.NewResponseController(w)}
		if r.ProtoMajor == 1 {
			x.allowWrites(time.Time{}) // the connection's last answer may have left a deadline
		}
		if r.Body != nil && r.Body != http.NoBody {
			x.body, x.begun = r.Body, time.Now()
			x.allowReads(x.begun.Add(p.Grace)) // also for what the server throws away if nobody reads it
			r.Body = pacedBody{x}
		}
		next.ServeHTTP(x, r)
	})
}

// paced is one request: its body, and the writer of its answer.
type paced struct {
	http.ResponseWriter
	pace Pace
	rc   http.ResponseController

	body    interface{ Read([]byte) (int, error) }
	begun   time.Time
	got     int64
	until   time.Time // reads
	ended   bool
	written int64
}

// Deadlines cannot be set in tests without a connection; there is nobody slow either.
func (x *paced) allowReads(t time.Time)  { x.until = t; _ = x.rc.SetReadDeadline(t) }
func (x *paced) allowWrites(t time.Time) { _ = x.rc.SetWriteDeadline(t) }

type pacedBody struct{ x *paced }

func (b pacedBody) Close() error { return nil } // the server closes its own

func (b pacedBody) Read(buf []byte) (int, error) {
	x := b.x
	due := x.begun.Add(x.pace.Grace + time.Duration(x.got/x.pace.Rate)*time.Second)
	if due.Sub(x.until) >= time.Second { // not at every piece
		x.allowReads(due)
	}
	n, err := x.body.Read(buf)
	x.got += int64(n)
	switch {
	case err == nil || x.ended:
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = Status(http.StatusRequestTimeout, "the request's body comes too slowly")
	default:
		x.ended = true
		x.allowReads(time.Time{}) // work may take as long as it takes
	}
	return n, err
}

// atOnce is how much of an answer goes without a deadline: it fits into the buffers of
// any connection, and predictions are in a hurry.
const atOnce = 16 << 10

func (x *paced) Write(b []byte) (int, error) {
	if x.written += int64(len(b)); x.written > atOnce {
		x.allowWrites(time.Now().Add(x.pace.Stall + time.Duration(int64(len(b))/x.pace.Rate)*time.Second))
	}
	return x.ResponseWriter.Write(b)
}

// Flush implements http.Flusher for middleware that asks for it.
func (x *paced) Flush() { _ = x.rc.Flush() }

// Unwrap lets http.ResponseController reach deadlines.
func (x *paced) Unwrap() http.ResponseWriter { return x.ResponseWriter }
