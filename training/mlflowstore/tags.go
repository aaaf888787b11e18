package mlflowstore

import (
	"context"
	"database/sql"
	"errors"

	"aiforge.dev/forge"
)

// SetTags stores tags of one thing, new or changed.
func (s *Store) SetTags(ctx context.Context, scope forge.Scope, kind, owner string, tags []KV) error {
	if err := check(scope); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *sql.Tx) error { return setTags(ctx, tx, scope, kind, owner, tags) })
}

func setTags(ctx context.Context, q queryer, scope forge.Scope, kind, owner string, tags []KV) error {
	if err := values("tag", tags, maxTag); err != nil {
		return err
	}
	tags = last(tags)
	for len(tags) > 0 {
		n := min(len(tags), 100)
		args := make([]any, 0, n*6)
		for _, t := range tags[:n] {
			args = append(args, scope.Tenant, scope.Project, kind, owner, t.Key, t.Value)
		}
		if _, err := q.ExecContext(ctx, `INSERT INTO mlflow_tags (tenant, project, kind, owner, name, value) VALUES `+marks(n, 6)+`
			ON CONFLICT (tenant, project, kind, owner, name) DO UPDATE SET value = excluded.value`, args...); err != nil {
			return err
		}
		tags = tags[n:]
	}
	return nil
}

// last keeps the last value of each key: a statement may not touch a row twice.
func last(all []KV) []KV {
	at := map[string]int{}
	var out []KV
	for _, kv := range all {
		if i, ok := at[kv.Key]; ok {
			out[i] = kv
			continue
		}
		at[kv.Key] = len(out)
		out = append(out, kv)
	}
	return out
}

// DeleteTag takes a tag away.
func (s *Store) DeleteTag(ctx context.Context, scope forge.Scope, kind, owner, name string) error {
	if err := check(scope); err != nil {
		return err
	}
	res, err := s.db.ExecContext(ctx, `DELETE FROM mlflow_tags WHERE tenant = $1 AND project = $2 AND kind = $3 AND owner = $4 AND name = $5`, scope.Tenant, scope.Project, kind, owner, name)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return forge.Errorf(forge.KindNotFound, err, "%s %s has no tag %q", kind, owner, name)
	}
	return nil
}

// Tags returns the tags of things, by owner; each sorted by key.
func (s *Store) Tags(ctx context.Context, scope forge.Scope, kind string, owners ...string) (map[string][]KV, error) {
	if err := check(scope); err != nil {
		return nil, err
	}
	return pairs(ctx, s.db, scope, "mlflow_tags", kind, owners)
}

// pairs reads tags or params of many owners.
func pairs(ctx context.Context, q queryer, scope forge.Scope, table, kind string, owners []string) (map[string][]KV, error) {
	out := map[string][]KV{}
	for len(owners) > 0 {
		n := min(len(owners), 500)
		args := []any{scope.Tenant, scope.Project, kind}
		for _, o := range owners[:n] {
			args = append(args, o)
		}
		rows, err := q.QueryContext(ctx, `SELECT owner, name, value FROM `+table+` WHERE tenant = $1 AND project = $2 AND kind = $3 AND owner IN (`+list(4, n)+`) ORDER BY owner, name`, args...)
		err = each(rows, err, func(r *sql.Rows) error {
			var owner string
			var kv KV
			err := r.Scan(&owner, &kv.Key, &kv.Value)
			out[owner] = append(out[owner], kv)
			return err
		})
		if err != nil {
			return nil, err
		}
		owners = owners[n:]
	}
	return out, nil
}

// setParams stores params, which never change: the same value again is harmless.
func setParams(ctx context.Context, q queryer, scope forge.Scope, kind, owner string, params []KV) error {
	if err := values("param", params, maxParam); err != nil {
		return err
	}
	seen := map[string]string{}
	args := make([]any, 0, len(params)*6)
	for _, p := range params {
		if was, ok := seen[p.Key]; ok {
			if was != p.Value {
				return changed(p.Key, was, p.Value)
			}
			continue
		}
		seen[p.Key] = p.Value
		args = append(args, scope.Tenant, scope.Project, kind, owner, p.Key, p.Value)
	}
	if len(seen) == 0 {
		return nil
	}
	res, err := q.ExecContext(ctx, `INSERT INTO mlflow_params (tenant, project, kind, owner, name, value) VALUES `+marks(len(seen), 6)+`
		ON CONFLICT (tenant, project, kind, owner, name) DO NOTHING`, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == int64(len(seen)) {
		return err
	}
	for name, value := range seen {
		var was string
		err := q.QueryRowContext(ctx, `SELECT value FROM mlflow_params WHERE tenant = $1 AND project = $2 AND kind = $3 AND owner = $4 AND name = $5`, scope.Tenant, scope.Project, kind, owner, name).Scan(&was)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err == nil && was != value {
			return changed(name, was, value)
		}
	}
	return nil
}

func changed(name, was, value string) error {
	return invalid("param %q was logged as %.100q and cannot become %.100q: params never change; log it under another name or in another run", name, was, value)
}
