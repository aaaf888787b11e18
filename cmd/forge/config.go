package main

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/fault"
	"aiforge.dev/forge/internal/httpapi"
)

// Config says where each outside thing lives; the scheme picks the implementation.
type Config struct {
	Listen      string   `help:"Address to listen on." env:"FORGE_LISTEN" default:"127.0.0.1:8040" placeholder:"HOST:PORT"`
	Log         string   `help:"Kafka: embedded: or kafka://HOST:PORT." env:"FORGE_LOG" default:"embedded:"`
	Metadata    string   `help:"Metadata and jobs: embedded: (SQLite) or postgres://…" env:"FORGE_METADATA" default:"embedded:"`
	Online      string   `help:"Online features: embedded: (Pebble) or redis://HOST:PORT." env:"FORGE_ONLINE" default:"embedded:"`
	Warehouse   string   `help:"Tables: embedded: (the data folder) or s3://BUCKET/PREFIX." env:"FORGE_WAREHOUSE" default:"embedded:"`
	S3Endpoint  string   `name:"s3-endpoint" help:"Address of a store that is not Amazon's." env:"FORGE_S3_ENDPOINT" placeholder:"http://HOST:PORT"`
	S3Region    string   `name:"s3-region" help:"Region of the bucket." env:"FORGE_S3_REGION" placeholder:"REGION"`
	S3AccessKey string   `name:"s3-access-key" help:"Key for the bucket; the machine's own role otherwise." env:"FORGE_S3_ACCESS_KEY" placeholder:"KEY"`
	S3SecretKey string   `name:"s3-secret-key" help:"Secret of the key; better given by its variable, which other users cannot see." env:"FORGE_S3_SECRET_KEY" placeholder:"SECRET"`
	S3Copies    int64    `name:"s3-copies" help:"Room for local copies of the warehouse's files, in bytes." env:"FORGE_S3_COPIES" default:"68719476736" placeholder:"BYTES"`
	ONNXRuntime string   `help:"Path of libonnxruntime.so; found by itself after make setup." env:"FORGE_ONNXRUNTIME" placeholder:"PATH"`
	Python      string   `help:"Python with the trainer's packages; found by itself after make setup." env:"FORGE_PYTHON" placeholder:"PATH"`
	MaxUpload   int64    `help:"Largest file that may be uploaded, in bytes." env:"FORGE_MAX_UPLOAD" default:"68719476736" placeholder:"BYTES"`
	Memory      int64    `help:"Memory of one query worker, in bytes." env:"FORGE_MEMORY" default:"2147483648" placeholder:"BYTES"`
	Workers     int      `help:"Most query workers at once; twice the cores otherwise." env:"FORGE_WORKERS" placeholder:"N"`
	Hosts       []string `help:"Names by which clients may call the server, beside localhost and addresses; all on an open --listen, none on 127.0.0.1, unless given." env:"FORGE_HOSTS" placeholder:"NAME"`
	TLSCert     string   `help:"Certificate file; TLS 1.3 is spoken when it is given." env:"FORGE_TLS_CERT" placeholder:"PATH"`
	TLSKey      string   `help:"Key file of the certificate." env:"FORGE_TLS_KEY" placeholder:"PATH"`

	TrustedProxies []string `help:"Proxies in front, as addresses or networks: from them alone X-Forwarded-For is believed, for limits per address and the audit log." env:"FORGE_TRUSTED_PROXIES" placeholder:"CIDR"`

	UpkeepEvery   time.Duration `help:"Time between two looks at the tables: small files are joined, old snapshots expire." env:"FORGE_UPKEEP_EVERY" default:"30s" placeholder:"TIME"`
	UpkeepGrace   time.Duration `help:"How long files stay after no snapshot needs them; must be longer than any query." env:"FORGE_UPKEEP_GRACE" default:"3h" placeholder:"TIME"`
	UpkeepOrphans time.Duration `help:"How old files of writes that were never committed must be to be removed; must be longer than any write." env:"FORGE_UPKEEP_ORPHANS" default:"24h" placeholder:"TIME"`
	KeepJobs      time.Duration `help:"How long finished jobs are kept, with their events." env:"FORGE_KEEP_JOBS" default:"720h" placeholder:"TIME"`

	Data string `kong:"-"` // from the global flag

	Now   func() time.Time `kong:"-"` // of everything that has a clock; nil is time.Now
	Fault fault.Hook       `kong:"-"` // for tests that stop a server where a crash must be harmless
}

// Validate completes the defaults and refuses what cannot work.
func (c *Config) Validate() error {
	abs, err := filepath.Abs(c.Data)
	if err != nil {
		return err
	}
	c.Data = abs
	if c.Workers <= 0 {
		c.Workers = 2 * runtime.NumCPU()
	}
	if c.Warehouse == "" {
		c.Warehouse = "embedded:"
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return forge.Errorf(forge.KindInvalid, err, "--listen %q: want HOST:PORT, for example 127.0.0.1:8040", c.Listen)
	}
	if _, err := httpapi.ParseProxies(c.TrustedProxies); err != nil {
		return err
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return forge.Errorf(forge.KindInvalid, nil, "--tls-cert and --tls-key belong together: give both or neither")
	}
	if c.Memory < 256<<20 {
		return forge.Errorf(forge.KindInvalid, nil, "--memory %d: a query worker needs at least 256 MiB (268435456)", c.Memory)
	}
	for _, a := range []struct{ flag, value, scheme string }{
		{"--log", c.Log, "kafka"}, {"--metadata", c.Metadata, "postgres"}, {"--online", c.Online, "redis"}, {"--warehouse", c.Warehouse, "s3"},
	} {
		if a.value != "embedded:" && !strings.HasPrefix(a.value, a.scheme+"://") && !strings.HasPrefix(a.value, a.scheme+"ql://") {
			return forge.Errorf(forge.KindInvalid, nil, "%s %q: want embedded: or %s://…", a.flag, a.value, a.scheme)
		}
	}
	return nil
}

// Embedded reports whether an address asks for the built-in implementation.
func Embedded(addr string) bool { return addr == "embedded:" }

// path is a path below the data folder.
func (c *Config) path(parts ...string) string {
	return filepath.Join(append([]string{c.Data}, parts...)...)
}

// loopback reports whether the server is reachable from this machine only.
func (c *Config) loopback() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// hosts are the names by which the server may be called; nil means by any. A page of
// some site must not reach a server on 127.0.0.1 by having its own name lead there.
func (c *Config) hosts() []string {
	if c.loopback() {
		return append([]string{"localhost"}, c.Hosts...)
	}
	return c.Hosts
}

// self is the path of this binary, which also serves as the query worker.
func self() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(exe)
}
