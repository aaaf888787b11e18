package maintain

import (
	"context"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
)

// Kind is the kind of the job that maintains one table.
const Kind = "lake.maintain"

// Args are the arguments of a lake.maintain job.
type Args struct {
	Table forge.TableName `json:"table"`
}

// Job is the handler of lake.maintain: it joins every small file, expires what may go
// and searches for orphans. Running it again does what is left.
func (k *Keeper) Job(ctx context.Context, run jobs.Run) (any, error) {
	var args Args
	if err := run.Args(&args); err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "the job's table cannot be read")
	}
	p := place{run.Scope(), args.Table}
	if _, err := k.cfg.Store.Load(ctx, p.scope, p.name); err != nil {
		return nil, err
	}
	run.Progress(jobs.Progress{Step: "join files, expire snapshots, search for orphans"})
	for {
		var r Report
		ran := false
		err := k.alone(ctx, p, func(ctx context.Context) (err error) {
			ran = true
			r, err = k.work(ctx, p, true, true)
			return err
		})
		if ran || err != nil {
			return r, err
		}
		select { // another process is at it
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
