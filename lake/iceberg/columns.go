package iceberg

import (
	"slices"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"github.com/apache/iceberg-go/table"
)

// changeColumns stages the columns that go and come with a change.
func changeColumns(tx *table.Transaction, name forge.TableName, meta table.Metadata, ch lake.Change) error {
	have := lakeSchema(meta.CurrentSchema(), nil)
	kept, gone := without(have, ch)
	missing, err := lake.Schema{Columns: kept}.Missing(lake.Schema{Columns: ch.AddColumns})
	if err != nil || len(missing)+len(gone) == 0 {
		return err
	}
	all := lake.Schema{Columns: append(slices.Clone(kept), missing...)}
	if err := all.Check(); err != nil {
		return err
	}
	if err := nextIDs(name, meta, missing); err != nil {
		return err
	}
	us := tx.UpdateSchema(true, false)
	for _, c := range gone {
		us = us.DeleteColumn([]string{c})
	}
	for _, c := range missing {
		typ, err := icebergType(c.Type)
		if err != nil {
			return err
		}
		us = us.AddColumn([]string{c.Name}, typ, c.Doc, false, nil)
	}
	if err := us.Commit(); err != nil {
		return forge.Errorf(forge.KindInvalid, err, "table %s: its columns cannot be changed like this: %s", name, err)
	}
	staged, err := tx.StagedTable()
	if err != nil {
		return err
	}
	tags, err := tagProperties(missing, staged.Schema())
	if err != nil {
		return err
	}
	return tx.SetProperties(tags)
}

// without splits a table's columns into those that a change keeps and the names of
// those that it drops. A column that the change drops and adds is kept when it is the
// added one already: the change is tried again after its answer was lost.
func without(have lake.Schema, ch lake.Change) (kept []lake.Column, gone []string) {
	for _, c := range have.Columns {
		again := slices.ContainsFunc(ch.AddColumns, func(a lake.Column) bool { return a.Name == c.Name && a.ID == c.ID && a.Type == c.Type })
		if slices.Contains(ch.DropColumns, c.Name) && !again {
			gone = append(gone, c.Name)
		} else {
			kept = append(kept, c)
		}
	}
	return kept, gone
}

// nextIDs makes sure that new columns get the ids which files were written with.
func nextIDs(name forge.TableName, meta table.Metadata, missing []lake.Column) error {
	for i, c := range missing {
		if c.ID != 0 && c.ID != meta.LastColumnID()+i+1 {
			return forge.Errorf(forge.KindConflict, nil, "table %s: its columns were changed meanwhile; do it again", name)
		}
	}
	return nil
}
