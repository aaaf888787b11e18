// Package batch scores a table into a table, as the job batch.score. The rows are
// pinned first, then scored in chunks; each chunk becomes one staged file and one
// step of the job, so a job that is killed goes on where it was, with the same model
// and the same rows, and the table gets all of its rows once, in one commit at the
// end. The input is built by package columns and run by the same predictors as the
// API's, so the numbers are the same.
package batch

import (
	"context"
	"encoding/json"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/fault"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/router"
	"github.com/apache/arrow-go/v18/arrow"
)

// Kind of the job.
const Kind = "batch.score"

// Args of the job, and the body of POST /api/batch.
type Args struct {
	Ref       string   `json:"ref" doc:"Model: calls@champion, calls/3 or models:/calls@champion" example:"calls@champion"`
	In        string   `json:"in" doc:"Table to score, or a SELECT" example:"curated.calls"`
	Out       string   `json:"out" doc:"Table that gets the scores; one of earlier scoring is replaced" example:"scored.calls"`
	Keep      []string `json:"keep,omitempty" nullable:"true" doc:"Columns to carry over; all otherwise"`
	Log       string   `json:"log,omitempty" doc:"Deployment whose prediction log gets the rows too"`
	ID        string   `json:"id,omitempty" doc:"Column that names each row in the prediction log"`
	EventTime string   `json:"event_time,omitempty" doc:"Column with the time that each row is about, for the prediction log"`
}

// Check refuses arguments that cannot work, before a job is made of them.
func (a Args) Check() error {
	if a.Ref == "" || a.In == "" {
		return forge.Errorf(forge.KindInvalid, nil, "batch scoring needs a model (ref) and rows (in)")
	}
	out, err := forge.ParseTableName(a.Out)
	if err != nil {
		return err
	}
	if a.In == out.String() {
		return forge.Errorf(forge.KindInvalid, nil, "in and out are both %s: the scores go to another table", a.In)
	}
	return nil
}

// Title of the job.
func (a Args) Title() string { return "Score " + clip(a.In) + " with " + a.Ref + " into " + a.Out }

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}

// Column of a table; Type as the lake spells it.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Pin is a fixed set of rows. Handle is the lake's own; Refs say what the rows came
// from, for lineage.
type Pin struct {
	Handle  json.RawMessage `json:"handle"`
	Rows    int64           `json:"rows"`
	Columns []Column        `json:"columns"`
	Refs    []forge.Ref     `json:"refs"`
}

// File is a staged file.
type File struct {
	Path string `json:"path"`
	Rows int64  `json:"rows"`
	Size int64  `json:"size"`
}

// Lake is where rows come from and go to.
type Lake interface {
	// Pin fixes the rows that a table or a SELECT has now. Every Read of the pin
	// gives them in the same order, also in another process; a SELECT must be stored
	// for that. key names what is stored, so that a second Pin after a crash
	// replaces it.
	Pin(ctx context.Context, scope forge.Scope, in, key string) (Pin, error)
	Read(ctx context.Context, scope forge.Scope, pin Pin) (Reader, error)
	// Unpin frees what Pin stored; doing it twice is harmless.
	Unpin(ctx context.Context, scope forge.Scope, pin Pin) error
	// Prepare creates out, or widens it. It fails with KindConflict if out exists and
	// is not a table of batch scoring, since Commit replaces its rows.
	Prepare(ctx context.Context, scope forge.Scope, out forge.TableName, columns []Column) error
	// Writer writes one file for out, which becomes part of it only by Commit.
	Writer(ctx context.Context, scope forge.Scope, out forge.TableName) (Writer, error)
	// Commit makes files the whole of out, in one snapshot. The same key again
	// returns the snapshot that there is.
	Commit(ctx context.Context, scope forge.Scope, out forge.TableName, files []File, key string, summary map[string]string) (snapshot int64, err error)
}

// Reader streams a pin's rows. Next returns io.EOF after the last; a batch is valid
// until the following call.
type Reader interface {
	Next(ctx context.Context) (arrow.RecordBatch, error)
	Close() error
}

// Writer writes one file. Close finishes it, Abort removes it; one must be called.
type Writer interface {
	Write(batch arrow.RecordBatch) error
	Close() (File, error)
	Abort()
}

// Predictors loads a model by reference.
type Predictors interface {
	Load(ctx context.Context, scope forge.Scope, ref string) (router.Handle, error)
}

// Config of the job's handler. Observer and Lineage may be nil.
type Config struct {
	Predictors Predictors
	Lake       Lake
	Observer   serving.Observer
	Lineage    forge.Lineage
	Chunk      int64 // rows of a staged file; 0 means 131,072
	Now        func() time.Time
	Fault      fault.Hook // for tests
}

// Result of the job.
type Result struct {
	Table    string `json:"table"`
	Rows     int64  `json:"rows"`
	Model    string `json:"model"`
	Version  int    `json:"version"`
	Snapshot int64  `json:"snapshot,string"`
}

// chosen is the model as the first attempt found it.
type chosen struct {
	Ref    string    `json:"ref"`
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
}

// Handler returns the handler of Kind.
func Handler(cfg Config) jobs.Handler {
	if cfg.Chunk == 0 {
		cfg.Chunk = 131072
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return func(ctx context.Context, run jobs.Run) (any, error) {
		j := &job{cfg: cfg, run: run, scope: run.Scope()}
		if err := run.Args(&j.args); err != nil {
			return nil, err
		}
		if err := j.args.Check(); err != nil {
			return nil, err
		}
		j.out, _ = forge.ParseTableName(j.args.Out) // checked
		return j.do(ctx)
	}
}
