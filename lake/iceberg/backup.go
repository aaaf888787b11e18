package iceberg

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	"github.com/apache/iceberg-go/table"
)

// Hold keeps every file of the warehouse where it is until release is called: what is
// removed meanwhile goes then. It is for who copies the files of one moment. Only a
// warehouse in a folder can do it; a bucket has versions.
func (t *Tables) Hold() (release func(), err error) {
	l, ok := t.fs.(localFS)
	if !ok {
		return nil, forge.Errorf(forge.KindInvalid, nil, "the warehouse is in an object store, whose own versions are its backup")
	}
	l.later.hold()
	return func() {
		for _, remove := range l.later.release() {
			if err := remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.cfg.Log.Warn("a file that is not needed any more stays", "err", err)
			}
		}
	}, nil
}

// Reachable calls f with the local path of every file that the tables of all projects
// need, with their whole history. db is the metadata store, or a copy of it.
func (t *Tables) Reachable(ctx context.Context, db *sqldb.DB, f func(path string) error) error {
	rows, err := db.QueryContext(ctx, "SELECT metadata_location FROM lake_table ORDER BY metadata_location")
	if err != nil {
		return err
	}
	var current []string
	for rows.Next() {
		var loc string
		if err := rows.Scan(&loc); err != nil {
			return errors.Join(err, rows.Close())
		}
		current = append(current, loc)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, loc := range current {
		if err := errors.Join(t.needs(loc, f), ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

// needs calls f with the files that one metadata file names, and with itself.
func (t *Tables) needs(loc string, f func(string) error) error {
	meta, err := t.metadata(loc)
	if err != nil {
		return err
	}
	need := reached{t: t, files: map[string]bool{loc: true}}
	for e := range meta.PreviousFiles() {
		if _, err := os.Stat(t.path(e.MetadataFile)); err == nil { // history, which nothing needs
			need.files[e.MetadataFile] = true
		}
	}
	for _, s := range meta.Snapshots() {
		if err := need.snapshot(&s); err != nil {
			return err
		}
	}
	each(meta, func(uri string) { need.files[uri] = true })
	for uri := range need.files {
		if err := f(t.path(uri)); err != nil {
			return err
		}
	}
	return nil
}

// each names the statistics files, which other programs write.
func each(meta table.Metadata, f func(uri string)) {
	for s := range meta.Statistics() {
		f(s.StatisticsPath)
	}
	for s := range meta.PartitionStatistics() {
		f(s.StatisticsPath)
	}
}

// removals are put off while somebody holds the files.
type removals struct {
	mu      sync.Mutex
	holders int
	waiting []func() error
}

func (r *removals) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holders++
}

func (r *removals) release() []func() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holders--; r.holders > 0 {
		return nil
	}
	out := r.waiting
	r.waiting = nil
	return out
}

// do removes now, or when nobody holds the files any more.
func (r *removals) do(remove func() error) error {
	r.mu.Lock()
	if r.holders > 0 {
		r.waiting = append(r.waiting, remove)
		r.mu.Unlock()
		return nil
	}
	r.mu.Unlock()
	return remove()
}
