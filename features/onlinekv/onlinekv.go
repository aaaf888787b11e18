// Package onlinekv is the embedded online store: feature rows in a Pebble LSM tree
// below the data folder, one read for one entity of one view.
//
// A key is a letter, then tenant, project and group with their lengths before them,
// then the entity's key values likewise; so the rows of a group lie together, no
// group's key is the beginning of another's, and dropping one is one range deletion.
package onlinekv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	rowSpace   = 'r' // r scope group key → row
	groupSpace = 'g' // g scope group → nothing: the group exists
)

// Store is an open online store. It implements features.Online.
type Store struct {
	db   *pebble.DB
	seed maphash.Seed
	// puts makes comparing with the stored row and replacing it one action, for each
	// group on its own. Drop takes the same lock.
	puts [16]sync.Mutex
	// closing keeps Close from pulling the tree away under a running call.
	closing sync.RWMutex
	leave   sync.Once
	leaving chan struct{} // closed by Close: nothing waits for room on the disk any more
	closed  bool
}

var _ features.Online = (*Store)(nil)

// Open opens the store in dir, which it creates. A nil logger discards.
func Open(dir string, log *slog.Logger) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cache := pebble.NewCache(64 << 20)
	defer cache.Unref() // the open tree keeps its own reference
	leaving := make(chan struct{})
	opts := &pebble.Options{FS: roomy(vfs.Default, freeOf(dir), leaving, log), Cache: cache, MemTableSize: 16 << 20, Logger: logger{log}, FormatMajorVersion: pebble.FormatNewest}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "online store in %s cannot be opened; does another forge serve use this data folder?", dir)
	}
	return &Store{db: db, leaving: leaving, seed: maphash.MakeSeed()}, nil
}

// use begins a call; done ends it.
func (s *Store) use(ctx context.Context, scope forge.Scope) (done func(), err error) {
	if !scope.Valid() {
		return nil, forge.Errorf(forge.KindInternal, nil, "online store: scope %q names no project", scope)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.closing.RLock()
	if s.closed {
		s.closing.RUnlock()
		return nil, forge.Errorf(forge.KindUnavailable, nil, "the online store is closed")
	}
	return s.closing.RUnlock, nil
}

// change begins a call that alone may change a group, whose rows begin with prefix.
func (s *Store) change(ctx context.Context, scope forge.Scope, group string) (prefix []byte, done func(), err error) {
	end, err := s.use(ctx, scope)
	if err != nil {
		return nil, nil, err
	}
	prefix = groupKey(nil, rowSpace, scope, group)
	mu := &s.puts[maphash.Bytes(s.seed, prefix)%uint64(len(s.puts))]
	mu.Lock()
	return prefix, func() { mu.Unlock(); end() }, nil
}

// Put implements features.Online. All rows are on the disk when it returns.
func (s *Store) Put(ctx context.Context, scope forge.Scope, group string, rows []features.Row) error {
	prefix, done, err := s.change(ctx, scope, group)
	if err != nil {
		return err
	}
	defer done()
	newest, err := newestOf(rows)
	if err != nil {
		return err
	}
	batch := s.db.NewBatch()
	defer batch.Close() //nolint:errcheck // after Commit it has nothing to say
	key := prefix
	for k, row := range newest {
		key = append(key[:len(prefix)], k...)
		newer, err := s.replaces(key, row)
		if err != nil {
			return err
		}
		if newer {
			if err := batch.Set(key, row, nil); err != nil {
				return err
			}
		}
	}
	if err := batch.Set(groupKey(nil, groupSpace, scope, group), nil, nil); err != nil {
		return err
	}
	return batch.Commit(pebble.Sync)
}

// newestOf encodes rows, the newest of each key; of equally old ones the last.
func newestOf(rows []features.Row) (map[string][]byte, error) {
	out := make(map[string][]byte, len(rows))
	for _, r := range rows {
		b, err := features.AppendRow(nil, r)
		if err != nil {
			return nil, err
		}
		k := features.KeyString(r.Key)
		if old, ok := out[k]; !ok || !older(b, old) {
			out[k] = b
		}
	}
	return out, nil
}

func older(row, than []byte) bool {
	return bytes.Compare(row[:features.RowEventSize], than[:features.RowEventSize]) < 0
}

func (s *Store) replaces(key, row []byte) (bool, error) {
	old, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	yes := len(old) < features.RowEventSize || !older(row, old)
	return yes, closer.Close()
}

// Get implements features.Online.
func (s *Store) Get(ctx context.Context, scope forge.Scope, group string, keys []features.Key) ([]features.Row, []bool, error) {
	done, err := s.use(ctx, scope)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	var buf [192]byte
	prefix := groupKey(buf[:0], rowSpace, scope, group)
	n := len(prefix)
	rows, ok := make([]features.Row, len(keys)), make([]bool, len(keys))
	for i, k := range keys {
		prefix = features.AppendKey(prefix[:n], k)
		raw, closer, err := s.db.Get(prefix)
		if errors.Is(err, pebble.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		rows[i], err = features.DecodeRow(raw)
		if err := errors.Join(err, closer.Close()); err != nil {
			return nil, nil, err
		}
		rows[i].Key, ok[i] = k, true
	}
	return rows, ok, nil
}

// Copy writes the store as it is at this moment to another folder, while it goes on.
// Where the disk can, the files are links and cost nothing.
func (s *Store) Copy(dir string) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return forge.Errorf(forge.KindUnavailable, nil, "the online store is closed")
	}
	return s.db.Checkpoint(dir, pebble.WithFlushedWAL())
}

// Drop implements features.Online.
func (s *Store) Drop(ctx context.Context, scope forge.Scope, group string) error {
	prefix, done, err := s.change(ctx, scope, group)
	if err != nil {
		return err
	}
	defer done()
	batch := s.db.NewBatch()
	defer batch.Close() //nolint:errcheck // after Commit it has nothing to say
	if err := batch.DeleteRange(prefix, after(prefix), nil); err != nil {
		return err
	}
	if err := batch.Delete(groupKey(nil, groupSpace, scope, group), nil); err != nil {
		return err
	}
	return batch.Commit(pebble.Sync)
}

// Groups implements features.Online; they come in order.
func (s *Store) Groups(ctx context.Context, scope forge.Scope) ([]string, error) {
	done, err := s.use(ctx, scope)
	if err != nil {
		return nil, err
	}
	defer done()
	prefix := scopeKey(nil, groupSpace, scope)
	groups := []string{}
	err = s.each(ctx, prefix, func(key []byte) {
		if n, size := binary.Uvarint(key[len(prefix):]); size > 0 && len(key) == len(prefix)+size+int(n) {
			groups = append(groups, string(key[len(prefix)+size:]))
		}
	})
	slices.Sort(groups)
	return groups, err
}

// Count implements features.Online.
func (s *Store) Count(ctx context.Context, scope forge.Scope, group string) (int64, error) {
	done, err := s.use(ctx, scope)
	if err != nil {
		return 0, err
	}
	defer done()
	var n int64
	err = s.each(ctx, groupKey(nil, rowSpace, scope, group), func([]byte) { n++ })
	return n, err
}

func (s *Store) each(ctx context.Context, prefix []byte, f func(key []byte)) error {
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return err
	}
	for n, ok := 1, it.First(); ok; n, ok = n+1, it.Next() {
		if n%4096 == 0 && ctx.Err() != nil {
			return errors.Join(ctx.Err(), it.Close())
		}
		f(it.Key())
	}
	return it.Close()
}

// Close implements features.Online. It waits for calls that run; a second one is
// harmless.
func (s *Store) Close() error {
	s.leave.Do(func() { close(s.leaving) })
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.db.Close()
}

func scopeKey(b []byte, space byte, scope forge.Scope) []byte {
	b = append(b, space)
	b = appendPart(b, string(scope.Tenant))
	return appendPart(b, string(scope.Project))
}

func groupKey(b []byte, space byte, scope forge.Scope, group string) []byte {
	return appendPart(scopeKey(b, space, scope), group)
}

func appendPart(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// after is the first key that does not begin with prefix, which begins with a letter
// and so is never all 0xff.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; ; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
}
