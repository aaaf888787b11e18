// Package broker is the embedded log server: a broker that speaks Kafka's protocol
// on loopback and keeps its topics in one folder, every write flushed to disk. It is
// meant for one machine; a cluster is another address of package logkafka.
package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"aiforge.dev/forge"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Broker is a running embedded broker.
type Broker struct {
	cluster *kfake.Cluster
	lock    *os.File
	once    sync.Once
}

// segmentBytes is small because a restart reads every segment whole, and because
// only whole segments are given back to the disk after a trim.
const segmentBytes = "16777216"

// Open starts a broker over dir on a free loopback port, see OpenPort.
func Open(dir string, log *slog.Logger) (*Broker, error) { return OpenPort(dir, 0, log) }

// OpenPort starts a broker over dir on the given loopback port (0: a free one). A
// folder that another process has open is refused. A nil logger discards.
func OpenPort(dir string, port int, log *slog.Logger) (*Broker, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	var busy error
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.Ports(port), kfake.DefaultNumPartitions(1),
		kfake.DataDir(dir), kfake.SyncWrites(), kfake.ClusterID("forge"),
		kfake.WithLogger(&logger{log}),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			l, err := net.Listen(network, loopback(address))
			if err != nil {
				busy = err
			}
			return l, err
		}),
		// Nothing is forgotten by age or size: the sink trims what is committed.
		kfake.BrokerConfigs(map[string]string{
			"log.retention.ms": "-1", "log.retention.bytes": "-1", "log.segment.bytes": segmentBytes,
		}),
	)
	if err != nil {
		_ = lock.Close()
		if busy != nil {
			return nil, forge.Errorf(forge.KindUnavailable, err, "the embedded log cannot listen on 127.0.0.1:%d; is the port in use? 0 takes a free one", port)
		}
		return nil, forge.Errorf(forge.KindUnavailable, err, "the embedded log cannot open its folder %s", dir)
	}
	return &Broker{cluster: cluster, lock: lock}, nil
}

// Addr is the broker's address, HOST:PORT.
func (b *Broker) Addr() string { return b.cluster.ListenAddrs()[0] }

// Close stops the broker and gives the folder free.
func (b *Broker) Close() error {
	var err error
	b.once.Do(func() {
		b.cluster.Close()
		err = b.lock.Close()
	})
	return err
}

// loopback makes sure that nothing outside this machine reaches the broker,
// whatever the library's default is.
func loopback(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "127.0.0.1:0"
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// lockDir takes an advisory lock that the kernel drops when the process ends,
// however it ends.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "the log folder %s cannot be written", dir)
	}
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "the log folder %s cannot be written", dir)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, forge.Errorf(forge.KindConflict, err, "the log folder %s is open in another process: stop that forge, or use another data folder", dir)
	}
	return nil, forge.Errorf(forge.KindUnavailable, err, "the log folder %s cannot be locked", dir)
}

// logger passes the library's lines on. Its information lines are about every
// request, so they come as debug lines.
type logger struct{ log *slog.Logger }

func (l *logger) Logf(level kfake.LogLevel, format string, args ...any) {
	to := slog.LevelDebug
	switch level {
	case kfake.LogLevelError:
		to = slog.LevelError
	case kfake.LogLevelWarn:
		to = slog.LevelWarn
	}
	if l.log.Enabled(nil, to) { //nolint:staticcheck // slog takes a nil context
		l.log.Log(nil, to, "broker: "+strings.TrimSpace(fmt.Sprintf(format, args...))) //nolint:staticcheck // as above
	}
}
