package sink

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// write has the engine write the batch's files and commits them: rejects first, then
// rows, each with how far the topic is taken.
func (c *committer) write(ctx context.Context, t lake.Table, b *batch) (lake.Table, lake.Snapshot, error) {
	var add []lake.DataFile
	var err error
	for _, g := range b.groups {
		if g.rows == 0 {
			continue
		}
		if t, err = c.s.widen(ctx, c.scope, t, g.contract); err != nil {
			return t, lake.Snapshot{}, err
		}
		files, err := c.writeGroup(ctx, t, b, g)
		if err != nil {
			return t, lake.Snapshot{}, err
		}
		add = append(add, files...)
	}
	if err := c.s.cfg.Fault.At("rows written"); err != nil {
		return t, lake.Snapshot{}, err
	}
	if err := c.commitRejects(ctx, b); err != nil {
		return t, lake.Snapshot{}, err
	}
	if err := c.s.cfg.Fault.At("rejects committed"); err != nil {
		return t, lake.Snapshot{}, err
	}
	text := b.state.text()
	change := lake.Change{
		Add:        add,
		Properties: map[string]string{stateProperty: text, epochProperty: strconv.FormatInt(c.epoch, 10)},
		Expect:     map[string]string{stateProperty: b.base},
	}
	if len(add) > 0 {
		change.Summary = map[string]string{
			"forge.by": "ingest", "forge.topic": c.topic, "forge.epoch": strconv.FormatInt(c.epoch, 10),
			"forge.offsets": fmt.Sprintf("%d-%d", b.from, b.next),
		}
	}
	snap, err := c.s.cfg.Tables.Commit(ctx, c.scope, c.table, change)
	if err != nil {
		if errors.Is(err, forge.ErrConflict) {
			c.epoch = 0 // overtaken: ask again who commits here
		}
		if errors.Is(err, forge.ErrConflict) || errors.Is(err, forge.ErrInvalid) {
			removeFiles(add) // the table has not taken them and nobody will offer them again
		}
		return t, lake.Snapshot{}, err
	}
	t.Properties = maps.Clone(t.Properties)
	if t.Properties == nil {
		t.Properties = map[string]string{}
	}
	t.Properties[stateProperty] = text
	return t, snap, nil
}

// writeGroup writes the rows that fit. It first takes them all to be clean; only
// when one is not, the rows that fit are written and the others looked for.
func (c *committer) writeGroup(ctx context.Context, t lake.Table, b *batch, g *group) ([]lake.DataFile, error) {
	all, fs := fields(g, t.Schema)
	if len(fs) == 0 {
		return nil, forge.Errorf(forge.KindInvalid, nil, "table %s has none of the contract's columns", c.table)
	}
	write := func(sql string) (files []lake.DataFile, rows int64, err error) {
		files, err = c.s.cfg.Engine.Write(ctx, lake.Query{SQL: sql, Paths: []string{g.file.Name()}}, t.Schema, t.Location)
		for _, f := range files {
			rows += f.Rows
		}
		return files, rows, err
	}
	id := g.contract.Fingerprint()
	if !c.dirty[id] {
		files, rows, err := write(cleanSQL(g, all, fs))
		if err == nil && rows == g.rows || ctx.Err() != nil {
			return files, err
		}
		c.dirty[id] = true // the next batch of this source will hardly be clean
		removeFiles(files)
	}
	files, rows, err := write(goodSQL(g, all, fs))
	if err != nil || rows == g.rows {
		c.dirty[id] = err != nil
		return files, err
	}
	bad, err := c.findBad(ctx, b, g, all, fs)
	if err != nil {
		return nil, err
	}
	if rows+bad != g.rows {
		return nil, forge.Errorf(forge.KindInternal, nil, "table %s: of %d rows %d were written and %d rejected", c.table, g.rows, rows, bad)
	}
	return files, nil
}

func removeFiles(files []lake.DataFile) {
	for _, f := range files {
		_ = os.Remove(f.Path)
	}
}

// link writes the lineage of a commit; its loss is no reason to fail.
func (c *committer) link(ctx context.Context, b *batch, snap lake.Snapshot) {
	if c.s.cfg.Lineage == nil || snap.ID == 0 || c.s.cfg.Untraced != nil && c.s.cfg.Untraced(c.table) {
		return
	}
	made := forge.Ref{Kind: "snapshot", ID: fmt.Sprintf("%s@%d", c.table, snap.ID)}
	edges := []forge.Edge{{
		From: forge.Ref{Kind: "topic", ID: fmt.Sprintf("%s@%d-%d", c.topic, b.from, b.next)}, To: made, By: "ingest", At: time.Now().UTC(),
	}}
	if snap.Parent != 0 { // the rows that were there before
		edges = append(edges, forge.Edge{From: forge.Ref{Kind: "snapshot", ID: fmt.Sprintf("%s@%d", c.table, snap.Parent)}, To: made, By: "append", At: time.Now().UTC()})
	}
	err := c.s.cfg.Lineage.Link(ctx, c.scope, edges...)
	if err != nil && ctx.Err() == nil {
		c.s.cfg.Logger.Warn("lineage not written", "table", c.table, "err", err)
	}
}
