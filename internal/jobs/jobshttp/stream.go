package jobshttp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"github.com/go-chi/chi/v5"
)

// heartbeat keeps proxies from closing a quiet stream.
const heartbeat = 15 * time.Second

// poll is how often the store is asked when nothing in this process tells of a change:
// the job may run in another one.
const poll = 500 * time.Millisecond

// notifier is what a queue may also be able to do.
type notifier interface{ Changed() <-chan struct{} }

// stopper is what a queue may also be able to do: a server that stops would wait for
// streams that wait for jobs.
type stopper interface{ Stopping() <-chan struct{} }

// stream sends a job's events as server-sent events until the job is done. A client
// that reconnects sends the last id it has seen and misses nothing.
type stream struct {
	q         jobs.Queue
	heartbeat time.Duration
}

func (s *stream) serve(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	after, err := position(r)
	if err != nil {
		return err
	}
	if _, err := s.q.Get(r.Context(), id); err != nil {
		return err
	}
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Time{}) // a stream lives as long as its job
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if err := out.Flush(); err != nil {
		return err
	}
	return s.follow(w, r, id, after)
}

// position is where the client wants to go on: ?after=, or what a reconnecting
// EventSource sends by itself.
func position(r *http.Request) (int64, error) {
	text := r.URL.Query().Get("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		text = last
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, forge.Errorf(forge.KindInvalid, err, "after=%q: want the number of the last event that you have", text)
	}
	return n, nil
}

func (s *stream) follow(w http.ResponseWriter, r *http.Request, id string, after int64) error {
	ctx, out := r.Context(), http.NewResponseController(w)
	beat, tick := time.NewTicker(s.heartbeat), time.NewTicker(poll)
	defer beat.Stop()
	defer tick.Stop()
	var stopping <-chan struct{}
	if x, ok := s.q.(stopper); ok {
		stopping = x.Stopping()
	}
	for {
		var changed <-chan struct{}
		if n, ok := s.q.(notifier); ok {
			changed = n.Changed()
		}
		job, err := s.q.Get(ctx, id) // before the events: once it is done, all events are there
		if err != nil {
			return err
		}
		after, err = s.send(w, r, id, after)
		if err != nil {
			return err
		}
		if job.State.Done() {
			err := write(w, after, "done", job)
			if err == nil {
				err = out.Flush()
			}
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil // the client has gone
		case <-stopping:
			return nil // it will come back with the last id that it has seen
		case <-changed:
		case <-tick.C:
		case <-beat.C:
			if _, err := w.Write([]byte(": still here\n\n")); err != nil {
				return err
			}
		}
	}
}

// send writes all events after the given one and returns the last one's number.
func (s *stream) send(w http.ResponseWriter, r *http.Request, id string, after int64) (int64, error) {
	for {
		events, err := s.q.Events(r.Context(), id, after)
		if err != nil || len(events) == 0 {
			return after, err
		}
		for _, e := range events {
			if err := write(w, e.Seq, e.Type, e); err != nil {
				return after, err
			}
			after = e.Seq
		}
	}
}

// oneLine keeps a handler's event type from breaking the frame.
var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

func write(w http.ResponseWriter, seq int64, kind string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", seq, oneLine.Replace(kind), raw)
	return err
}
