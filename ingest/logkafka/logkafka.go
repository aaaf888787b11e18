// Package logkafka is ingest.Log over the Kafka protocol: the embedded broker or any
// cluster. Each topic has one partition; a batch is acknowledged by all in-sync
// replicas before Append returns.
//
// The client library cannot produce idempotently, so an append whose answer was
// lost is looked up in the log before it is sent again.
package logkafka

import (
	"context"
	"errors"
	"io"
	"net"
	"sort"
	"strings"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/internal/fault"
	"github.com/segmentio/kafka-go"
)

// Sizes of a batch: Kafka's default limit is 1 MiB with its framing.
const (
	MaxBatch    = 1000 << 10
	maxRecords  = 10_000
	timeout     = 30 * time.Second
	maxAttempts = 8
)

// Log is a client of one cluster.
type Log struct {
	Fault fault.Hook // for tests; set before the first use

	client    *kafka.Client
	transport *kafka.Transport
	addr      string

	mu     sync.Mutex
	topics map[string]*topic
}

// topic orders the appends of this process and remembers where the topic ended, so
// that a lost answer can be looked up.
type topic struct {
	sync.Mutex
	end int64 // -1: not known
}

var _ ingest.Log = (*Log)(nil)

// Open connects to a cluster; addr is HOST:PORT[,HOST:PORT…], with or without the
// scheme kafka://.
func Open(ctx context.Context, addr string) (*Log, error) {
	addr = strings.TrimPrefix(addr, "kafka://")
	brokers := strings.Split(addr, ",")
	for _, b := range brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return nil, forge.Errorf(forge.KindInvalid, err, "log address %q: want HOST:PORT", b)
		}
	}
	transport := &kafka.Transport{ClientID: "forge", IdleTimeout: 5 * time.Minute}
	l := &Log{
		client:    &kafka.Client{Addr: kafka.TCP(brokers...), Timeout: timeout, Transport: transport},
		transport: transport, addr: addr, topics: map[string]*topic{},
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	// An open port is not readiness: ask something that only a ready broker answers.
	err := retry(ctx, func() error {
		_, err := l.client.Metadata(ctx, &kafka.MetadataRequest{})
		return err
	})
	if err != nil {
		transport.CloseIdleConnections()
		return nil, forge.Errorf(forge.KindUnavailable, err, "the log at %s does not answer; is Kafka running there?", addr)
	}
	return l, nil
}

// Close ends the connections.
func (l *Log) Close() error {
	l.transport.CloseIdleConnections()
	return nil
}

// Create makes a topic of one partition that forgets nothing by age: records are
// trimmed when they are committed.
func (l *Log) Create(ctx context.Context, name string) error {
	var answer error
	err := retry(ctx, func() error {
		res, err := l.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
			Topic: name, NumPartitions: 1, ReplicationFactor: -1,
			ConfigEntries: []kafka.ConfigEntry{{ConfigName: "retention.ms", ConfigValue: "-1"}},
		}}})
		if err != nil {
			return err
		}
		answer = res.Errors[name]
		if transient(answer) {
			return answer
		}
		return nil
	})
	if err == nil {
		err = answer
	}
	if err == nil || errors.Is(err, kafka.TopicAlreadyExists) {
		return nil
	}
	return l.fail(err, name, "create")
}

// Bounds returns the first offset still kept and the one after the last.
func (l *Log) Bounds(ctx context.Context, name string) (first, end int64, err error) {
	err = retry(ctx, func() error {
		res, err := l.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
			name: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0)},
		}})
		if err != nil {
			return err
		}
		for _, p := range res.Topics[name] {
			if p.Error != nil {
				return p.Error
			}
			first, end = p.FirstOffset, p.LastOffset
			return nil
		}
		return kafka.UnknownTopicOrPartition
	})
	if err != nil {
		return 0, 0, l.fail(err, name, "look at")
	}
	return first, end, nil
}

// Read returns records from offset on.
func (l *Log) Read(ctx context.Context, name string, offset int64, maxBytes int) ([]ingest.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // the client may answer all the same
	}
	var out []ingest.Record
	err := retry(ctx, func() error {
		// MinBytes 0 makes the broker answer at once, also with nothing. MaxWait is only
		// a bound for a broker that waits all the same.
		res, err := l.client.Fetch(ctx, &kafka.FetchRequest{
			Topic: name, Offset: offset, MinBytes: 0, MaxBytes: int64(min(max(maxBytes, 64<<10), 4<<20)), MaxWait: time.Second,
		})
		if err != nil {
			return err
		}
		if res.Error != nil {
			return res.Error
		}
		out, err = collect(res.Records, offset, maxBytes)
		return err
	})
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return nil, l.outOfRange(ctx, name, offset, err)
	}
	if err != nil {
		return nil, l.fail(err, name, "read")
	}
	return out, nil
}

func (l *Log) outOfRange(ctx context.Context, name string, offset int64, cause error) error {
	first, end, err := l.Bounds(ctx, name)
	if err != nil {
		return err
	}
	if offset < first {
		return forge.Errorf(forge.KindNotFound, cause, "topic %s: offset %d is no longer kept, the first one is %d", name, offset, first)
	}
	return forge.Errorf(forge.KindConflict, cause, "topic %s ends at offset %d and %d was asked for: the log was emptied or replaced; restore it or reset the table's offsets", name, end, offset)
}

// collect takes the records of one answer. Kafka sends whole batches, so the first
// ones may lie before the offset asked for.
func collect(r kafka.RecordReader, offset int64, maxBytes int) ([]ingest.Record, error) {
	var out []ingest.Record
	size := 0
	for {
		rec, err := r.ReadRecord()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && len(out) > 0 {
			return out, nil // the last batch of an answer may be cut off
		}
		if err != nil {
			return nil, err
		}
		if rec.Offset < offset {
			continue
		}
		key, err := kafka.ReadAll(rec.Key)
		if err != nil {
			return nil, err
		}
		value, err := kafka.ReadAll(rec.Value)
		if err != nil {
			return nil, err
		}
		if size += len(value); size > maxBytes && len(out) > 0 {
			return out, nil
		}
		out = append(out, ingest.Record{Key: key, Value: value, Headers: headersOf(rec.Headers), Offset: rec.Offset, At: rec.Time})
	}
}

func headersOf(in []kafka.Header) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]string, len(in))
	for _, h := range in {
		out[h.Key] = string(h.Value)
	}
	return out
}

// Topics lists the topics with a prefix, sorted.
func (l *Log) Topics(ctx context.Context, prefix string) ([]string, error) {
	var out []string
	err := retry(ctx, func() error {
		res, err := l.client.Metadata(ctx, &kafka.MetadataRequest{})
		if err != nil {
			return err
		}
		out = out[:0]
		for _, t := range res.Topics {
			if strings.HasPrefix(t.Name, prefix) {
				out = append(out, t.Name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, l.fail(err, prefix+"*", "list")
	}
	sort.Strings(out)
	return out, nil
}

func (l *Log) topic(name string) *topic {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[name]
	if t == nil {
		t = &topic{end: -1}
		l.topics[name] = t
	}
	return t
}

func (l *Log) fail(err error, topic, what string) error {
	var own *forge.Error
	switch {
	case errors.As(err, &own), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, kafka.UnknownTopicOrPartition):
		return forge.Errorf(forge.KindNotFound, err, "topic %s does not exist", topic)
	case errors.Is(err, kafka.InvalidTopic):
		return forge.Errorf(forge.KindInvalid, err, "topic name %q: Kafka takes up to 249 letters, digits, dots, _ and -", topic)
	}
	return forge.Errorf(forge.KindUnavailable, err, "the log at %s could not %s topic %s", l.addr, what, topic)
}
