package logkafka

import (
	"context"
	"errors"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// Trim lets the log forget the records before offset, but never the last record: a
// broker that finds a topic without records after a restart starts it at offset 0
// again, and everything behind the table's stored offset would be taken for old.
func (l *Log) Trim(ctx context.Context, name string, offset int64) error {
	first, end, err := l.Bounds(ctx, name)
	if err != nil {
		return err
	}
	offset = min(offset, end-1)
	if offset <= first {
		return nil
	}
	err = retry(ctx, func() error {
		m, err := l.transport.RoundTrip(ctx, l.client.Addr, &deleteRecords{
			Topics:    []deleteTopic{{Topic: name, Partitions: []deletePartition{{Partition: 0, Offset: offset}}}},
			TimeoutMs: int32(timeout.Milliseconds()),
		})
		if err != nil {
			return err
		}
		for _, t := range m.(*deleteRecordsAnswer).Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode != 0 {
					return kafka.Error(p.ErrorCode)
				}
			}
		}
		return nil
	})
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return nil // trimmed further meanwhile
	}
	if err != nil {
		return l.fail(err, name, "trim")
	}
	return nil
}

// The library knows the key of DeleteRecords but not its messages; this is its
// public way to add one. Versions 0 and 1 of the wire format.
func init() { protocol.Register(&deleteRecords{}, &deleteRecordsAnswer{}) }

type deleteRecords struct {
	Topics    []deleteTopic `kafka:"min=v0,max=v1"`
	TimeoutMs int32         `kafka:"min=v0,max=v1"`
}

type deleteTopic struct {
	Topic      string            `kafka:"min=v0,max=v1"`
	Partitions []deletePartition `kafka:"min=v0,max=v1"`
}

type deletePartition struct {
	Partition int32 `kafka:"min=v0,max=v1"`
	Offset    int64 `kafka:"min=v0,max=v1"`
}

type deleteRecordsAnswer struct {
	ThrottleTimeMs int32           `kafka:"min=v0,max=v1"`
	Topics         []deletedTopics `kafka:"min=v0,max=v1"`
}

type deletedTopics struct {
	Topic      string              `kafka:"min=v0,max=v1"`
	Partitions []deletedPartitions `kafka:"min=v0,max=v1"`
}

type deletedPartitions struct {
	Partition    int32 `kafka:"min=v0,max=v1"`
	LowWatermark int64 `kafka:"min=v0,max=v1"`
	ErrorCode    int16 `kafka:"min=v0,max=v1"`
}

func (*deleteRecords) ApiKey() protocol.ApiKey       { return protocol.DeleteRecords }
func (*deleteRecordsAnswer) ApiKey() protocol.ApiKey { return protocol.DeleteRecords }

// Broker sends the request to the partition's leader.
func (r *deleteRecords) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	for _, p := range cluster.Topics[r.Topics[0].Topic].Partitions {
		if p.ID == 0 {
			return cluster.Brokers[p.Leader], nil
		}
	}
	return protocol.Broker{}, kafka.UnknownTopicOrPartition
}
