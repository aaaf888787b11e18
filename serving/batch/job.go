package batch

import (
	"context"
	"errors"
	"fmt"
	"io"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/serving/router"
)

// job is one attempt.
type job struct {
	cfg   Config
	run   jobs.Run
	scope forge.Scope
	args  Args
	out   forge.TableName

	model  chosen
	handle router.Handle
	pin    Pin
	plan   plan

	cursor *cursor
	done   int64 // rows scored, in this attempt or an earlier one
}

func (j *job) do(ctx context.Context) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := j.choose(ctx); err != nil {
		return nil, err
	}
	defer j.handle.Release()
	err := j.run.Step(ctx, "pin", &j.pin, func(ctx context.Context) (any, error) {
		return j.cfg.Lake.Pin(ctx, j.scope, j.args.In, j.run.ID())
	})
	if err != nil {
		return nil, err
	}
	if err := j.cfg.Fault.At("pinned"); err != nil {
		return nil, err
	}
	result, err := j.score(ctx)
	if err == nil || ctx.Err() == nil && final(err) { // nobody will read the pin again
		err = errors.Join(err, j.cfg.Lake.Unpin(context.WithoutCancel(ctx), j.scope, j.pin))
	}
	if err != nil {
		return nil, err
	}
	return result, nil
}

// final reports whether another attempt of the job is pointless; the queue makes none
// for these kinds.
func final(err error) bool {
	switch forge.KindOf(err) {
	case forge.KindInvalid, forge.KindNotFound, forge.KindConflict, forge.KindDenied:
		return true
	}
	return false
}

// choose loads the model; a later attempt takes the version of the first.
func (j *job) choose(ctx context.Context) error {
	err := j.run.Step(ctx, "model", &j.model, func(ctx context.Context) (any, error) {
		h, err := j.cfg.Predictors.Load(ctx, j.scope, j.args.Ref)
		if err != nil {
			return nil, err
		}
		defer h.Release()
		return chosen{Ref: router.ModelID(h.Package), Digest: h.Package.Digest, At: j.cfg.Now().UTC()}, nil
	})
	if err != nil {
		return err
	}
	if j.handle, err = j.cfg.Predictors.Load(ctx, j.scope, j.model.Ref); err != nil {
		return err
	}
	if d := j.handle.Package.Digest; d != j.model.Digest {
		j.handle.Release()
		return forge.Errorf(forge.KindConflict, nil, "%s has another digest than when this job began; start a new job", j.model.Ref)
	}
	return nil
}

func (j *job) score(ctx context.Context) (Result, error) {
	sig := j.handle.Signature
	r := Result{Table: j.args.Out, Rows: j.pin.Rows, Model: sig.Model, Version: sig.Version}
	var err error
	if j.plan, err = newPlan(j.args, sig, j.pin.Columns, j.model.At); err != nil {
		return r, err
	}
	if err := j.cfg.Lake.Prepare(ctx, j.scope, j.out, j.plan.columns()); err != nil {
		return r, err
	}
	files, err := j.chunks(ctx)
	if err != nil {
		return r, err
	}
	err = j.run.Step(ctx, "commit", &r.Snapshot, func(ctx context.Context) (any, error) {
		summary := map[string]string{"forge.model": j.model.Ref, "forge.job": j.run.ID()}
		snapshot, err := j.cfg.Lake.Commit(ctx, j.scope, j.out, files, j.run.ID(), summary)
		if err != nil {
			return nil, err
		}
		return snapshot, j.cfg.Fault.At("committed")
	})
	if err != nil {
		return r, err
	}
	return r, j.link(ctx, r.Snapshot)
}

func (j *job) link(ctx context.Context, snapshot int64) error {
	if j.cfg.Lineage == nil {
		return nil
	}
	to := forge.Ref{Kind: "snapshot", ID: fmt.Sprintf("%s@%d", j.out, snapshot)}
	edges := []forge.Edge{{From: forge.Ref{Kind: "model", ID: j.model.Ref}, To: to, By: Kind, At: j.model.At}}
	for _, from := range j.pin.Refs {
		edges = append(edges, forge.Edge{From: from, To: to, By: Kind, At: j.model.At})
	}
	return j.cfg.Lineage.Link(ctx, j.scope, edges...)
}

// chunks scores all rows; finished chunks of earlier attempts are taken as they are.
func (j *job) chunks(ctx context.Context) ([]File, error) {
	defer func() {
		if j.cursor != nil {
			_ = j.cursor.reader.Close()
		}
	}()
	var files []File
	for from := int64(0); from < j.pin.Rows; from += j.cfg.Chunk {
		var f File
		err := j.run.Step(ctx, fmt.Sprintf("rows-%d", from), &f, func(ctx context.Context) (any, error) {
			f, err := j.chunk(ctx, from, min(j.cfg.Chunk, j.pin.Rows-from))
			if err != nil {
				return nil, err
			}
			return f, j.cfg.Fault.At("rows written")
		})
		if err != nil {
			return nil, err
		}
		j.done = from + f.Rows
		j.show()
		files = append(files, f)
	}
	if j.cursor != nil {
		if _, err := j.cursor.next(ctx, 1); !errors.Is(err, io.EOF) {
			return nil, forge.Errorf(forge.KindInternal, err, "more rows came than the %d that were pinned", j.pin.Rows)
		}
	}
	return files, nil
}

func (j *job) show() {
	j.run.Progress(jobs.Progress{Step: "score", Done: j.done, Total: j.pin.Rows, Unit: "rows"})
}

// chunk scores n rows from row from on into one file.
func (j *job) chunk(ctx context.Context, from, n int64) (File, error) {
	if err := j.seek(ctx, from); err != nil {
		return File{}, err
	}
	w, err := j.cfg.Lake.Writer(ctx, j.scope, j.out)
	if err != nil {
		return File{}, err
	}
	if err := j.fill(ctx, w, from, n); err != nil {
		w.Abort()
		return File{}, err
	}
	f, err := w.Close()
	if err == nil && f.Rows != n {
		err = forge.Errorf(forge.KindInternal, nil, "file of %d rows was written with %d", n, f.Rows)
	}
	return f, err
}

func (j *job) fill(ctx context.Context, w Writer, from, n int64) error {
	for at := from; at < from+n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := j.cursor.next(ctx, from+n-at)
		if errors.Is(err, io.EOF) {
			return forge.Errorf(forge.KindInternal, nil, "the rows ended at %d of %d", at, j.pin.Rows)
		}
		if err != nil {
			return err
		}
		err = j.piece(ctx, w, rec, at)
		at += rec.NumRows()
		rec.Release()
		if err != nil {
			return err
		}
		j.done = at
		j.show()
	}
	return nil
}

// seek opens the rows, if need be, and passes over those before from.
func (j *job) seek(ctx context.Context, from int64) error {
	if j.cursor == nil {
		r, err := j.cfg.Lake.Read(ctx, j.scope, j.pin)
		if err != nil {
			return err
		}
		j.cursor = &cursor{reader: r}
	}
	for j.cursor.at < from {
		rec, err := j.cursor.next(ctx, from-j.cursor.at)
		if err != nil {
			return fmt.Errorf("pass over scored rows: %w", err)
		}
		rec.Release()
	}
	return nil
}
