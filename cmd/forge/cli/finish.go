package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"github.com/alecthomas/kong"
)

// Exit codes of the command line.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitInvalid     = 3
	ExitNotFound    = 4
	ExitDenied      = 5
	ExitUnavailable = 6
)

// UsageError is a mistake in how a command was called.
type UsageError struct{ Text string }

func (e *UsageError) Error() string { return e.Text }

// Started is what a command with --no-wait ends with: the job that it has started.
type Started struct{ Job jobs.Job }

func (s *Started) Error() string { return s.Job.Title + " has been started" }

// Detached is what a command ends with that was interrupted while it followed a job.
type Detached struct{ Job jobs.Job }

func (d *Detached) Error() string {
	return fmt.Sprintf("not watching any more, but the job goes on: %s. forge jobs watch %s follows it, forge jobs cancel %s ends it", d.Job.Title, d.Job.ID, d.Job.ID)
}

// Finish prints what a command ended with and returns the exit code. cmd is the command,
// nil when none was found.
func Finish(e *Env, cmd *kong.Node, err error) int {
	var started *Started
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &started):
		return Finish(e, cmd, e.printStarted(started.Job))
	case errors.Is(err, forge.ErrNotFound), errors.Is(err, forge.ErrInvalid):
		if near := e.Hint(cmd, err.Error()); near != "" {
			err = &hinted{err, near}
		}
	}
	PrintError(e.Err, err, e.JSON)
	return ExitCode(err)
}

func (e *Env) printStarted(j jobs.Job) error {
	if done, err := e.printJSON(j); done {
		return err
	}
	e.printf("%s\n", j.ID)
	fmt.Fprintf(e.Err, "%s: started. forge jobs watch %s follows it\n", j.Title, j.ID)
	return nil
}

// hinted adds the name that was probably meant.
type hinted struct {
	error
	near string
}

func (h *hinted) Error() string {
	return fmt.Sprintf("%s. Did you mean %s?", strings.TrimSuffix(h.error.Error(), "."), h.near)
}
func (h *hinted) Unwrap() error { return h.error }

// ExitCode is the exit code for err.
func ExitCode(err error) int {
	var usage *UsageError
	var detached *Detached
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &detached), errors.Is(err, context.Canceled):
		return ExitFailed
	}
	switch forge.KindOf(err) {
	case forge.KindInvalid:
		return ExitInvalid
	case forge.KindNotFound:
		return ExitNotFound
	case forge.KindDenied:
		return ExitDenied
	case forge.KindUnavailable:
		return ExitUnavailable
	}
	return ExitFailed
}

// Failure is what a failed command prints with --json, on standard error.
type Failure struct {
	Error  string             `json:"error" doc:"For people"`
	Kind   forge.Kind         `json:"kind" enum:"usage,invalid,not_found,conflict,denied,unavailable,internal,interrupted"`
	Exit   int                `json:"exit" doc:"The exit code"`
	Meant  string             `json:"meant,omitempty" doc:"The name that was probably meant"`
	Job    string             `json:"job,omitempty" doc:"A job that goes on although the command was interrupted"`
	Errors []forge.FieldError `json:"errors,omitempty" doc:"What is wrong with which part of a document"`
}

// PrintError writes err for a person, or as JSON.
func PrintError(w io.Writer, err error, asJSON bool) {
	out := Failure{Error: err.Error(), Kind: forge.KindOf(err), Exit: ExitCode(err)}
	var e *forge.Error
	var usage *UsageError
	var detached *Detached
	var hint *hinted
	if errors.As(err, &e) {
		out.Errors = e.Detail
	}
	if errors.As(err, &hint) {
		out.Meant = hint.near
	}
	switch {
	case errors.As(err, &usage):
		out.Kind = "usage"
	case errors.As(err, &detached):
		out.Kind, out.Job = "interrupted", detached.Job.ID
	case errors.Is(err, context.Canceled):
		out.Kind, out.Error = "interrupted", "interrupted"
	}
	if asJSON {
		_ = json.NewEncoder(w).Encode(out)
		return
	}
	fmt.Fprintln(w, "forge:", strings.Map(visible, out.Error))
	for _, d := range out.Errors {
		if strings.Contains(e.Text, d.Text) {
			continue // said already
		}
		fmt.Fprintf(w, "  %s: %s\n", strings.TrimPrefix(d.Path, "body."), d.Text)
	}
}
