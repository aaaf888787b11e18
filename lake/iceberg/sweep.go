package iceberg

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"aiforge.dev/forge"
)

// Sweep removes files below a table's folder that no snapshot uses and that are older
// than age: what a crash between writing and committing leaves behind. age must be
// longer than any write takes, else it removes what is about to be committed; less
// than an hour is refused. Commits go on meanwhile: their files are younger. Files that
// wait for Collect are left to it.
func (t *Tables) Sweep(ctx context.Context, scope forge.Scope, name forge.TableName, age time.Duration) (removed int, err error) {
	if age < time.Hour {
		return 0, forge.Errorf(forge.KindInvalid, nil, "sweep of %s: files younger than an hour may belong to a write that still runs", name)
	}
	p, meta, err := t.load(ctx, scope, name)
	if err != nil {
		return 0, err
	}
	used, err := t.waiting(ctx, scope, p.location) // asked after the table was loaded: what expires between the two is in one of them
	if err != nil {
		return 0, err
	}
	used[t.path(p.metadata)] = true
	for e := range meta.PreviousFiles() {
		used[t.path(e.MetadataFile)] = true
	}
	need := &reached{t: t, files: map[string]bool{}}
	for _, s := range meta.Snapshots() {
		if err := need.snapshot(&s); err != nil {
			return 0, err
		}
	}
	for f := range need.files {
		used[t.path(f)] = true
	}
	before := t.cfg.Now().Add(-age)
	dir := t.path(p.location)
	err = t.fs.walk(dir, func(f string, info fs.FileInfo) error {
		if used[f] || !info.ModTime().Before(before) || !ours(dir, f) || ctx.Err() != nil {
			return ctx.Err()
		}
		if err := t.fs.Remove(t.uri(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		removed++
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // the table was dropped meanwhile
	}
	return removed, err
}

// ours reports whether a file below a table's folder has a name that this package or
// another Iceberg client gives.
func ours(dir, file string) bool {
	for _, pattern := range []string{"data/*.parquet", "metadata/*.avro", "metadata/*.metadata.json"} {
		if ok, _ := filepath.Match(pattern, strings.TrimPrefix(file, dir+string(filepath.Separator))); ok {
			return true
		}
	}
	return false
}

// globQuote makes a path mean itself in a pattern.
func globQuote(p string) string {
	out := make([]rune, 0, len(p))
	for _, r := range p {
		if r == '*' || r == '?' || r == '[' || r == '\\' {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}
