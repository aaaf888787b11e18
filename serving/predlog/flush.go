package predlog

import (
	"context"
	"sort"
	"time"

	"aiforge.dev/forge"
)

// flush hands over spilled batches, then the pending ones. While the sink is known to
// fail, they go to disk at once; now makes it try the sink all the same.
func (l *Log) flush(ctx context.Context, now bool) error {
	l.order.Lock()
	defer l.order.Unlock()
	sinkWorks := now || time.Now().After(l.failedUntil)
	if sinkWorks {
		sinkWorks = l.replay(ctx)
	}
	for _, b := range l.takeAll() {
		if sinkWorks {
			sinkWorks = l.send(ctx, b.scope, b.lines, b.rows) == nil
			if sinkWorks {
				l.free(len(b.lines))
				continue
			}
		}
		if err := l.spill.write(b.scope, b.lines); err != nil {
			l.giveBack(b)
			return err
		}
		l.free(len(b.lines))
	}
	return nil
}

// replay hands over spilled batches; false when the sink does not take one.
func (l *Log) replay(ctx context.Context) bool {
	for {
		f, ok := l.spill.oldest()
		if !ok {
			return true
		}
		lines, rows, err := l.spill.read(f)
		if err != nil {
			l.cfg.Log.Error("a batch of predictions on disk cannot be read; it is left there", "file", f.path, "err", err)
			l.spill.skip(f)
			continue
		}
		if l.send(ctx, f.scope, lines, rows) != nil {
			return false
		}
		l.spill.remove(f)
	}
}

func (l *Log) send(ctx context.Context, scope forge.Scope, lines []byte, rows int) error {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Limit)
	defer cancel()
	err := l.cfg.Sink.Append(ctx, scope, lines, rows)
	if err != nil {
		l.failedUntil = time.Now().Add(l.cfg.Retry)
		l.cfg.Log.Warn("prediction log: the sink takes no rows now, they go to disk", "scope", scope.String(), "rows", rows, "err", err)
	}
	return err
}

// takeAll empties memory's list; its bytes count until free.
func (l *Log) takeAll() []*batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]*batch, 0, len(l.pending))
	for _, b := range l.pending {
		out = append(out, b)
	}
	clear(l.pending)
	sort.Slice(out, func(i, j int) bool { return out[i].scope.String() < out[j].scope.String() })
	return out
}

// giveBack puts a batch before the rows that have come meanwhile.
func (l *Log) giveBack(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if later := l.pending[b.scope]; later != nil {
		b.lines = append(b.lines, later.lines...)
		b.rows += later.rows
	}
	l.pending[b.scope] = b
}

func (l *Log) free(n int) {
	l.mu.Lock()
	l.bytes -= n
	l.mu.Unlock()
	l.room.Broadcast()
}
