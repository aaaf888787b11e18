package load

import (
	"context"
	"fmt"
	"io"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
)

// watch shows how many rows are committed until the returned func is called.
func (l *Loads) watch(ctx context.Context, run jobs.Run, table forge.TableName, sum string, total int64) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			if taken, err := l.cfg.Sink.Taken(ctx, run.Scope(), table, source(sum)); err == nil {
				run.Progress(jobs.Progress{Step: "commit", Done: taken.Rows + taken.Rejected, Total: total, Unit: "rows"})
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() { cancel(); <-done }
}

// counted counts what is read and tells about it now and then.
type counted struct {
	r    io.Reader
	ctx  context.Context
	n    int64
	last time.Time
	tell func(n int64)
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	if now := time.Now(); err == io.EOF || now.Sub(c.last) > 300*time.Millisecond {
		c.last = now
		c.tell(c.n)
	}
	return n, err
}

func bytesText(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1 << 40, "TB"}, {1 << 30, "GB"}, {1 << 20, "MB"}, {1 << 10, "kB"}} {
		if n >= u.size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.size), u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
