// Package lake is the data lakehouse: Iceberg tables of a project, an engine that
// runs SQL over them in worker processes, and recipes that clean them.
package lake

import (
	"context"
	"time"

	"aiforge.dev/forge"
	"github.com/apache/arrow-go/v18/arrow"
)

// Type is a column's type as Iceberg spells it: boolean, int, long, float, double,
// decimal(p,s), date, time, timestamp, timestamptz, string, uuid, binary.
type Type string

const (
	Boolean     Type = "boolean"
	Int         Type = "int"
	Long        Type = "long"
	Float       Type = "float"
	Double      Type = "double"
	Date        Type = "date"
	Time        Type = "time"
	Timestamp   Type = "timestamp" // without zone; read as UTC
	Timestamptz Type = "timestamptz"
	String      Type = "string"
	UUID        Type = "uuid"
	Binary      Type = "binary"
)

// Column is one column of a table. ID is the Iceberg field id: it stays when the
// column is renamed. 0 in a schema that is not stored yet.
type Column struct {
	ID   int    `json:"id,omitempty"`
	Name string `json:"name"`
	Type Type   `json:"type"`
	Doc  string `json:"doc,omitempty"`
	// Tags are labels such as "pii:email" or "leakage"; policy and training read them.
	Tags []string `json:"tags,omitempty"`
}

// Schema is an ordered list of columns. Every column is optional (may be NULL).
type Schema struct {
	Columns []Column `json:"columns"`
}

// Snapshot is one committed state of a table.
type Snapshot struct {
	ID        int64             `json:"id,string"`
	Parent    int64             `json:"parent,string,omitempty"`
	At        time.Time         `json:"at"`
	Operation string            `json:"operation" doc:"append, replace, overwrite or delete"`
	Rows      int64             `json:"rows" doc:"Rows in the table after this snapshot"`
	Added     int64             `json:"added" doc:"Rows that this snapshot added"`
	Summary   map[string]string `json:"summary,omitempty"`
	Tags      []string          `json:"tags,omitempty"`
}

// Table is a table as the catalog knows it.
type Table struct {
	Name       forge.TableName   `json:"name"`
	Schema     Schema            `json:"schema"`
	Location   string            `json:"-"`                  // folder that Engine.Write may write to
	LastColumn int               `json:"-"`                  // highest column id that the table ever had
	Snapshot   *Snapshot         `json:"snapshot,omitempty"` // nil: no rows yet
	Properties map[string]string `json:"properties,omitempty"`
	Rows       int64             `json:"rows"`
	Bytes      int64             `json:"bytes"`
	Files      int               `json:"files"`
	Snapshots  int               `json:"snapshots" doc:"How long its history is"`
	Tagged     int               `json:"tagged,omitempty" doc:"Snapshots of these that a tag keeps"`
	Created    time.Time         `json:"created"`
	Updated    time.Time         `json:"updated"`
}

// DataFile is one Parquet file with field ids, below its table's location.
type DataFile struct {
	Path string
	Rows int64
	Size int64
}

// Change is one atomic commit. Files in Add must have been written for the table's
// schema (Engine.Write or Tables.NewWriter). Everything lands or nothing does.
type Change struct {
	Add        []DataFile
	ReplaceAll bool // Add replaces every file of the table
	// Replace are files of the table whose rows are in Add: only files change, no rows.
	// When one of them is no longer part of the table the commit fails with KindConflict.
	Replace []DataFile
	// DropColumns go and AddColumns come before Add; a name in both has another type
	// and gets a new field id, so that old files are never read as the new type. Older
	// snapshots keep their columns. What is so already is left as it is. An ID in
	// AddColumns is the one that the files in Add carry; it must be the next free one
	// (Table.LastColumn), else the commit fails with KindConflict.
	DropColumns []string
	AddColumns  []Column
	// Properties are set in the same commit; Expect must hold before it ("" means
	// absent), else the commit fails with KindConflict and nothing has changed.
	Properties map[string]string
	Expect     map[string]string
	Summary    map[string]string // kept in the snapshot: who, why, offsets
	Tag        string            // immutable name for the new snapshot
}

// Tables is the table store: Iceberg metadata of one project at a time. A commit
// whose answer was lost is resolved by reloading and comparing, never by writing
// twice.
type Tables interface {
	Create(ctx context.Context, scope forge.Scope, name forge.TableName, schema Schema, properties map[string]string) (Table, error)
	Load(ctx context.Context, scope forge.Scope, name forge.TableName) (Table, error)
	List(ctx context.Context, scope forge.Scope) ([]Table, error)
	Snapshots(ctx context.Context, scope forge.Scope, name forge.TableName) ([]Snapshot, error)
	Commit(ctx context.Context, scope forge.Scope, name forge.TableName, change Change) (Snapshot, error)
	Drop(ctx context.Context, scope forge.Scope, name forge.TableName) error
	// Files returns the files of a snapshot (0: the current one), each once, and
	// the schema to read them with.
	Files(ctx context.Context, scope forge.Scope, name forge.TableName, snapshot int64) ([]DataFile, Schema, error)
	// NewWriter writes record batches (columns by name, types as in the schema) into
	// one new data file of the table; it becomes part of it only by Commit.
	NewWriter(ctx context.Context, scope forge.Scope, name forge.TableName) (Writer, error)
}

// Writer writes one data file.
type Writer interface {
	Write(batch arrow.RecordBatch) error
	// Close finishes the file. Abort removes it. One of them must be called.
	Close() (DataFile, error)
	Abort()
}

// Source is a table as one query sees it.
type Source struct {
	Files  []DataFile
	Schema Schema
}

// Query is SQL over sources. Sources are visible under their table names
// (namespace.name). Paths lists further local files that a trusted query may read by
// path, such as a spooled CSV file. Views are SELECTs over the sources, which a user's
// query finds by their names in ViewSchema; nil: it may read tables only.
type Query struct {
	SQL     string
	Args    []any // for $1, $2, …: bool, int64, float64, string, time.Time, []byte, nil
	Sources map[forge.TableName]Source
	Views   map[string]string
	Paths   []string
	Setup   []string // statements to run first; trusted queries only
	Limits  Limits
	Ordered bool // Write keeps the order of the rows, in one file whatever its size
}

// Limits bound one query. Zero values take the engine's defaults.
type Limits struct {
	Memory int64         // bytes
	Time   time.Duration // wall clock
	Rows   int64         // of the result; Result.Truncated says that more was there
}

// Engine runs SQL in worker processes. A worker that crashes, is killed or runs out
// of memory fails its own query with KindUnavailable and nothing else.
type Engine interface {
	// Query runs one trusted SELECT (SQL that we compiled) and streams its rows.
	Query(ctx context.Context, q Query) (Result, error)
	// QueryUser runs one SELECT that a user wrote: read only, allow-listed, in a
	// process of its own that can open nothing but the sources' files.
	QueryUser(ctx context.Context, q Query) (Result, error)
	// Write runs one trusted SELECT and writes its rows as data files of the given
	// schema below dir. Column order in the SELECT is free; names must match.
	Write(ctx context.Context, q Query, schema Schema, dir string) ([]DataFile, error)
	// Exec runs trusted statements, for
	// work that needs temporary tables. Results[i] belongs to statements[i].
	Exec(ctx context.Context, q Query, statements []string) ([]Rows, error)
	// Describe returns the schema that a SELECT would have, without running it.
	Describe(ctx context.Context, q Query) (Schema, error)
}

// Rows is a small result held in memory: column names and rows of Go values
// (nil, bool, int64, float64, string, time.Time, []byte).
type Rows struct {
	Columns []Column
	Rows    [][]any
}

// Result streams record batches. Next returns io.EOF after the last; a batch is
// valid until the following call. Close stops the query if it still runs.
type Result interface {
	Schema() Schema
	Next(ctx context.Context) (arrow.RecordBatch, error)
	Truncated() bool
	Close() error
}
