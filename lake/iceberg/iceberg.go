// Package iceberg stores tables as Apache Iceberg format version 2. Data and
// metadata files lie below WAREHOUSE/TENANT/PROJECT/NAMESPACE/NAME; which metadata
// file is current is a row in the metadata store, and a commit is that row's
// compare-and-swap. Any Iceberg client can read the files; only this package commits.
package iceberg

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/fault"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
	"github.com/apache/iceberg-go/table"
)

// Config adjusts the store. The zero value is right for production.
type Config struct {
	Log          *slog.Logger     // nil discards
	Now          func() time.Time // nil is time.Now
	MaxSnapshots int              // history is thinned above this; 0 means 200
	KeepFor      time.Duration    // Upkeep.KeepFor of tables that do not say; 0 means 24 hours
	S3           S3               // for a warehouse at s3://…
	Fault        fault.Hook       // for tests
}

// Tables implements lake.Tables.
type Tables struct {
	db        *sqldb.DB
	warehouse string // local path of its files or their copies
	cfg       Config
	fs        storage
	cache     cache
	locks     sync.Map // scope and name → chan struct{} of one place
	noted     noted
}

var _ lake.Tables = (*Tables)(nil)

// New opens the store. warehouse is a folder or s3://BUCKET/PREFIX.
func New(db *sqldb.DB, warehouse string, cfg Config) (*Tables, error) {
	if err := db.Migrate(context.Background(), "lake_iceberg", migrations()); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxSnapshots == 0 {
		cfg.MaxSnapshots = 200
	}
	if cfg.KeepFor == 0 {
		cfg.KeepFor = 24 * time.Hour
	}
	t := &Tables{db: db, cfg: cfg, cache: newCache(256)}
	if err := t.open(warehouse); err != nil {
		return nil, err
	}
	return t, t.follow(context.Background())
}

// open opens the warehouse's files. A folder is made absolute: a relative one would
// put metadata and data of other clients in different places.
func (t *Tables) open(warehouse string) error {
	if strings.HasPrefix(warehouse, "s3://") {
		m, err := openS3(context.Background(), warehouse, t.cfg.S3, t.cfg.Now)
		if err != nil {
			return err
		}
		t.fs, t.warehouse = m, m.dir
		return nil
	}
	if scheme, _, ok := strings.Cut(warehouse, "://"); ok {
		return forge.Errorf(forge.KindInvalid, nil, "warehouse %q: want a folder or s3://BUCKET/PREFIX, not %s", warehouse, scheme)
	}
	abs, err := filepath.Abs(warehouse)
	if err != nil {
		return forge.Errorf(forge.KindInvalid, err, "warehouse %q is not a path", warehouse)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "warehouse %s cannot be written", abs)
	}
	t.fs, t.warehouse = localFS{root: abs, written: &pending{}, later: &removals{}, dropped: filepath.Join(abs, ".dropped")}, abs
	return nil
}

// properties of a new table; a caller's own come on top.
var defaultProperties = map[string]string{
	table.PropertyFormatVersion:               "2",
	table.CommitNumRetriesKey:                 "20",
	table.CommitMinRetryWaitMsKey:             "20",
	table.ManifestMergeEnabledKey:             "true",
	table.ManifestMinMergeCountKey:            "20",
	table.MetadataDeleteAfterCommitEnabledKey: "true",
	table.MetadataPreviousVersionsMaxKey:      "20",
	table.WriteTargetFileSizeBytesKey:         "134217728",
	table.ParquetCompressionKey:               "zstd",
	table.MinSnapshotsToKeepKey:               "100",
}

func checkScope(scope forge.Scope) error {
	if !scope.Valid() {
		return forge.Errorf(forge.KindDenied, nil, "no project is given, so no table can be reached")
	}
	return nil
}

// lock takes the table's place in this process, so that commits queue instead of
// failing; other processes are kept out by the pointer's compare-and-swap.
func (t *Tables) lock(ctx context.Context, scope forge.Scope, name forge.TableName) (unlock func(), err error) {
	v, _ := t.locks.LoadOrStore(scope.String()+"/"+name.String(), make(chan struct{}, 1))
	place := v.(chan struct{})
	select {
	case place <- struct{}{}:
		return func() { <-place }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// uri and path are the two names of a file: that in metadata, and the local one.
func (t *Tables) uri(p string) string { return t.fs.uri(p) }

func (t *Tables) path(u string) string { return t.fs.path(u) }
