// Package monitoring watches models: profiles of what they were trained on and of
// what they see, drift between the two, performance once labels arrive, alerts, and
// the policy that turns an alert into a retraining run.
package monitoring

import (
	"context"
	"time"

	"aiforge.dev/forge"
)

// Profile is the frozen summary of one column: enough to compare with another window
// without the rows. Profiles of the same Reference edges merge by adding.
type Profile struct {
	Column string    `json:"column"`
	Kind   string    `json:"kind" enum:"number,category"`
	N      int64     `json:"n" doc:"Rows, NULLs included"`
	Nulls  int64     `json:"nulls"`
	Min    float64   `json:"min,omitempty"`
	Max    float64   `json:"max,omitempty"`
	Mean   float64   `json:"mean,omitempty"`
	Std    float64   `json:"std,omitempty"`
	Edges  []float64 `json:"edges,omitempty" doc:"Bin edges, frozen with the reference"`
	Bins   []int64   `json:"bins,omitempty" doc:"Rows per bin; first and last are below and above the edges"`
	Labels []string  `json:"labels,omitempty" doc:"Categories of the reference, most frequent first"`
	Counts []int64   `json:"counts,omitempty" doc:"Rows per category; one more for all others"`
}

// Reference is what a model version was trained on.
type Reference struct {
	Model    string    `json:"model"`
	Version  int       `json:"version"`
	Rows     int64     `json:"rows"`
	Profiles []Profile `json:"profiles"` // features, then "prediction"
	Created  time.Time `json:"created"`
}

// Drift compares one column of a window with the reference.
type Drift struct {
	Column    string             `json:"column"`
	Kind      string             `json:"kind"`
	Stats     map[string]float64 `json:"stats" doc:"psi, js, ks, ks_p, wasserstein (in standard deviations), chi2, chi2_p, nulls (difference of shares)"`
	PValue    float64            `json:"p_value" doc:"After Benjamini-Hochberg over the columns"`
	Effect    float64            `json:"effect" doc:"The statistic that the verdict looks at: psi"`
	Drifted   bool               `json:"drifted"`
	Reference Histogram          `json:"reference"`
	Current   Histogram          `json:"current"`
}

// Histogram is for drawing: shares that sum to one over the same bins.
type Histogram struct {
	Labels []string  `json:"labels"`
	Shares []float64 `json:"shares"`
}

// Report is the comparison of one window.
type Report struct {
	Deployment  string       `json:"deployment"`
	Model       string       `json:"model"`
	Version     int          `json:"version"`
	From        time.Time    `json:"from"`
	To          time.Time    `json:"to"`
	Rows        int64        `json:"rows"`
	Columns     []Drift      `json:"columns"`
	Drifted     []string     `json:"drifted"`
	Performance *Performance `json:"performance,omitempty"`
	Rule        string       `json:"rule,omitempty" doc:"Hash of the policy's part that decided it"`
	Created     time.Time    `json:"created"`
}

// Performance of a model on rows whose labels have arrived.
type Performance struct {
	From    time.Time          `json:"from"`
	To      time.Time          `json:"to"`
	Version int                `json:"version"`
	Rows    int64              `json:"rows" doc:"Predictions with a label"`
	Missing int64              `json:"missing" doc:"Predictions without one so far"`
	Metrics map[string]float64 `json:"metrics"`
}

// Policy says what to watch of a deployment and what to do about it.
type Policy struct {
	Deployment string          `json:"deployment"`
	Window     string          `json:"window" doc:"month, week, day or hour of the prediction's event time" enum:"month,week,day,hour"`
	MinRows    int64           `json:"min_rows" doc:"Smaller windows are reported but raise no alert"`
	PSI        float64         `json:"psi" doc:"Effect size from which a column counts as drifted"`
	Alpha      float64         `json:"alpha" doc:"False discovery rate"`
	Labels     forge.TableName `json:"labels,omitzero" doc:"Table with the true labels"`
	LabelKey   string          `json:"label_key,omitempty" doc:"Its column that holds the entity's key"`
	Label      string          `json:"label,omitempty"`
	LabelTime  string          `json:"label_time,omitempty"`
	Metric     string          `json:"metric,omitempty" doc:"roc_auc, log_loss, rmse, …"`
	MaxDrop    float64         `json:"max_drop,omitempty" doc:"Fall of the metric below the training figure that raises an alert"`
	Retrain    *Retrain        `json:"retrain,omitempty" doc:"What an alert starts; nothing otherwise"`
	Check      string          `json:"check,omitempty" doc:"When the server compares by itself: every 1h, hourly, daily, daily at 06:30 (UTC), weekly; never unless given"`
	NextCheck  *time.Time      `json:"next_check,omitempty" doc:"When it does so next; for reading only"`
}

// Retrain is the answer to an alert: make the training set again with what is known
// now, train a challenger, compare it with the champion on the same newest labelled
// rows, and move the alias only if it is better by MinGain.
type Retrain struct {
	TrainingSet string  `json:"training_set" doc:"Name of the training set to make again"`
	Budget      string  `json:"budget"`
	Alias       string  `json:"alias"`
	MinGain     float64 `json:"min_gain"`
	Cooldown    int     `json:"cooldown,omitempty" doc:"Windows that must pass after a retraining before the next"`
}

// Alert is a drift or a fall that needs attention.
type Alert struct {
	ID         string       `json:"id"`
	Deployment string       `json:"deployment"`
	Version    int          `json:"version"`
	Kind       string       `json:"kind" enum:"drift,performance"`
	Columns    []string     `json:"columns" doc:"Features that moved, strongest first"`
	Since      time.Time    `json:"since" doc:"Start of the first window that showed it"`
	Window     [2]time.Time `json:"window"`
	Text       string       `json:"text"`
	State      string       `json:"state" enum:"open,acting,resolved"`
	Job        string       `json:"job,omitempty" doc:"The retraining job that it started"`
	Outcome    string       `json:"outcome,omitempty"`
	Created    time.Time    `json:"created"`
}

// Labels says where the truth of a deployment's predictions is found.
type Labels struct {
	Table forge.TableName
	Key   string // column that equals the prediction's entity
	Label string // column with the truth
}

// Observation is one logged prediction as monitoring reads it.
type Observation struct {
	ID       string
	At       time.Time // event time: when the entity's row happened, or was asked
	Entity   string
	Version  int
	Features map[string]any // float64, string or nil
	Label    string
	Score    float64
	Truth    string // the true label, where it has arrived
	HasTruth bool
}

// Store gives windowed access to logged predictions: the analytics store. Embedded it
// reads the lake's prediction table with DuckDB; ClickHouse holds the same rows.
type Store interface {
	// Read calls f with the observations of one version of a deployment whose event
	// time is in [from, to), in batches that must not be kept. An entity that was
	// asked for again counts once, with its last answer. With labels, the truth is
	// joined by the entity's key.
	Read(ctx context.Context, scope forge.Scope, deployment string, version int, from, to time.Time, labels *Labels, f func([]Observation) error) error
	// Windows returns, per version and calendar window (month, week, day, hour) that
	// has any, how many observations Read would give; oldest window first.
	Windows(ctx context.Context, scope forge.Scope, deployment, window string) ([]Window, error)
	// Latest returns the newest observations, newest first.
	Latest(ctx context.Context, scope forge.Scope, deployment string, limit int) ([]Observation, error)
}

// Window of one version's observations: its start, how many there are, and when the
// newest was answered.
type Window struct {
	Model   string
	Version int
	From    time.Time
	Rows    int64
	Newest  time.Time
}

// Trained is what monitoring wants to know of a model version; cmd joins it to the
// registry, the lake and the predictor.
type Trained interface {
	// Reference calls f with the rows that the version was trained on, features as
	// the model takes them, Score the model's own answer on rows that it was not
	// fitted to and NaN elsewhere.
	Reference(ctx context.Context, scope forge.Scope, model string, version int, f func([]Observation) error) error
	// About returns what the version takes and how it did on its test rows.
	About(ctx context.Context, scope forge.Scope, model string, version int) (About, error)
}

// About a model version.
type About struct {
	Task     string
	Classes  []string
	Positive string
	Numbers  map[string]bool // input → whether it is a number
	Metrics  map[string]float64
}

// Retrainer starts the answer to an alert; cmd joins it to features, training and
// serving. It returns the id of the job.
type Retrainer interface {
	Retrain(ctx context.Context, scope forge.Scope, p Policy, a Alert) (job string, err error)
}
