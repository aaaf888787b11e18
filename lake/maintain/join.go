package maintain

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// joinTime bounds the rewriting of one group of files.
const joinTime = 30 * time.Minute

// announced is how long files stay for a table that is not there yet: longer than a
// recipe runs.
const announced = 3 * time.Hour

// join joins small files of a table: those that are worth it, or every one.
func (k *Keeper) join(ctx context.Context, p place, every bool, r *Report) error {
	files, schema, err := k.cfg.Store.Contents(ctx, p.scope, p.name)
	if forge.KindOf(err) == forge.KindInvalid && err != nil {
		r.Skipped = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	t, err := k.cfg.Store.Load(ctx, p.scope, p.name)
	if err != nil {
		return err
	}
	if by, err := k.held(ctx, p, t); err != nil || by != nil {
		if by != nil {
			r.Skipped = fmt.Sprintf("table %s is made from it with mode append and tells new rows by their files", by)
		}
		return err
	}
	target := lake.UpkeepOf(t.Properties).TargetBytes
	groups := worth(files, target)
	if every {
		groups = all(files, target)
	}
	for _, g := range groups {
		if !every && r.Bytes >= maxBytes {
			return nil // more at the next look
		}
		err := k.joinGroup(ctx, p, t, g, schema, r)
		if forge.KindOf(err) == forge.KindConflict && err != nil {
			continue // replaced by others meanwhile: what there is now is looked at next time
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// held returns a table for which the files must stay, if there is one.
func (k *Keeper) held(ctx context.Context, p place, t lake.Table) (*forge.TableName, error) {
	for by, id := range lake.UpkeepOf(t.Properties).Held {
		if id < 0 && k.cfg.Now().Sub(time.Unix(-id, 0)) < announced {
			return &by, nil // the table is being made for the first time
		}
		_, err := k.cfg.Store.Load(ctx, p.scope, by)
		if err == nil {
			return &by, nil
		}
		if forge.KindOf(err) != forge.KindNotFound {
			return nil, err
		}
	}
	return nil, nil // or those tables were dropped
}

func (k *Keeper) joinGroup(ctx context.Context, p place, t lake.Table, group []lake.DataFile, schema lake.Schema, r *Report) error {
	if err := k.cfg.Store.Fetch(ctx, p.name, group); err != nil {
		return err
	}
	made, err := k.cfg.Engine.Write(ctx, lake.Query{
		SQL:     fmt.Sprintf(`SELECT * FROM %q.%q`, p.name.Namespace, p.name.Name),
		Sources: map[forge.TableName]lake.Source{p.name: {Files: group, Schema: schema}},
		Limits:  lake.Limits{Time: joinTime},
		Ordered: true,
	}, schema, t.Location)
	if err != nil {
		return err
	}
	if err := inPlace(made, group[0].Path); err != nil {
		return err
	}
	if err := k.cfg.Fault.At("joined"); err != nil {
		return err
	}
	snap, err := k.cfg.Store.Commit(ctx, p.scope, p.name, lake.Change{Add: made, Replace: group, Summary: map[string]string{"forge.by": "upkeep"}})
	if err != nil {
		// When the answer is unknown the files may be part of the table; they stay, and a
		// sweep removes them if they are not.
		if forge.KindOf(err) != forge.KindUnavailable && ctx.Err() == nil {
			for _, f := range made {
				_ = os.Remove(f.Path)
			}
		}
		return err
	}
	r.Joined += len(group)
	r.Made += len(made)
	for _, f := range group {
		r.Bytes += f.Size
	}
	k.link(ctx, p, snap)
	return k.cfg.Fault.At("replaced")
}

// link joins the new snapshot to the one whose rows it has, so that what is made from it
// leads on to where the rows came from.
func (k *Keeper) link(ctx context.Context, p place, snap lake.Snapshot) {
	if k.cfg.Lineage == nil || snap.Parent == 0 || k.cfg.Untraced != nil && k.cfg.Untraced(p.name) {
		return
	}
	ref := func(id int64) forge.Ref { return forge.Ref{Kind: "snapshot", ID: fmt.Sprintf("%s@%d", p.name, id)} }
	err := k.cfg.Lineage.Link(ctx, p.scope, forge.Edge{From: ref(snap.Parent), To: ref(snap.ID), By: Kind, At: k.cfg.Now().UTC()})
	if err != nil && ctx.Err() == nil {
		k.cfg.Log.Warn("lineage not written", "table", p.name, "err", err)
	}
}

var joined = regexp.MustCompile(`-c[0-9a-f]{16}$`)

// inPlace names new files so that they stand where the first of the old ones stood: a
// table's files are read in the order of their names.
func inPlace(made []lake.DataFile, first string) error {
	stem := joined.ReplaceAllString(strings.TrimSuffix(filepath.Base(first), ".parquet"), "")
	if len(stem) > 150 {
		return nil // another program's; the order of rows is no promise then
	}
	var id [6]byte
	_, _ = rand.Read(id[:])
	for i := range made {
		to := filepath.Join(filepath.Dir(made[i].Path), fmt.Sprintf("%s-c%s%04x.parquet", stem, hex.EncodeToString(id[:]), i))
		if err := os.Rename(made[i].Path, to); err != nil {
			return forge.Errorf(forge.KindUnavailable, err, "a new file of %s cannot be named", filepath.Base(filepath.Dir(to)))
		}
		made[i].Path = to
	}
	return nil
}
