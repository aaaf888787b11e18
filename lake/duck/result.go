package duck

import (
	"context"
	"errors"
	"io"

	"aiforge.dev/forge/lake"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// result streams a query's batches out of its worker. Nothing is read ahead: a slow
// reader slows the query down and costs no memory.
type result struct {
	c         *call
	schema    lake.Schema
	reader    *ipc.Reader
	truncated bool
	err       error // sticky: io.EOF after the last batch
}

func newResult(c *call, schema lake.Schema) *result { return &result{c: c, schema: schema} }

func (r *result) Schema() lake.Schema { return r.schema }
func (r *result) Truncated() bool     { return r.truncated }

// Next returns the next batch, or io.EOF. The context that started the query governs
// it; the one given here only ends this wait, and with it the query.
func (r *result) Next(ctx context.Context) (arrow.RecordBatch, error) {
	if r.err != nil {
		return nil, r.err
	}
	undo := context.AfterFunc(ctx, r.c.p.kill)
	batch, err := r.read()
	if !undo() && ctx.Err() != nil {
		batch, err = nil, context.Cause(ctx)
	}
	if err != nil {
		r.err = err
		r.c.end(errors.Is(err, io.EOF))
	}
	return batch, err
}

func (r *result) read() (arrow.RecordBatch, error) {
	if r.reader == nil {
		reader, err := openStream(&dataReader{c: r.c}, r.schema)
		if err != nil {
			if err = r.c.cause(err); err == nil {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		r.reader = reader
	}
	if r.reader.Next() {
		batch := r.reader.RecordBatch()
		if r.c.op == opUser {
			if err := sound(batch); err != nil {
				return nil, err
			}
		}
		return batch, nil
	}
	if err := r.c.cause(r.reader.Err()); err != nil {
		return nil, err
	}
	end, err := r.c.ending()
	if err != nil {
		return nil, err
	}
	r.truncated = end.Truncated
	return nil, io.EOF
}

// Close stops the query if it still runs.
func (r *result) Close() error {
	if r.err == nil {
		r.err = errors.New("duck: the result is closed")
	}
	r.c.end(false)
	if r.reader != nil {
		r.reader.Release()
		r.reader = nil
	}
	return nil
}
