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
	batches := l.takeAll()
	for i, b := range batches {
		if sinkWorks {
			sinkWorks = l.send(ctx, b.scope, b.id, b.lines, b.rows) == nil
		}
		if sinkWorks {
			b.drop()
		} else if err := l.spill.write(b); err != nil {
			l.giveBack(batches[i:])
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
		if rows > 0 && l.send(ctx, f.scope, f.id, lines, rows) != nil {
			return false
		}
		l.spill.remove(f)
	}
}

func (l *Log) send(ctx context.Context, scope forge.Scope, id BatchID, lines []byte, rows int) error {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Limit)
	defer cancel()
	err := l.cfg.Sink.Append(ctx, scope, id, lines, rows)
	if err == nil {
		err = l.cfg.Fault.At("taken")
	}
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
	out := l.back
	for _, b := range l.pending {
		out = append(out, b)
	}
	clear(l.pending)
	l.back = nil
	sort.Slice(out, func(i, j int) bool { return out[i].id.Number < out[j].id.Number })
	return out
}

// giveBack keeps batches for the next flush. They stay what they are: a sink that took
// one and could not say so must be able to know it again.
func (l *Log) giveBack(batches []*batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.back = batches
}

func (l *Log) free(n int) {
	l.mu.Lock()
	l.bytes -= n
	l.mu.Unlock()
	l.room.Broadcast()
}
