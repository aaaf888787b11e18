// Package training makes models: runs that a launcher carries out, model packages
// that Go itself has checked, and a registry of versions with aliases.
package training

import (
	"context"
	"encoding/json"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
)

// Spec asks for a training run.
type Spec struct {
	Model       string     `json:"model" doc:"Name in the registry that the result gets"`
	TrainingSet string     `json:"training_set" doc:"Id or name; the newest of that name"`
	Target      string     `json:"target,omitempty" doc:"Column to predict; the training set's label otherwise"`
	Task        string     `json:"task,omitempty" enum:"auto,binary,multiclass,regression"`
	Metric      string     `json:"metric,omitempty" doc:"What the leaderboard ranks by: roc_auc, log_loss, rmse, …; by task otherwise"`
	Positive    string     `json:"positive,omitempty" doc:"The class that counts as yes; the rarer one otherwise"`
	Budget      string     `json:"budget,omitempty" doc:"Wall clock for the search, for example 60s" example:"60s"`
	Seed        int        `json:"seed,omitempty"`
	Families    []string   `json:"families,omitempty" doc:"Model families to try; all that are installed otherwise"`
	Keep        []string   `json:"keep,omitempty" doc:"Columns to use although they look like leakage"`
	Drop        []string   `json:"drop,omitempty" doc:"Columns to leave out"`
	Alias       string     `json:"alias,omitempty" doc:"Alias to set on the new version, for example champion"`
	TestFrom    *time.Time `json:"test_from,omitempty" doc:"Learn from all older rows and from part of those from then on, and measure on the rest of those; the newest fifth is measured on otherwise"`
}

// Run is one training run.
type Run struct {
	ID          string               `json:"id"`
	Job         string               `json:"job"`
	Spec        Spec                 `json:"spec"`
	State       string               `json:"state" enum:"queued,running,succeeded,failed,cancelled"`
	Task        string               `json:"task"`
	Metric      string               `json:"metric"`
	Set         features.TrainingSet `json:"set"`
	Rows        Split                `json:"rows"`
	Leaderboard []Trial              `json:"leaderboard"`
	Leakage     []Leak               `json:"leakage" doc:"Columns left out, and why"`
	Warnings    []string             `json:"warnings,omitempty" doc:"What to know before trusting the model"`
	Best        string               `json:"best,omitempty"`
	Metrics     map[string]float64   `json:"metrics" doc:"Of the best model on rows it has not seen"`
	Baseline    map[string]float64   `json:"baseline" doc:"Of always predicting the class shares (or the mean)"`
	Curves      json.RawMessage      `json:"curves,omitempty" doc:"roc, pr, calibration, importance, by kind"`
	Version     int                  `json:"version,omitempty" doc:"Of the model, once registered"`
	Error       string               `json:"error,omitempty"`
	Created     time.Time            `json:"created"`
	Finished    *time.Time           `json:"finished,omitempty"`
}

// Split counts the rows of a run's parts; they are fixed by Go, in order of time.
type Split struct {
	Train int64 `json:"train"`
	Valid int64 `json:"valid"`
	Test  int64 `json:"test"`
}

// Trial is one line of the leaderboard.
type Trial struct {
	Family  string             `json:"family"`
	Params  map[string]any     `json:"params"`
	Score   float64            `json:"score" doc:"The run's metric on the validation rows"`
	Metrics map[string]float64 `json:"metrics"`
	Seconds float64            `json:"seconds"`
	Error   string             `json:"error,omitempty" doc:"Why it was refused"`
}

// Leak is a column that was left out since it knows too much.
type Leak struct {
	Column string  `json:"column"`
	Score  float64 `json:"score" doc:"ROC AUC (or R²) of this column alone"`
	Reason string  `json:"reason"`
}

// Version is one version of a registered model. It is immutable once Ready.
type Version struct {
	Model   string             `json:"model"`
	Number  int                `json:"number"`
	Status  string             `json:"status" enum:"pending,ready,refused"`
	Reason  string             `json:"reason,omitempty" doc:"Why it was refused"`
	Run     string             `json:"run"`
	Digest  string             `json:"digest" doc:"SHA-256 over the package's files: its identity"`
	Dir     string             `json:"-"`
	Task    string             `json:"task"`
	Metrics map[string]float64 `json:"metrics"`
	Set     string             `json:"training_set"`
	Aliases []string           `json:"aliases"`
	Created time.Time          `json:"created"`
	By      string             `json:"by"`
}

// Model is a name in the registry.
type Model struct {
	Name     string         `json:"name"`
	Doc      string         `json:"doc,omitempty"`
	Versions []Version      `json:"versions"`
	Aliases  map[string]int `json:"aliases"`
	Created  time.Time      `json:"created"`
}

// Registry keeps models. Resolve takes "calls@champion", "calls/3", the same with
// "models:/" before it, or "calls" (the newest ready version). Moving an alias is one
// transaction, and Watch hears of it.
type Registry interface {
	Register(ctx context.Context, scope forge.Scope, v Version) (Version, error)
	Get(ctx context.Context, scope forge.Scope, model string) (Model, error)
	List(ctx context.Context, scope forge.Scope) ([]Model, error)
	Resolve(ctx context.Context, scope forge.Scope, ref string) (Version, error)
	// SetAlias moves an alias; from, if not 0, must be the version it is on now.
	SetAlias(ctx context.Context, scope forge.Scope, model, alias string, version, from int) error
	DeleteAlias(ctx context.Context, scope forge.Scope, model, alias string) error
}

// Launcher carries out a job directory: it starts the trainer on dir/job.json, hands
// each line of its events to emit as it is written, and returns when the trainer has
// ended. Cancelling ctx asks the trainer to stop and then ends it with all its
// children. The contract is the same for every launcher (see package python).
type Launcher interface {
	Launch(ctx context.Context, dir string, emit func(event json.RawMessage)) error
	// Check says whether the launcher could work now, and what is missing.
	Check(ctx context.Context) error
}

// Verifier loads a model package with the serving runtime, runs its example rows and
// compares with what the trainer predicted. serving provides it.
type Verifier interface {
	Verify(ctx context.Context, dir string) error
}
