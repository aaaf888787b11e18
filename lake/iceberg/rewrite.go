package iceberg

import (
	"context"
	"maps"
	"strconv"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// rewrite stages the change of files that are in the table for others with the same
// rows. It is planned on the table as it is, so rows that were committed since the new
// files were written stay; only files that are gone meanwhile stop it.
func (t *Tables) rewrite(ctx context.Context, tx *table.Transaction, name forge.TableName, meta table.Metadata, add []ice.DataFile, ch lake.Change) error {
	cur := meta.CurrentSnapshot()
	wanted := make(map[string]bool, len(ch.Replace))
	for _, f := range ch.Replace {
		wanted[f.Path] = true
	}
	var rows int64
	r := tx.NewRewrite(rewriteSummary(meta, ch.Summary))
	if cur != nil {
		for df, err := range t.entries(name, cur) {
			if err != nil {
				return err
			}
			if p := t.path(df.FilePath()); wanted[p] {
				delete(wanted, p)
				rows += df.Count()
				r.DeleteFile(df)
			}
		}
	}
	if len(wanted) > 0 {
		return forge.Errorf(forge.KindConflict, nil, "table %s: %d of the files that were to be replaced are no longer part of it", name, len(wanted))
	}
	for _, df := range add {
		rows -= df.Count()
		r.AddDataFile(df)
	}
	if rows != 0 {
		return forge.Errorf(forge.KindInternal, nil, "table %s: the new files have %d rows fewer than those they were to replace; nothing was changed", name, rows)
	}
	if err := r.Commit(ctx); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "table %s: the change of its files could not be prepared", name)
	}
	return nil
}

// rewriteSummary adds to a snapshot's summary which one had its rows first.
func rewriteSummary(meta table.Metadata, summary map[string]string) ice.Properties {
	props := ice.Properties{}
	maps.Copy(props, summary)
	if cur := meta.CurrentSnapshot(); cur != nil {
		props[lake.SameRows] = strconv.FormatInt(snapshotOf(meta, cur).Content(), 10)
	}
	return props
}
