// Package maintain keeps tables in order while they are used: small files are joined,
// old snapshots expire, files that nothing needs are removed. A Keeper looks at every
// table that has changed and does what is worth doing, a bounded piece at a time; job
// lake.maintain does all of it for one table at once.
//
// Nothing here can harm a table. Joining files is an optimistic commit that changes no
// row: rows that are committed meanwhile stay, and when a file is gone meanwhile the
// work is thrown away. Files are removed only after the commit that left them without
// use is durable, and no query that could have begun before it still runs.
package maintain

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/fault"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/lake"
)

// Store is what the keeper needs of the table store beside lake.Tables.
type Store interface {
	lake.Tables
	Places(ctx context.Context) ([]lake.Place, error)
	// Contents lists files and schema; KindInvalid says why they must stay as they are.
	Contents(ctx context.Context, scope forge.Scope, name forge.TableName) ([]lake.DataFile, lake.Schema, error)
	Fetch(ctx context.Context, name forge.TableName, files []lake.DataFile) error
	Expire(ctx context.Context, scope forge.Scope, name forge.TableName) (int, error)
	Sweep(ctx context.Context, scope forge.Scope, name forge.TableName, age time.Duration) (int, error)
	Collect(ctx context.Context, grace time.Duration, max int) (int, error)
}

// Config says what the keeper works with and how patient it is. Zero times take the
// defaults.
type Config struct {
	DB       *sqldb.DB
	Store    Store
	Engine   lake.Engine
	Lineage  forge.Lineage              // may be nil
	Untraced func(forge.TableName) bool // tables of which no lineage is written; nil: none
	Log      *slog.Logger               // nil discards
	Now      func() time.Time

	Every     time.Duration // between two looks at the tables; 0 means 30 s
	Grace     time.Duration // how long files outlive their last snapshot; longer than any query; 0 means 3 h
	OrphanAge time.Duration // how old a file of no commit must be; longer than any write; 0 means 24 h, less than 1 h is 1 h
	SweepEach time.Duration // how often a table's folder is searched for such files; 0 means 24 h

	Fault fault.Hook // for tests
}

// Keeper maintains all tables.
type Keeper struct {
	cfg    Config
	holder string

	mu   sync.Mutex
	seen map[place]time.Time // the commit at which a table needed nothing more
}

type place struct {
	scope forge.Scope
	name  forge.TableName
}

// New prepares the keeper's table.
func New(ctx context.Context, cfg Config) (*Keeper, error) {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&cfg.Every, 30*time.Second)
	def(&cfg.Grace, 3*time.Hour)
	def(&cfg.OrphanAge, 24*time.Hour)
	def(&cfg.SweepEach, 24*time.Hour)
	cfg.OrphanAge = max(cfg.OrphanAge, time.Hour)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	k := &Keeper{cfg: cfg, holder: forge.NewID("keeper"), seen: map[place]time.Time{}}
	return k, cfg.DB.Migrate(ctx, "lake_maintain", migrationFiles)
}

// Report says what was done for a table.
type Report struct {
	Table     forge.TableName `json:"table"`
	At        time.Time       `json:"at"`
	Seconds   float64         `json:"seconds"`
	Joined    int             `json:"files_joined" doc:"Small files that were joined"`
	Made      int             `json:"files_made" doc:"Files that took their place"`
	Bytes     int64           `json:"bytes_rewritten"`
	Expired   int             `json:"snapshots_expired"`
	Orphans   int             `json:"orphans_removed" doc:"Files of writes that were never committed"`
	Skipped   string          `json:"skipped,omitempty" doc:"Why its files were left as they are"`
	Snapshots int             `json:"snapshots" doc:"Snapshots that the table has now"`
	Files     int             `json:"files" doc:"Data files that the table has now"`
}

func (r Report) did() bool { return r.Joined+r.Expired+r.Orphans > 0 }
