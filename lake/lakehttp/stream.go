package lakehttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"aiforge.dev/forge/internal/arrowjson"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/lake"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

const (
	typeJSON  = "application/json"
	typeLines = "application/x-ndjson"
	typeArrow = "application/vnd.apache.arrow.stream"
)

// writer encodes one result. An error after the first byte cannot change the status
// any more: JSON and lines carry it as "error", an Arrow stream breaks off.
type writer interface {
	batch(arrow.RecordBatch) error
	end(truncated bool) error
	fail(err error)
}

// send streams a result. The first batch is fetched before anything is written, so
// that most failures still get their proper status.
func send(w http.ResponseWriter, r *http.Request, res lake.Result, start time.Time, format string) error {
	defer res.Close() //nolint:errcheck // Next has said what there is to say
	ctx := r.Context()
	batch, err := res.Next(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", format)
	h.Set("Cache-Control", "no-store")
	enc, encErr := newWriter(w, r, res.Schema(), start, format)
	if encErr != nil {
		return encErr
	}
	for ; err == nil; batch, err = res.Next(ctx) {
		if err := enc.batch(batch); err != nil {
			return err // the client is gone
		}
	}
	if !errors.Is(err, io.EOF) {
		enc.fail(err)
		return err
	}
	return enc.end(res.Truncated())
}

func newWriter(w http.ResponseWriter, r *http.Request, schema lake.Schema, start time.Time, format string) (writer, error) {
	out := output{w: w, rc: http.NewResponseController(w), request: httpapi.RequestID(r.Context())}
	switch format {
	case typeArrow:
		s, err := schema.Arrow()
		if err != nil {
			return nil, err
		}
		return &arrowWriter{out: ipc.NewWriter(w, ipc.WithSchema(s)), schema: s, rc: out.rc}, nil
	case typeLines:
		return &linesWriter{out}, nil
	}
	columns, err := json.Marshal(schema.Columns)
	if err != nil {
		return nil, err
	}
	if len(schema.Columns) == 0 {
		columns = []byte("[]")
	}
	out.buf = append(append(append(out.buf, `{"columns":`...), columns...), `,"rows":[`...)
	return &jsonWriter{output: out, start: start}, nil
}

// output collects text and sends it in pieces of flushAt bytes.
type output struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	request string
	buf     []byte
}

const flushAt = 64 << 10

func (o *output) flush(all bool) error {
	if len(o.buf) < flushAt && !all {
		return nil
	}
	_, err := o.w.Write(o.buf)
	o.buf = o.buf[:0]
	if ferr := o.rc.Flush(); err == nil && !errors.Is(ferr, http.ErrNotSupported) {
		err = ferr
	}
	return err
}

func (o *output) problem(err error) []byte {
	data, _ := json.Marshal(httpapi.ProblemOf(err, o.request))
	return data
}

type jsonWriter struct {
	output
	start time.Time
	any   bool
}

func (j *jsonWriter) batch(b arrow.RecordBatch) error {
	for i := range int(b.NumRows()) {
		if j.any {
			j.buf = append(j.buf, ',')
		}
		j.any = true
		j.buf = arrowjson.AppendRow(j.buf, b, i)
		if err := j.flush(false); err != nil {
			return err
		}
	}
	return j.flush(true) // a reader of a slow query sees what there is
}

func (j *jsonWriter) end(truncated bool) error {
	tail, err := json.Marshal(map[string]any{"truncated": truncated, "ms": time.Since(j.start).Milliseconds()})
	if err != nil {
		return err
	}
	j.buf = append(append(append(j.buf, "],"...), bytes.TrimPrefix(tail, []byte("{"))...), '\n')
	return j.flush(true)
}

func (j *jsonWriter) fail(err error) {
	j.buf = append(append(append(j.buf, `],"error":`...), j.problem(err)...), "}\n"...)
	_ = j.flush(true)
}

// linesWriter sends one object per row; a failure is a last line {"error": …}.
type linesWriter struct{ output }

func (l *linesWriter) batch(b arrow.RecordBatch) error {
	for i := range int(b.NumRows()) {
		l.buf = append(arrowjson.AppendObject(l.buf, b, i), '\n')
		if err := l.flush(false); err != nil {
			return err
		}
	}
	return l.flush(true)
}

func (l *linesWriter) end(bool) error { return l.flush(true) }

func (l *linesWriter) fail(err error) {
	l.buf = append(append(append(l.buf, `{"error":`...), l.problem(err)...), "}\n"...)
	_ = l.flush(true)
}

type arrowWriter struct {
	out    *ipc.Writer
	schema *arrow.Schema
	rc     *http.ResponseController
}

func (a *arrowWriter) batch(b arrow.RecordBatch) error {
	return a.out.Write(renamed{b, a.schema})
}

func (a *arrowWriter) end(bool) error { return a.out.Close() }

// fail leaves the stream without its end mark and breaks the connection (nothing more
// can be written, so the answer does not end properly), lest a reader take a part for
// the whole.
func (a *arrowWriter) fail(error) { _ = a.rc.SetWriteDeadline(time.Unix(1, 0)) }

// renamed is a batch under a schema with the same types: that of the table, whose
// fields have ids.
type renamed struct {
	arrow.RecordBatch
	schema *arrow.Schema
}

func (r renamed) Schema() *arrow.Schema { return r.schema }
