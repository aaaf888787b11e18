package predict

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving/admission"
)

// ReadBody appends the request's body to buf, decompressed if its Content-Encoding
// says so. At most limit bytes are read, before and after decompression, as far as the
// visit finds room for them, and no memory is taken on the word of a header.
func ReadBody(r *http.Request, v *admission.Visit, buf []byte, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return buf, tooLarge(limit)
	}
	src, err := decoder(r)
	if err != nil {
		return buf, err
	}
	b := bytes.NewBuffer(buf)
	n, err := b.ReadFrom(v.Body(io.LimitReader(src, limit+1)))
	switch {
	case n > limit || errors.As(err, new(*http.MaxBytesError)):
		return b.Bytes(), tooLarge(limit)
	case err != nil:
		return b.Bytes(), forge.Errorf(forge.KindInvalid, err, "the request's body ends early or is not what its Content-Encoding says")
	}
	return b.Bytes(), nil
}

func decoder(r *http.Request) (io.Reader, error) {
	switch e := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); e {
	case "", "identity":
		return r.Body, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(r.Body)
		return z, wrongEncoding(e, err)
	case "deflate":
		z, err := zlib.NewReader(r.Body)
		return z, wrongEncoding(e, err)
	default:
		return nil, httpapi.Status(http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Encoding %q is not known; there are gzip and deflate", e))
	}
}

func wrongEncoding(name string, err error) error {
	if err == nil {
		return nil
	}
	return forge.Errorf(forge.KindInvalid, err, "the request's body is not %s, as its Content-Encoding says", name)
}

func tooLarge(limit int64) error {
	return httpapi.Status(http.StatusRequestEntityTooLarge, fmt.Sprintf("the request's body is larger than %d bytes; send fewer rows at a time, or score a table with forge batch-score", limit))
}
