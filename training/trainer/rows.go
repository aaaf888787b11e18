package trainer

import (
	"context"
	"fmt"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/training"
)

// Names that the export adds to the training set's columns.
const (
	SplitColumn = "__split" // train, valid or test
	orderColumn = "__row"
)

// selectRows is the SELECT of a run's rows. The split is fixed here: with times, the
// oldest 60 % train, the next 20 % choose the model and the newest 20 % measure it, as
// it will be in use; without, rows are dealt 3 : 1 : 1 within each class by a hash of
// their keys, so that a re-made set gives every entity the same part.
// With testFrom, the rows from then on are dealt 2 : 1 : 2 by the hash and all older
// ones train: a model that is to follow a change must learn from it and be measured
// on it.
func selectRows(set features.TrainingSet, target, task string, testFrom *time.Time, c census) string {
	var columns, keys []string
	at := ""
	for _, col := range set.Columns {
		switch {
		case col.Name == target && task == "regression":
			columns = append(columns, fmt.Sprintf("CAST(%[1]s AS DOUBLE) AS %[1]s", sqltext.Ident(col.Name)))
		case col.Name == target: // classes are texts, spelt as SQL spells them
			columns = append(columns, fmt.Sprintf("CAST(%[1]s AS VARCHAR) AS %[1]s", sqltext.Ident(col.Name)))
		case col.Role == "feature" || col.Role == "kept":
			columns = append(columns, sqltext.Ident(col.Name))
		}
		if col.Role == "key" {
			keys = append(keys, sqltext.Ident(col.Name))
		}
		if col.Role == "time" {
			at = sqltext.Ident(col.Name)
		}
	}
	if len(keys) == 0 { // a set without keys: the whole row stands for itself
		keys = []string{rowText(set)}
	}
	numbered, part := byHash(keys, target, task), dealt
	if at != "" && c.times > 1 {
		numbered, part = byTime(at, keys), inOrder
		if testFrom != nil {
			part = fromThen(at, keys, *testFrom)
		}
	}
	return fmt.Sprintf(`SELECT %s, %s AS %s, CAST(__n AS BIGINT) AS %s
FROM (SELECT *, %s FROM %s WHERE %s IS NOT NULL) t
ORDER BY __n`, strings.Join(columns, ", "), part, SplitColumn, orderColumn, numbered, sqltext.Table(set.Table), sqltext.Ident(target))
}

const (
	inOrder = `CASE WHEN __n * 5 <= __all * 3 THEN 'train' WHEN __n * 5 <= __all * 4 THEN 'valid' ELSE 'test' END`
	dealt   = `CASE WHEN __in_class % 5 IN (1, 2, 3) THEN 'train' WHEN __in_class % 5 = 4 THEN 'valid' ELSE 'test' END`
)

// fromThen deals the rows from a time on by a hash of their keys.
func fromThen(at string, keys []string, from time.Time) string {
	hash := "hash(" + strings.Join(keys, ", ") + ") % 5"
	return fmt.Sprintf("CASE WHEN %[1]s IS NULL OR %[1]s < TIMESTAMPTZ '%[2]s' THEN 'train' WHEN %[3]s < 2 THEN 'train' WHEN %[3]s = 2 THEN 'valid' ELSE 'test' END",
		at, from.UTC().Format("2006-01-02 15:04:05.999999+00"), hash)
}

// Select is the SELECT of a run's rows, as the trainer had them, with the part of each
// in SplitColumn, and the snapshot to run it on.
func (t *Trainer) Select(ctx context.Context, scope forge.Scope, run training.Run) (sql string, at map[forge.TableName]int64, err error) {
	c, err := t.census(ctx, scope, run.Set, run.Spec.Target)
	if err != nil {
		return "", nil, err
	}
	return selectRows(run.Set, run.Spec.Target, run.Task, run.Spec.TestFrom, c), pinned(run.Set), nil
}

// byTime numbers rows from the oldest; keys decide among rows of the same time.
func byTime(time string, keys []string) string {
	return fmt.Sprintf("row_number() OVER (ORDER BY %s NULLS FIRST, %s) AS __n, count(*) OVER () AS __all", time, strings.Join(keys, ", "))
}

func byHash(keys []string, target, task string) string {
	text := make([]string, len(keys))
	for i, k := range keys {
		text[i] = fmt.Sprintf("coalesce(CAST(%s AS VARCHAR), '')", k)
	}
	hash := "md5(concat_ws('|', " + strings.Join(text, ", ") + "))"
	class := ""
	if task != "regression" {
		class = "PARTITION BY " + sqltext.Ident(target) + " "
	}
	return fmt.Sprintf("row_number() OVER (ORDER BY %[1]s) AS __n, row_number() OVER (%[2]sORDER BY %[1]s) AS __in_class", hash, class)
}

func rowText(set features.TrainingSet) string {
	var parts []string
	for _, c := range set.Columns {
		parts = append(parts, fmt.Sprintf("coalesce(CAST(%s AS VARCHAR), '')", sqltext.Ident(c.Name)))
	}
	return "concat_ws('|', " + strings.Join(parts, ", ") + ")"
}

func pinned(set features.TrainingSet) map[forge.TableName]int64 {
	return map[forge.TableName]int64{set.Table: set.Snapshot}
}
