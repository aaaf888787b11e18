package audit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"aiforge.dev/forge"
)

// List returns a project's entries after a number, oldest first, at most limit; with
// after < 0 the newest ones.
func (l *Log) List(ctx context.Context, scope forge.Scope, after int64, limit int) ([]Entry, error) {
	if scope.IsZero() {
		return nil, forge.Errorf(forge.KindDenied, nil, "sign in first: no project in this request")
	}
	firsts, err := l.segments()
	if err != nil {
		return nil, err
	}
	if after < 0 {
		return l.newest(ctx, scope, firsts, limit)
	}
	out := []Entry{}
	for i, first := range firsts {
		if i+1 < len(firsts) && firsts[i+1] <= after+1 {
			continue
		}
		err := l.entries(ctx, scope, first, false, func(e Entry) bool {
			if e.Seq > after {
				out = append(out, e)
			}
			return len(out) < limit
		})
		if err != nil || len(out) >= limit {
			return out, err
		}
	}
	return out, nil
}

func (l *Log) newest(ctx context.Context, scope forge.Scope, firsts []int64, limit int) ([]Entry, error) {
	out := []Entry{}
	for _, first := range slices.Backward(firsts) {
		err := l.entries(ctx, scope, first, true, func(e Entry) bool {
			out = append(out, e)
			return len(out) < limit
		})
		if err != nil {
			return nil, err
		}
		if len(out) >= limit {
			break
		}
	}
	slices.Reverse(out)
	return out, nil
}

// entries calls f with a project's committed entries of a segment until it returns
// false; backward begins with the newest.
func (l *Log) entries(ctx context.Context, scope forge.Scope, first int64, backward bool, f func(Entry) bool) error {
	end := l.state().seq
	at, err := l.indexOf(first, scope)
	if err != nil || len(at) == 0 {
		return vanished(first, err)
	}
	file, err := os.Open(filepath.Join(l.dir, segmentName(first)))
	if err != nil {
		return vanished(first, err)
	}
	defer file.Close()
	r := bufio.NewReaderSize(nil, 4<<10)
	for i := range at {
		if backward {
			i = len(at) - 1 - i
		}
		e, ok, err := entryAt(file, r, int64(at[i]))
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		// What is not there as it was written is left out; Verify says what happened to it.
		if ok && e.Scope == scope && e.Seq <= end && !f(e) {
			return nil
		}
	}
	return nil
}

func vanished(first int64, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("audit segment %d vanished: %w", first, err)
	}
	return err
}

// entryAt reads the entry that begins at an offset.
func entryAt(file io.ReaderAt, r *bufio.Reader, at int64) (e Entry, ok bool, err error) {
	r.Reset(io.NewSectionReader(file, at, 1<<30))
	raw, err := r.ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		return e, false, nil
	}
	if err != nil {
		return e, false, err
	}
	var x line
	x.parse(raw)
	return e, x.good && json.Unmarshal(x.entry, &e) == nil, nil
}
