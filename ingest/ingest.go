// Package ingest takes data in: a source is read into records with a typed contract
// and a totally ordered position, the log keeps them durably, and one committer per
// table moves them into the lake, offsets and positions in the same commit as the
// rows. Package load reads files; a connector to another source stands beside it.
package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// Record is one entry of a topic. Slices passed in or handed out must not be kept
// by the other side.
type Record struct {
	Key     []byte
	Value   []byte
	Headers map[string]string
	Offset  int64     // set by Read
	At      time.Time // set by Append when zero
}

// Log is an ordered, durable stream of records per topic; a topic has one partition,
// so that order is total. Append returns the offset of the first record once all are
// durable. Read returns records from offset on, at most maxBytes of values but at
// least one if there is one, and none at the end.
type Log interface {
	Create(ctx context.Context, topic string) error // harmless if it exists
	Append(ctx context.Context, topic string, recs ...Record) (int64, error)
	Read(ctx context.Context, topic string, offset int64, maxBytes int) ([]Record, error)
	// Bounds returns the first offset still kept and the one after the last.
	Bounds(ctx context.Context, topic string) (first, end int64, err error)
	// Trim lets the log forget records before offset.
	Trim(ctx context.Context, topic string, offset int64) error
	// Topics lists the topics with a prefix.
	Topics(ctx context.Context, prefix string) ([]string, error)
	Close() error
}

// Topic is the name of a stream's topic: forge.TENANT.PROJECT.SOURCE.STREAM, where
// the stream of a table is its name.
func Topic(scope forge.Scope, source, stream string) string {
	return "forge." + string(scope.Tenant) + "." + string(scope.Project) + "." + source + "." + stream
}

// TableTopic is the topic that a table is fed from, whatever the source: one topic
// per table, so that one committer sees all its rows in one order.
func TableTopic(scope forge.Scope, table forge.TableName) string {
	return Topic(scope, "table", table.String())
}

// Format says how a record's value is to be read.
type Format string

const (
	FormatCSV     Format = "csv"     // whole CSV records in UTF-8, comma separated, RFC 4180 quoting, no header
	FormatNDJSON  Format = "ndjson"  // one JSON object a line, keys are column names
	FormatRejects Format = "rejects" // NDJSON of Reject
)

// Headers of a record in a table's topic.
const (
	HeaderFormat = "forge-format"
	HeaderTable  = "forge-table"
	HeaderSource = "forge-source" // identity of the source: "sha256:…" of a file
	HeaderSeq    = "forge-seq"    // position in the source, grows by at least one per record
	HeaderSchema = "forge-schema" // fingerprint of the Contract
	HeaderLine   = "forge-line"   // line in the source of the first row
	HeaderRows   = "forge-rows"   // rows in the value
	HeaderName   = "forge-name"   // name of the source for people: the file's name
	HeaderSkips  = "forge-skips"  // lines of the source that are not in the value: "ROW:LINES,…", LINES before the row with index ROW
)

// MissingTexts are the texts, in lower case, that mean a missing value in a column
// that is not text. In a text column they are text.
var MissingTexts = []string{"na", "n/a", "#n/a", "null", "nan", "none", "nil", "-", "?", `\n`}

// Contract says what the rows of a source mean for its table.
type Contract struct {
	Table   forge.TableName   `json:"table"`
	Schema  lake.Schema       `json:"schema"`            // types to cast to
	Columns []string          `json:"columns,omitempty"` // order in CSV values
	Null    []string          `json:"null,omitempty"`    // texts that mean NULL, beside the empty one
	Formats map[string]string `json:"formats,omitempty"` // column → strptime format of dates and timestamps
}

// Fingerprint names a contract by its content; it goes into HeaderSchema.
func (c Contract) Fingerprint() string {
	b, _ := json.Marshal(c) // plain strings and maps with sorted keys: cannot fail
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

// Reject is a row that could not be taken, kept with its reason in NAMESPACE.NAME__rejects.
type Reject struct {
	Source string    `json:"source"` // file name
	Line   int64     `json:"line"`
	Column string    `json:"column"` // empty: the whole row
	Value  string    `json:"value"`  // the cell's text
	Reason string    `json:"reason"`
	Text   string    `json:"text"` // the whole record as it was
	At     time.Time `json:"at"`
}

// RejectsTable names the table of a table's rejected rows.
func RejectsTable(t forge.TableName) forge.TableName {
	return forge.TableName{Namespace: t.Namespace, Name: t.Name + "__rejects"}
}

// Sink moves topics into tables. Flush returns when everything appended to the
// table's topic before the call is committed; Wanted names a table whose topic the
// sink must follow from now on, also after a restart.
type Sink interface {
	Want(ctx context.Context, scope forge.Scope, contract Contract) error
	Flush(ctx context.Context, scope forge.Scope, table forge.TableName) error
}

// Taken says how far one source has got into a table; it changes in the commit of
// the rows that it counts.
type Taken struct {
	Seq      int64 `json:"seq"`      // position of the last record
	Rows     int64 `json:"rows"`     // rows in the table
	Rejected int64 `json:"rejected"` // rows in the rejects table
}

// Load is one file (or other bounded source) taken into a table.
type Load struct {
	ID       string          `json:"id"`
	Table    forge.TableName `json:"table"`
	File     string          `json:"file"`
	SHA256   string          `json:"sha256"`
	Bytes    int64           `json:"bytes"`
	Rows     int64           `json:"rows" doc:"Rows committed to the table"`
	Rejected int64           `json:"rejected"`
	Already  bool            `json:"already" doc:"The same file was loaded before: nothing was added"`
	Offsets  [2]int64        `json:"offsets" doc:"First and last+1 offset in the topic"`
	Snapshot int64           `json:"snapshot,string"`
	At       time.Time       `json:"at"`
}
