// Package load takes files in: it keeps uploads that arrive in parts, and the job
// ingest.csv reads an upload into a table by way of the log.
package load

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/csv"
	"aiforge.dev/forge/ingest/store"
	"aiforge.dev/forge/internal/fault"
	"aiforge.dev/forge/lake"
)

// PartSize is the longest part of an upload.
const PartSize = 8 << 20

// keepUploads is how long an upload that nobody goes on with is kept.
const keepUploads = 7 * 24 * time.Hour

// Sink is what a load needs of the sink.
type Sink interface {
	ingest.Sink
	Taken(ctx context.Context, scope forge.Scope, table forge.TableName, source string) (ingest.Taken, error)
}

// Config says what loads work with.
type Config struct {
	Dir     string // of the uploaded files
	Store   *store.Store
	Log     ingest.Log
	Sink    Sink
	Tables  lake.Tables
	Lineage forge.Lineage // may be nil
	Logger  *slog.Logger  // nil discards

	Now     func() time.Time                // nil is time.Now
	Fault   fault.Hook                      // for tests
	MaxSize int64                           // of a file; 0 means 256 GiB
	Reserve int64                           // free bytes that an upload must leave; 0 means 256 MiB
	Free    func(dir string) (int64, error) // free bytes of a folder's disk; nil asks the system
}

// Loads keeps uploads and runs loads.
type Loads struct {
	cfg Config

	mu    sync.Mutex
	locks map[string]*sync.Mutex // one writer per upload
}

// Upload is a file on its way in; it is complete when Offset is Size.
type Upload struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Size     int64  `json:"size"`
	Offset   int64  `json:"offset" doc:"Bytes that have arrived; the next part begins here"`
	PartSize int64  `json:"part_size" doc:"Longest part in bytes"`
}

// New makes the folder and forgets uploads that were left alone for a week.
func New(ctx context.Context, cfg Config) (*Loads, error) {
	if cfg.MaxSize == 0 {
		cfg.MaxSize = 256 << 30
	}
	if cfg.Reserve == 0 {
		cfg.Reserve = 256 << 20
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Free == nil {
		cfg.Free = freeBytes
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "the uploads folder %s cannot be written", cfg.Dir)
	}
	l := &Loads{cfg: cfg, locks: map[string]*sync.Mutex{}}
	return l, l.ForgetOld(ctx)
}

// ForgetOld removes uploads that were left alone for a week. One that was taken in has
// gone at the end of its job.
func (l *Loads) ForgetOld(ctx context.Context) error {
	old, err := l.cfg.Store.OldUploads(ctx, l.cfg.Now().Add(-keepUploads))
	if err != nil {
		return err
	}
	for scope, ids := range old {
		for _, id := range ids {
			if err := l.Delete(ctx, scope, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func freeBytes(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	if free := float64(st.Bavail) * float64(st.Bsize); free < math.MaxInt64 {
		return int64(free), nil
	}
	return math.MaxInt64, nil
}

// Create begins an upload. A size that cannot be taken is refused before the first
// byte is sent.
func (l *Loads) Create(ctx context.Context, scope forge.Scope, name string, size int64) (Upload, error) {
	name = cleanName(name)
	switch {
	case name == "":
		return Upload{}, forge.Errorf(forge.KindInvalid, nil, "the upload needs the file's name")
	case size == 0:
		return Upload{}, forge.Errorf(forge.KindInvalid, nil, "%s is empty: there is nothing to take in", name)
	case size < 0:
		return Upload{}, forge.Errorf(forge.KindInvalid, nil, "size %d of %s: want the file's length in bytes", size, name)
	case size > l.cfg.MaxSize:
		return Upload{}, forge.Errorf(forge.KindInvalid, nil, "%s has %s, the largest file that is taken is %s: split it", name, bytesText(size), bytesText(l.cfg.MaxSize))
	}
	if err := l.room(ctx, scope, name, size); err != nil {
		return Upload{}, err
	}
	u := Upload{ID: forge.NewID("up"), Name: name, Size: size, PartSize: PartSize}
	dir := l.dir(scope)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Upload{}, forge.Errorf(forge.KindUnavailable, err, "the uploads folder cannot be written")
	}
	if err := os.WriteFile(l.path(scope, u.ID), nil, 0o600); err != nil {
		return Upload{}, forge.Errorf(forge.KindUnavailable, err, "the uploads folder cannot be written")
	}
	if err := l.cfg.Fault.At("upload made"); err != nil {
		return Upload{}, err
	}
	if err := l.cfg.Store.AddUpload(ctx, scope, store.Upload{ID: u.ID, Name: name, Size: size}); err != nil {
		_ = os.Remove(l.path(scope, u.ID))
		return Upload{}, err
	}
	return u, nil
}

// room refuses a file for which the disk is too small: it is needed once as it came
// and up to once more in the log and the table. What other uploads of the project
// have announced and not yet sent is counted as taken.
func (l *Loads) room(ctx context.Context, scope forge.Scope, name string, size int64) error {
	free, err := l.cfg.Free(l.cfg.Dir)
	if err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "the uploads folder's disk does not say how much room it has")
	}
	announced, err := l.cfg.Store.Uploaded(ctx, scope)
	if err != nil {
		return err
	}
	announced -= l.arrived(scope)
	if need := 2*size + l.cfg.Reserve + max(announced, 0); need > free {
		return forge.Errorf(forge.KindInvalid, nil, "%s has %s and needs about %s of disk while it is taken in; %s are free: make room, or use another data folder", name, bytesText(size), bytesText(need), bytesText(free))
	}
	return nil
}

func (l *Loads) arrived(scope forge.Scope) (sum int64) {
	entries, err := os.ReadDir(l.dir(scope))
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// dir and path are safe: a scope's parts are checked words, an id is ours.
func (l *Loads) dir(scope forge.Scope) string {
	return filepath.Join(l.cfg.Dir, string(scope.Tenant), string(scope.Project))
}

func (l *Loads) path(scope forge.Scope, id string) string { return filepath.Join(l.dir(scope), id) }

// find returns an upload. The id is looked up before it becomes part of a path.
func (l *Loads) find(ctx context.Context, scope forge.Scope, id string) (Upload, error) {
	row, err := l.cfg.Store.Upload(ctx, scope, id)
	if err != nil {
		return Upload{}, err
	}
	info, err := os.Stat(l.path(scope, row.ID))
	if err != nil {
		return Upload{}, forge.Errorf(forge.KindNotFound, err, "the file of upload %q is gone: upload it again", id)
	}
	return Upload{ID: row.ID, Name: row.Name, Size: row.Size, Offset: info.Size(), PartSize: PartSize}, nil
}

// State says how far an upload is.
func (l *Loads) State(ctx context.Context, scope forge.Scope, id string) (Upload, error) {
	return l.find(ctx, scope, id)
}

// Write adds the next part. An offset that is not where the upload is fails with
// KindConflict; the returned upload has the right one in any case. What arrived
// before a broken connection stays.
func (l *Loads) Write(ctx context.Context, scope forge.Scope, id string, offset int64, part io.Reader) (Upload, error) {
	lock := l.lock(scope, id)
	lock.Lock()
	defer lock.Unlock()
	u, err := l.find(ctx, scope, id)
	if err != nil {
		return u, err
	}
	if offset != u.Offset {
		return u, forge.Errorf(forge.KindConflict, nil, "upload %s of %s is at offset %d, not %d: go on from there", id, u.Name, u.Offset, offset)
	}
	f, err := os.OpenFile(l.path(scope, u.ID), os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return u, forge.Errorf(forge.KindUnavailable, err, "upload %s cannot be written", id)
	}
	defer f.Close()
	n, err := io.Copy(f, io.LimitReader(part, min(PartSize, u.Size-u.Offset)+1))
	u.Offset += n
	if over := u.Offset > u.Size || n > PartSize; over {
		_ = f.Truncate(offset)
		u.Offset = offset
		return u, forge.Errorf(forge.KindInvalid, nil, "the part at offset %d is too long: parts have up to %d bytes and %s has %d in all", offset, PartSize, u.Name, u.Size)
	}
	if errors.Is(err, syscall.ENOSPC) {
		return u, forge.Errorf(forge.KindUnavailable, err, "the disk is full: make room and go on from offset %d", u.Offset)
	}
	if err == nil {
		err = l.cfg.Fault.At("part written")
	}
	if err != nil {
		return u, forge.Errorf(forge.KindInvalid, err, "the part at offset %d broke off after %d bytes: go on from offset %d", offset, n, u.Offset)
	}
	return u, nil
}

// Delete forgets an upload and its file.
func (l *Loads) Delete(ctx context.Context, scope forge.Scope, id string) error {
	if _, err := l.cfg.Store.Upload(ctx, scope, id); err != nil {
		return err
	}
	if err := os.Remove(l.path(scope, id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return forge.Errorf(forge.KindUnavailable, err, "the file of upload %s cannot be removed", id)
	}
	if err := l.cfg.Fault.At("file removed"); err != nil {
		return err
	}
	l.mu.Lock()
	delete(l.locks, scope.String()+"/"+id)
	l.mu.Unlock()
	return l.cfg.Store.DropUpload(ctx, scope, id)
}

func (l *Loads) lock(scope forge.Scope, id string) *sync.Mutex {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := scope.String() + "/" + id
	if l.locks[k] == nil {
		l.locks[k] = &sync.Mutex{}
	}
	return l.locks[k]
}

// complete opens an upload whose parts have all arrived.
func (l *Loads) complete(ctx context.Context, scope forge.Scope, id string) (Upload, *os.File, error) {
	u, err := l.find(ctx, scope, id)
	if err != nil {
		return u, nil, err
	}
	if u.Offset != u.Size {
		return u, nil, forge.Errorf(forge.KindConflict, nil, "upload %s of %s is not complete: %d of %d bytes have arrived", id, u.Name, u.Offset, u.Size)
	}
	f, err := os.Open(l.path(scope, u.ID))
	if err != nil {
		return u, nil, forge.Errorf(forge.KindUnavailable, err, "the file of upload %s cannot be read", id)
	}
	return u, f, nil
}

// Sniff guesses how an upload is written.
func (l *Loads) Sniff(ctx context.Context, scope forge.Scope, id string, opt csv.Options) (*csv.Sniffed, error) {
	u, f, err := l.complete(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := csv.Sniff(f, u.Size, opt)
	return s, named(err, u.Name)
}

// named puts the file's name into a refusal that speaks of "the file".
func named(err error, name string) error {
	var e *forge.Error
	if errors.As(err, &e) && strings.HasPrefix(e.Text, "the file ") {
		return forge.Errorf(e.Kind, err, "%s%s", name, strings.TrimPrefix(e.Text, "the file"))
	}
	return err
}

// cleanName keeps the last part of a path and nothing that is not to be printed.
func cleanName(s string) string {
	if i := strings.LastIndexAny(s, `/\`); i >= 0 {
		s = s[i+1:]
	}
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200])
	}
	return s
}
