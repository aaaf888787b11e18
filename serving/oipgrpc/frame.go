package oipgrpc

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving/admission"
)

// prefix is what comes before a message: one byte that says whether it is compressed
// and four of length, big-endian.
const prefix = 5

// unary makes the handler of a method that takes one message and answers with one.
func (s *Service) unary(m method) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !isCall(r) {
			return httpapi.Status(http.StatusUnsupportedMediaType, "this path is a method of gRPC: HTTP/2 and Content-Type application/grpc")
		}
		ctx, cancel, err := deadline(r)
		if err != nil {
			return err
		}
		defer cancel()
		c := s.pool.Get().(*call)
		defer s.giveBack(c)
		if scope, err := forge.ScopeFrom(ctx); err == nil { // questions that need no token are tiny
			if err := s.cfg.Gate.Enter(scope, &c.visit); err != nil {
				return err
			}
			defer c.visit.Leave()
		}
		if c.body, err = readMessage(r, &c.visit, c.body[:0], s.cfg.MaxBody); err == nil {
			c.answer = append(c.answer[:0], make([]byte, prefix)...)
			if err = ctx.Err(); err == nil {
				err = m(ctx, c)
			}
		}
		if err != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return httpapi.Status(http.StatusGatewayTimeout, "the call took longer than its grpc-timeout")
			}
			return err
		}
		binary.BigEndian.PutUint32(c.answer[1:], uint32(len(c.answer)-prefix))
		return c.send(w)
	}
}

func (s *Service) giveBack(c *call) {
	if cap(c.body) <= 1<<20 && cap(c.answer) <= 1<<20 {
		s.pool.Put(c)
	}
}

func (c *call) send(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Trailer", "Grpc-Status")
	_, err := w.Write(c.answer)
	h.Set("Grpc-Status", "0")
	return err
}

// isCall tells a call of gRPC from other requests.
func isCall(r *http.Request) bool {
	t, ok := strings.CutPrefix(r.Header.Get("Content-Type"), "application/grpc")
	return ok && r.ProtoMajor == 2 && (t == "" || t == "+proto" || t[0] == ';')
}

// deadline is the request's context with the time that the client leaves for the call.
func deadline(r *http.Request) (context.Context, context.CancelFunc, error) {
	text := r.Header.Get("Grpc-Timeout")
	if text == "" {
		return r.Context(), func() {}, nil
	}
	units := map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond}
	unit := units[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	if err != nil || unit == 0 || len(text) > 9 {
		return nil, nil, httpapi.Status(http.StatusBadRequest, fmt.Sprintf("grpc-timeout %q: want up to eight digits and one of H, M, S, m, u, n", text))
	}
	const most = 1 << 31 * time.Second
	left := most
	if n < uint64(most/unit) {
		left = time.Duration(n) * unit
	}
	ctx, cancel := context.WithTimeout(r.Context(), left)
	return ctx, cancel, nil
}

// readMessage appends the one message of the request to buf. No memory is taken on
// the word of its length.
func readMessage(r *http.Request, v *admission.Visit, buf []byte, limit int64) ([]byte, error) {
	var head [prefix]byte
	if _, err := io.ReadFull(r.Body, head[:]); err != nil {
		return buf, tooShort(err)
	}
	size := int64(binary.BigEndian.Uint32(head[1:]))
	if size > limit {
		return buf, tooLarge(limit)
	}
	var src io.Reader = io.LimitReader(r.Body, size)
	if head[0] != 0 {
		var err error
		if src, err = decompressor(r.Header.Get("Grpc-Encoding"), src); err != nil {
			return buf, err
		}
	}
	b := bytes.NewBuffer(buf)
	n, err := b.ReadFrom(v.Body(io.LimitReader(src, limit+1)))
	switch {
	case n > limit:
		return b.Bytes(), tooLarge(limit)
	case err != nil || head[0] == 0 && n < size:
		return b.Bytes(), tooShort(err)
	}
	if n, _ := io.Copy(io.Discard, io.LimitReader(r.Body, 1)); n > 0 {
		return b.Bytes(), invalid("the call has bytes after its message; this method takes one message")
	}
	return b.Bytes(), nil
}

func decompressor(encoding string, src io.Reader) (io.Reader, error) {
	var z io.Reader
	var err error
	switch encoding {
	case "gzip":
		z, err = gzip.NewReader(src)
	case "deflate":
		z, err = zlib.NewReader(src)
	default:
		return nil, httpapi.Status(http.StatusNotImplemented, fmt.Sprintf("grpc-encoding %q is not known; there are gzip and deflate", encoding))
	}
	if err != nil {
		return nil, invalid("the message is not %s, as its grpc-encoding says", encoding)
	}
	return z, nil
}

func tooShort(err error) error {
	var p *httpapi.Problem // no room, or too slow
	if errors.As(err, &p) {
		return p
	}
	var tooMany *http.MaxBytesError
	if errors.As(err, &tooMany) {
		return tooLarge(tooMany.Limit - prefix)
	}
	return invalid("the call ends before its message does, or the message is not what its grpc-encoding says")
}

func tooLarge(limit int64) error {
	return httpapi.Status(http.StatusRequestEntityTooLarge, fmt.Sprintf("the message is larger than %d bytes; send fewer rows at a time, or score a table with forge batch-score", limit))
}
