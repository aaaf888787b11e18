package mlflowstore

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"aiforge.dev/forge"
)

// Model is what MLflow's clients say about a registered model.
type Model struct {
	Name, Doc        string
	Deleted          bool
	Created, Updated int64
	Tags             []KV
}

// Version is what they say about one of its versions.
type Version struct {
	Model             string
	Number            int
	Source, Run, Link string
	Logged            string // id of the logged model it was made from
	Doc               string
	Archived, Deleted bool
	Updated           int64
	Tags              []KV
}

// VersionOwner is a version's name among owners of tags.
func VersionOwner(model string, number int) string { return model + "/" + strconv.Itoa(number) }

const maxDoc = 64 << 10

func doc(s string) error {
	if len(s) > maxDoc || strings.ContainsRune(s, 0) {
		return invalid("a description is text of at most %d bytes", maxDoc)
	}
	return nil
}

// PutModel stores a model's description, and that it exists.
func (s *Store) PutModel(ctx context.Context, scope forge.Scope, name, description string, deleted bool) error {
	if err := check(scope); err != nil {
		return err
	}
	if err := doc(description); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO mlflow_models (tenant, project, name, doc, deleted, created, updated) VALUES ($1, $2, $3, $4, $5, $6, $6)
		ON CONFLICT (tenant, project, name) DO UPDATE SET doc = excluded.doc, deleted = excluded.deleted, updated = excluded.updated`,
		scope.Tenant, scope.Project, name, description, flag(deleted), s.ms())
	return err
}

// NewModel stores a model and its tags unless it is there; made says whether it did.
func (s *Store) NewModel(ctx context.Context, scope forge.Scope, name, description string, tags []KV) (made bool, err error) {
	if err := check(scope); err != nil {
		return false, err
	}
	if err := doc(description); err != nil {
		return false, err
	}
	err = s.db.Tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO mlflow_models (tenant, project, name, doc, deleted, created, updated) VALUES ($1, $2, $3, $4, 0, $5, $5)
			ON CONFLICT (tenant, project, name) DO UPDATE SET doc = excluded.doc, deleted = 0, created = excluded.created, updated = excluded.updated WHERE mlflow_models.deleted = 1`,
			scope.Tenant, scope.Project, name, description, s.ms())
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if made = n == 1; err != nil || !made {
			return err
		}
		return setTags(ctx, tx, scope, KindModel, name, tags)
	})
	return made, err
}

// Models returns what was said about models, by name; also of deleted ones.
func (s *Store) Models(ctx context.Context, scope forge.Scope) (map[string]Model, error) {
	if err := check(scope); err != nil {
		return nil, err
	}
	out := map[string]Model{}
	var names []string
	rows, err := s.db.QueryContext(ctx, `SELECT name, doc, deleted, created, updated FROM mlflow_models WHERE tenant = $1 AND project = $2 ORDER BY name`, scope.Tenant, scope.Project)
	err = each(rows, err, func(r *sql.Rows) error {
		var m Model
		var deleted int
		err := r.Scan(&m.Name, &m.Doc, &deleted, &m.Created, &m.Updated)
		m.Deleted = deleted == 1
		out[m.Name], names = m, append(names, m.Name)
		return err
	})
	if err != nil {
		return nil, err
	}
	tags, err := s.Tags(ctx, scope, KindModel, names...)
	for name, all := range tags {
		m := out[name]
		m.Tags = all
		out[name] = m
	}
	return out, err
}

// Model returns what was said about one model; the zero Model if nothing was.
func (s *Store) Model(ctx context.Context, scope forge.Scope, name string) (Model, error) {
	if err := check(scope); err != nil {
		return Model{}, err
	}
	var m Model
	var deleted int
	err := s.db.QueryRowContext(ctx, `SELECT name, doc, deleted, created, updated FROM mlflow_models WHERE tenant = $1 AND project = $2 AND name = $3`, scope.Tenant, scope.Project, name).
		Scan(&m.Name, &m.Doc, &deleted, &m.Created, &m.Updated)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return m, err
	}
	m.Deleted = deleted == 1
	tags, err := s.Tags(ctx, scope, KindModel, name)
	m.Tags = tags[name]
	return m, err
}

// ForgetModel takes away what was said about a model, so that its name is free.
func (s *Store) ForgetModel(ctx context.Context, scope forge.Scope, name string) error {
	if err := check(scope); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, stmt := range []string{
			`DELETE FROM mlflow_tags WHERE tenant = $1 AND project = $2 AND kind = 'model' AND owner = $3`,
			`DELETE FROM mlflow_aliases WHERE tenant = $1 AND project = $2 AND model = $3`,
			`UPDATE mlflow_models SET deleted = 1, doc = '' WHERE tenant = $1 AND project = $2 AND name = $3`,
			`UPDATE mlflow_versions SET deleted = 1 WHERE tenant = $1 AND project = $2 AND model = $3`,
		} {
			if _, err := tx.ExecContext(ctx, stmt, scope.Tenant, scope.Project, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// PutVersion stores what is said about a version.
func (s *Store) PutVersion(ctx context.Context, scope forge.Scope, v Version) error {
	if err := check(scope); err != nil {
		return err
	}
	if err := doc(v.Doc); err != nil {
		return err
	}
	if len(v.Source) > 2000 || len(v.Run) > maxKey || len(v.Link) > 2000 || len(v.Logged) > maxKey || strings.ContainsRune(v.Source+v.Run+v.Link+v.Logged, 0) {
		return invalid("version of model %s: its source or link has more than 2000 bytes, or an id more than %d", v.Model, maxKey)
	}
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO mlflow_versions (tenant, project, model, number, source, run, run_link, logged, doc, archived, deleted, updated)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			ON CONFLICT (tenant, project, model, number) DO UPDATE SET doc = excluded.doc, archived = excluded.archived, deleted = excluded.deleted, updated = excluded.updated`,
			scope.Tenant, scope.Project, v.Model, v.Number, v.Source, v.Run, v.Link, v.Logged, v.Doc, flag(v.Archived), flag(v.Deleted), s.ms())
		if err != nil {
			return err
		}
		return setTags(ctx, tx, scope, KindVersion, VersionOwner(v.Model, v.Number), v.Tags)
	})
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Versions returns what was said about versions of a model, or of all with "", by owner
// name.
func (s *Store) Versions(ctx context.Context, scope forge.Scope, model string) (map[string]Version, error) {
	if err := check(scope); err != nil {
		return nil, err
	}
	out := map[string]Version{}
	where, args := "", []any{scope.Tenant, scope.Project}
	if model != "" {
		where, args = " AND model = $3", append(args, model)
	}
	rows, err := s.db.QueryContext(ctx, `SELECT model, number, source, run, run_link, logged, doc, archived, deleted, updated FROM mlflow_versions WHERE tenant = $1 AND project = $2`+where, args...)
	err = each(rows, err, func(r *sql.Rows) error {
		var v Version
		var archived, deleted int
		err := r.Scan(&v.Model, &v.Number, &v.Source, &v.Run, &v.Link, &v.Logged, &v.Doc, &archived, &deleted, &v.Updated)
		v.Archived, v.Deleted = archived == 1, deleted == 1
		out[VersionOwner(v.Model, v.Number)] = v
		return err
	})
	return out, err
}

// Aliases returns the aliases on versions that forge does not serve: model → alias →
// version. With "" those of all models.
func (s *Store) Aliases(ctx context.Context, scope forge.Scope, model string) (map[string]map[string]int, error) {
	if err := check(scope); err != nil {
		return nil, err
	}
	out := map[string]map[string]int{}
	where, args := "", []any{scope.Tenant, scope.Project}
	if model != "" {
		where, args = " AND model = $3", append(args, model)
	}
	rows, err := s.db.QueryContext(ctx, `SELECT model, alias, version FROM mlflow_aliases WHERE tenant = $1 AND project = $2`+where, args...)
	err = each(rows, err, func(r *sql.Rows) error {
		var m, a string
		var n int
		err := r.Scan(&m, &a, &n)
		if out[m] == nil {
			out[m] = map[string]int{}
		}
		out[m][a] = n
		return err
	})
	return out, err
}

// PutAlias sets such an alias; version 0 takes it away.
func (s *Store) PutAlias(ctx context.Context, scope forge.Scope, model, alias string, version int) error {
	if err := check(scope); err != nil {
		return err
	}
	if version == 0 {
		_, err := s.db.ExecContext(ctx, `DELETE FROM mlflow_aliases WHERE tenant = $1 AND project = $2 AND model = $3 AND alias = $4`, scope.Tenant, scope.Project, model, alias)
		return err
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO mlflow_aliases (tenant, project, model, alias, version) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, project, model, alias) DO UPDATE SET version = excluded.version`, scope.Tenant, scope.Project, model, alias, version)
	return err
}
