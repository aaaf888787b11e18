package duck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// call is one request that a worker is answering. Its context or time limit ends the
// worker, which frees everything that the query held.
type call struct {
	ctx   context.Context
	e     *Engine
	p     *process
	op    op
	limit time.Duration

	stop  func() bool   // false when a limit has struck already
	timed chan struct{} // closed when the time limit ended it
	once  sync.Once

	kind    frameKind // of the frame that was read ahead, 0: none
	payload []byte
	err     error // of the worker or the connection; the call is over
}

func newCall(ctx context.Context, e *Engine, p *process, o op, limit time.Duration) *call {
	c := &call{ctx: ctx, e: e, p: p, op: o, limit: limit, timed: make(chan struct{})}
	undo := context.AfterFunc(ctx, p.kill)
	c.stop = undo
	if limit > 0 {
		timer := time.AfterFunc(limit, func() {
			close(c.timed)
			p.kill()
		})
		c.stop = func() bool { return timer.Stop() && undo() }
	}
	return c
}

// end gives the worker back; reuse says that it has answered in full.
func (c *call) end(reuse bool) {
	c.once.Do(func() {
		untouched := c.stop()
		c.e.leave(c.p, reuse && untouched && c.op != opUser, c.op == opUser)
	})
}

// peek reads the next frame without taking it.
func (c *call) peek() (frameKind, error) {
	if c.err == nil && c.kind == 0 {
		var err error
		if c.kind, c.payload, err = readFrame(c.p.out); err != nil {
			c.err = c.lost(err)
		} else if c.kind == frameError {
			c.err = reported(c.payload)
		}
	}
	return c.kind, c.err
}

// reported is the error that a worker sent.
func reported(payload []byte) error {
	var f failure
	if err := json.Unmarshal(payload, &f); err != nil {
		return err
	}
	if f.Kind == forge.KindInternal {
		return fmt.Errorf("duck: worker: %s", f.Text)
	}
	return forge.Errorf(f.Kind, nil, "%s", f.Text)
}

// lost explains why a worker stopped answering.
func (c *call) lost(cause error) error {
	c.p.kill()
	select {
	case <-c.timed:
		return forge.Errorf(forge.KindInvalid, nil, "the query ran longer than its limit of %s and was stopped: read less, or raise the limit", c.limit)
	default:
	}
	if err := c.ctx.Err(); err != nil {
		return context.Cause(c.ctx)
	}
	return forge.Errorf(forge.KindUnavailable, errors.Join(cause, c.p.failure()), "the query's worker process ended in the middle, perhaps for want of memory; no other query was touched. Try again, or read less at once")
}

// next takes a frame that must be of a kind.
func (c *call) next(want frameKind, v any) error {
	kind, err := c.peek()
	if err != nil {
		return err
	}
	if kind != want {
		return fmt.Errorf("duck: worker sent frame %q, want %q", kind, want)
	}
	c.kind = 0
	return json.Unmarshal(c.payload, v)
}

func (c *call) header() (lake.Schema, error) {
	var h header
	err := c.next(frameHeader, &h)
	return h.Schema, err
}

func (c *call) ending() (ending, error) {
	var end ending
	err := c.next(frameEnd, &end)
	return end, err
}

// rows reads one statement's result into memory.
func (c *call) rows() (lake.Rows, error) {
	schema, err := c.header()
	out := lake.Rows{Columns: schema.Columns}
	if err != nil || len(schema.Columns) == 0 {
		return out, err
	}
	r, err := openStream(&dataReader{c: c}, schema)
	if err != nil {
		return out, c.cause(err)
	}
	defer r.Release()
	for r.Next() {
		out.Rows = lake.AppendRows(out.Rows, r.RecordBatch())
	}
	return out, c.cause(r.Err())
}

// cause prefers the worker's own error to what a half stream looks like to Arrow.
func (c *call) cause(err error) error {
	if c.err != nil {
		return c.err
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// dataReader is the byte stream in data frames; it ends where another kind begins.
type dataReader struct {
	c   *call
	buf bytes.Reader
}

func (d *dataReader) Read(p []byte) (int, error) {
	for d.buf.Len() == 0 {
		kind, err := d.c.peek()
		if err != nil {
			return 0, err
		}
		if kind != frameData {
			return 0, io.EOF
		}
		d.buf.Reset(d.c.payload)
		d.c.kind = 0
	}
	return d.buf.Read(p)
}
