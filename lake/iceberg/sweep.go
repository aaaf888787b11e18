package iceberg

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"aiforge.dev/forge"
)

// Sweep removes files below a table's folder that no snapshot uses and that are older
// than age: what a crash between writing and committing leaves behind. age must be
// longer than any write takes, else it removes what is about to be committed; less
// than an hour is refused.
func (t *Tables) Sweep(ctx context.Context, scope forge.Scope, name forge.TableName, age time.Duration) (removed int, err error) {
	if age < time.Hour {
		return 0, forge.Errorf(forge.KindInvalid, nil, "sweep of %s: files younger than an hour may belong to a write that still runs", name)
	}
	unlock, err := t.lock(ctx, scope, name)
	if err != nil {
		return 0, err
	}
	defer unlock()
	p, meta, err := t.load(ctx, scope, name)
	if err != nil {
		return 0, err
	}
	used := map[string]bool{path(p.metadata): true}
	for e := range meta.PreviousFiles() {
		used[path(e.MetadataFile)] = true
	}
	for _, s := range meta.Snapshots() {
		if err := t.reach(&s, func(f string) { used[path(f)] = true }); err != nil {
			return 0, err
		}
	}
	before := t.cfg.Now().Add(-age)
	for _, pattern := range []string{"data/*.parquet", "metadata/*.avro", "metadata/*.metadata.json"} {
		files, globErr := filepath.Glob(filepath.Join(globQuote(path(p.location)), pattern))
		err = errors.Join(err, globErr)
		for _, f := range files {
			info, statErr := os.Stat(f)
			if used[f] || statErr != nil || !info.ModTime().Before(before) {
				continue
			}
			if rmErr := os.Remove(f); rmErr != nil {
				err = errors.Join(err, rmErr)
			} else {
				removed++
			}
		}
	}
	return removed, err
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
