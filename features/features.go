// Package features is the feature store: entities, views over lake tables, immutable
// versions of them, the point-in-time join that makes training sets, and the online
// store that answers by entity.
//
// Time semantics, here and nowhere else: a feature row counts for a label at time t
// if its event time is at or before t and, where the view has a TTL, not older than
// t − TTL (inclusive). The latest event time wins; of equal ones the later created,
// then the later in the table. Times without a zone are UTC. A NULL key or a NULL
// label time gives NULL features; every label row comes out exactly once, in order.
package features

import (
	"context"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// Entity is what features are about: a patient, a call. Keys are its columns; an
// entity without keys (a market) has one row of features at each time.
type Entity struct {
	Name string   `json:"name" yaml:"name"`
	Keys []string `json:"keys" yaml:"keys"`
	Doc  string   `json:"doc,omitempty" yaml:"doc,omitempty"`
}

// View is a declaration: how the features of an entity come out of lake tables.
// Either SQL, or Table with Columns.
type View struct {
	Name      string          `json:"name" yaml:"name"`
	Entity    string          `json:"entity" yaml:"entity"`
	Table     forge.TableName `json:"table,omitzero" yaml:"table,omitempty"`
	SQL       string          `json:"sql,omitempty" yaml:"sql,omitempty"`
	EventTime string          `json:"event_time" yaml:"event_time"`
	Created   string          `json:"created,omitempty" yaml:"created,omitempty"`
	Columns   []string        `json:"columns,omitempty" yaml:"columns,omitempty"` // features; default: all but keys and times
	TTL       string          `json:"ttl,omitempty" yaml:"ttl,omitempty"`         // "720h", "30d"; empty: no limit
	Online    bool            `json:"online" yaml:"online"`
	Doc       string          `json:"doc,omitempty" yaml:"doc,omitempty"`
}

// Document is features.yaml.
type Document struct {
	Entities []Entity `json:"entities" yaml:"entities"`
	Views    []View   `json:"views" yaml:"views"`
}

// Version is an immutable version of a view. ID is a hash of the definition and its
// entity; Number counts up from 1 per view name.
type Version struct {
	View         View             `json:"view"`
	Entity       Entity           `json:"entity"`
	Number       int              `json:"number"`
	Hash         string           `json:"hash"`
	Schema       lake.Schema      `json:"schema" doc:"Types of keys, times and features"`
	Features     []lake.Column    `json:"features"`
	Snapshots    map[string]int64 `json:"snapshots" doc:"Tables as they were when the version was made"`
	Created      time.Time        `json:"created"`
	By           string           `json:"by"`
	Materialized *Materialization `json:"materialized,omitempty"`
}

// Materialization says what the online store holds of a view version.
type Materialization struct {
	At        time.Time        `json:"at"`
	Entities  int64            `json:"entities"`
	Snapshots map[string]int64 `json:"snapshots"`
	Until     time.Time        `json:"until" doc:"Latest event time that is in"`
}

// TrainingSetSpec asks for labels joined point in time with views.
type TrainingSetSpec struct {
	Name      string           `json:"name" doc:"The training set becomes the lake table training.NAME"`
	Labels    forge.TableName  `json:"labels,omitzero" doc:"Table with keys, time and label"`
	LabelsSQL string           `json:"labels_sql,omitempty" doc:"Instead of labels: a SELECT, for example with a WHERE on time"`
	Time      string           `json:"time,omitempty" doc:"Column with the label's time; needed with views"`
	Label     string           `json:"label" doc:"Column to predict"`
	Keep      []string         `json:"keep,omitempty" doc:"Further columns of the labels to keep; without views, all"`
	Views     []string         `json:"views,omitempty" doc:"view, or view@3 for a version; newest otherwise. None: the labels own columns are learnt from"`
	AsOf      map[string]int64 `json:"as_of,omitempty" doc:"Table → snapshot id; the newest otherwise"`
}

// TrainingSet is a made training set: the snapshot of a lake table, with all that is
// needed to make it again.
type TrainingSet struct {
	ID        string           `json:"id"`
	Spec      TrainingSetSpec  `json:"spec"`
	Table     forge.TableName  `json:"table"`
	Snapshot  int64            `json:"snapshot,string"`
	Rows      int64            `json:"rows"`
	Views     []ViewRef        `json:"views"`
	Snapshots map[string]int64 `json:"snapshots"`
	Columns   []SetColumn      `json:"columns"`
	SQL       string           `json:"sql" doc:"The join that was run"`
	Created   time.Time        `json:"created"`
}

// SetColumn says what a column of a training set is.
type SetColumn struct {
	Name string    `json:"name"`
	Type lake.Type `json:"type"`
	Role string    `json:"role" enum:"key,time,label,feature,kept"`
	From string    `json:"from,omitempty" doc:"view@version.column"`
	Tags []string  `json:"tags,omitempty"`
}

// ViewRef names a version of a view.
type ViewRef struct {
	View    string `json:"view"`
	Version int    `json:"version"`
}

// Key is an entity's key values in the order of Entity.Keys, as text.
type Key []string

// Vector is the features of one entity, in the order asked for. Values are nil,
// bool, int64, float64 or string; Status says why a value is nil.
type Vector struct {
	Values []any
	Status []Status
	Event  []time.Time // event time of each value's row
}

// Status of one value of a vector.
type Status uint8

const (
	Present  Status = iota
	Null            // the row is there, the value is NULL
	NotFound        // no row for the entity
	Expired         // older than the view's TTL
)

// Row is one entity's features as the online store keeps them: Values in the order
// of the version's Features.
type Row struct {
	Key    Key
	Event  time.Time
	Values []any
}

// Online is the store that answers by entity in microseconds. A row never replaces
// one with a later event time. Group is one view version of one project, as one state
// of its tables gave it: "view@3." and a hash of the snapshots.
type Online interface {
	// Put writes rows; it may be called again with the same rows.
	Put(ctx context.Context, scope forge.Scope, group string, rows []Row) error
	// Get returns the rows of keys in their order; ok is false where there is none.
	Get(ctx context.Context, scope forge.Scope, group string, keys []Key) (rows []Row, ok []bool, err error)
	// Drop forgets a group.
	Drop(ctx context.Context, scope forge.Scope, group string) error
	// Groups lists the groups that exist; Count is their number of entities.
	Groups(ctx context.Context, scope forge.Scope) ([]string, error)
	Count(ctx context.Context, scope forge.Scope, group string) (int64, error)
	Close() error
}
