package registry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features/pit"
	"aiforge.dev/forge/lake"
)

// inputs finds the project's tables among the names in SQL texts.
func (s *Service) inputs(ctx context.Context, scope forge.Scope, texts ...string) ([]lake.Table, error) {
	var tables []lake.Table
	seen := map[forge.TableName]bool{}
	for _, sql := range texts {
		for _, name := range pit.Tables(sql) {
			if seen[name] {
				continue
			}
			seen[name] = true
			t, err := s.house.Tables.Load(ctx, scope, name)
			if errors.Is(err, forge.ErrNotFound) {
				continue // a column of an alias; a missing table is named by the engine
			}
			if err != nil {
				return nil, err
			}
			tables = append(tables, t)
		}
	}
	return tables, nil
}

// newest are the snapshots that tables are at; a table without rows has none.
func newest(tables []lake.Table) map[string]int64 {
	out := map[string]int64{}
	for _, t := range tables {
		if t.Snapshot != nil {
			out[t.Name.String()] = t.Snapshot.ID
		}
	}
	return out
}

// pin gives the newest snapshots of tables a tag, so that they are kept, and returns
// their ids. Tables of asOf are taken as they were and get no tag.
func (s *Service) pin(ctx context.Context, scope forge.Scope, tables []lake.Table, asOf map[string]int64, tag string) (map[string]int64, error) {
	out := newest(tables)
	for _, t := range tables {
		name := t.Name.String()
		if id, ok := asOf[name]; ok {
			out[name] = id
			continue
		}
		if t.Snapshot == nil {
			continue
		}
		snap, err := s.house.Tables.Commit(ctx, scope, t.Name, lake.Change{Tag: tag})
		switch {
		case errors.Is(err, forge.ErrConflict): // tagged before, by the same definition
		case err != nil:
			return nil, fmt.Errorf("tag snapshot of %s: %w", name, err)
		default:
			out[name] = snap.ID
		}
	}
	for name := range asOf {
		if _, ok := out[name]; !ok {
			return nil, forge.Errorf(forge.KindInvalid, nil, "as_of: table %s is not read by this training set, which reads %v", name, slices.Sorted(maps.Keys(out)))
		}
	}
	return out, nil
}

// at is snapshots as the lake wants them.
func at(snapshots map[string]int64) (lake.At, error) {
	out := lake.At{}
	for text, id := range snapshots {
		name, err := forge.ParseTableName(text)
		if err != nil {
			return nil, err
		}
		out[name] = id
	}
	return out, nil
}

func snapshotRef(table string, id int64) forge.Ref {
	return forge.Ref{Kind: "snapshot", ID: fmt.Sprintf("%s@%d", table, id)}
}

// describe returns the schema of a user's SELECT after the engine has found that it
// may be run: it goes through the gate for users' SQL in the very form in which it is
// put into our own queries later.
func (s *Service) describe(ctx context.Context, scope forge.Scope, sql string, pinned lake.At) (lake.Schema, error) {
	res, err := s.house.QueryUser(ctx, scope, lake.Query{SQL: "SELECT * FROM (" + sql + "\n) AS _forge_sql LIMIT 0"}, pinned)
	if err != nil {
		return lake.Schema{}, err
	}
	schema := res.Schema()
	return schema, res.Close()
}
