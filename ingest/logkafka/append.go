package logkafka

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"github.com/segmentio/kafka-go"
)

// Append writes records in batches of at most MaxBatch bytes. Records of one call
// stay in order; another process may write between two batches.
func (l *Log) Append(ctx context.Context, name string, recs ...ingest.Record) (int64, error) {
	t := l.topic(name)
	t.Lock()
	defer t.Unlock()
	if len(recs) == 0 {
		_, end, err := l.Bounds(ctx, name)
		return end, err
	}
	first := int64(-1)
	for len(recs) > 0 {
		n, err := batch(name, recs)
		if err != nil {
			return 0, err
		}
		base, err := l.produce(ctx, name, t, recs[:n])
		if err != nil {
			return 0, err
		}
		if first < 0 {
			first = base
		}
		recs = recs[n:]
	}
	return first, nil
}

// batch says how many of the records fit into one batch.
func batch(name string, recs []ingest.Record) (int, error) {
	size := 0
	for i, r := range recs {
		n := sizeOf(r)
		if n > MaxBatch {
			return 0, forge.Errorf(forge.KindInvalid, nil, "topic %s: a record of %d bytes is too long, the limit is %d: split it", name, n, MaxBatch)
		}
		if size+n > MaxBatch || i == maxRecords {
			return i, nil
		}
		size += n
	}
	return len(recs), nil
}

func sizeOf(r ingest.Record) int {
	n := len(r.Key) + len(r.Value) + 48 // framing of a record
	for k, v := range r.Headers {
		n += len(k) + len(v) + 8
	}
	return n
}

// produce sends one batch. When it is not known whether the batch arrived, it is
// looked for in the log before it is sent again.
func (l *Log) produce(ctx context.Context, name string, t *topic, recs []ingest.Record) (int64, error) {
	if t.end < 0 {
		_, end, err := l.Bounds(ctx, name)
		if err != nil {
			return 0, err
		}
		t.end = end
	}
	for try := 1; ; try++ {
		err := l.Fault.At("append")
		var base int64
		if err == nil {
			base, err = l.send(ctx, name, recs)
		}
		if err == nil {
			err = l.Fault.At("appended")
		}
		if err == nil {
			t.end = base + int64(len(recs))
			return base, nil
		}
		if ctx.Err() != nil || !transient(err) || try == maxAttempts {
			t.end = -1
			return 0, l.fail(err, name, "write to")
		}
		if err := pause(ctx, try); err != nil {
			t.end = -1
			return 0, err
		}
		if base, ok, ferr := l.find(ctx, name, t.end, recs); ferr == nil && ok {
			t.end = base + int64(len(recs))
			return base, nil
		}
	}
}

func (l *Log) send(ctx context.Context, name string, recs []ingest.Record) (int64, error) {
	batch := make([]kafka.Record, len(recs))
	now := time.Now()
	for i, r := range recs {
		at := r.At
		if at.IsZero() {
			at = now
		}
		batch[i] = kafka.Record{Time: at, Value: kafka.NewBytes(r.Value)}
		if r.Key != nil {
			batch[i].Key = kafka.NewBytes(r.Key)
		}
		for _, k := range slices.Sorted(maps.Keys(r.Headers)) {
			batch[i].Headers = append(batch[i].Headers, kafka.Header{Key: k, Value: []byte(r.Headers[k])})
		}
	}
	res, err := l.client.Produce(ctx, &kafka.ProduceRequest{Topic: name, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(batch...)})
	if err != nil {
		return 0, err
	}
	if res.Error != nil {
		return 0, res.Error
	}
	return res.BaseOffset, nil
}

// find looks for a batch from offset on: the place of its first record, if the
// whole batch is there.
func (l *Log) find(ctx context.Context, name string, offset int64, recs []ingest.Record) (int64, bool, error) {
	for {
		got, err := l.Read(ctx, name, offset, MaxBatch)
		if err != nil || len(got) == 0 {
			return 0, false, err
		}
		for _, r := range got {
			if same(r, recs[0]) {
				return r.Offset, true, nil // a batch lands whole or not at all
			}
		}
		offset = got[len(got)-1].Offset + 1
	}
}

func same(a, b ingest.Record) bool {
	return bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value) && maps.Equal(a.Headers, b.Headers)
}

// transient reports whether asking again may help.
func transient(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	var k kafka.Error
	if errors.As(err, &k) {
		return k.Temporary() || k.Timeout()
	}
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed) || errors.Is(err, kafka.ErrGenerationEnded)
}

// retry runs f until it succeeds, fails for good or has failed maxAttempts times.
func retry(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if err == nil || ctx.Err() != nil || !transient(err) || try == maxAttempts {
			return err
		}
		if errors.Is(err, kafka.UnknownTopicOrPartition) && try == 3 {
			return err // temporary only while a new topic spreads
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, try int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(time.Duration(1<<try)*10*time.Millisecond, 2*time.Second)):
		return nil
	}
}
