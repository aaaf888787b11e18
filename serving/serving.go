// Package serving answers with models: deployments that follow an alias, predictors
// that run a model package, the prediction API by fields and by entity, the Open
// Inference Protocol, and batch scoring into lake tables.
package serving

import (
	"context"
	"time"

	"aiforge.dev/forge"
)

// Deployment makes a model answer under a name. It follows its alias: when the alias
// moves, the new version is loaded and warmed before the old one is let go, so that
// no request fails in between.
type Deployment struct {
	Name     string    `json:"name"`
	Ref      string    `json:"ref" doc:"What was asked for: calls@champion, calls/3 or calls"`
	Model    string    `json:"model"`
	Alias    string    `json:"alias,omitempty"`
	Version  int       `json:"version" doc:"The version that answers now"`
	State    string    `json:"state" enum:"loading,ready,failed"`
	Error    string    `json:"error,omitempty" doc:"Why nothing answers, or why a newer version does not"`
	Created  time.Time `json:"created"`
	Since    time.Time `json:"since" doc:"When this version began to answer"`
	Requests int64     `json:"requests" doc:"Since the server started"`
	Failed   int64     `json:"failed"`
	P50      float64   `json:"p50_ms"`
	P99      float64   `json:"p99_ms"`
}

// Value is one cell of a model's input: float32 for numbers (NaN: missing) or text
// ("" with Missing: missing).
type Value struct {
	Num     float32
	Str     string
	Missing bool
}

// Batch is the input of a model, column by column in the order of its signature;
// each column has N values. Floats or Strings is set, as the input's type says.
type Batch struct {
	N       int
	Columns []Column
}

// Column of a Batch.
type Column struct {
	Floats  []float32
	Strings []string
}

// Output of a model, row by row. Labels is empty for regression; Scores has N×K
// numbers (K classes), or N for regression.
type Output struct {
	Labels []string
	Scores []float32
	K      int
}

// Predictor runs one loaded model package. It is safe for concurrent use. The output
// belongs to the caller.
type Predictor interface {
	Signature() Signature
	Predict(ctx context.Context, in Batch, out *Output) error
	Close() error
}

// Signature says what a model takes and gives.
type Signature struct {
	Model    string   `json:"model"`
	Version  int      `json:"version"`
	Task     string   `json:"task"`
	Inputs   []Input  `json:"inputs"`
	Classes  []string `json:"classes,omitempty"`
	Positive string   `json:"positive,omitempty"`
}

// Input is one column that the model takes.
type Input struct {
	Name    string `json:"name"`
	Type    string `json:"type" enum:"float,string"`
	View    string `json:"view,omitempty" doc:"Feature view it comes from"`
	Version int    `json:"view_version,omitempty" doc:"Version of the view"`
	Feature string `json:"feature,omitempty"`
}

// Observation is one answered prediction, as the prediction log keeps it.
// FeaturesJSON, if set, is Features already encoded; it spares the hot path a map.
type Observation struct {
	ID         string         `json:"prediction_id"`
	At         time.Time      `json:"at"`
	Deployment string         `json:"deployment"`
	Model      string         `json:"model"`
	Version    int            `json:"version"`
	Entity     string         `json:"entity"`              // key values joined by "|"; the caller's own id otherwise
	EventTime  time.Time      `json:"event_time,omitzero"` // when what is asked about happened; zero: not said
	Features   map[string]any `json:"features"`
	Label      string         `json:"label"`
	Score      float64        `json:"score"` // of the positive class; the value for regression
	Scores     []float64      `json:"scores,omitempty"`
	Latency    time.Duration  `json:"latency_ns"`
	Source     string         `json:"source"` // api, oip, batch
	By         string         `json:"by"`
	RequestID  string         `json:"request_id,omitempty"`

	FeaturesJSON []byte `json:"-"`
}

// Observer takes observations. Observe never waits for a disk or a network; it may
// refuse only when the observer has been closed.
type Observer interface {
	Observe(scope forge.Scope, o Observation)
}

// Features looks up an entity's feature vector for a model's inputs; cmd joins it to
// the feature store.
type Features interface {
	// Lookup returns one value per input, from the views that the model was trained
	// with, and the time that the entity's row is about (zero when it has none). It
	// fails with KindNotFound when a keyed view has no row for the entity.
	Lookup(ctx context.Context, scope forge.Scope, inputs []Input, keys map[string]string) ([]Value, time.Time, error)
}

// Models resolves a reference such as calls@champion to a package on disk.
type Models interface {
	Resolve(ctx context.Context, scope forge.Scope, ref string) (Package, error)
}

// Package is a model package that can be loaded.
type Package struct {
	Model   string
	Version int
	Digest  string
	Dir     string
}
