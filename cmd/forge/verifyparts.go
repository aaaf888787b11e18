package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"aiforge.dev/forge/ingest/sink"
	ingeststore "aiforge.dev/forge/ingest/store"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/serving/predlog"
	trainingstore "aiforge.dev/forge/training/store"
)

// tables looks at every table's files, and at how far those that are fed have taken
// their topic: less than a load has brought would be rows lost.
func (v *inspection) tables(ctx context.Context) error {
	if !Embedded(v.cfg.Warehouse) {
		v.add("note", "tables", "not looked at: they are in %s, an object store that checks its objects itself", v.cfg.Warehouse)
		return nil
	}
	store, err := ingeststore.Open(ctx, v.db, nil)
	if err != nil {
		return err
	}
	all, err := iceberg.Check(ctx, v.db, v.cfg.path("lake"))
	if err != nil {
		return err
	}
	var snapshots, files, wrong int
	var bytes int64
	for _, t := range all {
		what := "table " + t.Name.String() + " of " + t.Scope.String()
		for _, text := range t.Wrong {
			v.add("wrong", what, "%s: restore a backup, or drop the table and make it again", text)
		}
		lost, err := v.position(ctx, store, t, what)
		if err != nil {
			return err
		}
		wrong += len(t.Wrong) + lost
		snapshots, files, bytes = snapshots+t.Snapshots, files+t.Files, bytes+t.Bytes
	}
	v.sum("tables", wrong, "%d tables, %d snapshots, %d data files with %d bytes", len(all), snapshots, files, bytes)
	return nil
}

// position compares a table's offset with its loads.
func (v *inspection) position(ctx context.Context, store *ingeststore.Store, t iceberg.Checked, what string) (wrong int, err error) {
	next, fed, err := sink.Next(t.Properties)
	if err != nil {
		v.add("wrong", what, "%s: restore a backup; until then no rows can be added", err)
		return 1, nil
	}
	loads, err := store.Loads(ctx, t.Scope, t.Name)
	if err != nil || !fed {
		return 0, err
	}
	for _, l := range loads {
		if l.Offsets[0] > l.Offsets[1] || l.Offsets[1] > next {
			wrong++
			v.add("wrong", what, "load %s of file %s brought the offsets %d to %d, and the table has taken those before %d: load the file into another table and compare, or restore a backup", l.ID, l.File, l.Offsets[0], l.Offsets[1], next)
		}
	}
	return wrong, nil
}

// models compares every version's package with the registry's digest.
func (v *inspection) models(ctx context.Context) error {
	store, err := trainingstore.Open(ctx, v.db)
	if err != nil {
		return err
	}
	if err := store.Follow(ctx, v.cfg.path("models")); err != nil { // of the copy
		return err
	}
	all, err := store.Packages(ctx)
	if err != nil {
		return err
	}
	wrong := 0
	for _, p := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		text := ""
		switch digest, err := modelpkg.Digest(p.Dir); {
		case errors.Is(err, fs.ErrNotExist):
			text = "is not there"
		case err != nil:
			text = "cannot be read (" + err.Error() + ")"
		case digest != p.Digest:
			text = "is not the one that was registered"
			if err := modelpkg.VerifyChecksums(p.Dir); err != nil {
				text += " (" + err.Error() + ")"
			}
		default:
			continue
		}
		wrong++
		v.add("wrong", fmt.Sprintf("model %s/%d of %s", p.Model, p.Number, p.Scope), "its package %s %s: put it back from a backup, or train the model again", p.Dir, text)
	}
	v.sum("models", wrong, "%d versions", len(all))
	return nil
}

// uploads compares what has arrived with what was announced.
func (v *inspection) uploads(ctx context.Context) error {
	store, err := ingeststore.Open(ctx, v.db, nil)
	if err != nil {
		return err
	}
	all, err := store.OldUploads(ctx, time.Now().Add(24*time.Hour))
	if err != nil {
		return err
	}
	wrong, known := 0, map[string]bool{}
	for scope, ids := range all {
		for _, id := range ids {
			u, err := store.Upload(ctx, scope, id)
			if err != nil {
				return err
			}
			path := v.cfg.path("uploads", string(scope.Tenant), string(scope.Project), id)
			known[path] = true
			info, err := os.Stat(path)
			what := "upload " + id + " of " + scope.String()
			switch {
			case err != nil: // a crash after its job was done leaves this too
				v.add("note", what, "its file is not there: upload %s again unless it is in its table; what is known of the upload goes within a week", u.Name)
			case info.Size() > u.Size:
				wrong++
				v.add("wrong", what, "its file has %d bytes, announced were %d: upload %s again", info.Size(), u.Size, u.Name)
			}
		}
	}
	err = filepath.WalkDir(v.cfg.path("uploads"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !known[path] {
			v.add("note", "upload "+d.Name(), "%s belongs to no upload that is known; it may be removed", path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	v.sum("uploads", wrong, "%d under way", len(known))
	return nil
}

// predictions reads the batches that wait for the log.
func (v *inspection) predictions() {
	wrong := 0
	batches, rows, err := predlog.Check(v.cfg.path("predictions"), func(path, text string) {
		wrong++
		v.add("wrong", "prediction batch", "%s: %s; what can be read of it is taken at the next start, so keep a copy", path, text)
	})
	if err != nil {
		v.add("wrong", "predictions", "the batches that wait cannot be read: %s", err)
		return
	}
	v.sum("predictions", wrong, "%d batches with %d rows wait for the log", batches, rows)
}
