package duck

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// A frame is a kind byte, a big-endian length and that many bytes. The engine sends
// one request frame; the worker answers it with frames up to a frameEnd or
// frameError. Arrow batches travel in the IPC stream format, cut into frameData.
type frameKind byte

const (
	frameRequest frameKind = 'q' // request as JSON
	frameHeader  frameKind = 'h' // header as JSON: a result begins
	frameData    frameKind = 'd' // part of the result's Arrow stream
	frameEnd     frameKind = 'z' // ending as JSON
	frameError   frameKind = 'e' // failure as JSON
)

// maxFrame bounds what a broken or hijacked peer can make us allocate at once; a
// request with very many files is the largest that is right.
const (
	maxFrame = 64 << 20
	dataPart = 1 << 20 // of one data frame
)

func writeFrame(w io.Writer, kind frameKind, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("duck: a frame of %d bytes", len(payload))
	}
	head := [5]byte{byte(kind)}
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.Write(payload)
	return err
}

func writeJSON(w io.Writer, kind frameKind, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFrame(w, kind, data)
}

func readFrame(r io.Reader) (frameKind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("duck: a frame of %d bytes", n)
	}
	payload, err := readBody(r, int(n))
	return frameKind(head[0]), payload, err
}

// readBody reads n bytes. It takes memory for what has come, not for what was promised.
func readBody(r io.Reader, n int) ([]byte, error) {
	b := make([]byte, min(n, dataPart))
	for at := 0; ; {
		m, err := io.ReadFull(r, b[at:])
		if at += m; err != nil || at == n {
			return b[:at], err
		}
		b = append(b, make([]byte, min(n-at, at))...)
	}
}

// frameWriter turns a byte stream into data frames.
type frameWriter struct{ w io.Writer }

func (f frameWriter) Write(p []byte) (int, error) {
	for part := range slices.Chunk(p, dataPart) {
		if err := writeFrame(f.w, frameData, part); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
