// Package icebergrest is the Iceberg REST catalog at /iceberg: the protocol through
// which PyIceberg, Spark, Trino and DuckDB read and write the project's lake tables as
// their own. It keeps the namespaces; tables, their files and their commits belong to
// the table store that it is given, so that forge and its guests work on the same ones.
//
// The project is the token's. The prefix in the paths is a constant, and a client that
// changes it reaches nothing else.
package icebergrest

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Reader finds the tables of one project. What is not there is forge.KindNotFound.
type Reader interface {
	Names(ctx context.Context) ([]forge.TableName, error) // in order
	LoadTable(ctx context.Context, ident table.Identifier) (*table.Table, error)
}

// Writer makes and changes tables of one project.
type Writer interface {
	// PlaceTable returns the location of a new table and the properties it gets unless
	// its maker sets them otherwise. wanted may be empty.
	PlaceTable(ctx context.Context, ident table.Identifier, wanted string) (location string, properties ice.Properties, err error)
	CreateTable(ctx context.Context, ident table.Identifier, meta table.Metadata) (*table.Table, error)
	// CommitTables applies all changes or none. A requirement that does not hold is an
	// error that wraps table.ErrCommitFailed and whose text is the requirement's. When
	// nobody knows whether it landed, the error has a method CommitStateUnknown.
	CommitTables(ctx context.Context, changes []table.TableCommit) ([]*table.Table, error)
}

// Keeper changes which tables there are in one project.
type Keeper interface {
	RegisterTable(ctx context.Context, ident table.Identifier, metadata string) (*table.Table, error)
	RenameTable(ctx context.Context, from, to table.Identifier) error
	// DropTable removes a table, and its files if purge is set.
	DropTable(ctx context.Context, ident table.Identifier, purge bool) error
}

// Catalog is one project's tables.
type Catalog interface {
	Reader
	Writer
	Keeper
}

// Config is what the catalog works with.
type Config struct {
	DB      *sqldb.DB
	Catalog func(forge.Scope) Catalog
	Shared  func() error     // says why other programs cannot use the files; nil: they can
	Lineage forge.Lineage    // nil: none is written
	Log     *slog.Logger     // nil discards
	Now     func() time.Time // nil is time.Now
}

// Service answers the protocol's requests.
type Service struct{ cfg Config }

// New brings the namespaces' table up to date.
func New(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return &Service{cfg: cfg}, cfg.DB.Migrate(ctx, "iceberg_rest", sub)
}

// Prefix is the same for everybody: which project a request is about is in its token.
const Prefix = "forge"

const (
	root    = "/iceberg"
	maxBody = 16 << 20 // a commit can carry long schemas and many snapshots
)

// route is one operation of the protocol; path is as the specification spells it.
type route struct {
	method, path, id, summary string
	perm                      forge.Permission
	quiet                     bool
	handle                    func(http.ResponseWriter, *http.Request) error
}

func (s *Service) routes() []route {
	const read, write = forge.PermRead, forge.PermWrite
	ns, tbl := "/v1/{prefix}/namespaces", "/v1/{prefix}/namespaces/{namespace}/tables"
	return []route{
		{"GET", ns, "list-namespaces", "Namespaces of the project", read, false, s.listNamespaces},
		{"POST", ns, "create-namespace", "Make a namespace", write, false, s.createNamespace},
		{"GET", ns + "/{namespace}", "load-namespace", "A namespace's properties", read, false, s.loadNamespace},
		{"HEAD", ns + "/{namespace}", "namespace-exists", "Whether a namespace exists", read, true, s.namespaceExists},
		{"DELETE", ns + "/{namespace}", "drop-namespace", "Remove an empty namespace", write, false, s.dropNamespace},
		{"POST", ns + "/{namespace}/properties", "update-namespace", "Set and remove a namespace's properties", write, false, s.updateNamespace},
		{"GET", tbl, "list-tables", "Tables of a namespace", read, false, s.listTables},
		{"POST", tbl, "create-table", "Make a table, or prepare to", write, false, s.createTable},
		{"GET", tbl + "/{table}", "load-table", "A table's metadata", read, false, s.loadTable},
		{"HEAD", tbl + "/{table}", "table-exists", "Whether a table exists", read, true, s.tableExists},
		{"POST", tbl + "/{table}", "commit-table", "Change a table", write, false, s.commitTable},
		{"DELETE", tbl + "/{table}", "drop-table", "Remove a table", write, false, s.dropTable},
		{"POST", tbl + "/{table}/metrics", "report-metrics", "Take a client's report of a scan or commit", read, true, s.reportMetrics},
		{"POST", ns + "/{namespace}/register", "register-table", "Make a table of metadata that is there", write, false, s.registerTable},
		{"POST", "/v1/{prefix}/tables/rename", "rename-table", "Give a table another name", write, false, s.renameTable},
		{"POST", "/v1/{prefix}/transactions/commit", "commit-transaction", "Change several tables at once", write, false, s.commitTransaction},
	}
}
